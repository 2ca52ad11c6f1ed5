"""A real PgBouncer, where one is installed: its console, and that its configuration reads the same."""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from kc_db.budget.model import Pooler
from kc_db.budget.schema import SourceTable
from kc_db.budget.sources import Reading, Unknown, pgbouncer_ini, pgbouncer_live
from kc_db.errors import InputError, ServerError
from tests.budgets import load_fleet

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH')}:/usr/sbin")
pytestmark = pytest.mark.skipif(not PGBOUNCER, reason="pgbouncer is not installed (apt install pgbouncer)")

USERS = ("kc", "boss", "payments", "bookings", "owner", "reader")
PASSWORD = "geheim"
BUDGET = """
[databases.primary]
max_connections = 500

[services.payment]
pooler = "pgbouncer"
alias = "orders"
user = "payments"
pool_size = 10
instances = 2
"""
CONFIGURATION = """
[databases]
orders = {to} dbname={dbname} pool_size=4 reserve_pool=1 max_db_connections=9
reports = {to} dbname={dbname} user=owner pool_size=-1 max_db_connections=0
archive = {to} dbname={dbname} pool_mode=Session reserve_pool=0
"""


class Console:
    """A PgBouncer, and the file that it was started with."""

    def __init__(self, file: Path, port: int) -> None:
        self.file, self.port = file, port

    def url(self, user: str = "kc", password: str = PASSWORD, database: str = "") -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}{database}"

    def live(self) -> tuple[Reading, ...]:
        return tuple(pgbouncer_live.read(SourceTable(kind="pgbouncer-live", url=self.url())))

    def ini(self) -> tuple[Reading, ...]:
        return tuple(pgbouncer_ini.read(SourceTable(kind="pgbouncer-ini", file=str(self.file))))


@pytest.fixture
def start(tmp_path: Path, database_url: str) -> Iterator[Callable[..., Console]]:
    started: list[subprocess.Popen[bytes]] = []

    def start(databases: str = CONFIGURATION, settings: str = "", users: str = "") -> Console:
        server = conninfo_to_dict(database_url)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        parts = {key: server[key] for key in ("host", "port") if server.get(key)}
        to = " ".join(f"{key}={value}" for key, value in parts.items())
        file = tmp_path / "pgbouncer.ini"
        (tmp_path / "userlist.txt").write_text("".join(f'"{user}" "{PASSWORD}"\n' for user in USERS))
        file.write_text(
            f"{databases.format(to=to, dbname=server['dbname'])}\n[users]\n{users}\n[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = md5\n"
            f"auth_file = {tmp_path}/userlist.txt\nstats_users = kc\nadmin_users = boss\n{settings}\n"
        )
        command: list[str | Path] = [PGBOUNCER or "", file]
        if os.geteuid() == 0:  # PgBouncer refuses to run as root; the folder may be root's alone
            powers = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override")
            command = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *powers, *command]
        with (tmp_path / "pgbouncer.log").open("wb") as log:
            started.append(subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log))
        found = Console(file, port)
        deadline = time.monotonic() + 15
        while True:
            try:
                psycopg.connect(found.url("boss", database="/pgbouncer")).close()
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, (tmp_path / "pgbouncer.log").read_text()
                time.sleep(0.05)
            else:
                return found

    yield start
    for process in started:
        process.kill()
        process.wait(20)


def values(readings: tuple[Reading, ...]) -> dict[str, object]:
    return {".".join(reading.path[2:]): reading.value for reading in readings}


def pooler(tmp_path: Path, readings: tuple[Reading, ...]) -> Pooler:
    """What the budget makes of it; the console lists aliases by name."""
    (found,) = load_fleet(tmp_path / "pool_budget.toml", BUDGET, read=readings).poolers
    return replace(found, aliases=tuple(sorted(found.aliases, key=lambda alias: alias.name)))


def version(readings: tuple[Reading, ...]) -> tuple[Reading, ...]:
    """What a file doesn't say, though a forced user is counted by it."""
    return tuple(reading for reading in readings if reading.path[2] == "version")


def version_of(readings: tuple[Reading, ...]) -> tuple[int, ...]:
    return tuple(map(int, str(values(readings)["version"]).split(".")))


@pytest.mark.parametrize(
    "settings",
    [
        "",
        "default_pool_size = 7\ndefault_pool_size = 0x8\nreserve_pool_size = 2\npool_mode = Transaction",
        "max_db_connections = 12\nmax_client_conn = 6",
        "max_db_connections = -1\nmax_user_connections = -1\nreserve_pool_size = -3",
        "reserve_pool_size = 3\nreserve_pool_timeout = 0",
        "max_client_conn = 1000000\n%include more.ini\npayments = pool_mode=session",
    ],
)
def test_its_configuration_reads_the_same(
    start: Callable[..., Console], tmp_path: Path, settings: str
) -> None:
    (tmp_path / "more.ini").write_text("default_pool_size = 3\n[users]\n")
    console = start(settings=settings)
    live, ini = console.live(), console.ini()
    assert pooler(tmp_path, (*ini, *version(live))) == pooler(tmp_path, live)


def test_limits_of_users(start: Callable[..., Console], tmp_path: Path) -> None:
    users = "payments = max_user_connections=3\nbookings = max_user_connections=0\nowner = pool_mode=session"
    console = start(settings="max_user_connections = 2", users=users)
    live, ini = console.live(), console.ini()
    if version_of(live) < (1, 23):
        limit = values(live)["max_user_connections"]
        assert isinstance(limit, Unknown)
        assert "doesn't show the limits of single users" in limit.why
        assert not pooler(tmp_path, live).max_user_connections  # the larger number
    else:
        assert values(live)["users.payments.max_user_connections"] == 3
        assert pooler(tmp_path, (*ini, *version(live))) == pooler(tmp_path, live)


def test_sizes_of_users(start: Callable[..., Console], tmp_path: Path) -> None:
    if version_of(start().live()) < (1, 23):
        pytest.skip("before 1.23 users have no size of their own")
    console = start(
        users="bookings = pool_size=50 reserve_pool_size=2\nreader = pool_size=6\nz = pool_size=1"
    )
    live, ini = console.live(), console.ini()
    by_console, by_file = pooler(tmp_path, live), pooler(tmp_path, (*ini, *version(live)))
    if version_of(live) >= (1, 26):
        assert by_console == by_file
    for said, shown in zip(by_file.aliases, by_console.aliases, strict=True):
        for user, size in said.pool_sizes.items():
            assert shown.pool_sizes[user] >= size


def test_a_fallback_is_seen_once_somebody_asked_for_it(
    start: Callable[..., Console], database_url: str
) -> None:
    console = start(databases="[databases]\n* = {to} pool_size=3 auth_user=boss")
    assert not [key for key in values(console.live()) if key.startswith("databases")]
    assert values(console.ini())["databases.*.pool_size"] == 3
    database = str(conninfo_to_dict(database_url)["dbname"])
    with pytest.raises(psycopg.OperationalError):  # the server doesn't know this user
        psycopg.connect(console.url("payments", database=f"/{database}"), connect_timeout=5)
    assert values(console.live())[f"databases.{database}.pool_size"] == 3


def test_origins_say_what_was_asked_and_when(start: Callable[..., Console]) -> None:
    live = start().live()
    origins = {".".join(reading.path[2:]): reading.origin for reading in live}
    when = r" at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    assert re.fullmatch(f"PgBouncer SHOW CONFIG default_pool_size{when}", origins["default_pool_size"])
    assert re.fullmatch(
        rf"PgBouncer SHOW DATABASES orders\.pool_size{when}", origins["databases.orders.pool_size"]
    )
    assert "databases.pgbouncer.pool_size" not in origins
    assert not [key for key in origins if key.startswith("users.pgbouncer")]


@pytest.mark.parametrize(
    ("user", "password", "expected"),
    [
        ("payments", PASSWORD, "/pgbouncer: the console is not for this user; add its user to stats_users"),
        ("kc", "verkehrt", "authentication failed"),
        ("nobody", PASSWORD, "authentication failed"),
    ],
)
def test_who_may_not_ask(start: Callable[..., Console], user: str, password: str, expected: str) -> None:
    url = start().url(user, password)
    with pytest.raises(ServerError) as caught:
        list(pgbouncer_live.read(SourceTable(kind="pgbouncer-live", url=url)))
    message = str(caught.value)
    assert expected in message
    assert "\n" not in message
    assert password not in message


def test_the_password_comes_from_the_environment(
    start: Callable[..., Console], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = start().url(password="${KC_DB_POOLER_PASSWORD}")
    source = SourceTable(kind="pgbouncer-live", url=url, pooler="front")
    with pytest.raises(InputError, match="the environment has no KC_DB_POOLER_PASSWORD; set it"):
        list(pgbouncer_live.read(source))
    monkeypatch.setenv("KC_DB_POOLER_PASSWORD", PASSWORD)
    assert {reading.path[:2] for reading in pgbouncer_live.read(source)} == {("poolers", "front")}


def test_nobody_answers() -> None:
    url = "postgresql://kc:geheim@127.0.0.1:1"
    with pytest.raises(ServerError, match=r"^can't reach postgresql://kc@127\.0\.0\.1:1/pgbouncer: "):
        list(pgbouncer_live.read(SourceTable(kind="pgbouncer-live", url=url)))


def test_a_server_is_no_pooler(database_url: str) -> None:
    url = re.sub(r"/kc_test_\w+", "/", database_url)
    with pytest.raises(ServerError, match="pgbouncer"):  # it has no such database
        list(pgbouncer_live.read(SourceTable(kind="pgbouncer-live", url=url)))
