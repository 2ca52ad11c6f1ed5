"""Finds, for each spec, what of the live catalog stands for it: by definition first, by name second."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from kc_db.findings import Difference
from kc_db.indexes.canonical import columns_read, compare, resolve
from kc_db.indexes.model import Catalog, Forms, IndexDef, LiveIndex, LiveTable, Spec, TableName


@dataclass(frozen=True, slots=True)
class Match:
    """A spec and what there is for it.

    Attributes:
        spec: what must exist.
        want: its definition, resolved against the catalog.
        live: the table.
        satisfied_by: a usable index of that definition, under this or another name; stands for one spec only.
        same_name: the index that has the spec's name, whatever it is.
        differences: how the one of the same name differs.
        undecided: what could not be compared, with the index of the same name or else with another one.
        unsure_because: why not, and what to do about it.
        refused: why the server takes no index of the wanted definition at all.
        name_taken_by: what else has the name, where it isn't an index of the table.
        makes_way_for: where the index of the same name satisfies another spec, that spec's match.
        in_the_way: the index that satisfies this spec has another spec's name.
    """

    spec: Spec
    want: IndexDef
    live: LiveTable
    satisfied_by: LiveIndex | None = None
    same_name: LiveIndex | None = None
    differences: tuple[Difference, ...] = ()
    undecided: tuple[Difference, ...] = ()
    unsure_because: str | None = None
    refused: str | None = None
    name_taken_by: str | None = None
    makes_way_for: "Match | None" = None
    in_the_way: bool = False

    @property
    def settled(self) -> bool:
        """The index of the same name is the spec's, or may be."""
        return self.same_name is not None and self.same_name.usable and not self.differences

    @property
    def being_built(self) -> LiveIndex | None:
        """The index that is the spec's once its build, which runs right now, has ended."""
        if self.satisfied_by:
            return None
        running = [i for i in self.live.indexes if i.build and i.definition.shape == self.want.shape]
        return min(running, key=lambda index: (index.name != self.want.name, index.name), default=None)

    @property
    def missing_columns(self) -> tuple[str, ...]:
        """Columns of the spec that the table doesn't have."""
        known = {*self.live.columns, self.live.name.name, "*"}
        parts = (*(key.of for key in self.want.keys), self.want.predicate, *self.want.include)
        named = dict.fromkeys(name for part in parts for name in sorted(columns_read(part)))
        return tuple(name for name in named if name not in known)


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
    def has_mixed_up_names(self) -> bool:
        """Whether one spec's name is on the index of another, so that they can only be mended together."""
        return any(match.in_the_way or match.makes_way_for for match in self.matches)

    @property
    def satisfying(self) -> set[str]:
        """Names of the live indexes that stand for a spec."""
        return {match.satisfied_by.name for match in self.matches if match.satisfied_by}

    @property
    def claimed(self) -> set[str]:
        """Names of the live indexes that a spec is about."""
        indexes = (index for match in self.matches for index in (match.satisfied_by, match.same_name))
        return {index.name for index in indexes if index}


def match_tables(specs: Sequence[Spec], catalog: Catalog) -> tuple[TableMatch, ...]:
    """What there is for each spec, by table in the order of the specs."""
    by_table: dict[TableName, list[Spec]] = {}
    for spec in sorted(specs, key=lambda spec: spec.file):
        by_table.setdefault(spec.definition.table, []).append(spec)
    return tuple(_match_table(table, tuple(group), catalog) for table, group in by_table.items())


def _match_table(table: TableName, specs: tuple[Spec, ...], catalog: Catalog) -> TableMatch:
    live = catalog.tables.get(table)
    if live is None or live.kind not in {"r", "p", "m"}:
        return TableMatch(table, specs, live)
    by_name = {index.name: index for index in live.indexes}
    matches = [_match_by_name(spec, live, by_name, catalog) for spec in specs]
    if not all(match.satisfied_by for match in matches):
        matches = list(_with_way_made(list(_match_by_definition(matches))))
    return TableMatch(table, specs, live, tuple(matches), tuple(_duplicates(live, matches)))


def _match_by_name(spec: Spec, live: LiveTable, by_name: Mapping[str, LiveIndex], catalog: Catalog) -> Match:
    want = resolve(spec.definition, live, catalog)
    same_name = by_name.get(want.name)
    if same_name is None:
        taken_by = catalog.taken_names.get((live.name.schema or "", want.name))
        refused = _refusal(want, live, catalog.forms)
        reason = _reason(want, live, catalog.forms)
        return Match(spec, want, live, name_taken_by=taken_by, unsure_because=reason, refused=refused)
    if satisfies(want, same_name):
        return Match(spec, want, live, same_name, same_name)
    comparison = compare(want, same_name.definition)
    differences = (*comparison.differences, *_kind_differences(same_name))
    undecided = comparison.undecided if same_name.usable and not differences else ()
    reason = _reason(want, live, catalog.forms)
    return Match(spec, want, live, None, same_name, differences, undecided=undecided, unsure_because=reason)


def _refusal(want: IndexDef, live: LiveTable, forms: Forms) -> str | None:
    """Why the server takes no such index; of a whole row's expression a copy of the table can't tell."""
    parts = (*(key.of for key in want.keys), want.predicate)
    whole_row = any({live.name.name, "*"} & columns_read(part) for part in parts)
    return None if whole_row else forms.refusals.get((want.table, want.method, want.written))


def _reason(want: IndexDef, live: LiveTable, forms: Forms) -> str | None:
    """Why the server's judgement is missing."""
    definitions = (want, *(index.definition for index in live.indexes))
    keys = ((one.table, one.method, one.written) for one in definitions)
    refusal = next((forms.refusals[key] for key in keys if key in forms.refusals), None)
    return f"the server says of it: {refusal}" if refusal else forms.silence


def _match_by_definition(matches: Sequence[Match]) -> Iterator[Match]:
    """Gives specs what has their definition under another name; no index stands for two specs."""
    names = {match.want.name for match in matches}
    taken = {match.want.name for match in matches if match.settled}
    for match in matches:
        free = [index for index in match.live.indexes if index.name not in taken]
        equal = () if match.satisfied_by else [index for index in free if satisfies(match.want, index)]
        if equal:
            best = min(equal, key=lambda index: (index.name in names, _rank(index, set())))
            taken.add(best.name)
            yield replace(match, satisfied_by=best, in_the_way=best.name in names)
        elif match.satisfied_by or match.same_name:
            yield match
        else:
            undecided = () if match.refused else _undecided(match.want, free)
            yield replace(match, undecided=undecided)


def _with_way_made(matches: Sequence[Match]) -> Iterator[Match]:
    """Marks the specs whose name the index of another spec has."""
    in_the_way = {
        match.satisfied_by.name: match for match in matches if match.satisfied_by and match.in_the_way
    }
    return (replace(match, makes_way_for=in_the_way.get(match.want.name)) for match in matches)


def _duplicates(live: LiveTable, matches: Sequence[Match]) -> Iterator[tuple[LiveIndex, LiveIndex]]:
    by_shape: dict[tuple[object, ...], list[LiveIndex]] = {}
    for index in live.indexes:
        if index.usable and not index.exclusion and index.immediate:
            by_shape.setdefault(index.definition.shape, []).append(index)
    if len(by_shape) == len(live.indexes):
        return
    wanted = {match.satisfied_by.name for match in matches if match.satisfied_by}
    settled = {match.want.name for match in matches if match.settled}
    replaced = {match.want.name for match in matches if match.differences} - wanted
    for group in by_shape.values():
        staying = [index for index in group if index.name not in replaced]
        best_first = sorted(staying, key=lambda index: _rank(index, wanted | settled))
        yield from ((other, best_first[0]) for other in best_first[1:])


def satisfies(want: IndexDef, index: LiveIndex) -> bool:
    """Whether a live index is usable and certainly the wanted one, whatever it is called."""
    return index.usable and not _kind_differences(index) and want.shape == index.definition.shape


def _kind_differences(index: LiveIndex) -> tuple[Difference, ...]:
    """A deferrable constraint can't arbitrate ON CONFLICT; an EXCLUDE constraint is no unique index."""
    if index.exclusion:
        return (Difference("constraint", "none, UNIQUE or PRIMARY KEY", "EXCLUDE"),)
    return () if index.immediate else (Difference("constraint", "checked at once", "DEFERRABLE"),)


def _undecided(want: IndexDef, indexes: Iterable[LiveIndex]) -> tuple[Difference, ...]:
    for index in indexes:
        if index.usable and not _kind_differences(index):
            comparison = compare(want, index.definition)
            if not comparison.differences:
                return comparison.undecided
    return ()


def _rank(index: LiveIndex, preferred_names: set[str]) -> tuple[bool, bool, bool, bool, str]:
    """Of equal indexes, which one stands for them: a wanted name, the primary key's, a constraint's."""
    return (
        index.name not in preferred_names,
        not index.primary,
        index.needed_by is None,
        index.constraint is None,
        index.name,
    )
