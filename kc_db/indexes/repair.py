"""Plans the SQL that takes live to spec.

What is there decides what comes next, so that a plan can be stopped anywhere and made again.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from itertools import chain, count

from kc_db.indexes.match import Match, TableMatch
from kc_db.indexes.model import IndexDef, LiveIndex, LiveTable, Spec
from kc_db.indexes.partitions import gaps, is_attached_everywhere, unattached_leftovers, unfinished_index
from kc_db.indexes.repair_partitioned import OLD, Wanted, complete, left_over, plan_tree, rebuild
from kc_db.indexes.statements import create_index, rename_index
from kc_db.indexes.steps import Step, advice, by_hand, drop_step, fitting, run, waiting

__all__ = ["Step", "drop_step", "plan_duplicate", "plan_match", "plan_table", "plan_unusable", "waiting"]

_NEW = "_kc_new"


def plan_table(table: TableMatch, without: Collection[str] = ()) -> tuple[Step, ...]:
    """Everything that takes one table to its specs, in an order that can be run and stopped anywhere.

    Args:
        table: the table.
        without: names of indexes that are to be left as they are.
    """
    live = table.live
    if live is None:
        return (advice(table.table, f"table {table.table} doesn't exist; run: alembic upgrade head"),)
    allowed = {match.want.name for match in table.matches if _allows(match.spec, rule_of(match))}
    matches = [match for match in table.matches if match.want.name not in {*without, *allowed}]
    everywhere = _allowed_everywhere(table)
    leftovers = [
        (owner, index)
        for owner, index in unusable(table)
        if index.name not in {*without, *allowed} and "invalid-index" not in everywhere
    ]
    steps = [step for owner, index in leftovers for step in plan_unusable(owner, index)]
    steps += (step for index in incomplete(table, without) for step in complete(live, index))
    steps += (step for match in matches for step in plan_match(match))
    steps += (
        step
        for other, keep in table.duplicates
        if "duplicate-index" not in everywhere | _allowed_for(table, keep)
        for step in plan_duplicate(table, other, keep)
    )
    return tuple(_without_repetitions(steps))


def rule_of(match: Match) -> str:
    """The rule that reports what is wrong with a spec's index."""
    if match.same_name and not match.same_name.usable:
        return "invalid-index"
    if match.differences:
        return "different-definition"
    if match.satisfied_by:
        return "misnamed-index" if match.satisfied_by.name != match.want.name else "invalid-index"
    return "missing-index"


def _allows(spec: Spec, rule: str) -> bool:
    return any(allowance.rule == rule for allowance in spec.allowances)


def _allowed_for(table: TableMatch, index: LiveIndex) -> set[str]:
    """What the spec allows that an index stands for."""
    specs = (match.spec for match in table.matches if match.satisfied_by == index)
    return {allowance.rule for spec in specs for allowance in spec.allowances}


def _allowed_everywhere(table: TableMatch) -> set[str]:
    """What every spec of the table allows, as each does for a rule that is off."""
    rules = ({allowance.rule for allowance in spec.allowances} for spec in table.specs)
    return set.intersection(*rules) if table.specs else set()


def plan_match(match: Match) -> tuple[Step, ...]:
    """What makes one spec true."""
    if match.satisfied_by and match.satisfied_by.name == match.want.name:
        is_whole = match.live.kind != "p" or not any(True for _ in gaps(match.live, match.satisfied_by))
        return () if is_whole else complete(match.live, match.satisfied_by)
    if match.undecided:
        leftover = match.same_name
        return plan_unusable(match.live, leftover) if leftover and not leftover.usable else ()
    return tuple(_stopping_at_advice(_plan(match)))


def plan_unusable(table: LiveTable, index: LiveIndex) -> tuple[Step, ...]:
    """An invalid index serves no query and may still cost, or reject, every write."""
    if index.build:
        return (waiting(index, index.build),)
    if table.kind == "p":
        is_mendable = _is_kept(index) or is_attached_everywhere(table, index)
        return complete(table, index) if is_mendable else (left_over(index),)
    if index.exclusion:
        return (by_hand(index, "PostgreSQL can't rebuild it CONCURRENTLY: REINDEX it when writes may wait"),)
    if index.stands_for or index.attached_to:
        return (rebuild(index),)
    return (drop_step(index),)


def plan_duplicate(table: TableMatch, index: LiveIndex, keep: LiveIndex) -> tuple[Step, ...]:
    """A repeated index goes, unless something stands on it or a spec wants it."""
    if index.name in table.claimed:
        return (by_hand(index, f"two specs want the same as {keep.name}; delete one of them"),)
    if index.stands_for or index.attached_to:
        return (by_hand(index, f"{keep.name} does the same"),)
    if table.live and table.live.kind == "p":
        return (left_over(index),)
    return (drop_step(index),)


def unusable(table: TableMatch) -> Iterator[tuple[LiveTable, LiveIndex]]:
    """Indexes that are invalid, not ready or not live, and that no spec is about; partitions' too."""
    if table.live is None:
        return
    ours = {match.want.name for match in table.matches}
    ours |= {index.name for match in table.matches if (index := unfinished_index(match))}
    for index in table.live.indexes:
        if not index.usable and index.name not in ours:
            yield table.live, index
    yield from unattached_leftovers(table.live)


def incomplete(table: TableMatch, without: Collection[str] = ()) -> Iterator[LiveIndex]:
    """Valid indexes of a partitioned table that no spec is about, and that a partition lacks."""
    if table.live is None or table.live.kind != "p":
        return
    ours = {match.want.name for match in table.matches}.union(without)
    for index in table.live.indexes:
        if index.usable and index.name not in ours and any(True for _ in gaps(table.live, index)):
            yield index


def _plan(match: Match) -> Iterator[Step]:
    """Build under a passing name where the own one is taken, drop what is wrong, then take the name."""
    table, name = match.want.table, match.want.name
    unfinished = unfinished_index(match)
    in_the_way = match.same_name if match.same_name != unfinished else None
    present = match.satisfied_by.name if match.satisfied_by else None
    if match.name_taken_by:
        yield advice(table, f"the name {name} is taken by {match.name_taken_by}: rename one of the two")
    if in_the_way and not in_the_way.usable and match.live.kind != "p":
        yield from plan_unusable(match.live, in_the_way)
        if not match.differences and _is_kept(in_the_way):
            return  # it was rebuilt where it stands
        in_the_way = in_the_way if _is_kept(in_the_way) else None
    if in_the_way and match.makes_way_for:
        yield run(table, rename_index(table, name, _way_out(match.makes_way_for)))
        in_the_way = None
    if in_the_way and _is_kept(in_the_way):
        yield by_hand(in_the_way, "dropping that is your decision")
    if present and match.in_the_way:
        way_out = _way_out(match)
        yield run(table, rename_index(table, present, way_out))
        present = way_out
    if not present:
        present = unfinished.name if unfinished else passing_name(match) if in_the_way else name
        yield from _create(match, unfinished, present)
    if in_the_way:
        yield _away(match, in_the_way)
    if present != name:
        yield run(table, rename_index(table, present, name))


def _is_kept(index: LiveIndex) -> bool:
    """Whether PostgreSQL, or a person, has to let it go first."""
    return bool(index.stands_for or index.attached_to)


def _away(match: Match, index: LiveIndex) -> Step:
    """A partitioned table's index can't be dropped without a strong lock on all of it: that is for later."""
    if match.live.kind != "p":
        return drop_step(index)
    return run(match.want.table, rename_index(match.want.table, index.name, _free_name(match, OLD)))


def _way_out(match: Match) -> str:
    """What the index that satisfies a spec under another spec's name is called next."""
    return passing_name(match) if match.same_name else match.want.name


def _create(match: Match, unfinished: LiveIndex | None, name: str) -> Iterator[Step]:
    if match.missing_columns:
        missing = ", ".join(match.missing_columns)
        yield advice(match.want.table, f"add the missing columns first: {missing}")
        return
    written = as_written(match)
    if match.live.kind == "p":
        known = unfinished.definition if unfinished else match.want if match.want.canonical else None
        wanted = Wanted(written, known or written, known or match.want)
        yield from plan_tree(match.live, unfinished, name, wanted)
    else:
        yield run(match.want.table, create_index(written, name=name), builds=name, made_of=written)


def as_written(match: Match) -> IndexDef:
    """The spec's own definition on the table that was found: what it says explicitly stays said."""
    return replace(match.spec.definition, table=match.want.table)


def passing_name(match: Match) -> str:
    """A name to build under while the own one is taken; NAMEDATALEN holds."""
    return _free_name(match, _NEW)


def _free_name(match: Match, suffix: str) -> str:
    taken = {index.name for index in match.live.indexes}
    suffixes = (suffix + number for number in chain([""], map(str, count(2))))
    return next(name for suffix in suffixes if (name := fitting(match.want.name, suffix)) not in taken)


def _stopping_at_advice(steps: Iterable[Step]) -> Iterator[Step]:
    """Nothing may be built on what a person has yet to do."""
    for step in steps:
        yield step
        if step.statement is None:
            return


def _without_repetitions(steps: Iterable[Step]) -> Iterator[Step]:
    return iter({step.text: step for step in steps}.values())
