"""The real server of one fleet in torture.budget, and everybody who is connected to it."""

import importlib
import os
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
from psycopg import pq, sql
from psycopg.conninfo import make_conninfo

from kc_db.embedded import running
from tests.servers import FAST
from torture.budget_fleets import Case, Crew

POOLS = "psycopg_pool" if find_spec("psycopg_pool") else "plain psycopg connections"
_REFUSED = b"53300 "  # too_many_connections, PostgreSQL manual, appendix A
_PRIVILEGED = "privileged"
_FIRST_WITH_RESERVED = 160_000
_PATIENCE_S = 20.0
_POLL_S = 0.002
PROBES = 3
_COUNTS = """
SELECT count(*) FILTER (WHERE backend_type = 'client backend'),
       count(*) FILTER (WHERE backend_type = 'walsender'),
       count(*) FILTER (WHERE backend_type = 'parallel worker')
FROM pg_stat_activity
"""

Connection = psycopg.Connection[Any]


class Pool:
    """A pool of one process, all of its connections open.

    Raises:
        psycopg.OperationalError: the server refuses one of them.
    """

    def __init__(self, conninfo: str, size: int) -> None:
        self.pids: list[int] = []
        self._stack = ExitStack()
        if find_spec("psycopg_pool"):
            self._open_real(conninfo, size)
            return
        for _ in range(size):
            self._see(self._stack.enter_context(_closing(psycopg.connect(conninfo))))

    def close(self) -> None:
        """Closes them; whose backend still is there, isn't gone yet."""
        self._stack.close()

    def _open_real(self, conninfo: str, size: int) -> None:
        real = importlib.import_module("psycopg_pool").ConnectionPool
        pool = real(conninfo, min_size=size, max_size=size, open=False, configure=self._see)
        self._stack.callback(pool.close)
        pool.open(wait=True, timeout=_PATIENCE_S)

    def _see(self, connection: Connection) -> None:
        self.pids.append(connection.info.backend_pid)


class Stage:
    """Opens and closes what starts and stops.

    Attributes:
        opened: connections opened for the fleet so far.
    """

    def __init__(self, conninfo: str, log: Path, case: Case) -> None:
        self.opened = 0
        self._conninfo, self._log, self._case = conninfo, log, case
        self._stack = ExitStack()
        self._there: dict[str, deque[list[Pool]]] = defaultdict(deque)
        self._superusers: list[Connection] = []
        self._pools = {crew.name: crew.pools for crew in case.crews}
        self._pools |= {_readers(crew): crew.reading for crew in case.crews}
        self._processes = {
            name: crew.processes for crew in case.crews for name in (crew.name, _readers(crew))
        }

    @classmethod
    @contextmanager
    def on(cls, folder: Path, binaries: Path, case: Case, needed: int) -> Iterator["Stage"]:
        """A server with `needed` slots, where only sessions that aren't the fleet's are connected."""
        site = case.site
        settings = {
            **FAST,
            "max_connections": str(needed),
            "superuser_reserved_connections": str(site.superuser_reserved),
            "log_line_prefix": "%e ",  # the SQLSTATE, which a refused client doesn't get from libpq
            "restart_after_crash": "off",
        }
        if site.reserved:
            settings["reserved_connections"] = str(site.reserved)
        with running(folder, binaries=binaries, settings=settings) as conninfo:
            _make_roles(conninfo, case)
            stage = cls(conninfo, folder / "log", case)
            try:
                stage.hold()
                yield stage
            finally:
                stage.close()

    def hold(self) -> None:
        """Connects those who take slots from the fleet, and those who are said not to."""
        site = self._case.site
        for _ in range(site.superusers + site.fillers):
            connection = psycopg.connect(self._conninfo, autocommit=True)
            self._superusers.append(self._stack.enter_context(_closing(connection)))
        for _ in range(site.privileged):
            privileged = psycopg.connect(make_conninfo(self._conninfo, user=_PRIVILEGED))
            self._stack.enter_context(_closing(privileged))
        for _ in range(site.walsenders):
            walsender = pq.PGconn.connect(make_conninfo(self._conninfo, replication="true").encode())
            self._stack.callback(walsender.finish)
            if walsender.exec_(b"IDENTIFY_SYSTEM").status != pq.ExecStatus.TUPLES_OK:
                raise RuntimeError(f"no walsender: {walsender.get_error_message()}")
        if site.has_parallel_query:
            self._run_in_parallel(self._superusers[-1])

    def close(self) -> None:
        """Closes everything."""
        for name, tasks in self._there.items():
            while tasks:
                self.apply(name, -1)
        self._stack.close()

    def apply(self, name: str, step: int) -> None:
        """A task, its readers or a session comes (1), or the oldest one goes (-1).

        Raises:
            psycopg.OperationalError: the server refuses a connection.
        """
        if step < 0:
            _close(self._there[name].popleft())
            return
        role = name.removesuffix(" readers")
        conninfo = make_conninfo(self._conninfo, user=role, application_name=name)
        task: list[Pool] = []
        self._there[name].append(task)
        for _ in range(self._processes.get(name, 1)):
            for size in self._pools.get(name, (1,)):
                task.append(Pool(conninfo, size))
                self.opened += size

    def look(self, expected: int) -> Iterator[str]:
        """What is wrong with who is connected: the fleet's connections, and nobody else's."""
        site = self._case.site
        if not site.superusers:
            return  # nobody is there who may look
        parallel = 0
        deadline = time.monotonic() + _PATIENCE_S
        while site.has_parallel_query and not parallel and time.monotonic() < deadline:
            parallel = self._counts()[2]
        clients, walsenders, _ = self._counts()
        if clients != expected + site.superuser_sessions:
            yield f"{clients} sessions, not {expected} and {site.superuser_sessions} of superusers"
        if walsenders != site.walsenders or (site.has_parallel_query and not parallel):
            yield f"{walsenders} walsenders, not {site.walsenders}; {parallel} parallel workers"

    def probe(self) -> int:
        """How many of some further ordinary connections are refused; others stay until all have tried."""
        refused = 0
        with ExitStack() as accepted:
            for number in range(PROBES):
                crew = self._case.crews[number % len(self._case.crews)]
                try:
                    connection = psycopg.connect(make_conninfo(self._conninfo, user=crew.name))
                except psycopg.OperationalError:
                    refused += 1
                else:
                    accepted.enter_context(_closing(connection))
        return refused

    def refusals(self) -> int:
        """How many connections the server has refused because there were too many."""
        return sum(line.startswith(_REFUSED) for line in self._log.read_bytes().splitlines())

    def _counts(self) -> tuple[int, int, int]:
        row = self._superusers[0].execute(_COUNTS).fetchone()
        assert row is not None
        return row[0], row[1], row[2]

    def _run_in_parallel(self, connection: Connection) -> None:
        is_old = connection.info.server_version < _FIRST_WITH_RESERVED
        connection.execute(f"SET {'force_parallel_mode' if is_old else 'debug_parallel_query'} = on".encode())
        connection.pgconn.send_query(b"SELECT pg_sleep(3600)")
        self._stack.callback(connection.cancel)


def _readers(crew: Crew) -> str:
    return f"{crew.name} readers"


@contextmanager
def _closing(connection: Connection) -> Iterator[Connection]:
    try:
        yield connection
    finally:
        connection.close()


def _close(task: list[Pool]) -> None:
    """A task has gone when its backends have: until then they hold their slots."""
    for pool in task:
        pool.close()
    deadline = time.monotonic() + _PATIENCE_S
    for pid in (pid for pool in task for pid in pool.pids):
        while _is_there(pid):
            if time.monotonic() > deadline:
                raise TimeoutError(f"backend {pid} doesn't go")
            time.sleep(_POLL_S)


def _is_there(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def _make_roles(conninfo: str, case: Case) -> None:
    roles = [crew.name for crew in case.crews]
    roles += [*case.site.fixed, *case.site.migration, _PRIVILEGED]
    with psycopg.connect(conninfo, autocommit=True) as connection:
        known = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
        for role in roles:
            if role not in known:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
        if connection.info.server_version >= _FIRST_WITH_RESERVED:
            grant = "GRANT pg_use_reserved_connections TO {}"
            connection.execute(sql.SQL(grant).format(sql.Identifier(_PRIVILEGED)))
        pid = connection.info.backend_pid
    deadline = time.monotonic() + _PATIENCE_S
    while _is_there(pid) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
