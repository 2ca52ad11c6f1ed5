"""What --live sees of a real server, and that PostgreSQL holds each role to the limit that was set."""

import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Thread
from typing import LiteralString
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from kc_db.budget.activity import Activity, PendingSetting, certain, possible
from kc_db.budget.enforce.limits import RoleLimit
from kc_db.budget.enforce.statements import apply
from kc_db.budget.live.load_activity import read_activity
from kc_db.budget.live.load_limits import read_limits
from tests.conftest import Connection
from tests.servers import FAST, Server, fetch_binaries, server_at
from tests.standby import can_stream, streaming

TOO_MANY = "53300"


@pytest.fixture
def role(server: Server, connection: Connection) -> Iterator[str]:
    """A role that may log in and nothing else."""
    name = f"app_{uuid4().hex[:8]}"
    connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
    yield name
    connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (name,))
    with psycopg.connect(server.base_url, autocommit=True) as owner:
        owner.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
        owner.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def named(connection: Connection) -> str:
    return connection.info.dbname


def limit(role: str, number: int) -> RoleLimit:
    return RoleLimit(role, number, "", (), ())


def seen(connection: Connection, role: str) -> tuple[int, int]:
    found = list(read_activity(connection).of_role(role))
    return certain(found), possible(found)


def test_sessions_are_counted_by_role_and_application_name(
    connection: Connection, server: Server, role: str
) -> None:
    with ExitStack() as stack:
        for name in ("payment", "payment", "booking"):
            url = server.url(named(connection), role)
            stack.enter_context(psycopg.connect(url, application_name=name, autocommit=True))
        found = {one.application_name: one for one in read_activity(connection).of_role(role)}
        assert {name: (one.count, one.hidden) for name, one in found.items()} == {
            "payment": (2, 0),
            "booking": (1, 0),
        }
        assert not any(one.is_privileged for one in found.values())
        assert {one.database for one in found.values()} == {named(connection)}


def test_kc_db_s_own_session_is_left_out(connection: Connection) -> None:
    own = [one for one in read_activity(connection).sessions if one.database == named(connection)]
    assert own == []


def test_another_session_of_a_superuser_is_privileged(
    connection: Connection, connect: Callable[..., Connection]
) -> None:
    connect()
    (found,) = (one for one in read_activity(connection).sessions if one.database == named(connection))
    assert (found.count, found.is_privileged) == (1, True)


def test_a_role_without_rights_sees_who_is_there_and_not_what_it_is(
    connection: Connection, server: Server, role: str
) -> None:
    with psycopg.connect(server.url(named(connection), role), autocommit=True) as plain:
        others = [one for one in read_activity(plain).sessions if one.database == named(connection)]
        assert [(one.count, one.hidden) for one in others] == [(0, 1)]
        connection.execute(sql.SQL("GRANT pg_read_all_stats TO {}").format(sql.Identifier(role)))
        others = [one for one in read_activity(plain).sessions if one.database == named(connection)]
        assert [(one.count, one.hidden) for one in others] == [(1, 0)]


def test_members_of_the_reserve_are_privileged(connection: Connection, server: Server, role: str) -> None:
    if server.major_version < 16:
        pytest.skip("pg_use_reserved_connections came with PostgreSQL 16")
    connection.execute(sql.SQL("GRANT pg_use_reserved_connections TO {}").format(sql.Identifier(role)))
    with psycopg.connect(server.url(named(connection), role)):
        assert all(one.is_privileged for one in read_activity(connection).of_role(role))


def test_parallel_workers_are_no_sessions(connection: Connection, connect: Callable[..., Connection]) -> None:
    connection.execute("CREATE TABLE numbers AS SELECT generate_series(1, 20000) AS n")
    connection.execute("ALTER TABLE numbers SET (parallel_workers = 2)")
    client = connect()
    client.execute("SET parallel_setup_cost = 0")
    client.execute("SET parallel_tuple_cost = 0")
    client.execute("SET min_parallel_table_scan_size = 0")
    query = "SELECT count(*) FROM numbers WHERE pg_sleep(0.001) IS NULL"
    runs = Thread(target=cancelled, args=(client, query))
    runs.start()
    try:
        question = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'"
        wait_for(lambda: connection.execute(question).fetchone() != (0,))
        (found,) = (one for one in read_activity(connection).sessions if one.database == named(connection))
        assert (found.count, found.hidden) == (1, 0)
    finally:
        client.cancel()
        runs.join()


def cancelled(client: Connection, query: LiteralString) -> None:
    with suppress(psycopg.errors.QueryCanceled):
        client.execute(query)


def wait_for(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_limits_of_roles_and_databases(connection: Connection, role: str) -> None:
    database = sql.Identifier(named(connection))
    apply(connection, [limit(role, 7)])
    connection.execute(sql.SQL("ALTER DATABASE {} CONNECTION LIMIT 90").format(database))
    found = read_activity(connection)
    state = found.role_states[role]
    assert (state.connection_limit, state.is_superuser, state.can_login) == (7, False, True)
    (own,) = (one for one in found.databases if one.name == named(connection))
    assert (own.connection_limit, own.is_current, own.quoted) == (90, True, named(connection))
    assert "pg_monitor" not in found.role_states


@pytest.mark.parametrize("number", [1, 4])
def test_a_role_gets_exactly_its_limit(
    connection: Connection, server: Server, role: str, number: int
) -> None:
    apply(connection, [limit(role, number)])
    url = server.url(named(connection), role)
    with ExitStack() as stack:
        for _ in range(number):
            stack.enter_context(psycopg.connect(url))
        assert seen(connection, role) == (number, number)
        with pytest.raises(psycopg.OperationalError, match=f'too many connections for role "{role}"'):
            psycopg.connect(url)
        if code := refusal(url):
            assert code == TOO_MANY


def test_a_limit_turns_nobody_out(connection: Connection, server: Server, role: str) -> None:
    url = server.url(named(connection), role)
    with psycopg.connect(url, autocommit=True) as first, psycopg.connect(url, autocommit=True) as second:
        apply(connection, [limit(role, 1)])
        assert first.execute("SELECT 1").fetchone() == second.execute("SELECT 1").fetchone() == (1,)
        with pytest.raises(psycopg.OperationalError, match="too many connections"):
            psycopg.connect(url)


def test_a_superuser_has_no_limit(connection: Connection, server: Server, role: str) -> None:
    apply(connection, [limit(role, 0)])
    connection.execute(sql.SQL("ALTER ROLE {} SUPERUSER").format(sql.Identifier(role)))
    psycopg.connect(server.url(named(connection), role)).close()


def test_nobody_waits_for_an_alter_role(connection: Connection, server: Server, role: str) -> None:
    """A login doesn't, while the transaction is open."""
    with connection.transaction():
        connection.execute(sql.SQL("ALTER ROLE {} CONNECTION LIMIT 0").format(sql.Identifier(role)))
        psycopg.connect(server.url(named(connection), role), connect_timeout=5).close()


def test_all_or_none(connection: Connection, role: str) -> None:
    with pytest.raises(psycopg.errors.UndefinedObject):
        apply(connection, [limit(role, 3), limit("nobody at all", 3)])
    assert read_activity(connection).role_states[role].connection_limit == -1


def test_the_settings_of_rds_are_added_up(connection: Connection) -> None:
    assert "vendor_reserved_connections" not in _limits(connection)
    connection.execute("SET rds.rds_superuser_reserved_connections = 2")
    assert _limits(connection)["vendor_reserved_connections"] == 2
    connection.execute("SET rds.rds_reserved_connections = 3")
    assert _limits(connection)["vendor_reserved_connections"] == 5


def _limits(connection: Connection) -> dict[str, object]:
    return {reading.path[-1]: reading.value for reading in read_limits(connection, "primary", "it")}


def test_a_changed_setting_waits_for_its_restart(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    from kc_db.embedded import find_binaries, running

    where = pytestconfig.getoption("--postgres")
    if not can_stream(where):
        pytest.skip("changes the configuration of a server of its own")
    binaries = find_binaries() if where == "embedded" else fetch_binaries(where)
    with running(tmp_path, binaries=binaries, settings=FAST) as conninfo:
        owned = server_at(conninfo)
        owned.execute("CREATE ROLE plain LOGIN")
        owned.execute("ALTER SYSTEM SET max_connections = 120")
        owned.execute("SELECT pg_reload_conf()")
        assert _pending(owned.base_url) == (PendingSetting("max_connections", "100", "120"),)
        assert _pending(owned.url("postgres", "plain")) == (PendingSetting("max_connections", "100"),)


def _pending(url: str) -> tuple[PendingSetting, ...]:
    """What waits; the postmaster needs a moment to read its files."""
    found: list[Activity] = []

    def is_told() -> bool:
        with psycopg.connect(url, autocommit=True) as connection:
            found.append(read_activity(connection))
        return bool(found[-1].pending)

    wait_for(is_told)
    return found[-1].pending


def test_walsenders_are_no_sessions_and_a_standby_has_the_same_roles(
    pytestconfig: pytest.Config, tmp_path: Path
) -> None:
    where = pytestconfig.getoption("--postgres")
    if not can_stream(where):
        pytest.skip("starts a pair of servers of its own")
    with streaming(where, tmp_path) as pair:
        pair.primary.execute("CREATE ROLE app LOGIN CONNECTION LIMIT 1")
        pair.caught_up()
        with psycopg.connect(pair.primary.base_url, autocommit=True) as connection:
            assert read_activity(connection).sessions == ()
        with psycopg.connect(pair.standby.base_url, autocommit=True) as connection:
            assert read_activity(connection).role_states["app"].connection_limit == 1
            url = pair.standby.url("postgres", "app")
            with (
                psycopg.connect(pair.primary.url("postgres", "app")),
                psycopg.connect(url),
                pytest.raises(psycopg.OperationalError, match="too many connections"),
            ):
                psycopg.connect(url)


def refusal(url: str) -> str | None:
    """The SQLSTATE that a login is refused with, which libpq doesn't tell; None over TCP."""
    parts = urlsplit(url)
    folder = parse_qs(parts.query).get("host", [""])[0]
    if not folder:
        return None
    place = psycopg.conninfo.conninfo_to_dict(url)
    startup = b"".join(
        word.encode() + b"\0" for word in ("user", str(place["user"]), "database", str(place["dbname"]))
    )
    body = struct.pack("!I", 196608) + startup + b"\0"
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f"{folder}/.s.PGSQL.{place.get('port') or 5432}")
        client.sendall(struct.pack("!I", len(body) + 4) + body)
        answer = b""
        while chunk := client.recv(4096):
            answer += chunk
    error = answer[answer.index(b"SFATAL") :]
    return next(field[1:].decode() for field in error.split(b"\0") if field.startswith(b"C"))
