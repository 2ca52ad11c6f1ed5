"""Plans the SQL that completes an index of a partitioned table, whatever is there of it.

The parent's comes first, on the parent only, so that partitions which are added meanwhile get theirs at once;
then, level by level, each partition's, built CONCURRENTLY, and attached.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from kc_db.indexes.model import IndexDef, LiveIndex, LiveTable
from kc_db.indexes.partitions import (
    attached_index,
    descendants,
    equal_index,
    has_foreign_tables,
    uniqueness_refusal,
)
from kc_db.indexes.statements import (
    as_text,
    attach_index,
    create_index,
    create_index_on_parent,
    create_index_over_all,
    drop_from_all,
    reindex,
)
from kc_db.indexes.steps import Step, advice, by_hand, drop_step, partition_index_name, run, waiting

OLD = "_kc_old"


@dataclass(frozen=True, slots=True)
class Wanted:
    """An index that a partitioned table is to have.

    Attributes:
        written: its definition as the spec has it, under its final name.
        definition: the same, where the server has the parent's in its own words, which fit each partition.
        shape_of: the definition that an equal one equals.
    """

    written: IndexDef
    definition: IndexDef
    shape_of: IndexDef

    def on(self, partition: LiveTable) -> IndexDef:
        """The same on a partition."""
        return replace(self.definition, table=partition.name)

    def name_on(self, partition: LiveTable) -> str:
        """What the partition's is called."""
        return partition_index_name(partition.name, self.written.name, as_text(create_index(self.written)))


def plan_tree(table: LiveTable, index: LiveIndex | None, name: str, wanted: Wanted) -> Iterator[Step]:
    """What makes an index of a partitioned table complete.

    Args:
        table: the partitioned table, with its partitions.
        index: what is there of it, if something is.
        name: what it is called, or to be called for now.
        wanted: its definition.
    """
    running = [(i, i.build) for level in (table, *descendants(table)) for i in level.indexes if i.build]
    if running:
        yield waiting(*running[0])
        return
    if refusal := _refusal(table, index, wanted):
        yield refusal
    elif index is None and has_foreign_tables(table):
        yield from _plan_leaves(table, wanted)
        yield run(table.name, create_index_over_all(wanted.on(table), name), builds=name)
    else:
        yield from _plan_level(table, index, name, wanted)


def complete(table: LiveTable, index: LiveIndex) -> tuple[Step, ...]:
    """What an index lacks that no spec is about, or that only a partition has lost."""
    definition = index.definition
    return tuple(plan_tree(table, index, index.name, Wanted(definition, definition, definition)))


def left_over(index: LiveIndex) -> Step:
    """PostgreSQL drops no partitioned index CONCURRENTLY; the lock is on the table and on each partition."""
    script = as_text(drop_from_all(index.definition.table, index.name))
    return by_hand(
        index,
        f"PostgreSQL can't drop it CONCURRENTLY; this waits for nobody, run it until it succeeds: {script}",
    )


def was_replaced(table: LiveTable | None, index: LiveIndex) -> bool:
    """Whether a repair has put it aside, because only a person can choose the moment to drop it."""
    return table is not None and table.kind == "p" and OLD in index.name


def _refusal(table: LiveTable, index: LiveIndex | None, wanted: Wanted) -> Step | None:
    if why := uniqueness_refusal(table, wanted.written):
        return advice(table.name, f"{wanted.written.name} can't be built on {table.name}: {why}")
    if index is None:
        return None
    if index.constraint and _lacks_constraints(table, index):
        return by_hand(
            index,
            "each partition needs the constraint too (ALTER TABLE ... ADD CONSTRAINT ... USING INDEX locks "
            f"it for a moment), then ALTER INDEX {index.name} ATTACH PARTITION ...",
        )
    if not index.usable and has_foreign_tables(table):
        return by_hand(
            index,
            "one made ON ONLY never becomes valid where a partition is a foreign table; drop it, then run "
            f"this again: {as_text(drop_from_all(table.name, index.name))}",
        )
    if not table.partitions and not index.usable:
        return left_over(index)
    return None


def _lacks_constraints(table: LiveTable, index: LiveIndex) -> bool:
    for partition in table.partitions:
        present = attached_index(partition, index.name) or equal_index(partition, index.definition)
        if present is None or not present.constraint:
            return True
        if partition.kind == "p" and _lacks_constraints(partition, present):
            return True
    return False


def _plan_level(table: LiveTable, index: LiveIndex | None, name: str, wanted: Wanted) -> Iterator[Step]:
    """Makes one level's index, then everything below it; the last ATTACH makes each level valid upwards."""
    if index is None:
        yield run(table.name, create_index_on_parent(wanted.on(table), name), builds=name)
    last: Step | None = None
    again: Step | None = None
    for partition in table.partitions:
        if partition.kind == "f":
            continue
        attached = attached_index(partition, name) if index else None
        for last in _plan_partition(table, name, partition, attached, wanted):
            yield last
        if attached:
            again = _attach(table, name, partition, attached.name)
    attaches = last is not None and " ATTACH PARTITION " in last.text
    if index and not index.usable and again and not attaches:
        yield again


def _plan_partition(
    table: LiveTable, name: str, partition: LiveTable, attached: LiveIndex | None, wanted: Wanted
) -> Iterator[Step]:
    present = attached or equal_index(partition, wanted.shape_of)
    present_name = present.name if present else wanted.name_on(partition)
    if partition.kind == "p":
        steps = _plan_level(partition, present, present_name, wanted)
        if attached:
            yield from steps
            return
        if present is None:
            yield next(steps)
        yield _attach(table, name, partition, present_name)
        yield from steps
        return
    if attached is None:
        if present is None:
            yield from _build(partition, present_name, wanted)
        yield _attach(table, name, partition, present_name)
    elif not attached.usable:
        yield rebuild(attached)


def _build(partition: LiveTable, name: str, wanted: Wanted) -> Iterator[Step]:
    """Builds a partition's own; an interrupted build of the same name goes first."""
    yield from (drop_step(index) for index in partition.indexes if index.name == name and not index.usable)
    definition = wanted.on(partition)
    yield run(partition.name, create_index(definition, name=name), builds=name, made_of=definition)


def _plan_leaves(table: LiveTable, wanted: Wanted) -> Iterator[Step]:
    """Builds each partition's before the parent's: CREATE INDEX then attaches them, and builds nothing."""
    for partition in table.partitions:
        if partition.kind == "f" or ((equal := equal_index(partition, wanted.shape_of)) and equal.usable):
            continue
        if partition.kind == "p":
            yield from complete(partition, equal) if equal else _plan_leaves(partition, wanted)
        else:
            yield from _build(partition, wanted.name_on(partition), wanted)


def rebuild(index: LiveIndex) -> Step:
    """REINDEX CONCURRENTLY of what can't be dropped."""
    definition = index.definition
    return run(
        definition.table,
        reindex(definition.table, index.name),
        builds=index.name,
        made_of=definition,
    )


def _attach(table: LiveTable, name: str, partition: LiveTable, partition_index: str) -> Step:
    return run(partition.name, attach_index(table.name, name, partition.name, partition_index))
