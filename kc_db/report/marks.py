"""Want and have under each other, with a line of marks under what differs: plain text, to paste anywhere."""

import re
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from unicodedata import combining, east_asian_width

from kc_db.findings import Difference

Span = tuple[int, int]

_TOKEN = re.compile(r"\w+|\s+|.", re.DOTALL)
_LONGEST = 200  # tokens; comparing takes cubic time at worst, 30 ms for so many


def marked(differences: Iterable[Difference]) -> Iterator[tuple[str, tuple[Span, ...]]]:
    """The lines that show differences, each with the parts of it that differ.

    What only `have` has, or has otherwise, is a part of `have`; what only `want` has is one of `want`.
    """
    shown = tuple(differences)
    width = max((len(difference.attribute) for difference in shown), default=0)
    for difference in shown:
        want, have = difference.want or "(nothing)", difference.have or "(nothing)"
        missing, surplus = differing(want, have)
        yield from _lines(f"    {difference.attribute:{width}}  want  ", want, missing)
        yield from _lines(f"    {'':{width}}  have  ", have, surplus)


def differing(want: str, have: str) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """What only `want` has, where nothing stands in its place, and what only `have` has."""
    wanted, had = _TOKEN.findall(want), _TOKEN.findall(have)
    begin = _common(wanted, had)
    missing, surplus = [], []
    for kind, i, j, k, m in _changes(wanted[begin:], had[begin:]):
        if kind == "delete":
            missing.append(_span(wanted, begin + i, begin + j))
        elif kind in {"insert", "replace"}:
            surplus.append(_span(had, begin + k, begin + m))
    return tuple(missing), tuple(surplus)


def marks_under(line: str, spans: Iterable[Span]) -> str:
    """The line of marks for one line of text; empty if it needs none."""
    marks = [" "] * len(line)
    for begin, end in spans:
        marks[begin:end] = "^" * (end - begin)
    return "".join(map(_as_wide, marks, line)).rstrip()


def _common(first: list[str], second: list[str]) -> int:
    """How many tokens are the same at the beginning."""
    pairs = zip(first, second, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second)))


def _changes(wanted: list[str], had: list[str]) -> Iterable[tuple[str, int, int, int, int]]:
    if max(len(wanted), len(had)) <= _LONGEST:
        return SequenceMatcher(None, wanted, had, autojunk=False).get_opcodes()
    end = _common(wanted[::-1], had[::-1])
    last, last_had = len(wanted) - end, len(had) - end
    return [("replace" if last_had else "delete", 0, last, 0, last_had)]


def _span(tokens: list[str], begin: int, end: int) -> Span:
    """Where the tokens stand in their text, without the space around them."""
    before, text = sum(map(len, tokens[:begin])), "".join(tokens[begin:end])
    bare = text.strip() or text
    start = before + text.index(bare)
    return start, start + len(bare)


def _lines(label: str, text: str, spans: Iterable[Span]) -> Iterator[tuple[str, tuple[Span, ...]]]:
    """The text behind its label; of the next lines, each as far to the right."""
    begin = 0
    for line in text.split("\n"):
        shift, end = len(label) - begin, begin + len(line)
        inside = ((max(first, begin), min(last, end)) for first, last in spans)
        yield label + line, tuple((first + shift, last + shift) for first, last in inside if first < last)
        begin = end + 1
        label = " " * len(label)


def _as_wide(mark: str, character: str) -> str:
    if character == "\t":
        return character
    if combining(character):
        return ""
    return mark * 2 if east_asian_width(character) in "WF" else mark
