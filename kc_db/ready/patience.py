"""No server makes kc-db wait longer than it was told to: who asks and who waits are two threads."""

import gc
import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

from kc_db.database import Connection
from kc_db.ready.model import Look

_POLL_S = 1.0
Outcome = TypeVar("Outcome")


def within(
    timeout_s: float, checks: Sequence[str], ask: Callable[[Callable[[Connection], None]], Iterator[Look]]
) -> tuple[Look, ...]:
    """The looks that ended in time; of the one that didn't, that it didn't.

    Args:
        timeout_s: for all of them, in seconds.
        checks: their names, in order.
        ask: makes them, and passes on the connection once it has one.

    Raises:
        Exception: what `ask` raised.
    """
    ended: SimpleQueue[Look | BaseException | None] = SimpleQueue()
    connections: list[Connection] = []
    began = time.monotonic()

    def work() -> None:
        try:
            for look in ask(connections.append):
                ended.put(look)
            ended.put(None)
        except BaseException as error:  # noqa: BLE001 - it goes to the thread that waits
            ended.put(error)

    Thread(target=work, daemon=True).start()  # a daemon: the process ends, whatever the server does
    seen: list[Look] = []
    before = 0.0
    while True:
        try:
            outcome = ended.get(timeout=max(began + timeout_s - time.monotonic(), 0.001))
        except Empty:
            _hang_up(connections)
            hung = Look(checks[len(seen)], timeout_s * 1000 - before, error=_too_late(timeout_s))
            return (*seen, hung)
        if isinstance(outcome, BaseException):
            raise outcome
        if outcome is None:
            return tuple(seen)
        seen.append(outcome)
        before += outcome.ms


def until(
    good: Callable[[Outcome], bool],
    attempt: Callable[[], Outcome],
    *,
    wait_s: float,
    tell: Callable[[Outcome], None],
) -> Outcome:
    """The first good outcome, or the last one when the time is up.

    Args:
        good: whether to stop.
        attempt: makes an outcome.
        wait_s: how long to try, in seconds; the last attempt may take longer. 0: once.
        tell: gets each outcome that isn't the last.

    Raises:
        Exception: what `attempt` raised.
    """
    end = time.monotonic() + wait_s
    while True:
        outcome = attempt()
        left = end - time.monotonic()
        if good(outcome) or left <= 0:
            return outcome
        tell(outcome)
        gc.collect()  # the command line turns the collector off, and this may go on for an hour
        time.sleep(min(_POLL_S, left))


def _too_late(timeout_s: float) -> str:
    return f"no answer in time: all questions together may take {timeout_s:g} s (--timeout)"


def _hang_up(connections: Sequence[Connection]) -> None:
    """Wakes the thread that waits for the server: its connection ends, so that polls don't pile up."""
    for connection in connections:
        with suppress(Exception), socket.socket(fileno=os.dup(connection.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)
