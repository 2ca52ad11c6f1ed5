"""Plans the SQL that takes live to spec.

What is there decides what comes next, so that a plan can be stopped anywhere and made again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, count

from kc_db.indexes.match import Match, TableMatch
from kc_db.indexes.model import Build, IndexDef, LiveIndex, TableName
from kc_db.indexes.statements import Statement, as_text, create_index, drop_index, reindex, rename_index

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
        waits_for_pid: the backend that has to end first, if one has.
    """

    table: TableName
    statement: Statement | None
    text: str
    builds: str | None = None
    waits_for_pid: int | None = None


def plan_table(table: TableMatch) -> tuple[Step, ...]:
    """Everything that takes one table to its specs, in an order that can be run and stopped anywhere."""
    if table.live is None:
        return (_advice(table.table, f"table {table.table} doesn't exist; run: alembic upgrade head"),)
    named = {match.want.name for match in table.matches}
    steps = [step for index in unusable(table) if index.name not in named for step in plan_unusable(index)]
    steps += (step for match in table.matches for step in plan_match(match))
    steps += (step for other, keep in table.duplicates for step in plan_duplicate(table, other, keep))
    return tuple(_without_repetitions(steps))


def plan_match(match: Match) -> tuple[Step, ...]:
    """What makes one spec true."""
    if match.satisfied_by and match.satisfied_by.name == match.want.name:
        return ()
    if match.undecided:
        leftover = match.same_name
        return plan_unusable(leftover) if leftover and not leftover.usable else ()
    return tuple(_stopping_at_advice(_plan(match)))


def plan_unusable(index: LiveIndex) -> tuple[Step, ...]:
    """An invalid index serves no query and may still cost, or reject, every write."""
    table = index.definition.table
    if index.build:
        return (waiting(index, index.build),)
    if index.partitioned:
        return (_by_hand(index, "it belongs to a partitioned table: build and ATTACH each partition's"),)
    if index.exclusion:
        return (_by_hand(index, "PostgreSQL can't rebuild it CONCURRENTLY: REINDEX it when writes may wait"),)
    if index.stands_for:
        return (_step(table, reindex(table, index.name), builds=index.name),)
    return (drop_step(index),)


def waiting(index: LiveIndex, build: Build) -> Step:
    """Two builds on one table would wait for each other: the one that runs goes first."""
    text = f"-- wait: {index.name} is being built right now ({build})"
    return Step(index.definition.table, None, text, waits_for_pid=build.pid)


def plan_duplicate(table: TableMatch, index: LiveIndex, keep: LiveIndex) -> tuple[Step, ...]:
    """A repeated index goes, unless something stands on it or a spec wants it."""
    if index.name in table.claimed:
        return (_by_hand(index, f"two specs want the same as {keep.name}; delete one of them"),)
    if index.partitioned or index.stands_for:
        return (_by_hand(index, f"{keep.name} does the same"),)
    return (drop_step(index),)


def unusable(table: TableMatch) -> Iterator[LiveIndex]:
    """The table's indexes that are invalid, not ready or not live."""
    return (index for index in (table.live.indexes if table.live else ()) if not index.usable)


def _plan(match: Match) -> Iterator[Step]:
    """Build under a passing name where the own one is taken, drop what is wrong, then take the name."""
    table, name = match.want.table, match.want.name
    in_the_way = match.same_name
    present = match.satisfied_by.name if match.satisfied_by else None
    if match.name_taken_by:
        yield _advice(table, f"the name {name} is taken by {match.name_taken_by}: rename one of the two")
    if in_the_way and not in_the_way.usable:
        yield from plan_unusable(in_the_way)
        if not match.differences and in_the_way.stands_for:
            return  # it was rebuilt where it stands
        in_the_way = in_the_way if in_the_way.stands_for else None
    if in_the_way and match.makes_way_for:
        yield _step(table, rename_index(table, name, _way_out(match.makes_way_for)))
        in_the_way = None
    if in_the_way and (in_the_way.stands_for or in_the_way.partitioned):
        yield _by_hand(in_the_way, "dropping that is your decision")
    if present and match.in_the_way:
        way_out = _way_out(match)
        yield _step(table, rename_index(table, present, way_out))
        present = way_out
    if not present:
        present = passing_name(match) if in_the_way else name
        yield _create(match, present)
    if in_the_way:
        yield drop_step(in_the_way)
    if present != name:
        yield _step(table, rename_index(table, present, name))


def _way_out(match: Match) -> str:
    """What the index that satisfies a spec under another spec's name is called next."""
    return passing_name(match) if match.same_name else match.want.name


def _create(match: Match, name: str) -> Step:
    if match.live.kind == "p":
        return _advice(
            match.want.table,
            f"{match.want.table} is partitioned: build {name} ON ONLY it, then each partition's, and ATTACH",
        )
    if match.missing_columns:
        return _advice(match.want.table, f"add the missing columns first: {', '.join(match.missing_columns)}")
    statement = create_index(as_written(match), name=name)
    return _step(match.want.table, statement, builds=name)


def as_written(match: Match) -> IndexDef:
    """The spec's own definition on the table that was found: what it says explicitly stays said."""
    return replace(match.spec.definition, table=match.want.table)


def passing_name(match: Match) -> str:
    """A name to build under while the own one is taken; NAMEDATALEN holds."""
    taken = {index.name for index in match.live.indexes}
    suffixes = (_NEW + number for number in chain([""], map(str, count(2))))
    return next(name for suffix in suffixes if (name := _fitting(match.want.name, suffix)) not in taken)


def _fitting(name: str, suffix: str) -> str:
    return name.encode()[: _MAXIMUM_NAME_BYTES - len(suffix)].decode(errors="ignore") + suffix


def _stopping_at_advice(steps: Iterable[Step]) -> Iterator[Step]:
    """Nothing may be built on what a person has yet to do."""
    for step in steps:
        yield step
        if step.statement is None:
            return


def _without_repetitions(steps: Iterable[Step]) -> Iterator[Step]:
    return iter({step.text: step for step in steps}.values())


def drop_step(index: LiveIndex) -> Step:
    """Drops an index on which nothing stands."""
    return _step(index.definition.table, drop_index(index.definition.table, index.name))


def _step(table: TableName, statement: Statement, *, builds: str | None = None) -> Step:
    return Step(table, statement, as_text(statement), builds)


def _by_hand(index: LiveIndex, why: str) -> Step:
    stands = f"{index.stands_for} stands on it; " if index.stands_for else ""
    return _advice(index.definition.table, f"{index.name} is left to you: {stands}{why}")


def _advice(table: TableName, text: str) -> Step:
    return Step(table, None, f"-- {text}")
