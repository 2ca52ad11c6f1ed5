"""What the scripts share: options, one worker per server, a clean end on Ctrl-C."""

import argparse
import signal
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.servers import MAJOR_VERSIONS
from torture.machine import WHERE, Machine, machine
from torture.scene import StoppedError

_POLL_S = 0.2
_INTERRUPTED = 130

Work = Callable[[Machine, threading.Event], None]


def parser(description: str) -> argparse.ArgumentParser:
    """The options that every script has."""
    parsed = argparse.ArgumentParser(description=description)
    parsed.add_argument(
        "--postgres",
        action="append",
        choices=WHERE,
        help="a server; may be repeated; by default 14 to 18",
    )
    parsed.add_argument("--seed", type=int, default=1, help="of the first one; each next one has the next")
    parsed.add_argument("--jobs", type=int, default=3, help="servers at a time")
    return parsed


def servers_of(arguments: argparse.Namespace) -> Sequence[str]:
    """The servers that were asked for."""
    return tuple(arguments.postgres or MAJOR_VERSIONS)


def on_each(servers: Sequence[str], jobs: int, work: Work) -> None:
    """Does the work on each server, some at a time; all servers are down afterwards.

    Args:
        servers: major versions, or `embedded`.
        jobs: how many at a time.
        work: what to do with one; ends soon after the event is set.

    Raises:
        SystemExit: a signal has stopped it.
    """
    stop = threading.Event()

    def one(where: str) -> None:
        if stop.is_set():
            return
        with (
            suppress(StoppedError),
            tempfile.TemporaryDirectory(prefix=f"torture-{where}-") as folder,
            machine(where, Path(folder) / "server") as started,
        ):
            work(started, stop)

    with _signals_set(stop), ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(one, where) for where in servers]
        _wait(futures, stop)
    if stop.is_set():
        sys.exit(_INTERRUPTED)


def _wait(futures: Sequence[Future[None]], stop: threading.Event) -> None:
    try:
        while wait(futures, timeout=_POLL_S).not_done:
            pass
        for future in futures:
            future.result()
    except BaseException:
        stop.set()
        raise


@contextmanager
def _signals_set(event: threading.Event) -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: event.set()) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def table(rows: Counter[tuple[str, str]], outcomes: Sequence[str]) -> Iterator[str]:
    """The lines of a table: what, and how often each outcome."""
    names = sorted({name for name, _ in rows})
    width = max(map(len, names), default=0)
    yield "  ".join([" " * width, *outcomes])
    for name in [*names, ""]:
        of_it = [
            sum(number for (row, outcome), number in rows.items() if outcome == column and name in ("", row))
            for column in outcomes
        ]
        figures = (
            str(number).rjust(len(column)) if number else " " * len(column)
            for number, column in zip(of_it, outcomes, strict=True)
        )
        yield "  ".join([(name or "all").ljust(width), *figures]).rstrip()
