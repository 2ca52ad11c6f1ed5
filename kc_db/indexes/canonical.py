"""Brings a spec into the catalog's own terms, and compares two definitions attribute by attribute."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kc_db.findings import Difference
from kc_db.indexes.model import Catalog, Expression, IndexDef, Key, LiveTable, Name, OperatorClass


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a live definition stands to a wanted one.

    Attributes:
        differences: what is certainly different.
        undecided: the attributes that only the server could compare.
    """

    differences: tuple[Difference, ...] = ()
    undecided: tuple[Difference, ...] = ()

    @property
    def equal(self) -> bool:
        """Certainly the same index, whatever it is called."""
        return not self.differences and not self.undecided


_EQUAL = Comparison()


def resolve(definition: IndexDef, table: LiveTable, catalog: Catalog) -> IndexDef:
    """The definition in the catalog's names, with everything that is a default left unsaid.

    An explicit operator class or collation that the column would get anyway is the same as none
    (ComputeIndexAttrs() in src/backend/commands/indexcmds.c).
    """
    if not any(key.collation or key.operator_class for key in definition.keys):
        return definition if definition.table == table.name else replace(definition, table=table.name)
    named = with_full_names(definition, catalog.operator_classes, catalog.collations)
    keys = tuple(_without_defaults(key, named.method, table) for key in named.keys)
    return replace(named, table=table.name, keys=keys)


def with_full_names(
    definition: IndexDef, operator_classes: Mapping[tuple[str, Name], Name], collations: Mapping[Name, Name]
) -> IndexDef:
    """The definition with each operator class and collation by its one name."""
    keys = []
    for key in definition.keys:
        given = key.operator_class
        if given and given.name:
            name = operator_classes.get((definition.method, given.name), given.name)
            given = replace(given, name=name)
        collation = collations.get(key.collation, key.collation) if key.collation else None
        keys.append(replace(key, collation=collation, operator_class=given))
    return replace(definition, keys=tuple(keys))


def compare(want: IndexDef, have: IndexDef) -> Comparison:
    """What differs between a resolved want and a live definition of one table, but for the name."""
    if want.shape == have.shape:
        return _EQUAL
    comparisons = [*_compare_scalars(want, have), *_compare_keys(want, have)]
    if want.predicate != have.predicate:
        both = want.predicate and have.predicate
        decided = not both or _columns(want.predicate) != _columns(have.predicate)
        pair = Difference("predicate", _shown(want.predicate), _shown(have.predicate))
        comparisons.append((pair, bool(decided)))
    return Comparison(
        differences=tuple(difference for difference, decided in comparisons if decided),
        undecided=tuple(difference for difference, decided in comparisons if not decided),
    )


def _compare_scalars(want: IndexDef, have: IndexDef) -> Iterator[tuple[Difference, bool]]:
    for attribute, wanted, had in (
        ("method", want.method, have.method),
        ("unique", _yes(want.unique), _yes(have.unique)),
        ("nulls not distinct", _yes(want.nulls_not_distinct), _yes(have.nulls_not_distinct)),
        ("INCLUDE columns", _list(want.include), _list(have.include)),
        ("storage parameters", _parameters(want.storage), _parameters(have.storage)),
    ):
        if wanted != had:
            yield Difference(attribute, wanted, had), True


def _compare_keys(want: IndexDef, have: IndexDef) -> Iterator[tuple[Difference, bool]]:
    """Differences in the keys, each with whether it is certain."""
    same_things = len(want.keys) == len(have.keys)
    certain = not same_things or any(
        _certainly_differ(wanted.of, had.of) for wanted, had in zip(want.keys, have.keys, strict=True)
    )
    if certain:
        yield Difference("keys", _list(key.of for key in want.keys), _list(key.of for key in have.keys)), True
        return
    for number, (wanted, had) in enumerate(zip(want.keys, have.keys, strict=True), start=1):
        yield from _compare_key(f"key {number} ({_shown(wanted.of)})", wanted, had)


def _compare_key(where: str, want: Key, have: Key) -> Iterator[tuple[Difference, bool]]:
    if want.of != have.of:
        yield Difference(where, _shown(want.of), _shown(have.of)), False
    # What an expression's own collation and operator class are, only the server knows; the catalog's text
    # leaves them out, so that a live one that is said is certainly not the default.
    known = isinstance(want.of, str)
    for attribute, wanted, had in (
        ("collation", _dotted(want.collation), _dotted(have.collation)),
        ("operator class", want.operator_class, have.operator_class),
    ):
        if wanted != had:
            pair = Difference(f"{attribute} of {where}", _shown(wanted, "default"), _shown(had, "default"))
            yield pair, known or had is not None
    for attribute, wanted, had in (
        ("direction", _direction(want), _direction(have)),
        ("nulls order", _nulls(want), _nulls(have)),
    ):
        if wanted != had:
            yield Difference(f"{attribute} of {where}", wanted, had), True


def _certainly_differ(want: str | Expression, have: str | Expression) -> bool:
    if isinstance(have, str):
        return want != have and (isinstance(want, str) or not _may_be_column(want, have))
    return isinstance(want, str) or _columns(want) != _columns(have)


def _may_be_column(expression: Expression, column: str) -> bool:
    """Whether the server may find that an expression is but a column: a cast to its own type vanishes."""
    node = json.loads(expression.tree)
    while (kind := next(iter(node))) in {"TypeCast", "CollateClause"}:
        node = node[kind]["arg"]
    return kind == "ColumnRef" and _columns(expression) == {column}


def _columns(expression: Expression | None) -> set[str]:
    """The columns that an expression reads; the server's rewriting adds and removes none."""
    return set(_column_names(json.loads(expression.tree))) if expression else set()


def _column_names(tree: Any) -> Iterator[str]:
    if isinstance(tree, Mapping):
        if fields := tree.get("ColumnRef", {}).get("fields"):
            yield fields[-1].get("String", {}).get("sval", "*")
        for part in tree.values():
            yield from _column_names(part)
    elif isinstance(tree, list):
        for part in tree:
            yield from _column_names(part)


def _without_defaults(key: Key, method: str, table: LiveTable) -> Key:
    column = table.columns.get(key.of) if isinstance(key.of, str) else None
    if column is None or (key.collation is None and key.operator_class is None):
        return key
    given = key.operator_class
    if given and given.name == column.operator_classes.get(method):
        given = OperatorClass(None, given.options) if given.options else None
    return replace(
        key, collation=None if key.collation == column.collation else key.collation, operator_class=given
    )


def _dotted(name: Name | None) -> str | None:
    return ".".join(name) if name else None


def _yes(flag: bool) -> str:
    return "yes" if flag else "no"


def _direction(key: Key) -> str:
    return "DESC" if key.descending else "ASC"


def _nulls(key: Key) -> str:
    return "NULLS FIRST" if key.nulls_first else "NULLS LAST"


def _list(names: Any) -> str:
    return f"({', '.join(map(str, names))})"


def _parameters(storage: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in storage) or "none"


def _shown(value: object, absent: str = "none") -> str:
    return absent if value is None else str(value)
