"""The report's bars as a picture for a README or a pull request: SVG that reads well in light and in dark.

One panel per chart. Everything gets its place here, in pixels; `svg.jinja` holds the marks and the colours.
Which font draws it is not known, so that texts are taken to be as wide as in a wide one.
"""

import math
import re
from collections.abc import Iterator, Sequence
from importlib.resources import files
from itertools import accumulate, takewhile
from typing import NamedTuple

from kc_db.report import Report
from kc_db.report.charts import Bar, Chart

_WIDTH, _EDGE = 880, 20
_RIGHT = _WIDTH - _EDGE
_INNER = _RIGHT - _EDGE
_TEXT, _CLAUSE = 12, 13  # sizes of fonts, as in svg.jinja,
_STRONG, _HEADING, _TITLE = 13.2, 15.4, 17.6  # and of 12, 14 and 16, which are bold: a tenth wider
_LINE, _LEGEND, _BETWEEN, _GAP = 23, 26, 28, 8
_HEAD, _AXIS = 52, 20  # above and below the bars
_ROW, _BAR = 21, 13
_SUM_ROW, _SUM_BAR = 52, 22
_LABEL = 200
_PLOT = _EDGE + _LABEL + 10  # where bars begin
_ROOM = 130  # at least so much is kept for the numbers to the right of the longest bar
_LEAST_BAR = 2  # what isn't nothing can be seen
_TICKS = 6
# What XML can't hold, not even escaped: https://www.w3.org/TR/xml/#charsets
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# Widths in em, at least those of DejaVu Sans, the widest of the fonts that svg.jinja names.
_EMS = {
    character: ems
    for ems, characters in (
        (0.37, " ijlI.,:;'|"),
        (0.45, "ftr()[]/-!"),
        (0.61, "ckszvxy"),
        (1.0, "mwMW%@+=&<>#~"),
    )
    for character in characters
}
_USUAL, _CAPITAL, _FOREIGN = 0.66, 0.8, 1.2


class _Text(NamedTuple):
    """A text and where it begins, at its base line."""

    x: float
    y: float
    text: str


class _Part(NamedTuple):
    """A part of a bar: `steady`, `added`, or `over` the limit."""

    x: float
    width: float
    kind: str


class _Row(NamedTuple):
    """A bar in its place."""

    bar: Bar
    top: float
    height: float
    name: _Text
    parts: tuple[_Part, ...]
    numbers: _Text
    made_of: _Text


class _Panel(NamedTuple):
    """A chart in its place; `limit_x` is None if nobody knows the limit."""

    chart: Chart
    title: str
    verdict: str
    is_over: bool
    top: float
    bottom: float
    limit_x: float | None
    ticks: tuple[_Text, ...]
    rows: tuple[_Row, ...]


def render(report: Report) -> str:
    """The picture; nothing in it changes from run to run. Without charts it is the headline alone."""
    from jinja2 import Environment, StrictUndefined  # for this format only: it takes a while

    environment = Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    template = environment.from_string(files(__package__).joinpath("svg.jinja").read_text(encoding="utf-8"))
    kind, title = _title(report.headline)
    legend_y = title[-1].y + _LEGEND
    panels = list(_panels(report.charts, legend_y + _BETWEEN))
    bottom = panels[-1].bottom + _AXIS if panels else title[-1].y
    picture = template.render(
        report=report,
        size=(_WIDTH, bottom + _BETWEEN + _EDGE),
        edges=(_EDGE, _PLOT, _RIGHT),
        kind=kind,
        title=title,
        legend=list(_legend(panels, legend_y)),
        panels=panels,
        footer=_shortened(f"kc-db {report.command}: {report.target}", _INNER),
    )
    return _NOT_XML.sub("\ufffd", picture).rstrip()


def _title(headline: str) -> tuple[str, list[_Text]]:
    """How the headline is written, and its lines: it has a clause for each chart."""
    clauses = headline.split("; ")
    kind, size = ("title", _TITLE) if len(clauses) == 1 else ("clause", _CLAUSE)
    lines = [line for clause in clauses for line in _wrapped(clause, _INNER, size)]
    return kind, [_Text(_EDGE, _EDGE + _LINE * number + _CLAUSE, line) for number, line in enumerate(lines)]


def _legend(panels: Sequence[_Panel], y: float) -> Iterator[tuple[str, _Text]]:
    """What the picture shows, each thing with its place and words."""
    shown = {"steady": "at any time", "added": "what a deploy adds"} if panels else {}
    if any(panel.limit_x is not None for panel in panels):
        shown["limit"] = "what may be taken"
    if any(panel.is_over for panel in panels):
        shown["over"] = "too many"
    x: float = _EDGE
    for kind, words in shown.items():
        yield kind, _Text(x, y, words)
        x += _width(words) + 5 * _GAP


def _panels(charts: Sequence[Chart], top: float) -> Iterator[_Panel]:
    for chart in charts:
        panel = _panel(chart, top)
        yield panel
        top = panel.bottom + _AXIS + _BETWEEN


def _panel(chart: Chart, top: float) -> _Panel:
    scale = _Scale(chart)
    worst = chart.bars[-1].whole if chart.bars else 0
    is_over = chart.limit is not None and worst > chart.limit
    verdict = _verdict(worst, chart.limit)
    rows = tuple(_rows(scale, top + _HEAD))
    bottom = rows[-1].top + rows[-1].height + _GAP if rows else top + _HEAD
    return _Panel(
        chart=chart,
        title=_shortened(chart.title, _INNER - _width(verdict, _HEADING) - 2 * _GAP, _HEADING),
        verdict=verdict,
        is_over=is_over,
        top=top,
        bottom=bottom,
        limit_x=None if chart.limit is None else scale.limit_x,
        ticks=tuple(_Text(scale.x(count), bottom + _AXIS - 4, str(count)) for count in _ticks(chart.longest)),
        rows=rows,
    )


def _verdict(worst: int, limit: int | None) -> str:
    if limit is None:
        return f"{worst}, and nobody knows the limit"
    left = f"{limit - worst} left" if worst <= limit else f"{worst - limit} too many"
    return f"{worst} of {limit}: {left}"


class _Scale:
    """How a chart's numbers become places; what has no limit has it infinitely far away."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self.numbers = [f"{bar.steady} + {bar.added}" if bar.added else str(bar.steady) for bar in chart.bars]
        if chart.bars and chart.bars[-1].added:
            self.numbers[-1] += f" = {chart.bars[-1].whole}"
        widest = max((_width(numbers, _STRONG) for numbers in self.numbers), default=0)
        self._per_connection = (_RIGHT - max(_ROOM, widest + 2 * _GAP) - _PLOT) / chart.longest
        self.limit_x = math.inf if chart.limit is None else self.x(chart.limit)

    def x(self, count: int) -> float:
        """Where a number stands."""
        return round(_PLOT + count * self._per_connection, 1)

    def beside(self, end: float, width: float) -> float:
        """Where a text begins that stands to the right of something, and not across the limit."""
        crosses = end <= self.limit_x < end + _GAP + width + _GAP
        return (self.limit_x if crosses else end) + _GAP


def _rows(scale: _Scale, top: float) -> Iterator[_Row]:
    last = len(scale.numbers) - 1
    for number, bar in enumerate(scale.chart.bars):
        if number < last:
            yield _row(bar, scale, top + number * _ROW, scale.numbers[number])
        else:
            yield _sum_row(bar, scale, top + number * _ROW, scale.numbers[number])


def _row(bar: Bar, scale: _Scale, top: float, numbers: str) -> _Row:
    parts = tuple(_parts(bar, scale))
    y = top + _BAR - 2
    x = scale.beside(_end(parts), _width(numbers))
    made_of_x = scale.beside(x + _width(numbers), _width(bar.made_of))
    return _Row(
        bar=bar,
        top=top,
        height=_BAR,
        name=_Text(_EDGE, y, _shortened(bar.name, _LABEL)),
        parts=parts,
        numbers=_Text(x, y, numbers),
        made_of=_Text(made_of_x, y, _shortened(bar.made_of, _RIGHT - made_of_x)),
    )


def _sum_row(bar: Bar, scale: _Scale, top: float, numbers: str) -> _Row:
    """Taller, with what it is made of below its name."""
    parts = tuple(_parts(bar, scale))
    middle = top + _SUM_ROW // 2
    return _Row(
        bar=bar,
        top=middle - _SUM_BAR // 2,
        height=_SUM_BAR,
        name=_Text(_EDGE, middle - 3, _shortened(bar.name, _LABEL, _STRONG)),
        parts=parts,
        numbers=_Text(scale.beside(_end(parts), _width(numbers, _STRONG)), middle + 4, numbers),
        made_of=_Text(_EDGE, middle + 12, _shortened(bar.made_of, _LABEL)),
    )


def _parts(bar: Bar, scale: _Scale) -> Iterator[_Part]:
    """From the left to the right; what is over the limit is drawn over the rest."""
    x: float = _PLOT
    for kind, count in (("steady", bar.steady), ("added", bar.added)):
        if count:
            width = max(_LEAST_BAR, scale.x(count) - _PLOT)
            yield _Part(x, round(width, 1), kind)
            x += width
    if x > scale.limit_x and bar.whole > (scale.chart.limit or 0):
        yield _Part(scale.limit_x, round(x - scale.limit_x, 1), "over")


def _end(parts: Sequence[_Part]) -> float:
    return parts[-1].x + parts[-1].width if parts else _PLOT


def _ticks(longest: int) -> range:
    """Round numbers: a power of ten, or twice or five times that, as many as fit."""
    magnitude = 10 ** int(math.log10(longest))
    steps = (magnitude // 10, magnitude // 5, magnitude // 2, magnitude, 2 * magnitude)
    return range(0, longest + 1, next(step for step in steps if step * _TICKS >= longest))


def _wrapped(text: str, room: float, size: float) -> Iterator[str]:
    """The lines of a text; a word that no line can hold is shortened."""
    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if line and _width(longer, size) > room:
            yield line
            longer = word
        line = _shortened(longer, room, size)
    yield line


def _shortened(text: str, room: float, size: float = _TEXT) -> str:
    """As much of a text as there is room for, in pixels; what is missing is missing in its middle."""
    if _width(text, size) <= room:
        return text
    half = (room - size) / 2
    return f"{_beginning(text, half, size)}…{_beginning(text[::-1], half, size)[::-1]}" if half > 0 else ""


def _beginning(text: str, room: float, size: float) -> str:
    ends = accumulate(size * _ems(character) for character in text)
    return text[: sum(1 for _ in takewhile(room.__ge__, ends))].rstrip()


def _width(text: str, size: float = _TEXT) -> float:
    """How wide a text is at most, in pixels."""
    return size * sum(map(_ems, text))


def _ems(character: str) -> float:
    usual = (_CAPITAL if character.isupper() else _USUAL) if character.isascii() else _FOREIGN
    return _EMS.get(character, usual)
