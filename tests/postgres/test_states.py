"""The states that an index can be in, on a real server: what is said of each, and that repair ends each."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psycopg
import pytest

from kc_db.errors import RefusedError
from kc_db.findings import Finding
from kc_db.indexes.model import Spec
from kc_db.indexes.parse import index_from_text
from kc_db.indexes.repair import plan_table
from kc_db.online.duplicates import Preflight
from kc_db.online.index_build import ensure, repair_table
from tests.builds import running
from tests.conftest import Connection
from tests.indexes import find, fresh_database, index_names, make_specs, match
from tests.servers import Server

Connect = Callable[..., Connection]
TABLE = """
CREATE TABLE t (a int NOT NULL, b int, c text);
INSERT INTO t SELECT n, n, 'c' FROM generate_series(1, 100) AS n;
CREATE TABLE p (a int, b int) PARTITION BY RANGE (a);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20)
"""
X = "CREATE INDEX x ON t (a, b);"
MENDED = {"missing-index", "different-definition", "invalid-index", "misnamed-index", "duplicate-index"}


def set_up(connection: Connection, *scripts: str) -> None:
    for script in scripts:
        for statement in filter(None, map(str.strip, script.split(";"))):
            connection.execute(statement.encode())


def found(connection: Connection, specs: Sequence[Spec], *rules: str) -> list[Finding]:
    return [finding for finding in find(connection, specs) if finding.rule in (rules or MENDED)]


@pytest.fixture(scope="module")
def database(server: Server) -> Iterator[str]:
    with fresh_database(server) as url:
        yield url


@pytest.fixture
def database_url(database: str) -> str:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT ALL ON SCHEMA public TO PUBLIC"
        )
        set_up(connection, TABLE)
    return database


@pytest.mark.parametrize(
    ("statement", "where"),
    [
        ("CREATE INDEX CONCURRENTLY x ON t (a, b)", "public.t.x"),
        ("CREATE INDEX CONCURRENTLY y ON t (a, b)", "public.t.y"),
        ("REINDEX INDEX CONCURRENTLY x", "public.t.x_ccnew"),
    ],
)
def test_a_build_that_runs_is_no_error(
    connection: Connection, connect: Connect, tmp_path: Path, statement: str, where: str
) -> None:
    rebuilt = statement.startswith("REINDEX")
    set_up(connection, X if rebuilt else "")
    specs = make_specs(tmp_path / "specs", t=f"-- By A, then B.\n{X}")
    with running(connect, statement) as pid:
        assert found(connection, specs) == []
        (finding,) = found(connection, specs, "building-index")
        assert finding.problem.where == where
        assert finding.problem.message.startswith(
            f"the index is being built right now by backend {pid}, waiting for old snapshots"
        )
        assert finding.problem.purpose == ("" if rebuilt else "By A, then B.")
        assert finding.problem.remedy == ()
    assert found(connection, specs, "building-index") == []


def test_a_rebuild_of_an_invalid_constraint_is_no_error(
    connection: Connection, connect: Connect, tmp_path: Path
) -> None:
    set_up(connection, "ALTER TABLE t ADD CONSTRAINT u UNIQUE (a)")
    connection.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'u'::regclass")
    for spec in (X, "CREATE UNIQUE INDEX u ON t (a);"):
        specs = make_specs(tmp_path / "specs", t=spec)
        assert "invalid-index" in [finding.rule for finding in found(connection, specs)]
        with running(connect, "REINDEX INDEX CONCURRENTLY u"):
            assert "invalid-index" not in [finding.rule for finding in found(connection, specs)]
            assert found(connection, specs, "building-index")
        connection.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'u'::regclass")


def test_a_build_of_another_definition_is_a_difference(
    connection: Connection, connect: Connect, tmp_path: Path
) -> None:
    specs = make_specs(tmp_path / "specs", t=X)
    with running(connect, "CREATE INDEX CONCURRENTLY x ON t (b)"):
        assert [finding.rule for finding in found(connection, specs)] == ["different-definition"]
    with running(connect, "CREATE INDEX CONCURRENTLY z ON t (a)"):
        assert "different-definition" in [finding.rule for finding in found(connection, specs)]


def test_a_build_that_ended_early_is_invalid(
    connection: Connection, connect: Connect, tmp_path: Path
) -> None:
    specs = make_specs(tmp_path / "specs", t=X)
    builder = connect()
    builder.execute("SET lock_timeout = '50ms'")
    reader = connect()
    reader.execute("BEGIN")
    reader.execute("INSERT INTO t VALUES (1000, 1, 'x')")
    with pytest.raises(psycopg.errors.LockNotAvailable):
        builder.execute("CREATE INDEX CONCURRENTLY x ON t (a, b)")
    reader.execute("COMMIT")
    assert [finding.rule for finding in found(connection, specs)] == ["invalid-index"]


def test_a_role_that_sees_no_statistics_is_told_so(
    server: Server, connection: Connection, connect: Connect, tmp_path: Path
) -> None:
    role = f"reader_{connection.info.dbname}"
    specs = make_specs(tmp_path / "specs", t=X)
    connection.execute(f"CREATE ROLE {role} LOGIN".encode())
    try:
        reader = connect(server.url(connection.info.dbname, role))
        with running(connect, "CREATE INDEX CONCURRENTLY x ON t (a, b)") as pid:
            assert found(reader, specs) == []
            (finding,) = found(reader, specs, "building-index")
            assert finding.problem.message == (
                f"the index is being built right now by backend {pid} "
                "(phase not visible; GRANT pg_read_all_stats shows it)"
            )
    finally:
        connection.execute(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}".encode())


def test_a_build_in_a_partition_is_seen_and_waited_for(
    connection: Connection, connect: Connect, tmp_path: Path
) -> None:
    specs = make_specs(tmp_path / "specs", p="CREATE INDEX x ON p (b);")
    set_up(connection, "CREATE INDEX x ON ONLY p (b)")
    with running(connect, "CREATE INDEX CONCURRENTLY p1_x ON p1 (b)") as pid:
        (finding,) = found(connection, specs)
        assert "public.p1 has none (p1_x is being built right now)" in finding.problem.message
        (finding,) = found(connection, specs, "building-index")
        assert (finding.problem.where, f"backend {pid}" in finding.problem.message) == (
            "public.p1.p1_x",
            True,
        )
        (table,) = match(connection, specs)
        (step,) = plan_table(table)
        assert step.waits_for_pid == pid
    repair_table(connection, specs)
    assert found(connection, specs) == []


KINDS = {
    "an index": ("CREATE INDEX x ON t (a)", "CREATE INDEX x ON t (a);"),
    "a unique index": ("CREATE UNIQUE INDEX x ON t (a)", "CREATE UNIQUE INDEX x ON t (a);"),
    "a constraint's": ("ALTER TABLE t ADD CONSTRAINT x UNIQUE (a)", "CREATE UNIQUE INDEX x ON t (a);"),
    "a primary key's": ("ALTER TABLE t ADD CONSTRAINT x PRIMARY KEY (a)", "CREATE UNIQUE INDEX x ON t (a);"),
    "a deferrable constraint's": (
        "ALTER TABLE t ADD CONSTRAINT x UNIQUE (a) DEFERRABLE",
        "CREATE UNIQUE INDEX x ON t (a);",
    ),
    "an exclusion constraint's": (
        "ALTER TABLE t ADD CONSTRAINT x EXCLUDE USING btree (a WITH =)",
        "CREATE INDEX x ON t (a);",
    ),
    "a foreign key's": (
        "CREATE UNIQUE INDEX x ON t (a); CREATE TABLE f (a int REFERENCES t (a))",
        "CREATE UNIQUE INDEX x ON t (a);",
    ),
    "the replica identity's": (
        "CREATE UNIQUE INDEX x ON t (a); ALTER TABLE t REPLICA IDENTITY USING INDEX x",
        "CREATE UNIQUE INDEX x ON t (a);",
    ),
}
FLAGS = {
    "usable": "",
    "invalid": "indisvalid = false",
    "not ready": "indisvalid = false, indisready = false",
    "half dropped": "indisvalid = false, indisready = false, indislive = false",
}
WANTS = {
    "as specified": None,
    "another definition": "CREATE INDEX x ON t (b);",
    "of no spec": "CREATE INDEX other ON t (c);",
    "two specs": "CREATE INDEX x ON t (b); CREATE UNIQUE INDEX y ON t (a);",
}


@pytest.mark.parametrize("wants", WANTS)
@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize("kind", KINDS)
def test_one_run_ends_each_state_or_says_what_is_left(
    connection: Connection, tmp_path: Path, kind: str, flags: str, wants: str
) -> None:
    setup, own_spec = KINDS[kind]
    set_up(connection, setup)
    if FLAGS[flags]:
        connection.execute(f"UPDATE pg_index SET {FLAGS[flags]} WHERE indexrelid = 'x'::regclass".encode())
    constraints = (
        "SELECT count(*) FROM pg_constraint WHERE conrelid = 't'::regclass AND contype IN ('p', 'u', 'x')"
    )
    before = connection.execute(constraints).fetchone()
    specs = make_specs(tmp_path / "specs", t=WANTS[wants] or own_spec)
    repair_table(connection, specs)
    left = found(connection, specs)
    assert all(finding.problem.remedy[-1].startswith("-- ") for finding in left), left
    assert connection.execute(constraints).fetchone() == before
    stands = "constraint" in setup.lower() or "references" in setup.lower() or "replica" in setup.lower()
    assert stands or left == []
    (table,) = match(connection, specs)
    assert [step.text for step in plan_table(table) if step.statement] == []


BLOCKS_NO_WRITE = {"AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock"}
LOCKS = (
    "SELECT relation::regclass::text, mode FROM pg_locks JOIN pg_class ON pg_class.oid = relation "
    "WHERE pid = %s AND locktype = 'relation' AND relnamespace = 'public'::regnamespace "
    "AND relkind IN ('r', 'p')"
)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE INDEX CONCURRENTLY y ON t (b)",
        "CREATE UNIQUE INDEX CONCURRENTLY p1_y ON p1 (a, b)",
        "REINDEX INDEX CONCURRENTLY x",
        "REINDEX INDEX CONCURRENTLY p1_a_idx",
    ],
)
def test_what_takes_long_blocks_no_write(connection: Connection, connect: Connect, statement: str) -> None:
    set_up(connection, "CREATE INDEX x ON t (a); CREATE INDEX ON p (a)")
    with running(connect, statement) as pid:
        held = set(connection.execute(LOCKS, (pid,)).fetchall())
        assert {mode for _, mode in held} <= BLOCKS_NO_WRITE
        assert held
        connection.execute("SET lock_timeout = '5s'")
        connection.execute("INSERT INTO t VALUES (1000, 1, 'x')")
        connection.execute("INSERT INTO p VALUES (1, 1)")


def test_a_drop_blocks_no_write(connection: Connection, connect: Connect) -> None:
    set_up(connection, "CREATE INDEX x ON t (a)")
    waits = (
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() "
        "AND query LIKE 'DROP INDEX%' AND wait_event_type = 'Lock')"
    )
    with running(connect, "DROP INDEX CONCURRENTLY x", reading="SELECT FROM t", until=waits) as pid:
        held = set(connection.execute(LOCKS, (pid,)).fetchall())
        assert {mode for _, mode in held} <= BLOCKS_NO_WRITE
        connection.execute("SET lock_timeout = '5s'")
        connection.execute("INSERT INTO t VALUES (1000, 1, 'x')")


@pytest.mark.parametrize(
    ("statement", "held"),
    [
        ("ALTER INDEX x RENAME TO z", set()),
        ("ALTER INDEX px ATTACH PARTITION p1_x", {("p", "AccessShareLock"), ("p1", "AccessShareLock")}),
        # The two that keep writes out of a table: they touch the catalog only, and wait two seconds at most.
        ("CREATE INDEX py ON ONLY p (b)", {("p", "ShareLock")}),
        ("CREATE INDEX py ON p (b)", {("p", "ShareLock"), ("p1", "ShareLock"), ("p2", "ShareLock")}),
    ],
)
def test_what_takes_a_moment_holds_what_its_documentation_says(
    connection: Connection, connect: Connect, statement: str, held: set[tuple[str, str]]
) -> None:
    set_up(
        connection,
        "CREATE INDEX x ON t (a); CREATE INDEX px ON ONLY p (a); CREATE INDEX p1_x ON p1 (a);"
        "CREATE INDEX ON p1 (b); CREATE INDEX ON p2 (b)",
    )
    worker = connect()
    with worker.transaction(force_rollback=True):
        worker.execute(statement.encode())
        rows = set(connection.execute(LOCKS, (worker.info.backend_pid,)).fetchall())
    assert rows == held


UNIQUE = "CREATE UNIQUE INDEX u ON t "
BLIND = "CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"


@pytest.mark.parametrize(
    ("rows", "definition", "expected"),
    [
        ("(1, 1, 'x')", "(a)", "1 key is there more than once, in 2 rows: (a) = (1) in 2 rows."),
        (
            "(1, 1, 'x'), (1, 1, 'y'), (2, 1, 'z')",
            "(a)",
            "2 keys are there more than once, in 5 rows: (a) = (1) in 3",
        ),
        ("(1, 1, 'x')", "(a) WHERE c = 'c'", None),
        ("(1, 1, 'c')", "(a) WHERE c LIKE 'c%'", "in 2 rows"),
        ("(1000, null, 'x'), (1000, null, 'x')", "(a, b)", None),
        ("(1000, 0, 'X'), (1001, 0, 'x')", "(lower(c)) WHERE a >= 1000", "(lower(c)) = (x) in 2 rows"),
        ("(1000, 0, 'X'), (1001, 0, 'x')", "(c) WHERE a >= 1000", None),
        ("(1000, 0, 'X'), (1001, 0, 'x')", "(c COLLATE blind) WHERE a >= 1000", "(c) = ("),
        (
            "(1000, 0, 'x'), (1001, 0, 'x')",
            '(c COLLATE "C" text_pattern_ops DESC) WHERE a >= 1000',
            "(c) = (x) in 2",
        ),
        ("(1000, 0, 'x'), (1001, 0, 'x')", "((t.b + 1)) WHERE t.a >= 1000", "((t.b + 1)) = (1) in 2 rows"),
    ],
)
def test_duplicate_rows_are_those_that_the_index_would_reject(
    connection: Connection, rows: str, definition: str, expected: str | None
) -> None:
    if "blind" in definition:
        try:
            connection.execute(BLIND)
        except psycopg.errors.FeatureNotSupported:
            pytest.skip("this server is built without ICU")
    connection.execute(f"INSERT INTO t VALUES {rows}".encode())
    before = index_names(connection)
    text = f"{UNIQUE}{definition}"
    if expected is None:
        ensure(connection, index_from_text(text))
        return
    with pytest.raises(psycopg.errors.UniqueViolation):
        connection.execute(text.encode())
    with pytest.raises(RefusedError) as caught:
        ensure(connection, index_from_text(text))
    assert expected in str(caught.value)
    assert "nothing was changed" in str(caught.value)
    assert index_names(connection) == before


def test_nulls_not_distinct_are_duplicates(server: Server, connection: Connection) -> None:
    if server.major_version < 15:
        pytest.skip("NULLS NOT DISTINCT came with PostgreSQL 15")
    connection.execute("INSERT INTO t VALUES (1000, null, 'x'), (1000, null, 'y')")
    with pytest.raises(RefusedError, match=r"\(a, b\) = \(1000, null\) in 2 rows"):
        ensure(connection, index_from_text(f"{UNIQUE}(a, b) NULLS NOT DISTINCT"))


def test_rows_of_children_do_not_count(connection: Connection) -> None:
    set_up(connection, "CREATE TABLE child () INHERITS (t); INSERT INTO child VALUES (1, 1, 'c')")
    ensure(connection, index_from_text(f"{UNIQUE}(a)"))


def test_a_search_that_takes_too_long_is_left_out(
    connection: Connection, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    set_up(
        connection,
        "CREATE FUNCTION slow(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 FROM pg_sleep(0.1)'",
    )
    specs = make_specs(tmp_path / "specs", t=f"{UNIQUE}(slow(a));")
    (table,) = match(connection, specs)
    with caplog.at_level("WARNING", logger="kc_db"):
        assert Preflight(connection, timeout_s=0.05).refused(table) == {}
    assert "public.t isn't searched for duplicate rows before u is built" in caplog.text


def test_hidden_rows_give_no_false_all_clear(
    server: Server, connection: Connection, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    role = f"owner_{connection.info.dbname}"
    connection.execute(f"CREATE ROLE {role} LOGIN".encode())
    try:
        set_up(
            connection,
            f"ALTER TABLE t OWNER TO {role}; ALTER TABLE t ENABLE ROW LEVEL SECURITY;"
            "ALTER TABLE t FORCE ROW LEVEL SECURITY",
        )
        (owner) = connect(server.url(connection.info.dbname, role))
        with caplog.at_level("WARNING", logger="kc_db"):
            ensure(owner, index_from_text(f"{UNIQUE}(a)"))
        assert "isn't searched for duplicate rows before u is built: query would be affected" in caplog.text
    finally:
        connection.execute(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}".encode())


def test_other_indexes_of_the_table_are_mended(connection: Connection, tmp_path: Path) -> None:
    set_up(connection, "INSERT INTO t VALUES (1, 1, 'x'); CREATE INDEX u ON t (c)")
    specs = make_specs(tmp_path / "specs", t=f"{UNIQUE}(a); {X}")
    done: list[object] = []
    with pytest.raises(RefusedError, match=r"^public\.t has duplicate rows, so that u can't be built"):
        repair_table(connection, specs, done)  # type: ignore[arg-type]
    assert len(done) == 1
    assert [finding.rule for finding in found(connection, specs)] == ["different-definition"]
