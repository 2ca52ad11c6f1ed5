"""How far a run over databases is: a bar on a terminal, else a line per database. All of it on stderr."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kc_db.logs import log

if TYPE_CHECKING:
    from rich.progress import Progress

_PATIENCE_S = 2.0
Advance = Callable[[str], None]


@contextmanager
def shown_progress(total: int | None, *, bar: bool) -> Iterator[Advance]:
    """While the block runs, shows how many databases are done.

    Args:
        total: how many there are; None for one alone, of which a bar is shown after two seconds only.
        bar: whether a bar may be drawn, if stderr is a terminal.

    Yields:
        To be called with a line about each database as it is done.
    """
    if not (bar and sys.stderr.isatty()):
        yield log.info if total else _say_nothing
    elif total:
        progress = _bar(counted=True)
        task = progress.add_task("databases", total=total)
        with progress:
            yield lambda _: progress.advance(task)
    else:
        with _after_a_while():
            yield _say_nothing


@contextmanager
def _after_a_while() -> Iterator[None]:
    done = threading.Event()

    def show() -> None:
        if not done.wait(_PATIENCE_S):
            progress = _bar(counted=False)
            progress.add_task("reading and comparing", total=None)
            with progress:
                done.wait()

    watcher = threading.Thread(target=show, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _bar(*, counted: bool) -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        *([MofNCompleteColumn()] if counted else []),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def _say_nothing(_: str) -> None:
    """There is one database, and the report says all of it."""
