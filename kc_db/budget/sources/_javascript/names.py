"""What the names and expressions of a JavaScript file stand for, as far as the file alone tells."""

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

from kc_db.budget.sources._javascript import values
from kc_db.budget.sources._javascript.tree import (
    arguments,
    bare,
    child,
    key_name,
    patterns,
    show,
    string,
    text_of,
)
from kc_db.budget.sources._javascript.values import Environment, Opaque, Value

if TYPE_CHECKING:
    from tree_sitter import Node


class Absence(Enum):
    """No value, not even undefined."""

    ABSENT = "absent"


ABSENT = Absence.ABSENT
Field: TypeAlias = Value | Absence
_FUNCTIONS_OF_NUMBERS = {"Number", "parseInt", "parseFloat", "Number.parseInt", "Number.parseFloat"}
_ENVIRONMENTS = {"process.env", "import.meta.env", "Bun.env"}
_LITERALS: dict[str, Value] = {"true": True, "false": False, "null": None, "undefined": None}
_NO_OBJECTS = {"string", "template_string", "undefined", "null", "false"}
_EVERYWHERE = (0, 1 << 62)
# Of a name in another file nothing else tells whether it is an address or an object of options.
_ADDRESS = re.compile(r"(url|uri|dsn|connection_?string)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Symbol:
    """A name: the bytes where it is valid, and the expression or module that it (or one of its keys) is."""

    start: int
    end: int
    value: "Node | None" = None
    module: str = ""
    keys: tuple[str, ...] = ()
    default: "Node | None" = None


@dataclass(slots=True)
class Options:
    """An object of options: what is known of it.

    Attributes:
        fields: the expression of each key that is known to be there.
        is_open: whether there may be other keys.
    """

    fields: "dict[str, Node | Opaque]" = field(default_factory=dict)
    is_open: bool = False


class Names:
    """The names of one file: what each stands for at a place, and what expressions with them come to."""

    def __init__(self) -> None:
        self._symbols: dict[str, list[Symbol]] = {}
        self._changed: dict[str, set[str]] = {}
        self._values: dict[int, Value] = {}
        self._options: dict[int, Options] = {}

    def add_module(self, name: str, module: str, path: str = "") -> None:
        """A name that is imported; `path` is the export, nothing for the default or all of it."""
        self._add(name, Symbol(*_EVERYWHERE, module=module, keys=(path,) if path else ()))

    def add_declarator(self, node: "Node", scope: "Node") -> None:
        """`name = value` or `{ name } = value` of a const, let or var, and the block that it stands in."""
        for name, keys, default in patterns(child(node, "name")):
            symbol = Symbol(
                scope.start_byte, scope.end_byte, child(node, "value"), keys=keys, default=default
            )
            self._add(name, symbol)

    def add_parameters(self, function: "Node") -> None:
        """A function's parameters hide what has their names outside."""
        one, many = child(function, "parameter"), child(function, "parameters")
        for part in [*([one] if one else []), *(many.named_children if many else [])]:
            for name, _keys, _default in patterns(child(part, "pattern") or part):
                self._add(name, Symbol(function.start_byte, function.end_byte))

    def add_change(self, target: "Node | None") -> None:
        """What an assignment or Object.assign changes isn't what it was declared as."""
        if target is not None and target.type == "member_expression":
            owner = text_of(child(target, "object"))
            self._changed.setdefault(owner, set()).add(text_of(child(target, "property")))
        for name, _keys, _default in patterns(target):
            self._changed.setdefault(name, set()).add("")

    def _add(self, name: str, symbol: Symbol) -> None:
        self._symbols.setdefault(name, []).append(symbol)

    def symbol(self, node: "Node") -> Symbol | None:
        """What a name stands for where it is used: the innermost declaration around it."""
        known = self._symbols.get(text_of(node), ())
        around = [symbol for symbol in known if symbol.start <= node.start_byte < symbol.end]
        return min(around, key=lambda symbol: symbol.end - symbol.start, default=None)

    def is_address(self, node: "Node | None") -> bool:
        """Whether an argument is a connection string and not an object of options."""
        node = bare(node)
        is_text = node is not None and node.type == "template_string"
        return is_text or isinstance(self.value(node), str | Environment) or bool(_ADDRESS.search(show(node)))

    def options(self, node: "Node | None") -> Options:
        """The object that an expression comes to; an open one without keys where nobody can tell."""
        node = bare(node)
        if node is None:
            return Options()
        if node.id not in self._options:
            self._options[node.id] = Options(is_open=True)  # while it is looked at: an object may hold itself
            self._options[node.id] = self._find_options(node)
        return self._options[node.id]

    def _find_options(self, node: "Node") -> Options:
        match node.type:
            case "object":
                return self._literal(node)
            case "ternary_expression" | "binary_expression":
                return self._either(self._branches(node))
            case "identifier" | "shorthand_property_identifier":
                return self._named(node)
            case "member_expression":
                return self._member_options(node)
        is_frozen = show(child(node, "function")) == "Object.freeze"
        within = next(iter(arguments(node)), None) if is_frozen else None
        return self.options(within) if within else Options(is_open=node.type not in _NO_OBJECTS)

    def _branches(self, node: "Node") -> list[Options]:
        """What `a ? b : c`, and `a && b` inside a spread, may come to."""
        operator, right = text_of(child(node, "operator")), child(node, "right")
        if operator == "&&":
            return [self.options(right), Options()]
        names = ("left", "right") if operator else ("consequence", "alternative")
        return [self.options(child(node, name)) for name in names]

    def _member_options(self, node: "Node") -> Options:
        owner = self.options(child(node, "object"))
        found = owner.fields.get(text_of(child(node, "property")), Opaque(""))
        return Options(is_open=True) if isinstance(found, Opaque) else self.options(found)

    def _named(self, node: "Node") -> Options:
        symbol, changed = self.symbol(node), self._changed.get(text_of(node), set())
        if symbol is None or symbol.value is None or symbol.keys or "" in changed:
            return Options(is_open=True)
        found = self.options(symbol.value)
        later = {key: Opaque(f"is changed after {text_of(node)} is made") for key in changed}
        return Options({**found.fields, **later}, found.is_open)

    def _literal(self, node: "Node") -> Options:
        options = Options()
        for part in node.named_children:
            if part.type == "spread_element":
                spread = self.options(part.named_child(0))
                options = (
                    Options(is_open=True) if spread.is_open else options
                )  # it may replace what stands before
                options.fields.update(spread.fields)
            elif part.type == "shorthand_property_identifier":
                options.fields[text_of(part)] = part
            elif part.type in {"pair", "method_definition"}:
                key = key_name(child(part, "key") or child(part, "name"))
                if key is None:
                    options = Options(is_open=True)
                else:
                    options.fields[key] = child(part, "value") or part
        return options

    def _either(self, choices: list[Options]) -> Options:
        """One of several objects: what they don't share depends on a condition."""
        fields: dict[str, Node | Opaque] = {}
        for key in dict.fromkeys(key for choice in choices for key in choice.fields):
            found = [self.field(choice, key) for choice in choices]
            first = choices[0].fields.get(key)
            known = [values.words(value) for value in found if isinstance(value, int | float)]
            hint = f" ({' or '.join(known)})" if known else ""
            is_same = first is not None and all(value == found[0] for value in found)
            fields[key] = first if first and is_same else Opaque(f"depends on a condition{hint}")
        return Options(fields, any(choice.is_open for choice in choices))

    def field(self, options: Options, key: str) -> Field:
        """What a key of the options comes to: an Opaque without words if the options are open there."""
        found = options.fields.get(key)
        if found is None:
            return Opaque("") if options.is_open else ABSENT
        return found if isinstance(found, Opaque) else self.value(found)

    def value(self, node: "Node | None") -> Value:
        """What an expression comes to, or where it comes from."""
        node = bare(node)
        if node is None:
            return None
        if node.id not in self._values:
            self._values[node.id] = Opaque("is made of itself")
            self._values[node.id] = self._find_value(node)
        return self._values[node.id]

    def _find_value(self, node: "Node") -> Value:
        text = string(node)
        if text is not None:
            return text
        if node.type in _LITERALS:
            return _LITERALS[node.type]
        match node.type:
            case "number":
                return values.literal(text_of(node))
            case "identifier" | "shorthand_property_identifier":
                return self._name_value(node)
            case "member_expression" | "subscript_expression":
                return self._member_value(node)
        return self._call_value(node) if node.type == "call_expression" else self._operation(node)

    def _operation(self, node: "Node") -> Value:
        operator = text_of(child(node, "operator"))
        match node.type:
            case "ternary_expression":
                branches = [self.value(child(node, name)) for name in ("consequence", "alternative")]
                return values.choose(self._condition(child(node, "condition")), *branches)
            case "unary_expression":
                return values.unary(operator, self.value(child(node, "argument")))
            case "binary_expression":
                sides = [self.value(child(node, name)) for name in ("left", "right")]
                return values.binary(operator, *sides)
        return Opaque("can't be told")

    def _condition(self, node: "Node | None") -> Value:
        """A condition's value, or the environment variables that a comparison in it asks."""
        found = self.value(node)
        node = bare(node)
        if not isinstance(found, Opaque) or node is None or node.type != "binary_expression":
            return found
        sides = [self.value(child(node, name)) for name in ("left", "right")]
        names = tuple(name for side in sides for name in values.names_of(side))
        return Environment(names) if names else found

    def _name_value(self, node: "Node") -> Value:
        symbol, name = self.symbol(node), text_of(node)
        if symbol is None or name in self._changed or (symbol.value is None and not symbol.module):
            return Opaque(f"comes from {show(node)}")
        if symbol.module:
            return Opaque(f"comes from {show(node)} of another file")
        return self._key_value(symbol, show(node)) if symbol.keys else self.value(symbol.value)

    def _key_value(self, symbol: Symbol, name: str) -> Value:
        """What `const { name = default } = value` makes of a name."""
        default = self.value(symbol.default)
        if show(symbol.value) in _ENVIRONMENTS and len(symbol.keys) == 1:
            return Environment(symbol.keys, default)
        found = self.field(self.options(symbol.value), symbol.keys[0])
        if len(symbol.keys) > 1 or isinstance(found, Opaque):
            return Opaque(f"comes from {name}")
        return default if isinstance(found, Absence) else found

    def _member_value(self, node: "Node") -> Value:
        owner, index = child(node, "object"), child(node, "index")
        key = string(index) if index else text_of(child(node, "property"))
        if key is not None and show(owner) in _ENVIRONMENTS:
            return Environment((key,))
        found = self.field(self.options(owner), key) if key is not None else Opaque("")
        if found == Opaque(""):
            return Opaque(f"comes from {show(node)}")
        return None if isinstance(found, Absence) else found

    def _call_value(self, node: "Node") -> Value:
        name = show(child(node, "function"))
        given = [self.value(argument) for argument in arguments(node)]
        if name in _FUNCTIONS_OF_NUMBERS and given:
            return values.number(given[0])
        if name == "Deno.env.get" and given and isinstance(given[0], str):
            return Environment((given[0],))
        if name.startswith("Math.") and given:
            return values.mathematics(name.removeprefix("Math."), given)
        return Opaque(f"comes from {show(node)}")
