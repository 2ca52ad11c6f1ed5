"""Looks at a statement from a second connection while it runs, once it takes longer than a second."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from kc_db.database import Connection, second_connection
from kc_db.indexes.steps import Step
from kc_db.logs import log, log_terminal
from kc_db.online.blockers import as_text, describe
from kc_db.online.progress.board import Board
from kc_db.online.progress.figures import Figures, Meter
from kc_db.sql import load_sql

if TYPE_CHECKING:
    from rich.progress import TaskID

_PATIENCE_S = 1.0
_POLL_S = 0.5
_REPEAT_S = 10.0
_RETRY_S = 2.0
_GOODBYE_S = 2.0
_boards: dict[int, Board] = {}
_boards_lock = threading.Lock()


@contextmanager
def reported_progress(connection: Connection, step: Step) -> Iterator[None]:
    """While the connection runs a step, says how far it is: a bar on a terminal, else lines.

    A line comes with each phase and every ten seconds. Progress is a remark: where no second connection can
    be had, or is lost, the build goes on, the bar shows the time, and the connection is tried again.
    """
    finished = threading.Event()
    shown = _shown(step, time.monotonic())
    watcher = threading.Thread(
        target=_watch, args=(connection, connection.info.backend_pid, shown, finished), daemon=True
    )
    watcher.start()
    try:
        yield
    finally:
        finished.set()
        watcher.join(_GOODBYE_S)  # a pooler, or a server that is gone, may hold it up: it ends by itself
        shown.end()


def _watch(connection: Connection, pid: int, shown: "_Shown", finished: threading.Event) -> None:
    import psycopg

    if finished.wait(_PATIENCE_S):
        return
    shown.begin()
    while not finished.is_set():
        try:
            with second_connection(connection, "progress") as second:
                while not finished.is_set():
                    shown.show(_look(second, pid))
                    finished.wait(_POLL_S)
        except psycopg.Error:
            finished.wait(_RETRY_S)


def _look(second: Connection, pid: int) -> Figures:
    row = second.execute(load_sql("kc_db.online", "build_progress"), {"pid": pid}).fetchone()
    if row is None:
        return Figures()
    *figures, pids = row
    return replace(Figures(*figures), blockers=describe(second, pids) if pids else ())


class _Shown(Protocol):
    def begin(self) -> None:
        """The statement has taken a second."""

    def show(self, figures: Figures) -> None:
        """After each look."""

    def end(self) -> None:
        """The statement has ended, whether it began to be shown or not."""


class _Lines:
    """One for each phase, for others who block, and every ten seconds."""

    def __init__(self, name: str, started: float) -> None:
        self._name, self._started = name, started
        self._said: object = None
        self._said_at = 0.0

    def begin(self) -> None:
        """A line needs no preparation."""

    def show(self, figures: Figures) -> None:
        now = time.monotonic()
        news = (figures.words, figures.blocked_by)
        if news != self._said or now - self._said_at > _REPEAT_S:
            blocked = f"blocked by {as_text(figures.blockers)}" if figures.blockers else ""
            said = ", ".join(filter(None, (figures.words, figures.counted, blocked)))
            log.info("%s: %.0f s, %s", self._name, now - self._started, said)
            self._said, self._said_at = news, now

    def end(self) -> None:
        """Nor an end."""


class _Bar:
    """A bar; who blocks is a line above it."""

    def __init__(self, board: Board, name: str, started: float) -> None:
        self._board, self._name, self._started = board, name, started
        self._meter = Meter(started)
        self._bar: TaskID | None = None
        self._ended = False
        self._lock = threading.Lock()
        self._blocked_by: object = frozenset()

    def begin(self) -> None:
        with self._lock:
            if not self._ended:
                self._bar = self._board.add(self._name, self._started)

    def show(self, figures: Figures) -> None:
        if figures.blockers and figures.blocked_by != self._blocked_by:
            log.info("%s: %s, blocked by %s", self._name, figures.words, as_text(figures.blockers))
        self._blocked_by = figures.blocked_by
        if self._bar is not None:
            self._board.show(self._bar, self._meter.view(figures, time.monotonic()))

    def end(self) -> None:
        with self._lock:
            self._ended = True
            if self._bar is not None:
                self._board.remove(self._bar)
                self._bar = None


def _shown(step: Step, started: float) -> _Shown:
    name = step.builds or str(step.table)
    handler = log_terminal()
    if handler is None:
        return _Lines(name, started)
    with _boards_lock:
        board = _boards.setdefault(id(handler), Board(handler))
    return _Bar(board, name, started)
