"""The report's bars as a picture for a README or a pull request: SVG that reads well in light and in dark.

One panel per chart. Everything gets its place here, in pixels; `svg.css` holds fonts and colours.
Which font draws it is not known, so that texts are taken to be as wide as in a wide one.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import accumulate, takewhile

from kc_db.report import Report
from kc_db.report.charts import Bar, Chart
from kc_db.report.svg_marks import Group, Line, Rect, Text, drawn

_WIDTH, _EDGE = 880, 20
_RIGHT = _WIDTH - _EDGE
_INNER = _RIGHT - _EDGE
_TEXT, _CLAUSE = 12, 13  # sizes of fonts, as in svg.css,
_STRONG, _HEADING, _TITLE = 13.2, 15.4, 17.6  # and of 12, 14 and 16, which are bold: a tenth wider
_LINE, _LEGEND, _BETWEEN, _GAP = 23, 26, 28, 8
_HEAD, _AXIS = 52, 20  # above and below the bars
_ROW, _BAR = 21, 13
_SUM_ROW, _SUM_BAR, _SAMPLE = 48, 22, 12
_LABEL = 200
_PLOT = _EDGE + _LABEL + 10  # where bars begin
_ROOM = 130  # at least so much is kept for the numbers to the right of the longest bar
_LEAST_BAR = 2  # what isn't nothing can be seen
_TICKS = 6

# Widths in em, at least those of DejaVu Sans, the widest of the fonts that svg.css names.
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


def render(report: Report) -> str:
    """The picture; nothing in it changes from run to run. Without charts it is the headline alone."""
    title = _title(report.headline)
    bottom = title[-1].y
    groups = [Group(texts=title)]
    if report.charts:
        groups += _legend(report.charts, bottom + _LEGEND)
        bottom += _LEGEND
    for chart in report.charts:
        panel, bottom = _panel(chart, bottom + _BETWEEN)
        groups += panel
    height = bottom + _BETWEEN + _EDGE
    footer = _shortened(f"kc-db {report.command}: {report.target}", _INNER)
    groups.append(Group(texts=(Text(_EDGE, height - _EDGE, footer, "soft"),)))
    described = " ".join(map(_description, report.charts))
    return drawn(groups, (_WIDTH, height), report.headline, described)


def _title(headline: str) -> tuple[Text, ...]:
    """The lines of the headline: it has a clause for each chart."""
    clauses = headline.split("; ")
    kind, size = ("title", _TITLE) if len(clauses) == 1 else ("clause", _CLAUSE)
    lines = [line for clause in clauses for line in _wrapped(clause, _INNER, size)]
    return tuple(Text(_EDGE, _EDGE + _CLAUSE + _LINE * n, line, kind) for n, line in enumerate(lines))


def _legend(charts: Sequence[Chart], y: float) -> Iterator[Group]:
    shown = {"steady": "at any time", "added": "what a deploy adds"}
    if any(chart.limit is not None for chart in charts):
        shown["limit"] = "what may be taken"
    if any(chart.excess > 0 for chart in charts):
        shown["over"] = "too many"
    x: float = _EDGE
    for kind, words in shown.items():
        is_line = kind == "limit"
        bars = () if is_line else ("steady", "over") if kind == "over" else (kind,)
        yield Group(
            lines=(Line(f"M{x + _SAMPLE / 2} {y - 11}v14", kind),) if is_line else (),
            rects=tuple(Rect(x, y - 10, _SAMPLE, _SAMPLE, bar) for bar in bars),
            texts=(Text(x + _SAMPLE + 6, y, words, "soft"),),
        )
        x = round(x + _width(words) + 5 * _GAP)


def _description(chart: Chart) -> str:
    """What the bars show, for those who don't see them."""
    return f"{chart.title}: {chart.verdict}. {', '.join(f'{bar.name} {_sum(bar)}' for bar in chart.bars)}."


def _sum(bar: Bar) -> str:
    return f"{bar.steady} + {bar.added}" if bar.added else str(bar.steady)


def _panel(chart: Chart, top: float) -> tuple[list[Group], float]:
    """What is drawn of a chart, and where that ends."""
    scale = _Scale(chart)
    first = top + _HEAD
    bottom = first + max(0, len(chart.bars) - 1) * _ROW + _SUM_ROW
    title = _shortened(chart.title, _INNER - _width(chart.verdict, _HEADING) - 2 * _GAP, _HEADING)
    ticks = [(scale.x(count), str(count)) for count in _ticks(chart.longest)]
    down = f"{first - _GAP}V{bottom}"
    head = Group(
        lines=(_rule(top), *(Line(f"M{x} {down}", "grid") for x, _ in ticks)),
        texts=(
            Text(_EDGE, top + 22, title, "heading"),
            Text(_RIGHT, top + 22, chart.verdict, "heading end bad" if chart.excess > 0 else "heading end"),
            *(Text(x, bottom + _AXIS - 4, count, "soft middle") for x, count in ticks),
        ),
    )
    groups = [head, *_rows(scale, first)]
    if chart.limit is not None:
        limit = Text(scale.limit_x, first - _GAP - 4, f"limit {chart.limit}", "middle bad")
        groups.append(Group(lines=(Line(f"M{scale.limit_x} {down}", "limit"),), texts=(limit,)))
    return groups, bottom + _AXIS


def _rule(y: float) -> Line:
    return Line(f"M{_EDGE} {y}H{_RIGHT}", "rule")


class _Scale:
    """How a chart's numbers become places; what has no limit has it infinitely far away."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self.numbers = [*map(_sum, chart.bars)]
        if chart.bars and chart.bars[-1].added:
            self.numbers[-1] += f" = {chart.worst}"
        widest = max((_width(numbers, _STRONG) for numbers in self.numbers), default=0)
        self._per_connection = (_RIGHT - max(_ROOM, widest + 2 * _GAP) - _PLOT) / chart.longest
        self.limit_x = math.inf if chart.limit is None else self.x(chart.limit)

    def x(self, count: int) -> float:
        """Where a number stands."""
        return round(_PLOT + count * self._per_connection, 1)

    def beside(self, end: float, width: float) -> float:
        """Where a text begins that stands to the right of something, and not across the limit."""
        crosses = end <= self.limit_x < end + _GAP + width + _GAP
        return round((self.limit_x if crosses else end) + _GAP, 1)


def _rows(scale: _Scale, top: float) -> Iterator[Group]:
    last = len(scale.numbers) - 1
    for number, (bar, numbers) in enumerate(zip(scale.chart.bars, scale.numbers, strict=True)):
        draw = _row if number < last else _sum_row
        yield draw(bar, numbers, scale, top + number * _ROW)


def _row(bar: Bar, numbers: str, scale: _Scale, top: float) -> Group:
    rects = tuple(_rects(bar, scale, top, _BAR))
    y = top + _BAR - 2
    x = scale.beside(_end(rects), _width(numbers))
    made_of_x = scale.beside(x + _width(numbers), _width(bar.made_of))
    return Group(
        title=_hint(bar),
        rects=rects,
        texts=(
            Text(_EDGE, y, _shortened(bar.name, _LABEL)),
            Text(x, y, numbers, "beside"),
            Text(made_of_x, y, _shortened(bar.made_of, _RIGHT - made_of_x), "beside soft"),
        ),
    )


def _sum_row(bar: Bar, numbers: str, scale: _Scale, top: float) -> Group:
    """Taller, below a rule, with what it is made of below its name."""
    middle = top + _SUM_ROW // 2
    rects = tuple(_rects(bar, scale, middle - _SUM_BAR // 2, _SUM_BAR))
    return Group(
        title=_hint(bar),
        lines=(_rule(top + 2),),
        rects=rects,
        texts=(
            Text(_EDGE, middle - 3, _shortened(bar.name, _LABEL, _STRONG), "strong"),
            Text(scale.beside(_end(rects), _width(numbers, _STRONG)), middle + 4, numbers, "beside strong"),
            Text(_EDGE, middle + 12, _shortened(bar.made_of, _LABEL), "soft"),
        ),
    )


def _hint(bar: Bar) -> str:
    return f"{bar.name}: {_sum(bar)}" + (f" ({bar.made_of})" if bar.made_of else "")


def _rects(bar: Bar, scale: _Scale, y: float, height: float) -> Iterator[Rect]:
    """From the left to the right; what is over the limit is drawn over the rest."""
    x: float = _PLOT
    for kind, count in (("steady", bar.steady), ("added", bar.added)):
        if count:
            width = max(_LEAST_BAR, round(scale.x(count) - _PLOT, 1))
            yield Rect(x, y, width, height, kind)
            x = round(x + width, 1)
    if scale.chart.limit is not None and bar.whole > scale.chart.limit:
        yield Rect(scale.limit_x, y, round(x - scale.limit_x, 1), height, "over")


def _end(rects: Sequence[Rect]) -> float:
    return rects[-1].x + rects[-1].width if rects else _PLOT


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
    is_known = character.isascii() and character.isprintable()
    usual = (_CAPITAL if character.isupper() else _USUAL) if is_known else _FOREIGN
    return _EMS.get(character, usual)
