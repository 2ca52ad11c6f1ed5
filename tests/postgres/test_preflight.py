"""What stands against an upgrade is found before anything is changed."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import psycopg
import pytest

from kc_db.errors import InputError, RefusedError
from kc_db.indexes.model import TableName
from kc_db.indexes.parse import index_from_text
from kc_db.online import preflight
from kc_db.online.plan.before import look_before_upgrade
from kc_db.online.plan.planner import Pending
from kc_db.online.preflight import Complaint, Needs, look, look_at_server
from tests.builds import running
from tests.conftest import Connection
from tests.deploys import listening, snapshot, upgrade
from tests.servers import Server

T = TableName("public", "t")
UNIQUE = index_from_text("CREATE UNIQUE INDEX t_a_key ON public.t (a)")
NEEDS = Needs(frozenset({T}), frozenset({T}), makes_tables=True, builds=(UNIQUE,))


@pytest.fixture
def table(connection: Connection) -> Connection:
    connection.execute("CREATE TABLE t (a int, b int)")
    connection.execute("INSERT INTO t SELECT n, n FROM generate_series(1, 100) AS n")
    return connection


@pytest.fixture
def role(table: Connection) -> Iterator[str]:
    name = f"kc_test_{table.info.dbname}"
    table.execute(f"CREATE ROLE {name} LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC".encode())
    try:
        yield name
    finally:
        table.execute(f"DROP OWNED BY {name}; DROP ROLE {name}".encode())


def rules(complaints: tuple[Complaint, ...]) -> list[str]:
    return [complaint.rule for complaint in complaints]


def test_nothing_stands_against_it(table: Connection) -> None:
    assert (*look_at_server(table), *look(table, NEEDS, 10**12)) == ()


def test_a_session_that_may_not_write(table: Connection) -> None:
    table.execute("SET default_transaction_read_only = on")
    (complaint,) = look_at_server(table)
    assert (complaint.rule, complaint.refuses) == ("read-only-session", True)


@pytest.mark.parametrize(("oldest", "newest", "refuses"), [(99, 100, True), (1, 2, False)])
def test_a_version_that_nobody_knows(
    table: Connection, monkeypatch: pytest.MonkeyPatch, oldest: int, newest: int, *, refuses: bool
) -> None:
    monkeypatch.setattr(preflight, "OLDEST", oldest)
    monkeypatch.setattr(preflight, "NEWEST_TESTED", newest)
    (complaint,) = look_at_server(table)
    assert (complaint.rule, complaint.refuses) == ("unsupported-server", refuses)


def test_what_a_role_lacks(
    server: Server, table: Connection, connect: Callable[..., Connection], role: str
) -> None:
    other = connect(server.url(table.info.dbname, role))
    messages = [one.message for one in look(other, replace(NEEDS, builds=())) if one.refuses]
    assert [message.partition(",")[0].partition(";")[0] for message in messages] == [
        f"role {role} may not make tables in schema public",
        f"table public.t belongs to {table.info.user}",
        f"public.t can't get an index: GRANT CREATE ON SCHEMA public TO {role}",
    ]
    table.execute(f"GRANT CREATE ON SCHEMA public TO {role}; ALTER TABLE t OWNER TO {role}".encode())
    assert look(other, NEEDS) == ()


def test_duplicate_rows(table: Connection) -> None:
    table.execute("INSERT INTO t VALUES (7)")
    (complaint,) = look(table, NEEDS)
    assert (complaint.rule, complaint.refuses) == ("duplicate-rows", True)
    assert "(a) = (7) in 2 rows" in complaint.message


def test_space(table: Connection) -> None:
    needs = replace(NEEDS, builds=(), space_bytes=3_000_000, sort_bytes=2_000_000)
    assert look(table, needs, 5_000_000) == ()
    (complaint,) = look(table, needs, 4_999_999)
    assert (complaint.rule, complaint.refuses) == ("not-enough-space", True)
    assert "about 5.0 MB are needed on disk" in complaint.message


def test_a_long_transaction_is_named(
    table: Connection, connect: Callable[..., Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "_LONG_S", 0.0)
    reader = connect()
    reader.execute("SET application_name = 'report'; BEGIN ISOLATION LEVEL REPEATABLE READ")
    reader.execute("SELECT 1 FROM t")
    (complaint,) = look(table, NEEDS)
    assert (complaint.rule, complaint.refuses) == ("long-transaction", False)
    assert (
        f"(pid {reader.info.backend_pid}, {table.info.user}, report, idle in transaction" in complaint.message
    )


def test_a_running_build_is_named(table: Connection, connect: Callable[..., Connection]) -> None:
    with running(connect, "CREATE INDEX CONCURRENTLY i ON t (b)") as pid:
        (complaint,) = look(table, NEEDS)
    assert (complaint.rule, complaint.refuses) == ("running-build", False)
    assert f"pid {pid}" in complaint.message


def test_a_prepared_transaction_is_named(table: Connection, connect: Callable[..., Connection]) -> None:
    other = connect()
    other.execute("BEGIN")
    other.execute("INSERT INTO t VALUES (0)")
    try:
        other.execute("PREPARE TRANSACTION 'left behind'")
    except psycopg.errors.ObjectNotInPrerequisiteState:
        pytest.skip("this server has max_prepared_transactions = 0")
    try:
        assert rules(look(table, NEEDS)) == ["prepared-transaction"]
    finally:
        table.execute("ROLLBACK PREPARED 'left behind'")


def test_a_slot_that_lags_is_named(table: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "_LAG_BYTES", -1)
    name = f"kc_{table.info.dbname}"
    try:
        table.execute("SELECT pg_create_physical_replication_slot(%s, true)", (name,))
    except psycopg.Error as error:
        pytest.skip(f"this server makes no slots: {error}")
    try:
        found = [one for one in look(table, NEEDS) if name in one.message]
        assert [(one.rule, one.refuses) for one in found] == [("lagging-slot", False)]
    finally:
        table.execute("SELECT pg_drop_replication_slot(%s)", (name,))


def test_rows_against_a_later_revision_keep_the_first_from_beginning(
    connection: Connection, database_url: str
) -> None:
    upgrade(database_url, "0003")
    connection.execute("ALTER TABLE sessions DROP CONSTRAINT sessions_allocation_id_fkey")
    connection.execute(
        "INSERT INTO sessions (allocation_id, student_id, trainer_id, scheduled_date, scheduled_time) "
        "SELECT id, id, id, '2030-01-01', '12:00' FROM gen_random_uuid() AS id, generate_series(1, 2)"
    )
    before = snapshot(connection)
    with pytest.raises(RefusedError, match="sessions has duplicate rows"):
        upgrade(database_url)
    assert snapshot(connection) == before


def test_what_an_earlier_revision_may_mend_is_not_refused(table: Connection) -> None:
    table.execute("INSERT INTO t VALUES (7)")
    from alembic import op

    def mend() -> None:
        op.execute("DELETE FROM t WHERE a = 7 AND b IS NULL")

    def build() -> None:
        op.ensure_index("CREATE UNIQUE INDEX t_a_key ON t (a)")

    build_alone = Pending("2", "", "2.py", build)
    with pytest.raises(RefusedError, match="duplicate rows"):
        look_before_upgrade(table, [build_alone])
    look_before_upgrade(table, [Pending("1", "", "1.py", mend), build_alone])


def test_it_can_be_skipped_and_says_so(table: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KC_DB_SKIP_PREFLIGHT", "1")
    table.execute("SET default_transaction_read_only = on")
    with listening() as said:
        look_before_upgrade(table, [Pending("1", "", "1.py", lambda: None)])
    assert said == ["KC_DB_SKIP_PREFLIGHT is set: nothing is looked at before the first change"]


def test_free_bytes_that_are_no_number(table: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KC_DB_FREE_BYTES", "12 GB")
    with pytest.raises(InputError, match="KC_DB_FREE_BYTES is a number of bytes, not '12 GB'"):
        look_before_upgrade(table, [Pending("1", "", "1.py", lambda: None)])
