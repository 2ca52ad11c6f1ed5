"""Finds, for each spec, what of the live catalog stands for it: by definition first, by name second."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from kc_db.findings import Difference
from kc_db.indexes.canonical import compare, resolve
from kc_db.indexes.model import Catalog, IndexDef, LiveIndex, LiveTable, Spec, TableName


@dataclass(frozen=True, slots=True)
class Match:
    """A spec and what there is for it.

    Attributes:
        spec: what must exist.
        want: its definition, resolved against the catalog.
        satisfied_by: a usable index of that definition, under this or another name.
        same_name: the index that has the spec's name, whatever it is.
        differences: how the one of the same name differs.
        undecided: what could not be compared, with the index of the same name or else with another one.
        name_taken_by: what else has the name, where it isn't an index of the table.
        missing_columns: columns of the spec that the table doesn't have.
        partitioned: the table is partitioned.
    """

    spec: Spec
    want: IndexDef
    satisfied_by: LiveIndex | None = None
    same_name: LiveIndex | None = None
    differences: tuple[Difference, ...] = ()
    undecided: tuple[Difference, ...] = ()
    name_taken_by: str | None = None
    missing_columns: tuple[str, ...] = ()
    partitioned: bool = False


@dataclass(frozen=True, slots=True)
class TableMatch:
    """One table of the specs.

    Attributes:
        table: as the specs name it.
        specs: all that the specs want of it.
        live: what the server has, None if there is no such table.
        matches: each spec's, where the table exists.
        duplicates: each usable index that repeats another one, with the one to keep.
    """

    table: TableName
    specs: tuple[Spec, ...]
    live: LiveTable | None
    matches: tuple[Match, ...] = ()
    duplicates: tuple[tuple[LiveIndex, LiveIndex], ...] = ()

    @property
    def claimed(self) -> set[str]:
        """Names of the live indexes that a spec is about."""
        indexes = (index for match in self.matches for index in (match.satisfied_by, match.same_name))
        return {index.name for index in indexes if index}


def match_tables(specs: Sequence[Spec], catalog: Catalog) -> tuple[TableMatch, ...]:
    """What there is for each spec, by table in the order of the specs."""
    by_table = sorted(specs, key=lambda spec: (spec.file, str(spec.definition.table)))
    return tuple(
        _match_table(table, tuple(group), catalog)
        for table, group in groupby(by_table, key=lambda spec: spec.definition.table)
    )


def _match_table(table: TableName, specs: tuple[Spec, ...], catalog: Catalog) -> TableMatch:
    live = catalog.tables.get(table)
    if live is None or live.kind not in {"r", "p", "m"}:
        return TableMatch(table, specs, live)
    by_name = {index.name: index for index in live.indexes}
    names = {spec.definition.name for spec in specs}
    matches = []
    for spec in specs:
        want = resolve(spec.definition, live, catalog)
        same_name = by_name.get(want.name)
        if same_name and satisfies(want, same_name):
            matches.append(Match(spec, want, same_name, same_name, partitioned=live.kind == "p"))
        else:  # an index that has another spec's name is that spec's
            others = names - {want.name}
            matches.append(_match_otherwise(spec, want, live, others, catalog))
    return TableMatch(table, specs, live, tuple(matches), tuple(_duplicates(live, matches)))


def _duplicates(live: LiveTable, matches: Sequence[Match]) -> Iterator[tuple[LiveIndex, LiveIndex]]:
    by_shape: dict[tuple[object, ...], list[LiveIndex]] = {}
    for index in live.indexes:
        if index.usable and not index.exclusion and index.immediate:
            by_shape.setdefault(index.definition.shape, []).append(index)
    if len(by_shape) == len(live.indexes):
        return
    wanted = {match.satisfied_by.name for match in matches if match.satisfied_by}
    for group in by_shape.values():
        keep, *others = sorted(group, key=lambda index: _rank(index, wanted))
        yield from ((other, keep) for other in others)


def _match_otherwise(
    spec: Spec, want: IndexDef, live: LiveTable, names_of_others: set[str], catalog: Catalog
) -> Match:
    same_name = next((index for index in live.indexes if index.name == want.name), None)
    equal = [index for index in live.indexes if satisfies(want, index) and index.name not in names_of_others]
    match = Match(
        spec,
        want,
        satisfied_by=min(equal, key=lambda index: _rank(index, {want.name}), default=None),
        same_name=same_name,
        name_taken_by=None if same_name else catalog.taken_names.get((live.name.schema or "", want.name)),
        missing_columns=tuple(_missing_columns(want, live)),
        partitioned=live.kind == "p",
    )
    if same_name:
        comparison = compare(want, same_name.definition)
        undecided = comparison.undecided if not comparison.differences else ()
        return replace(
            match, differences=(*comparison.differences, *_kind_differences(same_name)), undecided=undecided
        )
    return (
        match
        if match.satisfied_by
        else replace(match, undecided=_undecided_elsewhere(want, live, names_of_others))
    )


def satisfies(want: IndexDef, index: LiveIndex) -> bool:
    """Whether a live index is usable and certainly the wanted one, whatever it is called."""
    return index.usable and not _kind_differences(index) and want.shape == index.definition.shape


def _kind_differences(index: LiveIndex) -> tuple[Difference, ...]:
    """A deferrable constraint can't arbitrate ON CONFLICT; an EXCLUDE constraint is no unique index."""
    if index.exclusion:
        return (Difference("constraint", "none, UNIQUE or PRIMARY KEY", "EXCLUDE"),)
    return () if index.immediate else (Difference("constraint", "checked at once", "DEFERRABLE"),)


def _undecided_elsewhere(want: IndexDef, live: LiveTable, skip: Iterable[str]) -> tuple[Difference, ...]:
    for index in live.indexes:
        if index.usable and index.name not in skip and not _kind_differences(index):
            comparison = compare(want, index.definition)
            if not comparison.differences:
                return comparison.undecided
    return ()


def _missing_columns(want: IndexDef, live: LiveTable) -> Iterator[str]:
    for name in (*(key.of for key in want.keys), *want.include):
        if isinstance(name, str) and name not in live.columns:
            yield name


def _rank(index: LiveIndex, preferred_names: set[str]) -> tuple[bool, bool, bool, str]:
    """Of equal indexes, which one stands for them: a wanted name, a constraint's, the first by name."""
    return (
        index.name not in preferred_names,
        index.constraint is None,
        index.needed_by is None,
        index.name,
    )
