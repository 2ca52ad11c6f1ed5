"""Real PgBouncers for torture.budget: clients fill every pool, and the server's connections are counted."""

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg.conninfo import conninfo_to_dict

from kc_db.embedded import running
from tests.servers import FAST
from torture.budget_bouncers import (
    AUTH_USER,
    FORCED,
    USERS,
    Bouncer,
    Room,
    budgeted,
    fullest,
    ini_text,
    rooms,
)

_PATIENCE_S = 8.0
_SETTLED_S = 0.25  # a backend that PgBouncer has left takes a moment to go
_CROWDED_S = 0.6  # more than reserve_pool_timeout and PgBouncer's own looking around (every 0.33 s)
_POLL_S = 0.02
_TRIES = 50
_EXTRA = 2
_COUNT = """
SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
_END = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
_HOLD = {"session": b"SELECT 1", "transaction": b"BEGIN; SELECT 1", "statement": b"SELECT pg_sleep(600)"}
_LEAVE = {"session": b"SELECT 1", "transaction": b"COMMIT", "statement": b"SELECT 1"}

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Measured:
    """What has been seen of one configuration.

    Attributes:
        budgeted: what kc-db says.
        peak: most connections that were on the server.
        clients: how many came.
        log: what PgBouncer has written, if the two differ.
    """

    budgeted: int
    peak: int
    clients: int
    log: str = ""

    @property
    def is_equal(self) -> bool:
        """Whether kc-db is right."""
        return self.budgeted == self.peak


class _Started(NamedTuple):
    """A PgBouncer that runs."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path


class Lab:
    """A PostgreSQL server, and a PgBouncer's program.

    Args:
        conninfo: the server's.
        program: PgBouncer's.
        folder: for its files; others may read it.
    """

    def __init__(self, conninfo: str, program: str, folder: Path) -> None:
        self.version = _version(program)
        self._program, self._folder = program, folder
        parts = conninfo_to_dict(conninfo)
        self._to = f"host={parts['host']} port={parts['port']}"
        self._connection = psycopg.connect(conninfo, autocommit=True)
        for user in (*USERS, FORCED, AUTH_USER):
            power = "SUPERUSER" if user == AUTH_USER else ""
            self._connection.execute(f"CREATE ROLE {user} LOGIN {power} PASSWORD '{user}'".encode())

    @classmethod
    @contextmanager
    def at(cls, program: str, folder: Path, binaries: Path | None = None) -> Iterator["Lab"]:
        """A lab with a server of its own, for as long as the block runs."""
        folder.chmod(0o755)
        settings = {**FAST, "max_connections": "200", "password_encryption": "md5"}
        with running(folder / "server", binaries=binaries, settings=settings) as conninfo:
            lab = cls(conninfo, program, folder)
            try:
                yield lab
            finally:
                lab.close()

    def close(self) -> None:
        """Disconnects."""
        self._connection.close()

    def count(self) -> int:
        """How many server connections there are."""
        row = self._connection.execute(_COUNT.encode()).fetchone()
        assert row is not None
        return int(row[0])

    def measure(self, bouncer: Bouncer) -> Measured:
        """Fills a PgBouncer, then crowds it, and counts."""
        expected = budgeted(bouncer)
        with ExitStack() as stack:
            started = [stack.enter_context(self._started(bouncer)) for _ in range(bouncer.processes)]
            load = _Load(self, bouncer, [one.port for one in started], [one.process.kill for one in started])
            asyncio.run(load.run())
            log = "\n".join(one.log.read_text() for one in started)
        self._connection.execute(_END.encode())
        deadline = time.monotonic() + _PATIENCE_S
        while self.count() and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        return Measured(expected, load.peak, load.clients, "" if load.peak == expected else log)

    @contextmanager
    def _started(self, bouncer: Bouncer) -> Iterator[_Started]:
        with tempfile.TemporaryDirectory(dir=self._folder, prefix="bouncer-") as name:
            folder, port = Path(name), _free_port()
            folder.chmod(0o755)
            known = (AUTH_USER,) if bouncer.has_auth_query else (*USERS, FORCED)
            (folder / "users.txt").write_text("".join(f'"{user}" "{user}"\n' for user in known))
            ini = folder / "pgbouncer.ini"
            ini.write_text(ini_text(bouncer, self._to, port, folder / "users.txt"))
            with (folder / "log").open("wb") as log:
                process = subprocess.Popen(_as_nobody([self._program, str(ini)]), stdout=log, stderr=log)
            try:
                _await(port, process, folder / "log")
                yield _Started(port, process, folder / "log")
            finally:
                process.kill()
                process.wait()


class _Load:
    """The clients of one configuration.

    Attributes:
        peak: most server connections so far; what lasts only until a backend has gone doesn't count.
        clients: how many came.
    """

    def __init__(
        self, lab: Lab, bouncer: Bouncer, ports: Sequence[int], kills: Sequence[Callable[[], None]]
    ) -> None:
        self.peak = 0
        self.clients = 0
        self._lab, self._bouncer, self._ports, self._kills = lab, bouncer, ports, kills
        self._tasks: list[asyncio.Task[None]] = []
        self._served = 0
        self._leave = asyncio.Event()

    async def run(self) -> None:
        """First as many as fit at best, then more for each pool.

        Who comes first decides how far limits are used, so that the first clients are those of a largest
        flow. Where fewer clients may be there than that, they come pool by pool, and leave idle server
        connections behind.
        """
        plan = fullest(list(rooms(self._bouncer)))
        total = sum(count for _, count in plan)
        if total <= self._bouncer.settings["max_client_conn"]:
            await self._fill(plan, total)
        else:
            so_far = 0
            for room, count in plan:
                so_far += count
                await self._fill([(room, count)], so_far)
                await self._empty()
        self._come([(room, _EXTRA) for room, _ in plan])
        await self._watch(_CROWDED_S)
        for kill in self._kills:  # which ends every client, whatever it waits for
            kill()
        self._leave.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _fill(self, plan: Sequence[tuple[Room, int]], total: int) -> None:
        self._come(plan)
        deadline = time.monotonic() + _PATIENCE_S
        is_told = self._bouncer.pool_mode != "statement"  # there a client holds on by one long statement
        wanted = sum(count for room, count in plan if room.client and is_told) * len(self._ports)
        while time.monotonic() < deadline:
            await self._watch(_POLL_S)
            if self.peak >= total * len(self._ports) and self._served >= wanted:
                break

    async def _empty(self) -> None:
        self._leave.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks, self._served, self._leave = [], 0, asyncio.Event()

    def _come(self, plan: Sequence[tuple[Room, int]]) -> None:
        for room, count in plan:
            for port in [*self._ports] * (count if room.client else 0):
                self.clients += 1
                self._tasks.append(asyncio.create_task(self._client(port, room.alias, str(room.client))))

    async def _client(self, port: int, alias: str, user: str) -> None:
        with suppress(psycopg.Error):  # it waits for long, or is refused: the server's connections count
            async with await self._admitted(port, alias, user) as connection:
                await connection.execute(_HOLD[self._bouncer.pool_mode])
                self._served += 1
                await self._leave.wait()
                await connection.execute(_LEAVE[self._bouncer.pool_mode])

    async def _admitted(self, port: int, alias: str, user: str) -> psycopg.AsyncConnection[Any]:
        """A client's connection. PgBouncer may not have seen yet that those before it have left."""
        for patience in range(_TRIES, 0, -1):
            try:
                return await psycopg.AsyncConnection.connect(
                    f"host=127.0.0.1 port={port} sslmode=disable gssencmode=disable",
                    dbname=alias,
                    user=user,
                    password=user,
                    autocommit=True,
                    prepare_threshold=None,
                )
            except psycopg.OperationalError as error:
                if patience == 1 or "max_client_conn" not in str(error):
                    raise
                await asyncio.sleep(_POLL_S)
        raise AssertionError

    async def _watch(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while True:
            seen = self._lab.count()
            if seen > self.peak:
                await asyncio.sleep(_SETTLED_S)
                self.peak = max(self.peak, min(seen, self._lab.count()))
            if time.monotonic() > deadline:
                return
            await asyncio.sleep(_POLL_S)


def find_pgbouncer(named: str | None = None) -> str | None:
    """The program's path: the named one, KC_DB_PGBOUNCER, or where Debian puts it."""
    named = named or os.environ.get("KC_DB_PGBOUNCER")
    return named or shutil.which("pgbouncer", path=f"{os.environ.get('PATH')}:/usr/sbin")


def _version(program: str) -> tuple[int, int]:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    major, minor, *_ = said.split()[1].split(".")
    return int(major), int(minor)


def _as_nobody(command: list[str]) -> list[str]:
    """PgBouncer refuses to run as root, and the server's socket may be root's alone."""
    if os.geteuid():
        return command
    powers = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *powers, *command]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _await(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(_POLL_S)
    raise RuntimeError(f"PgBouncer doesn't start: {log.read_text()}")
