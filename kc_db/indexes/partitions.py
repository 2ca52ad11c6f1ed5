"""What the indexes of a partitioned table lack in its partitions."""

from collections.abc import Iterator

from kc_db.indexes.match import Match
from kc_db.indexes.model import IndexDef, LiveIndex, LiveTable


def attached_index(partition: LiveTable, parent: str) -> LiveIndex | None:
    """The partition's index that is attached to the parent table's."""
    return next((index for index in partition.indexes if index.attached_to == parent), None)


def equal_index(partition: LiveTable, definition: IndexDef) -> LiveIndex | None:
    """A partition's index that can be attached, a usable one first, or be completed and attached."""
    equal = [
        index
        for index in partition.indexes
        if index.attached_to is None
        and index.definition.shape == definition.shape
        and (index.usable or partition.kind == "p")
        and index.immediate
        and not index.exclusion
    ]
    return min(
        equal, key=lambda index: (not index.usable, index.constraint is None, index.name), default=None
    )


def unfinished_index(match: Match) -> LiveIndex | None:
    """The index of a partitioned table that becomes the spec's when its partitions' are complete."""
    if match.live.kind != "p" or match.satisfied_by:
        return None
    same_name = match.same_name
    if same_name and not same_name.usable and not match.differences and same_name.immediate:
        return same_name
    return next(
        (
            index
            for index in match.live.indexes
            if not index.usable
            and index.definition.shape == match.want.shape
            and index.immediate
            and index.stands_for is None
        ),
        None,
    )


def descendants(table: LiveTable) -> Iterator[LiveTable]:
    """The partitions, their partitions, and so on."""
    for partition in table.partitions:
        yield partition
        yield from descendants(partition)


def has_foreign_tables(table: LiveTable) -> bool:
    """Whether a partition at any depth is a foreign table, which can have no index."""
    return any(partition.kind == "f" for partition in descendants(table))


def gaps(table: LiveTable, index: LiveIndex) -> Iterator[str]:
    """What keeps a partitioned table's index from being there for every row, partition by partition."""
    for partition in table.partitions:
        if partition.kind == "f":
            continue
        attached = attached_index(partition, index.name)
        if attached is None:
            yield f"{partition.name} has {_unattached(partition, index.definition)}"
            continue
        below = tuple(gaps(partition, attached)) if partition.kind == "p" else ()
        yield from below
        if not below and not attached.usable:
            state = "being built right now" if attached.build else "INVALID"
            yield f"{attached.name} of {partition.name} is {state}"


def is_attached_everywhere(table: LiveTable, index: LiveIndex) -> bool:
    """Whether each partition at any depth has its own, in whatever state."""
    for partition in table.partitions:
        attached = attached_index(partition, index.name)
        if attached is None or not is_attached_everywhere(partition, attached):
            return False
    return bool(table.partitions) or table.kind != "p"


def _unattached(partition: LiveTable, definition: IndexDef) -> str:
    equal = equal_index(partition, definition)
    if equal:
        completed = "" if equal.usable else " once it is complete"
        return f"none attached ({equal.name} is equal and can be{completed})"
    running = next((index for index in partition.indexes if index.build), None)
    return f"none ({running.name} is being built right now)" if running else "none"


def unattached_leftovers(table: LiveTable) -> Iterator[tuple[LiveTable, LiveIndex]]:
    """Unusable indexes of partitions that belong to no index of the parent: interrupted builds."""
    for partition in descendants(table):
        for index in partition.indexes if partition.kind != "p" else ():
            if not index.usable and index.attached_to is None:
                yield partition, index


def uniqueness_refusal(table: LiveTable, definition: IndexDef) -> str | None:
    """Why PostgreSQL takes no such unique index, if it doesn't: it can compare rows of one partition only."""
    if not definition.unique:
        return None
    keys = {key.of for key in definition.keys if isinstance(key.of, str)}
    for level in (table, *descendants(table)):
        if level.kind == "f":
            return f"{level.name} is a foreign table, and a unique index can't span it"
        if None in level.partition_key:
            return f"the partition key of {level.name} has an expression, and a unique index can't span that"
        lacking = [column for column in level.partition_key if column not in keys]
        if lacking:
            return (
                f"a unique index has to have the partition key of {level.name} among its keys, and "
                f"{definition.name} lacks {', '.join(map(str, lacking))}"
            )
    return None
