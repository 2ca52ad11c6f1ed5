"""The picture of a report: it says what the bars say, and every text has its room."""

import re
from dataclasses import replace
from itertools import combinations
from typing import NamedTuple
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kc_db.report import Report, render
from kc_db.report.charts import Bar, Chart
from kc_db.report.svg import _width

SVG = "{http://www.w3.org/2000/svg}"
SIZES = {"title": 17.6, "clause": 13, "heading": 15.4, "strong": 13.2}
FITS = Chart(
    "Who takes how much",
    175,
    (
        Bar("student-auth", 20, 10, "2 x 10"),
        Bar("fixed sessions", 10, 0, "migration 2, monitoring 3, people 5"),
        Bar("worst minute", 150, 20, "second deploy while draining"),
    ),
    "primary",
)
OVER = FITS._replace(limit=100)
UNKNOWN = FITS._replace(limit=None)
LONG = "a-worker-whose-name-is-as-long-as-a-sentence-of-sixty-letters"


def report(*charts: Chart, headline: str = "fits: 170 of 175", target: str = "pool_budget.toml") -> Report:
    return Report("check-pool-budget", target, "id-7", {}, [], headline, charts=charts)


def draw(*charts: Chart, headline: str = "fits: 170 of 175", target: str = "pool_budget.toml") -> ET.Element:
    return ET.fromstring(render(report(*charts, headline=headline, target=target), "svg"))


def texts(picture: ET.Element) -> list[str]:
    return [element.text or "" for element in picture.iter(f"{SVG}text")]


def widths(picture: ET.Element, kind: str) -> list[float]:
    """Of the bars' parts; a sample in the legend is 12 wide."""
    rects = [rect for rect in picture.iter(f"{SVG}rect") if rect.get("class") == kind]
    return [float(rect.get("width", 0)) for rect in rects if rect.get("height") != "12"]


class Box(NamedTuple):
    text: str
    left: float
    top: float
    right: float
    bottom: float


def box(element: ET.Element) -> Box:
    kinds = (element.get("class") or "").split()
    size = next((SIZES[kind] for kind in kinds if kind in SIZES), 12)
    x, y, width = float(element.get("x", 0)), float(element.get("y", 0)), _width(element.text or "", size)
    left = x - (width if "end" in kinds else width / 2 if "middle" in kinds else 0)
    return Box(element.text or "", left, y - 0.75 * size, left + width, y + 0.2 * size)


def boxes(picture: ET.Element) -> list[Box]:
    return [box(element) for element in picture.iter(f"{SVG}text")]


def assert_every_text_has_room(picture: ET.Element) -> None:
    found = boxes(picture)
    width, height = float(picture.get("width", 0)), float(picture.get("height", 0))
    for one in found:
        assert one.left >= 0, one
        assert one.right <= width, one
        assert one.top >= 0, one
        assert one.bottom <= height, one
    for one, other in combinations(found, 2):
        is_apart = one.right <= other.left or other.right <= one.left
        assert is_apart or one.bottom <= other.top or other.bottom <= one.top, (one, other)
    for line in picture.iter(f"{SVG}path"):
        if line.get("class") == "limit" and (drawn := re.fullmatch(r"M(.+) (.+)V(.+)", line.get("d", ""))):
            x, top, bottom = map(float, drawn.groups())
            assert not [one for one in found if one.left < x < one.right and top < one.bottom <= bottom]


def test_it_shows_the_verdict_the_limit_the_numbers_and_what_was_looked_at() -> None:
    assert texts(draw(FITS)) == [
        "fits: 170 of 175",
        "at any time",
        "what a deploy adds",
        "what may be taken",
        "Who takes how much",
        "170 of 175: 5 left",
        "0",
        "50",
        "100",
        "150",
        "student-auth",
        "20 + 10",
        "2 x 10",
        "fixed sessions",
        "10",
        "migration 2, monitoring 3, people 5",
        "worst minute",
        "150 + 20 = 170",
        "second deploy while draining",
        "limit 175",
        "kc-db check-pool-budget: pool_budget.toml",
    ]


def test_bars_are_as_long_as_their_numbers_and_one_that_fits_ends_before_the_limit() -> None:
    steady, added = widths(draw(FITS), "steady"), widths(draw(FITS), "added")
    assert steady[0] / steady[2] == pytest.approx(20 / 150, rel=0.01)
    assert added[0] / steady[0] == pytest.approx(10 / 20, rel=0.01)
    assert widths(draw(FITS), "over") == []


def test_what_is_over_the_limit_is_marked_and_counted() -> None:
    picture = draw(OVER)
    assert {"170 of 100: 70 too many", "too many", "limit 100"} <= set(texts(picture))
    (over,) = widths(picture, "over")
    assert over / (widths(picture, "steady")[2] + widths(picture, "added")[1]) == pytest.approx(
        70 / 170, 0.01
    )


def test_a_limit_that_nobody_knows_has_no_line() -> None:
    picture = draw(UNKNOWN)
    assert "170, and nobody knows the limit" in texts(picture)
    assert not [path for path in picture.iter(f"{SVG}path") if path.get("class") == "limit"]


def test_a_limit_of_nothing_has_one() -> None:
    assert {"limit 0", "170 of 0: 170 too many"} <= set(texts(draw(FITS._replace(limit=0))))


def test_each_chart_has_a_panel_and_its_clause_of_the_headline_a_line() -> None:
    found = texts(draw(FITS, OVER, headline="database a fits: 1; database b does not fit: 2"))
    assert found[:2] == ["database a fits: 1", "database b does not fit: 2"]
    assert found.count("Who takes how much") == 2


def test_without_charts_it_is_the_headline() -> None:
    assert texts(draw()) == ["fits: 170 of 175", "kc-db check-pool-budget: pool_budget.toml"]


def test_a_long_name_is_shortened_in_its_middle_and_whole_in_the_title() -> None:
    picture = draw(FITS._replace(bars=(Bar(LONG, 1, 0, "1 x 1"), *FITS.bars)))
    shown = [text for text in texts(picture) if text.startswith("a-worker")]
    assert shown == ["a-worker-who…f-sixty-letters"]
    assert f"{LONG}: 1 (1 x 1)" in [title.text for title in picture.iter(f"{SVG}title")]


def test_it_describes_itself_to_those_who_do_not_see_it() -> None:
    picture = draw(FITS)
    assert (picture.get("role"), picture.get("aria-labelledby")) == ("img", "title desc")
    assert picture.findtext(f"{SVG}title") == "fits: 170 of 175"
    assert (picture.findtext(f"{SVG}desc") or "").strip() == (
        "Who takes how much: 170 of 175: 5 left. "
        "student-auth 20 + 10, fixed sessions 10, worst minute 150 + 20."
    )


def test_it_holds_no_script_and_nothing_from_elsewhere() -> None:
    text = render(report(FITS, OVER), "svg")
    assert re.findall(r"https?://[^\"]+", text) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"<script|<image|<use|<foreignObject|href|@import| on\w+=|var\(", text)


def test_two_runs_draw_the_same() -> None:
    first = report(FITS)
    assert render(first, "svg") == render(replace(first, correlation_id="another"), "svg")
    assert first.version not in render(replace(first, headline="fits"), "svg")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_has_contrast(theme: str) -> None:
    light, dark = render(report(FITS), "svg").split("@media (prefers-color-scheme: dark)")
    fills = dict(re.findall(r"([.\w]+) \{ fill: #([0-9a-f]{6});", light if theme == "light" else dark))
    for kind in ("text", ".soft", ".bad"):
        assert contrast(fills[kind], fills[".back"]) >= 4.5, kind
    assert contrast(fills[".steady"], fills[".back"]) >= 3
    assert contrast(fills[".steady"], fills[".added"]) >= 3


def contrast(one: str, other: str) -> float:
    """As WCAG 2 defines it: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""
    darker, lighter = sorted(map(luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    shares = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


counts = st.integers(0, 300) | st.integers(0, 262_143)
names = st.text(st.characters(exclude_categories=()), max_size=70) | st.sampled_from(
    (LONG, "W" * 60, "<a&b>\"'", "two\nlines", "nul \x00, escape \x1b", "surrogate \udc80", "")
)
bars = st.builds(Bar, names, counts, counts, names)
charts = st.builds(
    Chart, names, st.none() | counts, st.lists(bars, max_size=27).map(tuple).filter(bool), st.just("primary")
)


@settings(deadline=None, max_examples=60)  # a busy CI machine is no finding
@given(st.lists(charts, max_size=3), names, names)
def test_whatever_it_says_no_text_runs_into_another_or_out_of_the_picture(
    drawn: list[Chart], headline: str, target: str
) -> None:
    assert_every_text_has_room(draw(*drawn, headline=headline, target=target))
