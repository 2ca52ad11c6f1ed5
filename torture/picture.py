"""Draws what the writers measured: each write is a dot, over time; a logarithmic scale, light and dark."""

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

_WIDTH, _LEFT, _RIGHT = 880, 64, 20
_TOP, _PANEL, _HEIGHT, _STRIP = 66, 236, 170, 12
_LEAST_MS, _MOST_MS = 0.3, 20_000.0
_TICKS = {1: "1 ms", 10: "10 ms", 100: "100 ms", 1_000: "1 s", 10_000: "10 s"}
_STEP_S = 10
_GRID_PX = 1.5  # dots nearer to each other than this are one
_PHASES = {
    "looks": "looks for duplicates",
    "drops": "drops an INVALID leftover",
    "waits": "waits for others",
    "builds": "builds",
    "validates": "validates",
}
_LIGHT = {
    ".back": "fill: #ffffff",
    ".title, .way": "fill: #1f2328",
    ".soft": "fill: #59636e",
    ".tint": "fill: #eef2f7",
    ".grid": "stroke: #d1d9e0",
    ".dots": "stroke: #0969da",
    ".failed, .limit": "stroke: #cf222e",
    ".bad": "fill: #cf222e",
    ".looks": "fill: #bf8700",
    ".drops": "fill: #bc4c00",
    ".waits": "fill: #afb8c1",
    ".builds": "fill: #0969da",
    ".validates": "fill: #1a7f37",
}
_DARK = {
    ".back": "fill: #0d1117",
    ".title, .way": "fill: #f0f6fc",
    ".soft": "fill: #9198a1",
    ".tint": "fill: #1a212c",
    ".grid": "stroke: #3d444d",
    ".dots": "stroke: #4493f8",
    ".failed, .limit": "stroke: #f85149",
    ".bad": "fill: #f85149",
    ".looks": "fill: #d29922",
    ".drops": "fill: #db6d28",
    ".waits": "fill: #656c76",
    ".builds": "fill: #4493f8",
    ".validates": "fill: #3fb950",
}
_SHAPES = """
text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
.title { font-size: 17px; font-weight: 600; }
.way { font-size: 14px; font-weight: 600; }
.end { text-anchor: end; }
.middle { text-anchor: middle; }
.grid, .limit, .dots, .failed { fill: none; stroke-width: 1; }
.limit { stroke-dasharray: 5 4; }
.dots { stroke-width: 2; stroke-linecap: round; stroke-opacity: .55; }
.failed { stroke-width: 4; stroke-linecap: round; }
"""


def _style() -> str:
    """No custom properties: not everything that draws SVG knows them."""
    light, dark = (
        "\n".join(f"{what} {{ {how} }}" for what, how in theme.items()) for theme in (_LIGHT, _DARK)
    )
    return f"{_SHAPES}{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n"


def draw(report: Mapping[str, Any]) -> str:
    """The picture of a report of torture.load, as SVG."""
    sides = report["sides"]
    spans = [_span(side) for side in sides]
    begin, end = min(span[0] for span in spans), max(span[1] for span in spans)
    height = _TOP + _PANEL * len(sides) + 46

    def x(at: float) -> float:
        return _LEFT + (at - begin) / (end - begin) * (_WIDTH - _LEFT - _RIGHT)

    load = report["load"]
    what = f"{load['rows'] / 1e6:g} million rows, {load['rate']:g} writes per second"
    title = "How long each write took while alembic upgrade built two indexes"
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">',
            f"<title>{escape(title)}: {escape(_summary(sides))}</title>",
            f"<style>{_style()}</style>",
            f'<rect width="{_WIDTH}" height="{height}" rx="8" class="back"/>',
            _text(20, 30, title, "title"),
            _text(
                20,
                50,
                f"{report['server']}, {what}, while others hold snapshots and locks; each dot is a write",
            ),
            *(
                line
                for number, side in enumerate(sides)
                for line in _panel(side, _TOP + number * _PANEL, x, report["limits"]["longest_write_ms"])
            ),
            *_axis(x, begin, end, _TOP + len(sides) * _PANEL),
            *_legend(height - 14),
            "</svg>\n",
        )
    )


def _span(side: Mapping[str, Any]) -> tuple[float, float]:
    times = [at for at, *_ in side["writes"]]
    return min(times), max(times)


def _summary(sides: Sequence[Mapping[str, Any]]) -> str:
    return "; ".join(f"{side['way']}: {_verdict(side)}" for side in sides)


def _verdict(side: Mapping[str, Any]) -> str:
    phases = side["phases"]
    failed = sum(figures["failed"] for figures in phases.values())
    longest_ms = max(phases["during"]["max_ms"], 0.1)
    return f"{failed or 'no'} write{'' if failed < 2 else 's'} failed, the longest took {_time(longest_ms)}"


def _time(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.1f} s" if milliseconds >= 1000 else f"{milliseconds:.0f} ms"


def _panel(side: Mapping[str, Any], top: float, x: Any, limit_ms: float) -> Iterator[str]:
    plot = top + 30
    bottom = plot + _HEIGHT

    def y(took_ms: float) -> float:
        share = math.log(min(max(took_ms, _LEAST_MS), _MOST_MS) / _LEAST_MS) / math.log(_MOST_MS / _LEAST_MS)
        return bottom - share * _HEIGHT

    begin, end = x(0), x(side["upgrade_s"])
    yield f'<rect x="{begin:.1f}" y="{plot}" width="{end - begin:.1f}" height="{_HEIGHT}" class="tint"/>'
    yield _text(20, top + 18, side["way"], "way")
    failed = any(figures["failed"] for figures in side["phases"].values())
    yield _text(_WIDTH - _RIGHT, top + 18, _verdict(side), "end bad" if failed else "end soft")
    for milliseconds, label in _TICKS.items():
        yield f'<path class="grid" d="M{_LEFT} {y(milliseconds):.1f}H{_WIDTH - _RIGHT}"/>'
        yield _text(_LEFT - 8, y(milliseconds) + 4, label, "end soft")
    yield f'<path class="limit" d="M{_LEFT} {y(limit_ms):.1f}H{_WIDTH - _RIGHT}"/>'
    yield _text(_WIDTH - _RIGHT, y(limit_ms) - 4, f"limit {limit_ms:g} ms", "end bad")
    good = ((x(at), y(took)) for at, took, error in side["writes"] if not error)
    bad = ((x(at), y(took)) for at, took, error in side["writes"] if error)
    yield f'<path class="dots" d="{_dots(good)}"/>'
    yield f'<path class="failed" d="{_dots(bad)}"/>'
    for phase, since, until in side["build"]:
        width = max(1.0, x(until) - x(since))
        place = f'x="{x(since):.1f}" y="{bottom + 4}" width="{width:.1f}" height="{_STRIP}"'
        yield f'<rect {place} class="{phase}"/>'


def _dots(points: Iterator[tuple[float, float]]) -> str:
    """A path of dots; neighbours in a row are one line."""
    rows: dict[int, set[int]] = {}
    for x, y in points:
        rows.setdefault(round(y / _GRID_PX), set()).add(round(x / _GRID_PX))
    return "".join(
        f"M{first * _GRID_PX:.1f} {y * _GRID_PX:.1f}h{(last - first) * _GRID_PX:g}"
        for y, row in sorted(rows.items())
        for first, last in _runs(sorted(row))
    )


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """First and last of each run of neighbours."""
    first = 0
    for place in range(1, len(numbers) + 1):
        if place == len(numbers) or numbers[place] != numbers[place - 1] + 1:
            yield numbers[first], numbers[place - 1]
            first = place


def _axis(x: Any, begin: float, end: float, y: float) -> Iterator[str]:
    first = math.ceil(begin / _STEP_S) * _STEP_S
    for at in range(first, int(end) + 1, _STEP_S):
        yield _text(x(at), y, "start" if at == 0 else f"{at:+d} s", "middle soft")


def _legend(y: float) -> Iterator[str]:
    left = 20.0
    for phase, label in _PHASES.items():
        yield f'<rect x="{left:.0f}" y="{y - 9}" width="12" height="{_STRIP - 2}" class="{phase}"/>'
        yield _text(left + 17, y, label)
        left += 38 + 6.5 * len(label)
    yield f'<path class="failed" d="M{left + 6:.0f} {y - 4}h0"/>'
    yield _text(left + 15, y, "a write that failed")


def _text(x: float, y: float, text: str, kind: str = "soft") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(text)}</text>'
