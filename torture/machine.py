"""A server of its own that can crash, with templates of the states that a deploy may find."""

import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from kc_db.embedded import find_binaries
from kc_db.embedded import running as running_server
from tests.servers import FAST, MAJOR_VERSIONS, Server, fetch_binaries, server_at

WHERE = (*MAJOR_VERSIONS, "embedded")
_SETTINGS = {
    **FAST,
    "synchronous_commit": "on",  # what was committed outlives a crash of the server, as it does in production
    "log_statement": "ddl",  # the log says what was built
    "log_line_prefix": "%m [%p] %d ",
}
_PATIENCE_S = 60
_POLL_S = 0.01

Connection = psycopg.Connection[Any]


class Machine:
    """A running server.

    Args:
        where: a major version, or `embedded`.
        folder: keeps its files.

    Attributes:
        where: the same.
        durations_s: how long an undisturbed deploy takes from each state, as far as it was measured.
    """

    def __init__(self, where: str, folder: Path) -> None:
        self.where = where
        self.durations_s: dict[str, float] = {}
        self._folder = folder
        self._binaries = find_binaries() if where == "embedded" else fetch_binaries(where)
        self._stack = ExitStack()
        self._templates: dict[str, str] = {}
        self.server: Server = self._start()

    def close(self) -> None:
        """Stops the server, and waits until it is down."""
        self._stack.close()

    def crash(self) -> None:
        """What `pg_ctl stop -m immediate` does: no process of the server cleans anything up."""
        pid = int((self._folder / "data" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGQUIT)
        deadline = time.monotonic() + _PATIENCE_S
        while _is_running(pid):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the server (pid {pid}) doesn't stop")
            time.sleep(_POLL_S)

    def restart(self) -> None:
        """Starts a crashed server, which recovers; one that runs is left alone."""
        self.server = self._start()

    @contextmanager
    def database(self, state: str, make: Callable[[str], None]) -> Iterator[str]:
        """The URL of a fresh database in a state, which is dropped at the end.

        Args:
            state: the state's name.
            make: takes an empty database there; called once for each state.
        """
        if state not in self._templates:
            template = self._create("template0")
            make(self.server.url(template))
            self._templates[state] = template  # not before it is ready
        name = self._create(self._templates[state])
        try:
            yield self.server.url(name)
        finally:
            with suppress(psycopg.OperationalError):  # the server may be down
                self.server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def log(self) -> bytes:
        """All that the server has written since it started last."""
        return (self._folder / "log").read_bytes()

    def _start(self) -> Server:
        conninfo = self._stack.enter_context(
            running_server(self._folder, binaries=self._binaries, settings=_SETTINGS)
        )
        return server_at(conninfo)

    def _create(self, template: str) -> str:
        name = f"torture_{uuid.uuid4().hex[:12]}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        with connected(self.server.base_url) as connection:
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        return name


@contextmanager
def machine(where: str, folder: Path) -> Iterator[Machine]:
    """A server for as long as the block runs; it stops however that ends."""
    started = Machine(where, folder)
    try:
        yield started
    finally:
        started.close()


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """An autocommit connection."""
    with psycopg.connect(url, autocommit=True, application_name="torture") as connection:
        yield connection


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
