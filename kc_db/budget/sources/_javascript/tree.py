"""Small questions to the syntax tree of a JavaScript or TypeScript file."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from tree_sitter import Node

_WRAPPERS = {
    "parenthesized_expression",
    "as_expression",
    "satisfies_expression",
    "non_null_expression",
    "await_expression",
    "type_assertion",  # <PoolConfig>options
}
_LONGEST_SHOWN = 60
Pattern: TypeAlias = "tuple[str, tuple[str, ...], Node | None]"


def text_of(node: "Node | None") -> str:
    """The node's text; nothing for no node."""
    return (node.text or b"").decode("utf-8", "replace") if node else ""


def child(node: "Node | None", field: str) -> "Node | None":
    """The child in a field of the grammar."""
    return node.child_by_field_name(field) if node else None


def bare(node: "Node | None") -> "Node | None":
    """The expression without parentheses, await and what is for TypeScript only."""
    while node is not None and node.type in _WRAPPERS:
        parts = [part for part in node.named_children if part.type != "comment"]
        node = parts[-1 if node.type == "type_assertion" else 0] if parts else None
    return node


def show(node: "Node | None") -> str:
    """The expression as a message may say it: names only, because a string may be a password."""
    parts: list[str] = []
    node = bare(node)
    while node is not None and node.type in {"call_expression", "member_expression"}:
        if node.type == "call_expression":
            parts.append("(...)")
            node = bare(child(node, "function"))
        else:
            parts.append(f".{text_of(child(node, 'property'))}")
            node = bare(child(node, "object"))
    if node is None:
        return ""
    is_name = node.type in {"identifier", "shorthand_property_identifier", "this", "meta_property"}
    text = "".join(reversed([*parts, text_of(node) if is_name else "..."]))
    return text if text.isprintable() and len(text) <= _LONGEST_SHOWN else "..."


def string(node: "Node | None") -> str | None:
    """The text of a string literal, or of a template without holes."""
    if node is None or node.type not in {"string", "template_string"}:
        return None
    if any(part.type == "template_substitution" for part in node.named_children):
        return None
    return text_of(node)[1:-1]


def arguments(node: "Node") -> "list[Node]":
    """The arguments of a call, without comments."""
    found = child(node, "arguments")
    return [given for given in found.named_children if given.type != "comment"] if found else []


def key_name(node: "Node | None") -> str | None:
    """The key of a property; None where it is computed."""
    if node is None or node.type == "computed_property_name":
        return None
    return string(node) if node.type == "string" else text_of(node)


def patterns(
    node: "Node | None", keys: tuple[str, ...] = (), default: "Node | None" = None
) -> Iterator[Pattern]:
    """The names that a pattern on the left of `=` declares: name, keys that lead to it, its default."""
    if node is None:
        return
    match node.type:
        case "identifier":
            yield text_of(node), keys, default
        case "shorthand_property_identifier_pattern":
            yield text_of(node), (*keys, text_of(node)), default
        case "pair_pattern":
            yield from patterns(child(node, "value"), (*keys, key_name(child(node, "key")) or "?"))
        case "object_assignment_pattern" | "assignment_pattern":
            yield from patterns(child(node, "left"), keys, child(node, "right"))
        case "object_pattern":
            for part in node.named_children:
                yield from patterns(part, keys)
        case "rest_pattern" | "array_pattern":
            for part in node.named_children:
                yield from patterns(part, (*keys, "?"))
