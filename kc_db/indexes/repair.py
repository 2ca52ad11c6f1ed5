"""Plans the SQL that takes live to spec.

What is there decides what comes next, so that a plan can be stopped anywhere and made again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from psycopg import sql

from kc_db.indexes.match import Match, TableMatch
from kc_db.indexes.model import IndexDef, LiveIndex, TableName
from kc_db.indexes.statements import as_text, create_index, drop_index, reindex, rename_index

_MAXIMUM_NAME_BYTES = 63  # NAMEDATALEN - 1
_NEW = "_kc_new"


@dataclass(frozen=True, slots=True)
class Step:
    """One statement that mends something, or what a person has to do where no statement is safe.

    Attributes:
        table: which table it is for.
        statement: None where kc-db leaves the decision to a person.
        text: the statement, or the advice, as it is printed.
        builds: the name of the index that it builds, if it builds one.
        waits: it is one that waits for old transactions, but blocks no writes meanwhile.
    """

    table: TableName
    statement: sql.Composed | None
    text: str
    builds: str | None = None
    waits: bool = True


def plan_table(table: TableMatch) -> tuple[Step, ...]:
    """Everything that takes one table to its specs, in an order that can be run and stopped anywhere."""
    steps = [step for match in table.matches for step in plan_match(match)]
    named = {match.want.name for match in table.matches}
    steps += (step for index in unusable(table) if index.name not in named for step in plan_unusable(index))
    steps += (
        step
        for other, keep in table.duplicates
        if other.name not in named
        for step in plan_duplicate(other, keep)
    )
    return tuple(_without_repetitions(steps))


def plan_match(match: Match) -> tuple[Step, ...]:
    """What makes one spec true."""
    if match.undecided or (match.satisfied_by and match.satisfied_by.name == match.want.name):
        return ()
    return tuple(_stopping_at_advice(_plan(match)))


def plan_unusable(index: LiveIndex) -> tuple[Step, ...]:
    """An invalid index serves no query and may still cost, or reject, every write."""
    if index.building_pid:
        return (_advice(index, f"wait: backend {index.building_pid} builds it right now"),)
    if index.partitioned:
        return (
            _by_hand(index, "it belongs to a partitioned table: build and ATTACH each partition's index"),
        )
    if index.constraint or index.needed_by:
        return (
            _step(index.definition.table, reindex(index.definition.table, index.name), builds=index.name),
        )
    return (_step(index.definition.table, drop_index(index.definition.table, index.name)),)


def plan_duplicate(index: LiveIndex, keep: LiveIndex) -> tuple[Step, ...]:
    """A repeated index goes, unless something stands on it."""
    if index.partitioned:
        return (_by_hand(index, "it belongs to a partitioned table"),)
    if index.constraint or index.needed_by:
        stands = f"constraint {index.constraint}" if index.constraint else index.needed_by
        return (_by_hand(index, f"{stands} stands on it; {keep.name} does the same"),)
    return (_step(index.definition.table, drop_index(index.definition.table, index.name)),)


def unusable(table: TableMatch) -> Iterator[LiveIndex]:
    """The table's indexes that are invalid, not ready or not live."""
    return (index for index in (table.live.indexes if table.live else ()) if not index.usable)


def _plan(match: Match) -> Iterator[Step]:
    """Build under a passing name where the own one is taken, drop what is wrong, then take the name."""
    table, name = match.want.table, match.want.name
    in_the_way = match.same_name
    present = match.satisfied_by.name if match.satisfied_by else None
    if match.name_taken_by:
        yield _advice_for(table, f"the name {name} is taken by {match.name_taken_by}: rename one of the two")
    if in_the_way and not in_the_way.usable:
        yield from plan_unusable(in_the_way)
        in_the_way = None if not (in_the_way.constraint or in_the_way.needed_by) else in_the_way
        if in_the_way and not match.differences:
            return
    if not present:
        present = passing_name(name) if in_the_way else name
        yield _create(match, present)
    if in_the_way:
        yield from _drop(in_the_way)
    if present != name:
        yield _step(table, rename_index(table, present, name), waits=False)


def _create(match: Match, name: str) -> Step:
    if match.partitioned:
        return _advice_for(
            match.want.table,
            f"{match.want.table} is partitioned: build {name} ON ONLY it, each partition's CONCURRENTLY, and ATTACH",
        )
    if match.missing_columns:
        return _advice_for(
            match.want.table, f"add the missing columns first: {', '.join(match.missing_columns)}"
        )
    statement = create_index(as_written(match), name=name)
    return _step(match.want.table, statement, builds=name)


def as_written(match: Match) -> IndexDef:
    """The spec's own definition on the table that was found: what it says explicitly stays said."""
    return replace(match.spec.definition, table=match.want.table)


def passing_name(name: str) -> str:
    """A name to build under while the own one is taken; NAMEDATALEN holds."""
    head = name.encode()[: _MAXIMUM_NAME_BYTES - len(_NEW)].decode(errors="ignore")
    return f"{head}{_NEW}"


def _drop(index: LiveIndex) -> Iterator[Step]:
    if index.constraint or index.needed_by:
        stands = f"constraint {index.constraint}" if index.constraint else index.needed_by
        yield _by_hand(index, f"{stands} stands on it, and dropping that is your decision")
    else:
        yield _step(index.definition.table, drop_index(index.definition.table, index.name))


def _stopping_at_advice(steps: Iterable[Step]) -> Iterator[Step]:
    """Nothing may be built on what a person has yet to do."""
    for step in steps:
        yield step
        if step.statement is None:
            return


def _without_repetitions(steps: Iterable[Step]) -> Iterator[Step]:
    return iter({step.text: step for step in steps}.values())


def _step(
    table: TableName, statement: sql.Composed, *, builds: str | None = None, waits: bool = True
) -> Step:
    return Step(table, statement, as_text(statement), builds, waits)


def _by_hand(index: LiveIndex, why: str) -> Step:
    return _advice(index, f"{index.name} is left to you: {why}")


def _advice(index: LiveIndex, text: str) -> Step:
    return _advice_for(index.definition.table, text)


def _advice_for(table: TableName, text: str) -> Step:
    return Step(table, None, f"-- {text}")
