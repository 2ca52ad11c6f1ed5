"""What an SVG picture is made of, and how it is written down: fonts and colours stand in svg.css."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET  # only for writing

# What XML can't hold, not even escaped: https://www.w3.org/TR/xml/#charsets
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Text(NamedTuple):
    """A text and where its base line begins; or ends, or has its middle, as its kind says."""

    x: float
    y: float
    text: str
    kind: str = "plain"


class Rect(NamedTuple):
    """A bar's part, or a sample of one: `steady`, `added`, or `over` the limit."""

    x: float
    y: float
    width: float
    height: float
    kind: str


class Line(NamedTuple):
    """A straight line, as SVG writes a path."""

    path: str
    kind: str


class Group(NamedTuple):
    """What is drawn together, texts above bars above lines; `title` is what a pointer on it shows."""

    title: str = ""
    lines: tuple[Line, ...] = ()
    rects: tuple[Rect, ...] = ()
    texts: tuple[Text, ...] = ()


def drawn(groups: Sequence[Group], size: tuple[int, float], title: str, description: str) -> str:
    """The document: what is described first, then the marks in their order."""
    width, height = size
    extent = {"width": str(width), "height": str(height)}
    root = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {width} {height}",
            **extent,
            "role": "img",
            "aria-labelledby": "title desc",
        },
    )
    _add(root, "title", title, id="title")
    _add(root, "desc", description, id="desc")
    _add(root, "style", Path(__file__).with_name("svg.css").read_text(encoding="utf-8"))
    stripes = _add(
        _add(root, "defs"),
        "pattern",
        id="over",
        width=7,
        height=7,
        patternUnits="userSpaceOnUse",
        patternTransform="rotate(45)",
    )
    _add(stripes, "path", d="M1.5 0v7", **{"class": "stripe"})
    _add(root, "rect", **extent, rx=8, **{"class": "back"})
    for group in groups:
        _add_group(root, group)
    ET.indent(root, "")
    return _NOT_XML.sub("\ufffd", ET.tostring(root, encoding="unicode"))


def _add_group(root: ET.Element, group: Group) -> None:
    into = _add(root, "g")
    if group.title:
        _add(into, "title", group.title)
    for line in group.lines:
        _add(into, "path", d=line.path, **{"class": line.kind})
    for rect in group.rects:
        place: dict[str, Any] = {"x": rect.x, "y": rect.y, "width": rect.width, "height": rect.height}
        _add(into, "rect", **place, **{"class": rect.kind})
    for text in group.texts:
        _add(into, "text", text.text, x=text.x, y=text.y, **{"class": text.kind})


def _add(parent: ET.Element, tag: str, text: str | None = None, **attributes: Any) -> ET.Element:
    element = ET.SubElement(parent, tag, {key: str(value) for key, value in attributes.items()})
    element.text = text
    return element
