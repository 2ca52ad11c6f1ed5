"""Bars against a limit: what a text draws with blocks, and a picture with rectangles."""

from collections.abc import Iterator
from typing import NamedTuple

_WIDTH = 40
_STEADY, _ADDED, _LIMIT = "█", "▒", "│"


class Bar(NamedTuple):
    """One taker: what it takes at any time, what comes on top at times, and what that is made of."""

    name: str
    steady: int
    added: int
    made_of: str

    @property
    def whole(self) -> int:
        """What it takes when it takes most."""
        return self.steady + self.added


class Chart(NamedTuple):
    """Bars against one limit.

    Attributes:
        title: for people.
        limit: what may be taken; None if nobody knows.
        bars: the last one is the sum at the worst moment.
        subject: what the limit belongs to.
        is_exact: whether all numbers are known; else they are what is certain.
    """

    title: str
    limit: int | None
    bars: tuple[Bar, ...]
    subject: str
    is_exact: bool = True

    @property
    def longest(self) -> int:
        """The largest number to draw, at least 1."""
        return max(1, self.limit or 0, *(bar.whole for bar in self.bars))

    @property
    def worst(self) -> int:
        """What is taken at the worst moment."""
        return self.bars[-1].whole if self.bars else 0

    @property
    def excess(self) -> int:
        """How much too many that is, negative if some are left; 0 if nobody knows the limit."""
        return 0 if self.limit is None else self.worst - self.limit

    @property
    def verdict(self) -> str:
        """What the worst moment means for the limit, in a few words."""
        least = "" if self.is_exact else "at least "
        if self.limit is None:
            return f"{least}{self.worst}, and nobody knows the limit"
        left = f"{-self.excess} left" if self.is_exact else "unproven"
        if self.excess > 0:
            left = f"{self.excess} too many"
        return f"{least}{self.worst} of {self.limit}: {left}"


def rows(chart: Chart) -> Iterator[tuple[str, ...]]:
    """A row for each bar: name, made of, steady, added, and the bar with the limit marked in it."""
    for bar in chart.bars:
        yield bar.name, bar.made_of, str(bar.steady), str(bar.added), _drawn(bar, chart.longest, chart.limit)


def _drawn(bar: Bar, longest: int, limit: int | None) -> str:
    steady, whole = _cells(bar.steady, longest), _cells(bar.whole, longest)
    if bar.added and whole == steady:
        whole += 1
    cells = (_STEADY * steady + _ADDED * (whole - steady)).ljust(_WIDTH + 1)
    if limit is None:
        return cells.rstrip()
    at = limit * _WIDTH // longest
    return (cells[:at] + _LIMIT + cells[at:]).rstrip()


def _cells(count: int, longest: int) -> int:
    """At least one cell for what isn't nothing, and none beyond a limit that is kept."""
    return max(count * _WIDTH // longest, 1 if count else 0)
