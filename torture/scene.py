"""A deploy under observation: its process, those who stand in its way, and somebody who watches."""

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from random import Random
from typing import LiteralString

import psycopg

from tests.deploys import start
from torture.machine import Connection, Machine

_HANGS_S = 90.0
_COMES_WITHIN_S = 30.0
_QUICK_POLL_S = 0.0003
_SLICE_S = 0.1


class MissedError(Exception):
    """The deploy was over before the moment came."""


class StoppedError(Exception):
    """Somebody has stopped the whole."""


class Scene:
    """One deploy of one database.

    Args:
        machine: its server.
        url: of the database.
        random: where chance comes from.
        stop: set when all is to end.

    Attributes:
        process: the deploy, once it is started.
        duration_s: how long an undisturbed one takes from its first connection on.
    """

    def __init__(self, machine: Machine, url: str, random: Random, stop: threading.Event) -> None:
        self.machine = machine
        self.url = url
        self.random = random
        self.process: subprocess.Popen[str]
        self.duration_s = 0.0
        self._stop = stop
        self._watcher = self._connect()
        self._holders: list[Connection] = []

    def hold(self, *statements: LiteralString) -> Connection:
        """Somebody else's session, which keeps what it has until release()."""
        holder = self._connect()
        self._holders.append(holder)
        for statement in statements:
            holder.execute(statement)
        return holder

    def release(self, *holders: Connection) -> None:
        """Lets these go, or all."""
        for holder in holders or tuple(self._holders):
            self._holders.remove(holder)
            with suppress(psycopg.Error):
                holder.close()

    def release_others(self, keep: Connection) -> None:
        """Lets all go but one."""
        self.release(*(holder for holder in self._holders if holder is not keep))

    def ask(self, question: LiteralString) -> object:
        """The first value that the server answers."""
        row = self._watcher.execute(question).fetchone()
        return row[0] if row else None

    def wait_for(self, question: LiteralString) -> None:
        """Until the answer is true.

        Raises:
            MissedError: the deploy is over.
        """
        deadline = time.monotonic() + _COMES_WITHIN_S
        while not self.ask(question):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise MissedError
            self.sleep(_QUICK_POLL_S)

    def sleep(self, duration_s: float) -> None:
        """Waits, unless all is to end."""
        if self._stop.wait(duration_s):
            raise StoppedError

    def finish(self, process: subprocess.Popen[str], patience_s: float = _HANGS_S) -> str | None:
        """What a process says on stderr until it ends; None if it doesn't in time."""
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            with suppress(subprocess.TimeoutExpired):
                return process.communicate(timeout=_SLICE_S)[1]
            self.sleep(0)
        return None

    def after_restart(self) -> None:
        """Connects the watcher again."""
        self._watcher.close()
        self._watcher = self._connect()

    def close(self) -> None:
        """Nobody is connected any more."""
        self.release()
        self._watcher.close()

    @contextmanager
    def deploying(self) -> Iterator[subprocess.Popen[str]]:
        """An `alembic upgrade head`; killed if the block fails."""
        with start("upgrade", "head", url=self.url) as process:
            yield process

    def _connect(self) -> Connection:
        return psycopg.connect(self.url, autocommit=True, application_name="torture")
