"""Brings a spec into the catalog's own terms, and compares two definitions attribute by attribute."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from kc_db.findings import Difference
from kc_db.indexes.model import (
    Catalog,
    Column,
    Expression,
    Forms,
    IndexDef,
    Key,
    LiveTable,
    Name,
    OperatorClass,
)


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
    if any(key.collation or key.operator_class for key in definition.keys):
        keys = normalized_keys(definition, table.columns, catalog.operator_classes, catalog.collations)
        definition = replace(definition, keys=keys)
    if definition.table != table.name:
        definition = definition.on(table.name)
    return in_canonical_form(definition, catalog.forms)


def in_canonical_form(definition: IndexDef, forms: Forms) -> IndexDef:
    """The definition as the server writes it in the end, where that is known."""
    if not (forms.canonical and definition.has_expressions):
        return definition
    written = forms.canonical.get((definition.table, definition.method, definition.written))
    if written is None:
        return definition
    keys, predicate = written
    return replace(definition, keys=keys, predicate=predicate, canonical=True)


def normalized_keys(
    definition: IndexDef,
    columns: Mapping[str, Column],
    operator_classes: Mapping[tuple[str, Name], Name],
    collations: Mapping[Name, Name],
) -> tuple[Key, ...]:
    """The keys with each operator class and collation by its one name; what is a default goes unsaid."""
    keys = []
    for key in definition.keys:
        given = key.operator_class
        if given:
            name = operator_classes.get((definition.method, given.name), given.name)
            given = replace(given, name=name)
        collation = collations.get(key.collation, key.collation) if key.collation else None
        named = replace(key, collation=collation, operator_class=given)
        keys.append(_without_defaults(named, definition.method, columns))
    return tuple(keys)


def compare(want: IndexDef, have: IndexDef) -> Comparison:
    """What differs between a resolved want and a live definition of one table, but for the name."""
    if want.shape == have.shape:
        return _EQUAL
    comparisons = [*_compare_scalars(want, have), *_compare_keys(want, have)]
    if want.predicate != have.predicate:
        pair = Difference("predicate", _shown(want.predicate), _shown(have.predicate))
        comparisons.append((pair, _certainly_differ(want.predicate, have.predicate, want.table.name)))
    certain = all(one.canonical or not one.has_expressions for one in (want, have))
    return Comparison(
        differences=tuple(difference for difference, decided in comparisons if decided or certain),
        undecided=tuple(difference for difference, decided in comparisons if not decided and not certain),
    )


def _compare_scalars(want: IndexDef, have: IndexDef) -> Iterator[tuple[Difference, bool]]:
    attributes: tuple[tuple[str, object, object, Callable[[Any], str]], ...] = (
        ("method", want.method, have.method, str),
        ("unique", want.unique, have.unique, _yes),
        ("nulls not distinct", want.nulls_not_distinct, have.nulls_not_distinct, _yes),
        ("INCLUDE columns", want.include, have.include, _list),
        ("storage parameters", want.storage, have.storage, _parameters),
    )
    for attribute, wanted, had, shown in attributes:
        if wanted != had:
            yield Difference(attribute, shown(wanted), shown(had)), True


def _compare_keys(want: IndexDef, have: IndexDef) -> Iterator[tuple[Difference, bool]]:
    """Differences in the keys, each with whether it is certain."""
    if len(want.keys) != len(have.keys) or any(
        _certainly_differ(wanted.of, had.of, want.table.name)
        for wanted, had in zip(want.keys, have.keys, strict=True)
    ):
        yield Difference("keys", _list(key.of for key in want.keys), _list(key.of for key in have.keys)), True
        return
    for number, (wanted, had) in enumerate(zip(want.keys, have.keys, strict=True), start=1):
        shown = " ".join(_shown(wanted.of).split())
        yield from _compare_key(f"key {number} ({shown})", wanted, had)


def _compare_key(where: str, want: Key, have: Key) -> Iterator[tuple[Difference, bool]]:
    if want.of != have.of:
        yield Difference(where, _shown(want.of), _shown(have.of)), False
    # What an expression's own collation and operator class are, only the server knows; the catalog's text
    # leaves them out, so that a live one that is said is certainly not the default.
    is_column = isinstance(want.of, str)
    for attribute, wanted, had, absent in (
        ("collation", want.collation, have.collation, "its own"),  # "default" is a collation's name
        ("operator class", want.operator_class, have.operator_class, "default"),
    ):
        if wanted != had:
            pair = Difference(f"{attribute} of {where}", _shown(wanted, absent), _shown(had, absent))
            yield pair, is_column or had is not None
    for attribute, shown in (("direction", _direction), ("nulls order", _nulls)):
        if shown(want) != shown(have):
            yield Difference(f"{attribute} of {where}", shown(want), shown(have)), True


def _certainly_differ(want: str | Expression | None, have: str | Expression | None, table: str) -> bool:
    """Whether the server can't have made the one out of the other; its rewriting adds and removes no column.

    A name that is the table's own may mean the whole row, `row.*`, or, as f(row), the column f.
    """
    if isinstance(want, str):
        return want != have
    reads, is_read = columns_read(want), columns_read(have)
    if want and have and (reads | is_read) & {table, "*"}:
        return False
    if isinstance(have, str) and want:
        return not _may_be_column(want, have)
    return reads != is_read


def _may_be_column(expression: Expression, column: str) -> bool:
    """Whether the server may find that an expression is but a column: a cast to its own type vanishes."""
    node = json.loads(expression.tree)
    while (kind := next(iter(node))) in {"TypeCast", "CollateClause"}:
        node = node[kind]["arg"]
    return kind == "ColumnRef" and columns_read(expression) == {column}


def columns_read(key: str | Expression | None) -> frozenset[str]:
    """The columns that a key or a predicate reads; the table's own name or `*` is the whole row."""
    if isinstance(key, Expression):
        return _columns_of(key.tree)
    return frozenset({key} if key else ())


@cache
def _columns_of(tree: str) -> frozenset[str]:
    return frozenset(_column_names(json.loads(tree)))


def _column_names(tree: Any) -> Iterator[str]:
    """What JSON gives is a dict, a list, or neither: asking for those is faster than for a Mapping."""
    if isinstance(tree, dict):
        if "ColumnRef" in tree:
            yield tree["ColumnRef"]["fields"][-1].get("String", {}).get("sval", "*")
        tree = tree.values()
    elif not isinstance(tree, list):
        return
    for part in tree:
        yield from _column_names(part)


def _without_defaults(key: Key, method: str, columns: Mapping[str, Column]) -> Key:
    column = columns.get(key.of) if isinstance(key.of, str) else None
    if column is None or (key.collation is None and key.operator_class is None):
        return key
    given = key.operator_class
    return replace(
        key,
        collation=None if key.collation == column.collation else key.collation,
        operator_class=None if is_plain(given, column.operator_classes.get(method)) else given,
    )


def is_plain(given: OperatorClass | None, default: Name | None) -> bool:
    """Whether naming the operator class says nothing; with options its name has to be said."""
    return given is not None and not given.options and given.name == default


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
    if value is None:
        return absent
    return ".".join(value) if isinstance(value, tuple) else str(value)
