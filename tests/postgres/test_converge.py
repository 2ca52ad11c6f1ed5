import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from kc_db.errors import RefusedError, ServerError
from kc_db.indexes.model import TableName
from kc_db.indexes.parse import index_from_text
from kc_db.indexes.statements import reindex
from kc_db.indexes.steps import Step
from kc_db.online.converge import DEFAULT_PATIENCE, Patience, converge
from kc_db.online.index_build import drop, ensure
from tests.deploys import Connection, damage, ensure_index, listening, snapshot, wait_until
from tests.servers import Server

Connect = Callable[..., Connection]
PLAIN = "CREATE INDEX t_a_b_idx ON t (a, b)"
UNIQUE = "CREATE UNIQUE INDEX t_a_key ON t (a)"
HASTY = Patience(lock_timeout_ms=50, build_wait_ms=100, attempts=2, pause_s=0.05)
BUILDING = (
    "SELECT EXISTS (SELECT FROM pg_stat_progress_create_index "
    "WHERE datname = current_database() AND phase LIKE 'waiting for writers%')"
)


@pytest.fixture
def table(connection: Connection) -> Connection:
    connection.execute("CREATE TABLE t (a int, b text)")
    connection.execute("INSERT INTO t SELECT n, 'x' FROM generate_series(1, 100) AS n")
    return connection


@pytest.fixture
def remarks() -> Iterator[list[str]]:
    with listening() as said:
        yield said


def oid(connection: Connection, name: str) -> object:
    return connection.execute("SELECT to_regclass(%s)::oid", (name,)).fetchone()


def usable(connection: Connection) -> list[str]:
    rows = connection.execute(
        "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 't'::regclass "
        "AND indisvalid AND indisready AND indislive ORDER BY 1"
    )
    return [row[0] for row in rows]


def refused(connection: Connection, text: str) -> str:
    """The error of an operation that changed nothing."""
    before = snapshot(connection)
    with pytest.raises(RefusedError) as caught:
        ensure_index(connection, text)
    assert snapshot(connection) == before
    return str(caught.value)


def wait_for(remarks: list[str], part: str) -> None:
    deadline = time.monotonic() + 20
    while not any(part in line for line in remarks):
        assert time.monotonic() < deadline, remarks
        time.sleep(0.02)


@contextmanager
def meanwhile(work: Callable[[], object]) -> Iterator[None]:
    """Does the work in another thread while the block runs; its error is the block's."""
    errors: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - it is raised where the test waits
            errors.append(error)

    thread = threading.Thread(target=guarded, daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join(30)
    assert not thread.is_alive()
    if errors:
        raise errors[0]


@pytest.mark.parametrize("text", [PLAIN, UNIQUE])
def test_an_absent_index_is_built_and_then_kept(table: Connection, text: str) -> None:
    name = text.split(" INDEX ")[1].split(maxsplit=1)[0]
    ensure_index(table, text)
    built = oid(table, name)
    ensure_index(table, text)
    assert usable(table) == [name]
    assert oid(table, name) == built


def test_an_equal_one_under_another_name_is_kept(table: Connection, remarks: list[str]) -> None:
    table.execute("CREATE INDEX other ON t (a, b)")
    ensure_index(table, PLAIN)
    assert usable(table) == ["other"]
    assert remarks == ["t_a_b_idx is there, named other"]


def test_an_invalid_one_of_our_name_goes_where_an_equal_one_is_kept(table: Connection) -> None:
    table.execute("CREATE INDEX other ON t (a, b)")
    table.execute(PLAIN.encode())
    damage(table, "t_a_b_idx")
    ensure_index(table, PLAIN)
    assert usable(table) == ["other"]
    assert oid(table, "t_a_b_idx") == (None,)


@pytest.mark.parametrize("text", [PLAIN, UNIQUE])
@pytest.mark.parametrize("flags", ["indisvalid", "indisvalid indisready", "indisvalid indisready indislive"])
def test_a_leftover_is_built_again(table: Connection, text: str, flags: str) -> None:
    name = text.split(" INDEX ")[1].split(maxsplit=1)[0]
    table.execute(text.encode())
    left = oid(table, name)
    damage(table, name, flags)
    ensure_index(table, text)
    assert usable(table) == [name]
    assert oid(table, name) != left


def test_another_definition_under_our_name_is_refused(table: Connection) -> None:
    table.execute("CREATE UNIQUE INDEX t_a_b_idx ON t (b, a DESC) INCLUDE (b)".replace(" INCLUDE (b)", ""))
    message = refused(table, PLAIN)
    assert "public.t.t_a_b_idx exists with another definition" in message
    assert "rename it, or let kc-db repair-indexes --apply replace it" in message


def test_another_definition_is_replaced_where_exactly_this_is_wanted(table: Connection) -> None:
    table.execute("CREATE INDEX t_a_b_idx ON t (b)")
    for _ in range(2):
        ensure(table, index_from_text(PLAIN), exactly=True)
        assert usable(table) == ["t_a_b_idx"]
        assert snapshot(table) >= {
            ("index", "CREATE INDEX t_a_b_idx ON public.t USING btree (a, b)", "t t t")
        }


def test_an_equal_one_is_renamed_where_exactly_this_is_wanted(table: Connection) -> None:
    table.execute("CREATE INDEX other ON t (a, b)")
    ensure(table, index_from_text(PLAIN), exactly=True)
    assert usable(table) == ["t_a_b_idx"]


def test_a_constraint_is_not_replaced(table: Connection) -> None:
    table.execute("ALTER TABLE t ADD CONSTRAINT t_a_b_idx UNIQUE (b, a)")
    with pytest.raises(RefusedError, match="constraint t_a_b_idx stands on it"):
        ensure(table, index_from_text(PLAIN), exactly=True)


@pytest.mark.parametrize(
    ("made", "what"),
    [
        ("CREATE TABLE t_a_b_idx ()", "a table"),
        ("CREATE VIEW t_a_b_idx AS SELECT 1", "a view"),
        ("CREATE SEQUENCE t_a_b_idx", "a sequence"),
        ("CREATE TABLE u (a int); CREATE INDEX t_a_b_idx ON u (a)", "an index on u"),
    ],
)
def test_a_name_that_something_else_has_is_refused(table: Connection, made: str, what: str) -> None:
    table.execute(made.encode())
    assert f"the name t_a_b_idx is taken by {what}" in refused(table, PLAIN)


def test_a_partitioned_table_that_has_the_index_is_fine(connection: Connection) -> None:
    connection.execute("CREATE TABLE t (a int, b text) PARTITION BY RANGE (a)")
    connection.execute(PLAIN.encode())
    ensure_index(connection, PLAIN)


def test_a_missing_table_is_refused(connection: Connection) -> None:
    assert "there is no table t to build t_a_b_idx on" in refused(connection, PLAIN)


def test_a_missing_column_is_refused(table: Connection) -> None:
    assert "add the missing columns first: c" in refused(table, "CREATE INDEX t_c_idx ON t (a, c)")


def test_duplicate_rows_are_named_and_nothing_is_changed(table: Connection) -> None:
    table.execute("INSERT INTO t VALUES (7, 'again')")
    message = refused(table, UNIQUE)
    assert "t has duplicate rows, so that t_a_key can't be built; nothing was changed" in message
    assert "1 key is there more than once, in 2 rows: (a) = (7) in 2 rows." in message
    table.execute("INSERT INTO t VALUES (7, 'and again')")


def test_a_failed_reindex_drops_nothing(table: Connection) -> None:
    table.execute("ALTER TABLE t ADD CONSTRAINT t_a_key UNIQUE (a)")
    damage(table, "t_a_key", "indisvalid indisready")
    table.execute("INSERT INTO t VALUES (7, 'again')")
    name = TableName("public", "t")
    step = Step(name, reindex(name, "t_a_key"), "REINDEX INDEX CONCURRENTLY t_a_key;", builds="t_a_key")
    with pytest.raises(RefusedError, match="can't be built; t_a_key stays as it was"):
        converge(table, lambda: [step])
    assert oid(table, "t_a_key") != (None,)


def test_an_expression_that_the_server_spells_otherwise_is_built(
    table: Connection, remarks: list[str]
) -> None:
    text = "CREATE INDEX t_b_idx ON t (lower(b)) WHERE b LIKE 'x%' AND a IN (1, 2)"
    ensure_index(table, text)
    assert usable(table) == ["t_b_idx"]
    ensure_index(table, text)
    assert remarks[-1] == "t_b_idx is there"


def test_a_plan_without_an_end_is_stopped(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kc_db.online.converge._MAXIMUM_REPETITIONS", 3)
    step = Step(TableName(None, "t"), psycopg.sql.SQL("SELECT 1").format(), "SELECT 1;")
    with pytest.raises(RefusedError, match="run 3 times, this is still to be done: SELECT 1;"):
        converge(connection, lambda: [step])


def test_a_writer_delays_the_build_and_is_not_delayed(table: Connection, connect: Connect) -> None:
    writer, another = connect(), connect()
    writer.execute("BEGIN")
    writer.execute("INSERT INTO t VALUES (1000, 'x')")
    another.execute("SET lock_timeout = '1s'")
    with meanwhile(lambda: ensure_index(table, UNIQUE)):
        wait_until(another, BUILDING)
        another.execute("INSERT INTO t VALUES (1001, 'x')")
        another.execute("UPDATE t SET b = 'y' WHERE a = 1001")
        writer.execute("COMMIT")
    assert usable(table) == ["t_a_key"]


def test_a_table_that_is_locked_for_a_while_is_tried_again(
    table: Connection, connect: Connect, remarks: list[str]
) -> None:
    locker = connect()
    locker.execute("BEGIN")
    locker.execute("LOCK TABLE t")
    patience = Patience(build_wait_ms=100, attempts=50, pause_s=0.1)
    with meanwhile(lambda: ensure_index(table, PLAIN, patience)):
        wait_for(remarks, "try 3 again")
        locker.execute("COMMIT")
    assert usable(table) == ["t_a_b_idx"]


def test_what_an_ended_attempt_left_is_dropped_before_the_next(
    table: Connection, connect: Connect, remarks: list[str]
) -> None:
    writer = connect()
    writer.execute("BEGIN")
    writer.execute("INSERT INTO t VALUES (1000, 'x')")
    patience = Patience(build_wait_ms=200, attempts=50, pause_s=0.1)
    with meanwhile(lambda: ensure_index(table, UNIQUE, patience)):
        wait_for(remarks, "DROP INDEX CONCURRENTLY")
        writer.execute("COMMIT")
    assert usable(table) == ["t_a_key"]


def test_attempts_end_with_a_clear_error_and_the_next_run_mends(table: Connection, connect: Connect) -> None:
    writer = connect()
    writer.execute("BEGIN")
    writer.execute("INSERT INTO t VALUES (1000, 'x')")
    with pytest.raises(ServerError, match=r"others held locks in each of 2 attempts .*run this again"):
        ensure_index(table, UNIQUE, HASTY)
    assert usable(table) == []
    writer.execute("COMMIT")
    ensure_index(table, UNIQUE)
    assert usable(table) == ["t_a_key"]


def test_a_build_of_somebody_else_is_waited_for(
    table: Connection, connect: Connect, remarks: list[str]
) -> None:
    writer, somebody, watcher = connect(), connect(), connect()
    writer.execute("BEGIN")
    writer.execute("INSERT INTO t VALUES (1000, 'x')")
    with meanwhile(lambda: somebody.execute("CREATE UNIQUE INDEX CONCURRENTLY t_a_key ON t (a)")):
        wait_until(watcher, BUILDING)
        with meanwhile(lambda: ensure_index(table, UNIQUE)):
            wait_for(remarks, "right now")
            writer.execute("COMMIT")
    assert f"t_a_key is being built right now (backend {somebody.info.backend_pid}, waiting" in remarks[0]
    assert remarks[-1] == "t_a_key is there"


def test_a_slow_build_says_whom_it_waits_for(table: Connection, connect: Connect, remarks: list[str]) -> None:
    writer = connect()
    writer.execute("SET application_name = 'booking'")
    writer.execute("BEGIN")
    writer.execute("INSERT INTO t VALUES (1000, 'x')")
    with meanwhile(lambda: ensure_index(table, PLAIN)):
        wait_for(remarks, "blocked by")
        writer.execute("COMMIT")
    line = next(line for line in remarks if "blocked by" in line)
    assert "waiting for writers before build, 0 of 1 lockers gone" in line
    assert f"blocked by pid {writer.info.backend_pid}, booking, idle in transaction, since" in line


@pytest.mark.parametrize("succeeds", [True, False])
def test_the_session_gets_its_settings_back(table: Connection, succeeds: bool) -> None:
    wanted = {"lock_timeout": "7s", "statement_timeout": "8s", "client_connection_check_interval": "9s"}
    for name, value in wanted.items():
        table.execute("SELECT set_config(%s, %s, false)", (name, value))
    if succeeds:
        ensure_index(table, PLAIN)
    else:
        table.execute("INSERT INTO t VALUES (7, 'again')")
        refused(table, UNIQUE)
    names = {name: table.execute("SELECT current_setting(%s)", (name,)).fetchone() for name in wanted}
    assert names == {name: (value,) for name, value in wanted.items()}


def test_a_roles_limits_end_no_build(server: Server, connection: Connection, connect: Connect) -> None:
    role = f"builder_{connection.info.dbname}"
    limits = ["statement_timeout", "lock_timeout"]
    limits += ["transaction_timeout"] if server.major_version >= 17 else []
    connection.execute(f"CREATE ROLE {role} LOGIN".encode())
    try:
        connection.execute(f"GRANT ALL ON SCHEMA public TO {role}".encode())
        builder = connect(server.url(connection.info.dbname, role))
        builder.execute("CREATE TABLE t (a int, b text)")
        builder.execute("INSERT INTO t SELECT n, md5(n::text) FROM generate_series(1, 200000) AS n")
        for limit in limits:
            connection.execute(f"ALTER ROLE {role} SET {limit} = '50ms'".encode())
        limited = connect(server.url(connection.info.dbname, role))
        started = time.monotonic()
        ensure_index(limited, "CREATE INDEX t_b_a_idx ON t (b, a)")
        assert time.monotonic() - started > 0.05
        assert usable(connection) == ["t_b_a_idx"]
    finally:
        connection.execute(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}".encode())


def test_a_drop_waits_for_readers_and_may_be_run_again(table: Connection, connect: Connect) -> None:
    ensure_index(table, PLAIN)
    reader = connect()
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM t WHERE a = 1")
    with pytest.raises(ServerError, match="others held locks"):
        drop(table, "t_a_b_idx", "t", HASTY)
    reader.execute("COMMIT")
    drop(table, "t_a_b_idx", "public.t", DEFAULT_PATIENCE)
    drop(table, "t_a_b_idx", "t")
    assert oid(table, "t_a_b_idx") == (None,)


def test_a_drop_leaves_what_a_constraint_stands_on(table: Connection, remarks: list[str]) -> None:
    table.execute("ALTER TABLE t ADD CONSTRAINT t_a_key UNIQUE (a)")
    drop(table, "t_a_key", "t")
    assert usable(table) == ["t_a_key"]
    assert remarks == ["t_a_key is left alone: it isn't there, or not only an index"]


def test_a_name_of_63_bytes_is_the_longest(table: Connection) -> None:
    text = f"CREATE INDEX {'x' * 70} ON t (a)"
    ensure_index(table, text)
    ensure_index(table, text)
    assert usable(table) == ["x" * 63]
    assert index_from_text(text).name == "x" * 63
