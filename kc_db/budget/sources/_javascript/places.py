"""What the place of a call says about its pool: its name, and how often it runs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kc_db.budget.sources import Unknown
from kc_db.budget.sources._javascript.drivers import Found
from kc_db.budget.sources._javascript.tree import arguments, child, patterns, string, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

_LOOPS = {"for_statement", "for_in_statement", "while_statement", "do_statement"}
_LOOPING = {"map", "forEach", "flatMap", "reduce", "from", "filter"}
_HANDLING = {"get", "post", "put", "patch", "delete", "all", "use"}
FUNCTIONS = {
    "arrow_function",
    "function_declaration",
    "function_expression",
    "generator_function",
    "generator_function_declaration",
    "method_definition",
}
CLASSES = {"class_declaration", "class", "abstract_class_declaration"}
_FIELDS = {"public_field_definition", "field_definition"}
_IN_A_VARIABLE = "assigned to variable "
_CHOICES = {"ternary_expression", "binary_expression", "parenthesized_expression", "await_expression"}


@dataclass(frozen=True, slots=True)
class Pool:
    """What one place of a file opens.

    Attributes:
        name: the variable or key that it is assigned to; nothing if there is none.
        size: most connections; Unknown if nobody can tell, None where Prisma's own default counts.
        line: 1-based.
        form: the call, without any text of the source: "new Pool({ max })".
        notes: what there is to say about the size and the place.
        holder: what it is assigned to; of pools with the same one only one is open.
    """

    name: str
    size: int | Unknown | None
    line: int
    form: str
    notes: tuple[str, ...] = ()
    holder: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A node and the way up; a Node's own `parent` goes down from the root each time."""

    node: "Node"
    parent: "Place | None"
    scope: "Node"

    def upwards(self) -> "Iterator[Place]":
        """This place, and each around it."""
        place: Place | None = self
        while place is not None:
            yield place
            place = place.parent


def placed(place: Place, found: Found, form: str) -> Pool:
    """The pool with its name, and what its place says: a loop opens nobody knows how many.

    Nor can anybody tell how often a function is called, or a class made, unless what it makes is kept in a
    variable of the file: `pool ??= new Pool()`.
    """
    name, holder = _holder(place)
    size, where, callee = found.size, "", form.partition("(")[0]
    for above in place.upwards():
        repeated = _repeated(above, callee)
        if repeated:
            size = repeated
            break
        if not where and (above.node.type in FUNCTIONS or above.node.type in _FIELDS):
            where = _function(above) if above.node.type in FUNCTIONS else "in a field of a class"
    else:
        if where and not isinstance(size, Unknown) and not holder.startswith(_IN_A_VARIABLE):
            size = Unknown(f"{callee}( runs {where}, and nothing tells how often")
    notes = tuple(note for note in (where, found.note) if note)
    return Pool(name, size, place.node.start_point[0] + 1, form, notes, holder)


def _repeated(place: Place, callee: str) -> Unknown | None:
    if place.node.type in _LOOPS:
        return Unknown(f"{callee}( runs in a loop")
    parent = place.parent.parent.node if place.parent and place.parent.parent else None
    if place.node.type not in FUNCTIONS or parent is None or parent.type != "call_expression":
        return None
    method = text_of(child(child(parent, "function"), "property"))
    if method in _LOOPING:
        return Unknown(f"{callee}( runs in a loop")
    path = string(next(iter(arguments(parent)), None))
    if method in _HANDLING and path is not None and path.startswith("/"):
        return Unknown(f"{callee}( runs for every request")
    return None


def _function(place: Place) -> str:
    """The function that a pool is made in, as an origin says it."""
    name = text_of(child(place.node, "name"))
    if name == "constructor":
        owner = next((above.node for above in place.upwards() if above.node.type in CLASSES), None)
        return f"in the constructor of {text_of(child(owner, 'name')) or 'a class'}"
    if not name and place.parent and place.parent.node.type == "variable_declarator":
        name = text_of(child(place.parent.node, "name"))
    return f"in function {name}" if name.isidentifier() else "in a function"


def _holder(place: Place) -> tuple[str, str]:
    """The name of what a pool is assigned to; and what tells that from others, if the pool is all of it."""
    is_all = True
    for above in place.upwards():
        node = above.node
        if node.type == "variable_declarator":
            name = next((name for name, _keys, _default in patterns(child(node, "name"))), "")
            return name, f"declared {node.start_byte}" if is_all else ""
        if node.type in {"assignment_expression", "augmented_assignment_expression"}:
            left = child(node, "left")
            owner = next((one.node.start_byte for one in above.upwards() if one.node.type in CLASSES), -1)
            kept = _IN_A_VARIABLE if left is not None and left.type == "identifier" else f"assigned {owner} "
            return _assigned(left), f"{kept}{text_of(left)}" if is_all else ""
        if node.type in _FIELDS or (node.type == "pair" and is_all):
            key = child(node, "name") or child(node, "property") or child(node, "key")
            return text_of(key), ""
        if node.type in FUNCTIONS or node.type.endswith("_statement") or node.type == "statement_block":
            return "", ""
        is_all = is_all and (above is place or node.type in _CHOICES)
    return "", ""


def _assigned(left: "Node | None") -> str:
    if left is None or text_of(left) == "module.exports":
        return ""
    owner = child(left, "object") if left.type == "subscript_expression" else None
    return text_of(owner or child(left, "property") or left)
