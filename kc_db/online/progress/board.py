"""Bars on a terminal, one for each build that runs, with the remarks above them."""

import threading
from typing import TYPE_CHECKING, TextIO

from kc_db.online.progress.figures import View

if TYPE_CHECKING:
    import logging

    from rich.console import Console
    from rich.progress import Progress, TaskID


class Board:
    """The bars of a terminal; it is there while there is one bar at least.

    Args:
        handler: writes the remarks onto the terminal; while there are bars, above them.
    """

    def __init__(self, handler: "logging.StreamHandler[TextIO]") -> None:
        self._handler = handler
        self._terminal = handler.stream
        self._lock = threading.Lock()
        self._progress: Progress | None = None

    def add(self, name: str, started_s: float) -> "TaskID":
        """A new bar, which turns until something is known.

        Args:
            name: stands before it.
            started_s: when that began, by time.monotonic().
        """
        with self._lock:
            if self._progress is None:
                self._progress = _bars(self._terminal)
                self._progress.start()
                self._handler.setStream(_Above(self._progress.console))  # type: ignore[arg-type]
            bar = self._progress.add_task(name, total=None, percent="", words="")
            self._progress.tasks[-1].start_time = started_s
            return bar

    def show(self, bar: "TaskID", view: View) -> None:
        """What is known now."""
        with self._lock:
            if self._progress is None or bar not in self._progress.task_ids:
                return  # a look that came back too late
            known = view.fraction is not None
            self._progress.update(
                bar,
                total=1.0 if known else None,
                completed=view.fraction or 0.0,
                percent=f"{int((view.fraction or 0) * 100)} %" if known else "",
                words=str(view),
            )

    def remove(self, bar: "TaskID") -> None:
        """The build has ended; with the last one the terminal is as it was."""
        with self._lock:
            if self._progress is None:
                return
            self._progress.remove_task(bar)
            if not self._progress.task_ids:
                self._handler.setStream(self._terminal)
                self._progress.stop()
                self._progress = None


class _Above:
    """A stream whose lines go above the bars, as they are: not wrapped, not coloured."""

    def __init__(self, console: "Console") -> None:
        self._console = console

    def write(self, text: str) -> None:
        self._console.print(text, end="", markup=False, highlight=False, emoji=False, soft_wrap=True)

    def flush(self) -> None:
        """Each write is a whole line."""

    def isatty(self) -> bool:
        """As what it stands for."""
        return True


def _bars(terminal: TextIO) -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.table import Column

    class Visible(Console):
        """A killed process leaves the cursor as it is: it stays visible."""

        def show_cursor(self, show: bool = True) -> bool:  # noqa: ARG002 - rich's own signature
            return False

    def text(field: str, share: int) -> TextColumn:
        cut = Column(no_wrap=True, overflow="ellipsis", ratio=share)
        return TextColumn(field, markup=False, table_column=cut)

    return Progress(
        SpinnerColumn(),
        text("{task.description}", 3),
        BarColumn(bar_width=None, table_column=Column(ratio=2, min_width=6)),
        TextColumn("{task.fields[percent]:>5}", markup=False, table_column=Column(width=5)),
        text("{task.fields[words]}", 7),
        TimeElapsedColumn(),
        console=Visible(file=terminal),
        transient=True,
        redirect_stdout=False,  # reports go there, and nothing else does
        expand=True,
    )
