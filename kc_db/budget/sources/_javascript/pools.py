"""PostgreSQL pools that the text of a JavaScript or TypeScript file opens; pure: files are read elsewhere."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from kc_db.budget.sources import Unknown
from kc_db.budget.sources._javascript.drivers import call_of, opener
from kc_db.budget.sources._javascript.names import Names
from kc_db.budget.sources._javascript.places import CLASSES, FUNCTIONS, Place, Pool, placed
from kc_db.budget.sources._javascript.tree import arguments, bare, child, show, string, text_of

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

# A file that mentions none of these opens no pool: parsing is what takes time.
_HINTS = ("pg", "postgres", "knex", "equelize", "typeorm", "risma", "neon", "slonik", "drizzle")
_SCOPES = {"program", "statement_block", "class_static_block", "switch_body", "for_statement"}
_TRANSPARENT = {"default", "native", "?"}  # pg.native.Pool and pg.default.Pool are pg.Pool


def pools_in(text: str, suffix: str) -> list[Pool]:
    """The pools that a file's text opens, in its order.

    Args:
        text: the text; syntax errors in it are passed over.
        suffix: of the file's name, like ".ts": it says which grammar.
    """
    if not any(hint in text for hint in _HINTS):
        return []
    tree = _parse(text, suffix)
    try:
        return list(_without_alternatives(_File(tree.root_node).pools()))
    except RecursionError:
        return [Pool("", Unknown("the file is nested too deep"), 1, "the whole file")]


def _parse(text: str, suffix: str) -> "Tree":
    import tree_sitter_javascript
    import tree_sitter_typescript
    from tree_sitter import Language, Parser

    if suffix == ".tsx":
        grammar = tree_sitter_typescript.language_tsx()
    elif suffix in {".ts", ".mts", ".cts"}:
        grammar = tree_sitter_typescript.language_typescript()
    else:
        grammar = tree_sitter_javascript.language()
    return Parser(Language(grammar)).parse(text.encode("utf-8", "replace"))


class _File:
    """One file: its names, and the calls and classes that may open a pool."""

    def __init__(self, root: "Node") -> None:
        self._names = Names()
        self._exports: dict[int, tuple[str, tuple[str, ...]] | None] = {}
        self._candidates: list[Place] = []
        stack = [Place(root, None, root)]
        while stack:
            place = stack.pop()
            self._note(place)
            scope = place.node if place.node.type in _SCOPES else place.scope
            stack += [Place(part, place, scope) for part in reversed(place.node.named_children)]

    def _note(self, place: Place) -> None:
        node = place.node
        if node.type == "import_statement":
            self._import(node)
        elif node.type == "variable_declarator":
            self._names.add_declarator(node, place.scope)
        elif node.type in {"assignment_expression", "augmented_assignment_expression"}:
            self._names.add_change(child(node, "left"))
        elif node.type == "update_expression":
            self._names.add_change(child(node, "argument"))
        elif node.type in FUNCTIONS:
            self._names.add_parameters(node)
        elif node.type in {"new_expression", "call_expression"} | CLASSES:
            self._candidates.append(place)
            if show(child(node, "function")) == "Object.assign":
                self._names.add_change(next(iter(arguments(node)), None))

    def _import(self, node: "Node") -> None:
        if any(part.type == "type" for part in node.children):
            return
        clause = next((part for part in node.named_children if part.type.startswith("import_")), None)
        module = string(child(node, "source") or child(clause, "source"))
        if module is None or clause is None:
            return
        for part in clause.named_children:
            if part.type == "identifier":
                self._names.add_module(text_of(part), module)
            elif part.type == "namespace_import":
                self._names.add_module(text_of(part.named_child(0)), module)
            elif part.type == "named_imports":
                for one in part.named_children:
                    is_type = any(word.type in {"type", "typeof"} for word in one.children)
                    name = text_of(child(one, "name"))
                    if name and not is_type:
                        self._names.add_module(text_of(child(one, "alias")) or name, module, name)

    def _export(self, node: "Node | None") -> tuple[str, tuple[str, ...]] | None:
        """The module, and the path in it, that an expression is; None if it is none that the file imports."""
        node = bare(node)
        if node is None:
            return None
        if node.id not in self._exports:
            self._exports[node.id] = None  # while it is looked at: a name may be made of itself
            self._exports[node.id] = self._find_export(node)
        return self._exports[node.id]

    def _find_export(self, node: "Node") -> tuple[str, tuple[str, ...]] | None:
        keys: tuple[str, ...] = ()
        base: tuple[str, tuple[str, ...]] | None = None
        if node.type in {"identifier", "type_identifier"}:
            symbol = self._names.symbol(node)
            if symbol is not None:
                base = (symbol.module, ()) if symbol.module else self._export(symbol.value)
                keys = symbol.keys
        elif node.type == "member_expression":
            base, keys = self._export(child(node, "object")), (text_of(child(node, "property")),)
        elif node.type == "call_expression":
            base, keys = self._called(node)
        if base is None:
            return None
        return base[0], (*base[1], *(key for key in keys if key not in _TRANSPARENT))

    def _called(self, node: "Node") -> tuple[tuple[str, tuple[str, ...]] | None, tuple[str, ...]]:
        callee, given = child(node, "function"), arguments(node)
        name = text_of(callee)
        if name in {"require", "import"}:
            module = string(given[0]) if given else None
            return ((module, ()) if module else None), ()
        if name.startswith("__import"):  # what TypeScript compiles an import into
            return self._export(given[0] if given else None), ()
        made = self._export(callee)
        return (made, ("()",)) if made == ("pg-promise", ()) else (None, ())

    def pools(self) -> Iterator[Pool]:
        """The pools, in the order of the file."""
        for place in self._candidates:
            found = self._class(place) if place.node.type in CLASSES else self._call(place)
            if found is not None:
                yield found

    def _call(self, place: Place) -> Pool | None:
        callee = child(place.node, "constructor") or child(place.node, "function")
        export = self._export(callee)
        count = opener((export[0], ".".join(export[1]))) if export else None
        if count is None:
            return None
        call = call_of(self._names, place.node, show(callee))
        found = count(call)
        return placed(place, found, call.form) if found else None

    def _class(self, place: Place) -> Pool | None:
        """`class PrismaService extends PrismaClient`: one client, which NestJS makes."""
        node = place.node
        heritage = next((part for part in node.named_children if part.type == "class_heritage"), None)
        clause = heritage.named_child(0) if heritage else None
        base = child(clause, "value") or clause
        export = self._export(base)
        if export is None or export[1] != ("PrismaClient",):
            return None
        inside = (other.node for other in self._candidates if _is_super_in(other.node, node))
        call = call_of(self._names, next(inside, node), "super")
        count = opener(("", "PrismaClient"))
        found = count(call) if count else None
        name = text_of(child(node, "name"))
        line = node.start_point[0] + 1
        return (
            Pool(name, found.size, line, f"class {name} extends {show(base)}", (found.note,))
            if found
            else None
        )


def _is_super_in(node: "Node", owner: "Node") -> bool:
    is_super = node.type == "call_expression" and text_of(child(node, "function")) == "super"
    return is_super and owner.start_byte <= node.start_byte < owner.end_byte


def _without_alternatives(pools: Iterable[Pool]) -> Iterator[Pool]:
    """One pool for each variable: what several branches assign to it isn't open at the same time."""
    held: dict[str, Pool] = {}
    for number, pool in enumerate(pools):
        key = pool.holder or str(number)
        first = held.setdefault(key, pool)
        if first is not pool and first.size != pool.size:
            sizes = [str(one.size) for one in (first, pool) if isinstance(one.size, int)]
            hint = f" ({' or '.join(sizes)})" if len(sizes) > 1 else ""
            unknown = Unknown(f"max depends on a condition{hint}")
            held[key] = replace(first, size=unknown, notes=())
    yield from held.values()
