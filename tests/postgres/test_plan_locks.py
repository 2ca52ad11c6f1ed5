"""What plan-migrations says of a statement's locks is what pg_locks shows while it runs."""

from collections.abc import Callable

import pytest

from kc_db.online.plan.locks import effect_of
from kc_db.online.plan.model import Mode
from tests.builds import running
from tests.conftest import Connection

SETUP = """
CREATE TABLE parent (id integer PRIMARY KEY);
CREATE TABLE t (a integer, b integer, parent_id integer);
CREATE INDEX i ON t (a);
CREATE UNIQUE INDEX u ON t (b);
ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID;
ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (parent_id) REFERENCES parent NOT VALID;
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();
CREATE TABLE p (a integer) PARTITION BY LIST (a);
CREATE TABLE p_1 PARTITION OF p FOR VALUES IN (1);
CREATE TABLE p_2 (a integer);
CREATE INDEX p_i ON ONLY p (a);
CREATE INDEX p_1_i ON p_1 (a);
CREATE MATERIALIZED VIEW m AS SELECT id AS a FROM parent;
CREATE UNIQUE INDEX m_i ON m (a);
"""
HELD = "SELECT relation, mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation'"
OURS = "SELECT oid, oid::regclass::text FROM pg_class WHERE relnamespace = 'public'::regnamespace"
STATEMENTS = (
    "CREATE INDEX new ON t (b)",
    "CREATE INDEX new ON ONLY p (a)",
    "DROP INDEX i",
    "ALTER INDEX i RENAME TO j",
    "ALTER INDEX p_i ATTACH PARTITION p_1_i",
    "REINDEX INDEX i",
    "REINDEX TABLE t",
    "CREATE TABLE new (id integer)",
    "CREATE TABLE new (id integer REFERENCES parent)",
    "CREATE TABLE new PARTITION OF p FOR VALUES IN (3)",
    "DROP TABLE p_2",
    "DROP TRIGGER g ON t",
    "ALTER TABLE t RENAME TO new",
    "ALTER TABLE t RENAME COLUMN a TO new",
    "COMMENT ON TABLE t IS 'x'",
    "COMMENT ON COLUMN t.a IS 'x'",
    "COMMENT ON INDEX i IS 'x'",
    "ALTER TABLE t ADD COLUMN new integer DEFAULT 1",
    "ALTER TABLE t ADD COLUMN new integer REFERENCES parent",
    "ALTER TABLE t DROP COLUMN a CASCADE",
    "ALTER TABLE t ALTER COLUMN b TYPE bigint",
    "ALTER TABLE t ALTER COLUMN b SET NOT NULL",
    "ALTER TABLE t ALTER COLUMN b DROP NOT NULL",
    "ALTER TABLE t ALTER COLUMN b SET DEFAULT 1",
    "ALTER TABLE t ALTER COLUMN b SET STATISTICS 100",
    "ALTER TABLE t SET (fillfactor = 90)",
    "ALTER TABLE t SET UNLOGGED",
    "ALTER TABLE t CLUSTER ON i",
    "ALTER TABLE t DISABLE TRIGGER g",
    "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE t ADD CONSTRAINT new CHECK (a > 1)",
    "ALTER TABLE t ADD CONSTRAINT new CHECK (a > 1) NOT VALID",
    "ALTER TABLE t ADD CONSTRAINT new FOREIGN KEY (parent_id) REFERENCES parent",
    "ALTER TABLE t ADD CONSTRAINT new FOREIGN KEY (parent_id) REFERENCES parent NOT VALID",
    "ALTER TABLE t ADD CONSTRAINT new UNIQUE (a)",
    "ALTER TABLE t ADD CONSTRAINT new UNIQUE USING INDEX u",
    "ALTER TABLE t VALIDATE CONSTRAINT c",
    "ALTER TABLE t VALIDATE CONSTRAINT f",
    "ALTER TABLE t DROP CONSTRAINT c",
    "ALTER TABLE p ATTACH PARTITION p_2 FOR VALUES IN (2)",
    "ALTER TABLE p DETACH PARTITION p_1",
    "CREATE TRIGGER new BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
    "INSERT INTO t VALUES (1)",
    "UPDATE t SET a = 2",
    "DELETE FROM t",
    "TRUNCATE t",
    "LOCK TABLE t IN SHARE MODE",
    "REFRESH MATERIALIZED VIEW m",
    "REFRESH MATERIALIZED VIEW CONCURRENTLY m",
    "ANALYZE t",
)


def strength(mode: str) -> Mode:
    """Mode's own, from pg_locks' way to write it."""
    return next(one for one in Mode if f"{one}".replace(" ", "").lower() == mode.removesuffix("Lock").lower())


@pytest.fixture
def tables(connection: Connection) -> Connection:
    connection.execute(SETUP)
    return connection


@pytest.mark.parametrize("statement", STATEMENTS)
def test_what_is_said_is_what_pg_locks_shows(tables: Connection, statement: str) -> None:
    owners = dict(tables.execute("SELECT indexrelid::regclass::text, indrelid::regclass::text FROM pg_index"))
    with tables.transaction(force_rollback=True):
        names = dict(tables.execute(OURS))
        tables.execute(statement.encode())
        held = [(str(names[oid]), str(mode)) for oid, mode in tables.execute(HELD) if oid in names]
    shown: dict[str, Mode] = {}
    for name, mode in held:
        shown[name] = max(shown.get(name, Mode.ACCESS_SHARE), strength(mode))
    effect = effect_of(statement)
    assert effect.locks is not None
    said = {str(owners[lock.on.name] if lock.of_index else lock.on.name): lock.mode for lock in effect.locks}
    # ROW SHARE and below keeps out nothing that matters beside the other locks; indexes follow their table
    only = {
        name: mode
        for name, mode in shown.items()
        if mode > Mode.ROW_SHARE and (name in said or name not in owners)
    }
    assert only == said


@pytest.mark.parametrize(
    "statement",
    ["CREATE INDEX CONCURRENTLY new ON t (b)", "DROP INDEX CONCURRENTLY i", "REINDEX INDEX CONCURRENTLY i"],
)
def test_concurrently(tables: Connection, connect: Callable[..., Connection], statement: str) -> None:
    (lock,) = effect_of(statement).locks or ()
    waits = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'virtualxid')"
    question = (
        "SELECT mode FROM pg_locks WHERE relation = 't'::regclass AND pid = {} "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    with running(connect, statement, reading="SELECT 1 FROM t", until=waits) as pid:
        modes = {strength(str(row[0])) for row in tables.execute(question.format(pid).encode())}
    assert modes == {lock.mode} == {Mode.SHARE_UPDATE_EXCLUSIVE}


@pytest.mark.parametrize("statement", ["DO 'BEGIN END'", "SELECT f()", "CALL p()", "not SQL", "CLUSTER t"])
def test_what_has_to_be_read(statement: str) -> None:
    assert effect_of(statement).locks is None
