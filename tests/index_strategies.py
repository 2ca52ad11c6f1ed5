"""Hypothesis strategies: any index that PostgreSQL can make, and each change of one attribute.

A Plan is an index as somebody might write it; what two of them mean is for the server to say.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from hypothesis import strategies as st

from tests.index_vocabulary import COLLATIONS, KEYS, KINDS, OPTIONS, PARAMETERS, PREDICATES, TABLES

_INCLUDED = ("sm", "n", "v", "tx", "by", "p", '"größe"', '"quo""te"')
_ORDERED = "btree"
_SINGLE = {"hash", "spgist"}  # index methods of one key
_INCLUDING = {"btree", "gist", "spgist"}
_COLLATABLE = {"text", "bpchar", "name"}
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class KeyPlan:
    """A key as it is written; empty is unsaid."""

    of: str
    kind: str
    collation: str = ""
    operator_class: str = ""
    options: Pairs = ()
    direction: str = ""
    nulls: str = ""

    def __str__(self) -> str:
        options = f" ({_written(self.options)})" if self.options else ""
        words = (
            self.of,
            self.collation and f"COLLATE {self.collation}",
            self.operator_class + options,
            self.direction,
            self.nulls and f"NULLS {self.nulls}",
        )
        return " ".join(filter(None, words))


@dataclass(frozen=True, slots=True)
class Plan:
    """An index as it is written."""

    table: str
    method: str
    keys: tuple[KeyPlan, ...]
    unique: bool = False
    include: tuple[str, ...] = ()
    nulls_not_distinct: bool = False
    storage: Pairs = ()
    predicate: str = ""
    says_method: bool = True

    def statement(self, name: str) -> str:
        """CREATE INDEX under a name, which is written as it stands."""
        words = (
            f"CREATE {'UNIQUE ' if self.unique else ''}INDEX {name} ON {self.table}",
            f"USING {self.method}" if self.says_method or self.method != "btree" else "",
            f"({', '.join(map(str, self.keys))})",
            f"INCLUDE ({', '.join(self.include)})" if self.include else "",
            "NULLS NOT DISTINCT" if self.nulls_not_distinct else "",
            f"WITH ({_written(self.storage)})" if self.storage else "",
            f"WHERE {self.predicate}" if self.predicate else "",
        )
        return " ".join(filter(None, words))


def _written(pairs: Pairs) -> str:
    return ", ".join(f"{name} = {value}" for name, value in pairs)


@st.composite
def plans(draw: st.DrawFn, *, nulls_not_distinct: bool) -> Plan:
    """Any index; each one can be made.

    Args:
        draw: hypothesis's.
        nulls_not_distinct: whether the server knows it.
    """
    method = draw(st.sampled_from(tuple(PARAMETERS)))
    keys = draw(
        st.lists(
            st.sampled_from([key for key in KEYS if method in KINDS[key[1]]]),
            min_size=1,
            max_size=1 if method in _SINGLE else 3,
            unique_by=lambda key: key[0],
        )
    )
    unique = method == _ORDERED and draw(st.booleans())
    included = st.lists(st.sampled_from(_INCLUDED), max_size=2, unique=True)
    return Plan(
        table=draw(st.sampled_from(TABLES)),
        method=method,
        keys=tuple(draw(_keys(of, kind, method)) for of, kind in keys),
        unique=unique,
        include=tuple(draw(included)) if method in _INCLUDING else (),
        nulls_not_distinct=unique and nulls_not_distinct and draw(st.booleans()),
        storage=draw(_some_of(PARAMETERS[method])),
        predicate=draw(st.sampled_from(("", "", *PREDICATES))),
        says_method=draw(st.booleans()),
    )


@st.composite
def _keys(draw: st.DrawFn, of: str, kind: str, method: str) -> KeyPlan:
    operator_class = draw(st.sampled_from(KINDS[kind][method]))
    is_ordered = method == _ORDERED
    has_collation = kind in _COLLATABLE and method != "gin"
    return KeyPlan(
        of=of,
        kind=kind,
        collation=draw(st.sampled_from(("", "", *COLLATIONS))) if has_collation else "",
        operator_class=operator_class,
        options=draw(_some_of(_options_of(operator_class, method))),
        direction=draw(st.sampled_from(("", "ASC", "DESC"))) if is_ordered else "",
        nulls=draw(st.sampled_from(("", "FIRST", "LAST"))) if is_ordered else "",
    )


def _options_of(operator_class: str, method: str) -> Mapping[str, tuple[str, ...]]:
    if method not in {"gist", "brin"}:
        return {}
    return next((values for suffix, values in OPTIONS.items() if operator_class.endswith(suffix)), {})


@st.composite
def _some_of(draw: st.DrawFn, parameters: Mapping[str, Sequence[str]]) -> Pairs:
    names = draw(st.lists(st.sampled_from(sorted(parameters)), unique=True, max_size=2)) if parameters else []
    return tuple((name, draw(st.sampled_from(parameters[name]))) for name in names)


def mutations(plan: Plan) -> Iterator[tuple[str, Plan]]:
    """Each change of one attribute, with the attribute's name; the server refuses some of them."""
    yield from _changed_scalars(plan)
    yield from _changed_lists(plan)
    for number, key in enumerate(plan.keys):
        for attribute, changed in _changed_key(key, plan):
            keys = (*plan.keys[:number], changed, *plan.keys[number + 1 :])
            yield attribute, replace(plan, keys=keys)


def _changed_scalars(plan: Plan) -> Iterator[tuple[str, Plan]]:
    for method in PARAMETERS:
        if method != plan.method:
            yield "method", replace(plan, method=method)
    yield "unique", replace(plan, unique=not plan.unique)
    if plan.unique:
        yield "nulls not distinct", replace(plan, nulls_not_distinct=not plan.nulls_not_distinct)
    at = PREDICATES.index(plan.predicate) if plan.predicate else 0
    for predicate in (*(PREDICATES[at - step] for step in (1, 2, 7)), ""):
        if predicate != plan.predicate:
            yield "predicate", replace(plan, predicate=predicate)


def _changed_lists(plan: Plan) -> Iterator[tuple[str, Plan]]:
    keys = plan.keys
    yield "keys", replace(plan, keys=(*keys, KeyPlan("i8", "int8")))
    if len(keys) > 1:
        yield "keys", replace(plan, keys=keys[:-1])
        yield "keys", replace(plan, keys=keys[1:])
        yield "keys", replace(plan, keys=keys[::-1])
    yield "INCLUDE columns", replace(plan, include=(*plan.include, "bo"))
    if plan.include:
        yield "INCLUDE columns", replace(plan, include=plan.include[1:])
    if len(plan.include) > 1:
        yield "INCLUDE columns", replace(plan, include=plan.include[::-1])
    for storage in _changed_pairs(plan.storage, PARAMETERS[plan.method]):
        yield "storage parameters", replace(plan, storage=storage)


def _changed_key(key: KeyPlan, plan: Plan) -> Iterator[tuple[str, KeyPlan]]:
    same_kind = [of for of, kind in KEYS if kind == key.kind]
    taken = {other.of for other in plan.keys}
    for one, other in pairwise((*same_kind, same_kind[0])):
        if one == key.of and other not in taken:
            yield "key", replace(key, of=other)
    if plan.method == _ORDERED:
        descending = key.direction == "DESC"
        nulls = key.nulls or ("FIRST" if descending else "LAST")
        yield "direction", replace(key, direction="ASC" if descending else "DESC", nulls=nulls)
        yield "nulls order", replace(key, nulls="LAST" if nulls == "FIRST" else "FIRST")
    if key.kind in _COLLATABLE:
        for collation in ("", '"C"', '"POSIX"'):
            if collation != key.collation:
                yield "collation", replace(key, collation=collation)
    for name in KINDS[key.kind].get(plan.method, ()):
        if name != key.operator_class:
            yield "operator class", replace(key, operator_class=name, options=())
    for options in _changed_pairs(key.options, _options_of(key.operator_class, plan.method)):
        yield "operator class", replace(key, options=options)


def _changed_pairs(pairs: Pairs, known: Mapping[str, Sequence[str]]) -> Iterator[Pairs]:
    said = dict(pairs)
    for name, values in known.items():
        others = {key: value for key, value in said.items() if key != name}
        if name in said:
            yield tuple(others.items())
        other_value = next(value for value in values if value != said.get(name))
        yield tuple({**others, name: other_value}.items())
