"""What check-ready reads, beside what the server then does: its limits, its role, a standby's lag."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from kc_db.ready.load_state import read_replay, read_role, read_room
from tests.conftest import Connection
from tests.servers import Server
from tests.standby import Pair, can_stream, streaming

SEES_ALL = "GRANT pg_read_all_stats TO {role}"
LIMITS = [
    ("ALTER ROLE {role} CONNECTION LIMIT 4", "role {role}", False),
    ("ALTER DATABASE {database} CONNECTION LIMIT 4", "database {database}", True),
    (f"ALTER DATABASE {{database}} CONNECTION LIMIT 4; {SEES_ALL}", "database {database}", False),
    (
        "ALTER ROLE {role} CONNECTION LIMIT 6; ALTER DATABASE {database} CONNECTION LIMIT 5",
        "database {database}",
        True,
    ),
    ("SELECT", "the server", True),
    (SEES_ALL, "the server", False),
]


@pytest.fixture
def role(connection: Connection) -> Iterator[str]:
    name = f"role_{connection.info.dbname}"
    connection.execute(f"CREATE ROLE {name} LOGIN".encode())
    yield name
    connection.execute(f"ALTER DATABASE {connection.info.dbname} CONNECTION LIMIT -1".encode())
    connection.execute(f"DROP ROLE {name}".encode())


@pytest.mark.parametrize(("setup", "whose", "hides"), LIMITS)
def test_so_many_are_left(  # noqa: PLR0913 - fixtures and parameters
    connection: Connection, server: Server, role: str, setup: str, whose: str, *, hides: bool
) -> None:
    names = {"role": role, "database": connection.info.dbname}
    connection.execute(setup.format(**names).encode())
    url = server.url(connection.info.dbname, role)
    with ExitStack() as stack:
        asking = stack.enter_context(psycopg.connect(url, autocommit=True))
        stack.enter_context(psycopg.connect(url))
        tightest = read_room(asking).tightest
        assert (tightest.whose, tightest.hidden > 0) == (whose.format(**names), hides)
        for _ in range(tightest.free):
            stack.enter_context(psycopg.connect(url))
        assert read_room(asking).tightest.free == 0
        with pytest.raises(
            psycopg.OperationalError, match=r"too many connections|remaining connection slots"
        ):
            psycopg.connect(url)


def test_what_is_reserved_is_not_left(server: Server, connection: Connection) -> None:
    (most,) = connection.execute("SELECT current_setting('max_connections')::int").fetchone() or ()
    limit = next(limit for limit in read_room(connection).limits if limit.whose == "the server")
    assert limit.granted == most - 3, server.major_version


def test_a_superuser_has_no_limit_of_its_own(connection: Connection) -> None:
    assert {limit.whose for limit in read_room(connection).limits} == {"the server"}


@pytest.fixture(scope="module")
def pair(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    where = pytestconfig.getoption("--postgres")
    if not can_stream(where):
        pytest.skip("a standby is made of the embedded server or of npm's")
    with streaming(where, tmp_path_factory.mktemp("pair")) as servers:
        yield servers


def check_ready(url: str, *options: str) -> tuple[int, list[str]]:
    words = [str(Path(sys.executable).parent / "kc-db"), "check-ready", "--format", "json", *options]
    done = subprocess.run(
        [*words, "--no-migrations", "--no-specs", "--database-url", url],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout, done.stderr
    return done.returncode, [finding["rule"] for finding in json.loads(done.stdout)["findings"]]


def test_a_standby_is_no_primary(pair: Pair) -> None:
    assert check_ready(pair.primary.base_url) == (0, [])
    assert check_ready(pair.standby.base_url) == (1, ["wrong-server-role"])
    assert check_ready(pair.standby.base_url, "--standby") == (0, [])
    assert check_ready(pair.primary.base_url, "--standby") == (1, ["wrong-server-role"])


def test_a_standby_that_has_replayed_all_has_no_lag(pair: Pair) -> None:
    pair.primary.execute("CREATE TABLE first ()")
    pair.caught_up()
    with psycopg.connect(pair.standby.base_url, autocommit=True) as connection:
        assert read_role(connection).standby
        replay = read_replay(connection)
        assert (replay.lag_s, replay.connected) == (0.0, True)
    assert check_ready(pair.standby.base_url, "--standby", "--max-replay-lag", "0") == (0, [])


def test_a_standby_that_does_not_replay_falls_behind(pair: Pair) -> None:
    pair.primary.execute("CREATE TABLE before_it ()")
    pair.caught_up()
    pair.standby.execute("SELECT pg_wal_replay_pause()")
    with psycopg.connect(pair.standby.base_url, autocommit=True) as connection:
        try:
            while connection.execute("SELECT pg_get_wal_replay_pause_state()").fetchone() != ("paused",):
                pass
            pair.primary.execute("CREATE TABLE behind ()")
            while (read_replay(connection).lag_s or 0) <= 0.01:
                pass
            options = ("--standby", "--max-replay-lag", "0.01")
            assert check_ready(pair.standby.base_url, *options) == (1, ["replay-lag"])
        finally:
            connection.execute("SELECT pg_wal_replay_resume()")


def test_a_standby_without_its_primary_is_as_old_as_its_newest_commit(pair: Pair) -> None:
    pair.primary.execute("CREATE TABLE last_one ()")
    pair.caught_up()
    with psycopg.connect(pair.standby.base_url, autocommit=True) as connection:
        (source,) = connection.execute("SHOW primary_conninfo").fetchone() or ("",)
        pair.standby.execute("ALTER SYSTEM SET primary_conninfo = ''")
        pair.standby.execute("SELECT pg_reload_conf()")
        try:
            while (replay := read_replay(connection)).connected:
                pass
            assert replay.lag_s is not None
            assert replay.lag_s > 0
            options = ("--standby", "--max-replay-lag", "0")
            assert check_ready(pair.standby.base_url, *options) == (1, ["replay-lag"])
        finally:
            pair.standby.execute(
                psycopg.sql.SQL("ALTER SYSTEM SET primary_conninfo = {}").format(source).as_string()
            )
            pair.standby.execute("SELECT pg_reload_conf()")
