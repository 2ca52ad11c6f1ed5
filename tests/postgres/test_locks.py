"""The verifier holds nothing above ACCESS SHARE on anything of the user's, after whichever statement."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from kc_db.indexes.inspect import Wanted, inspect
from kc_db.indexes.lock import lock
from tests.conftest import Connection
from tests.indexes import RULEBOOK, make_specs

TABLES = """
CREATE TABLE parent (id integer PRIMARY KEY);
CREATE TABLE t (a integer, b varchar(9), parent_id integer REFERENCES parent, UNIQUE (a));
CREATE INDEX same ON t (a, b);
CREATE INDEX otherwise ON t (lower(b)) WHERE b IN ('x', 'y');
CREATE INDEX different ON t (a) WHERE b LIKE 'x%';
CREATE TABLE p (a integer, b integer) PARTITION BY RANGE (a);
CREATE TABLE p_1 PARTITION OF p FOR VALUES FROM (1) TO (2);
CREATE INDEX p_b_idx ON ONLY p (b);
INSERT INTO t SELECT n, n FROM generate_series(1, 30000) AS n;
"""
SPECS = {
    "t": """CREATE INDEX same ON t (a, b);
CREATE INDEX otherwise ON t (lower(t.b)) WHERE b = ANY (ARRAY['x', 'y']::varchar[]);
CREATE INDEX different ON t (a) WHERE b LIKE 'y%';
CREATE UNIQUE INDEX missing ON t (b);
""",
    "p": "CREATE INDEX p_b_idx ON p (b);",
}
HELD = """SELECT relation::regclass::text, mode FROM pg_locks JOIN pg_class ON pg_class.oid = relation
WHERE pid = %s AND relnamespace = 'public'::regnamespace AND database <> 0"""


@pytest.fixture
def watched(connect: Callable[[], Connection]) -> tuple[Connection, set[tuple[str, str]]]:
    """A connection, and the locks that it held after any of its statements."""
    connection, watcher = connect(), connect()
    held: set[tuple[str, str]] = set()

    class Watched(psycopg.Cursor[Any]):
        def execute(self, *arguments: Any, **options: Any) -> "Watched":
            super().execute(*arguments, **options)
            rows = watcher.execute(HELD, (connection.info.backend_pid,)).fetchall()
            held.update((str(name), str(mode)) for name, mode in rows)
            return self

    connection.execute(TABLES)
    connection.cursor_factory = Watched
    return connection, held


def test_verifying(watched: tuple[Connection, set[tuple[str, str]]], tmp_path: Path) -> None:
    connection, held = watched
    specs = make_specs(tmp_path / "specs", **SPECS)
    found = inspect(connection, "here", Wanted(specs, RULEBOOK))
    rules = {finding.rule for finding in found.findings}
    assert {"different-definition", "missing-index", "invalid-index"} <= rules
    assert "undetermined-definition" not in rules
    assert {mode for _, mode in held} <= {"AccessShareLock"}


def test_locking_specs(watched: tuple[Connection, set[tuple[str, str]]], tmp_path: Path) -> None:
    connection, held = watched
    specs = make_specs(tmp_path / "specs", **SPECS)
    assert lock(connection, tmp_path, [spec.definition for spec in specs], write=True).exit_code == 0
    assert {mode for _, mode in held} <= {"AccessShareLock"}


def test_the_watch_sees_locks(watched: tuple[Connection, set[tuple[str, str]]]) -> None:
    connection, held = watched
    with connection.transaction():
        connection.execute("LOCK TABLE t IN SHARE UPDATE EXCLUSIVE MODE")
    assert ("t", "ShareUpdateExclusiveLock") in held
