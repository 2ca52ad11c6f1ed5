"""What a plan is made of: statements, and what a person has to do where no statement is safe."""

from dataclasses import dataclass
from hashlib import sha256

from kc_db.indexes.model import Build, IndexDef, LiveIndex, TableName
from kc_db.indexes.statements import Statement, as_text, drop_index

_MAXIMUM_NAME_BYTES = 63  # NAMEDATALEN - 1


@dataclass(frozen=True, slots=True)
class Step:
    """One statement that mends something, or what a person has to do where no statement is safe.

    Attributes:
        table: which table it is for.
        statement: None where kc-db leaves the decision to a person.
        text: the statement, or the advice, as it is printed.
        builds: the name of the index that it builds, if it builds one.
        made_of: the definition of that index, on the table whose rows it is built from.
        waits_for_pid: the backend that has to end first, if one has.
    """

    table: TableName
    statement: Statement | None
    text: str
    builds: str | None = None
    made_of: IndexDef | None = None
    waits_for_pid: int | None = None


def run(
    table: TableName, statement: Statement, *, builds: str | None = None, made_of: IndexDef | None = None
) -> Step:
    """A statement."""
    return Step(table, statement, as_text(statement), builds, made_of)


def advice(table: TableName, text: str) -> Step:
    """What a person has to do."""
    return Step(table, None, f"-- {text}")


def by_hand(index: LiveIndex, why: str) -> Step:
    """An index that a person has to decide about."""
    stands = f"{index.stands_for} stands on it; " if index.stands_for else ""
    stands += f"it is attached to {index.attached_to}; " if index.attached_to else ""
    return advice(index.definition.table, f"{index.name} is left to you: {stands}{why}")


def waiting(index: LiveIndex, build: Build) -> Step:
    """Two builds on one table would wait for each other: the one that runs goes first."""
    text = f"-- wait: {index.name} is being built right now ({build})"
    return Step(index.definition.table, None, text, waits_for_pid=build.pid)


def drop_step(index: LiveIndex) -> Step:
    """Drops an index on which nothing stands."""
    return run(index.definition.table, drop_index(index.definition.table, index.name))


def fitting(name: str, suffix: str) -> str:
    """The name with the suffix, cut to what PostgreSQL keeps of a name."""
    return name.encode()[: _MAXIMUM_NAME_BYTES - len(suffix)].decode(errors="ignore") + suffix


def partition_index_name(partition: TableName, index: str, definition: str) -> str:
    """What a partition's index is called: always the same, and nothing else in the schema is called so.

    Args:
        partition: the table that it is on.
        index: the name of the index that is wanted.
        definition: how that is defined; another one makes another name, because the old one may still stand.
    """
    told_apart = sha256("\0".join((str(partition), index, definition)).encode()).hexdigest()[:8]
    return fitting(f"{partition.name}_{index}", f"_{told_apart}")
