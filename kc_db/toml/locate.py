"""Where a value stands in a TOML file: tomllib forgets it, and mistakes have to be pointed at."""

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

Path = tuple[str, ...]


class Position(NamedTuple):
    """A place in a text, both 1-based; columns count characters."""

    line: int
    column: int


class Place(NamedTuple):
    """Where a key is written, and where its value starts (for a [table], both are the name in its header)."""

    key: Position
    value: Position


def places(text: str) -> Mapping[Path, Place]:
    """The place of each key path of a valid TOML document; of a table written in pieces, the first.

    Each element of an array of tables is there by its number as well: `("accepted", "0", "rule")`.
    """
    lines = text.encode().split(b"\n")
    found: dict[Path, Place] = {}
    root = Parser(Language(tree_sitter_toml.language())).parse(text.encode()).root_node
    for path, key, value in _entries(root, ()):
        found.setdefault(path, Place(_position(key, lines), _position(value, lines)))
    return found


def element_lines(text: str, array: str) -> list[int]:
    """The 1-based line of each `[[array]]` header at the top of a valid TOML document."""
    root = Parser(Language(tree_sitter_toml.language())).parse(text.encode()).root_node
    return [
        child.start_point[0] + 1
        for child in root.named_children
        if child.type == "table_array_element"
        and [_name(part) for part in _parts(child.named_children[0])] == [array]
    ]


def nearest(found: Mapping[Path, Place], path: Path) -> Place | None:
    """The place of a path, or of the closest table around it that is written down."""
    for length in range(len(path), 0, -1):
        if path[:length] in found:
            return found[path[:length]]
    return None


def _entries(node: Node, prefix: Path) -> Iterator[tuple[Path, Node, Node]]:
    counts: Counter[Path] = Counter()
    for child in node.named_children:
        if child.type in {"table", "table_array_element"}:
            header = child.named_children[0]
            path = prefix
            for part in _parts(header):
                path = (*path, _name(part))
                yield path, part, part
            yield from _entries(child, path)
            if child.type == "table_array_element":
                counted = (*path, str(counts[path]))
                counts[path] += 1
                yield counted, header, header
                yield from _entries(child, counted)
        elif child.type == "pair":
            yield from _pair(child, prefix)


def _pair(pair: Node, prefix: Path) -> Iterator[tuple[Path, Node, Node]]:
    key, value = pair.named_children[0], pair.named_children[1]
    path = prefix
    for part in _parts(key):
        path = (*path, _name(part))
        yield path, part, value
    if value.type == "inline_table":
        yield from _entries(value, path)


def _parts(key: Node) -> Iterator[Node]:
    if key.type != "dotted_key":
        yield key
        return
    for child in key.named_children:  # the grammar nests: ((a.b).c)
        yield from _parts(child)


def _name(part: Node) -> str:
    text = (part.text or b"").decode()
    return next(iter(tomllib.loads(f"{text} = 0"))) if part.type == "quoted_key" else text


def _position(node: Node, lines: list[bytes]) -> Position:
    row, column_bytes = node.start_point
    return Position(row + 1, len(lines[row][:column_bytes].decode()) + 1)
