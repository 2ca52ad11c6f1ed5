"""`kc-db repair-indexes` as a user sees it: the whole output, the exit code, and what it did."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from tests.builds import running
from tests.conftest import Connection
from tests.indexes import index_names, write_specs
from tests.servers import Server

SETUP = (
    "CREATE TABLE t (id int PRIMARY KEY, a int, b int); CREATE TABLE u (a int, UNIQUE (a));"
    "CREATE INDEX x ON t (b); CREATE INDEX kept ON t (b, a); CREATE INDEX named_otherwise ON t (id, b)"
)
SPECS = {
    "t": "-- Finds an A.\nCREATE INDEX x ON t (a);\nCREATE INDEX y ON t (id, b);\n",
    "u": "CREATE UNIQUE INDEX u_a_key ON u (a);",
}
OTHERS = {"t_pkey", "kept", "u_a_key"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_specs(tmp_path / "index_specs", **SPECS)


def run(url: str, *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout without the target, stderr without the correlation id and times."""
    kc_db = str(Path(sys.executable).parent / "kc-db")
    done = subprocess.run(
        [kc_db, "repair-indexes", "--database-url", url, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    out = re.sub(r"\(postgresql://[^)]*\)", "(TARGET)", done.stdout)
    said = [line.partition("] ")[2] for line in done.stderr.splitlines() if not line.endswith(" s")]
    return done.returncode, out, "\n".join(said)


def test_a_dry_run_changes_nothing(connection: Connection, database_url: str) -> None:
    connection.execute(SETUP)
    before = index_names(connection)
    code, out, err = run(database_url)
    expected = """\
        CREATE INDEX CONCURRENTLY x_kc_new ON public.t (a);
        DROP INDEX CONCURRENTLY public.x;
        ALTER INDEX public.x_kc_new RENAME TO x;
        ALTER INDEX public.named_otherwise RENAME TO y;

        repair-indexes (TARGET): would run 4 statements (--apply runs them); 3 specs on 2 tables: 1 error, 1 warning, 1 information
        """  # noqa: E501 - the output is that wide
    assert (code, err) == (1, "")
    assert out.endswith(dedent(expected))
    assert index_names(connection) == before


def test_apply_mends_and_drops_nothing_else(connection: Connection, database_url: str) -> None:
    connection.execute(SETUP)
    code, out, err = run(database_url, "--apply")
    assert out.endswith("repair-indexes (TARGET): ran 4 statements; 3 specs on 2 tables, all as specified\n")
    assert (code, err.count("CONCURRENTLY")) == (0, 2)
    assert index_names(connection) == {*OTHERS, "x", "y"}
    code, out, err = run(database_url, "--apply")
    assert (code, err) == (0, "")
    assert out.endswith("ran 0 statements; 3 specs on 2 tables, all as specified\n")


def test_json(connection: Connection, database_url: str) -> None:
    connection.execute(SETUP)
    code, out, _ = run(database_url, "--apply", "--format", "json")
    report = json.loads(out)
    assert (code, report["command"], report["summary"]["applied"]) == (0, "repair-indexes", True)
    assert report["summary"]["statements"][-1] == "ALTER INDEX public.named_otherwise RENAME TO y;"


def test_duplicate_rows_do_not_keep_other_tables_from_being_mended(
    connection: Connection, database_url: str
) -> None:
    connection.execute(
        f"{SETUP}; ALTER TABLE u DROP CONSTRAINT u_a_key; INSERT INTO u VALUES (7), (7)".encode()
    )
    connection.execute("ALTER TABLE u RENAME TO a")
    write_specs(Path("index_specs"), a="CREATE UNIQUE INDEX a_a_key ON a (a);")
    Path("index_specs/u.sql").unlink()
    code, out, err = run(database_url, "--apply")
    assert (code, "error missing-index: public.a.a_a_key" in out) == (1, True)
    refusals = [line for line in err.splitlines() if "duplicate rows" in line]
    (refusal,) = refusals
    assert refusal == (
        "public.a has duplicate rows, so that a_a_key can't be built; nothing was changed. 1 key is there "
        "more than once, in 2 rows: (a) = (7) in 2 rows. Remove the duplicates, then run this again"
    )
    assert index_names(connection) == {"t_pkey", "kept", "x", "y"}


def test_what_is_left_to_people_is_not_counted_as_run(connection: Connection, database_url: str) -> None:
    connection.execute(f"{SETUP}; DROP INDEX x; ALTER TABLE t ADD CONSTRAINT x UNIQUE (b)".encode())
    write_specs(Path("index_specs"), t="CREATE INDEX x ON t (a);")
    code, out, err = run(database_url, "--apply")
    assert (code, err) == (1, "")
    assert "constraint x stands on it; dropping that is your decision" in out
    assert "ran 0 statements; 2 specs on 2 tables: 1 error" in out


def test_a_role_that_may_not_build(server: Server, connection: Connection) -> None:
    role = f"kc_test_{connection.info.dbname}"
    connection.execute(f"{SETUP}; CREATE ROLE {role} LOGIN".encode())
    before = index_names(connection)
    try:
        code, out, err = run(server.url(connection.info.dbname, role), "--apply")
    finally:
        connection.execute(f"DROP ROLE {role}".encode())
    assert (code, out, index_names(connection)) == (3, "", before)
    assert "Traceback" not in err


def test_a_wrong_spec_stops_it_before_anything_is_done(connection: Connection, database_url: str) -> None:
    connection.execute(SETUP)
    before = index_names(connection)
    write_specs(Path("index_specs"), u="CREATE TABLE u ();")
    assert run(database_url, "--apply")[:2] == (2, "")
    assert index_names(connection) == before


def test_a_statement_that_the_server_refuses_does_not_keep_other_tables_from_being_mended(
    connection: Connection, database_url: str, tmp_path: Path
) -> None:
    connection.execute("CREATE TABLE a (x int); CREATE TABLE b (x int)")
    specs = write_specs(
        tmp_path / "refused", a="CREATE INDEX a_idx ON a USING nope (x);", b="CREATE INDEX b_idx ON b (x);"
    )
    code, out, err = run(database_url, "--apply", "--specs", str(specs))
    assert (code, out) == (3, "")
    assert "a is not mended" in err
    assert index_names(connection) == {"b_idx"}


def test_what_is_only_being_built_is_not_as_specified(
    connection: Connection, connect: Callable[..., Connection], database_url: str
) -> None:
    connection.execute(
        "CREATE TABLE t (id int PRIMARY KEY, a int, b int); CREATE TABLE u (a int, UNIQUE (a))"
    )
    connection.execute("CREATE INDEX y ON t (id, b)")
    with running(connect, "CREATE INDEX CONCURRENTLY x ON t (a)"):
        code, out, _ = run(database_url)
    assert (code, "-- wait: x is being built right now (backend " in out) == (0, True)
    assert out.endswith("3 specs on 2 tables: as specified but for 1 that is being built\n")


def test_statements_of_a_table_that_is_refused_later_are_counted(
    connection: Connection, database_url: str
) -> None:
    connection.execute(f"{SETUP}; INSERT INTO t VALUES (1, 7, 7), (2, 7, 7)".encode())
    write_specs(
        Path("index_specs"), t="CREATE UNIQUE INDEX x ON t (a);\nCREATE INDEX y ON t (id, b);", u=SPECS["u"]
    )
    code, out, err = run(database_url, "--apply")
    assert (code, "t has duplicate rows, so that x can't be built" in err) == (1, True)
    assert "ran 1 statements" in out
