"""What a plan of migrations is made of."""

from dataclasses import dataclass
from enum import Enum, IntEnum

from kc_db.indexes.model import IndexDef, TableName


class Mode(IntEnum):
    """The lock modes of tables, the weakest first (PostgreSQL manual, 13.3.1)."""

    ACCESS_SHARE = 1
    ROW_SHARE = 2
    ROW_EXCLUSIVE = 3
    SHARE_UPDATE_EXCLUSIVE = 4
    SHARE = 5
    SHARE_ROW_EXCLUSIVE = 6
    EXCLUSIVE = 7
    ACCESS_EXCLUSIVE = 8

    def __str__(self) -> str:
        return self.name.replace("_", " ")

    @property
    def blocks(self) -> tuple[str, ...]:
        """What waits while it is held: `reads`, `writes`, `DDL`, `VACUUM` (of that table)."""
        blocked = {
            "reads": self is Mode.ACCESS_EXCLUSIVE,
            "writes": self >= Mode.SHARE,
            "DDL": self >= Mode.SHARE_UPDATE_EXCLUSIVE,
            "VACUUM": self >= Mode.SHARE_UPDATE_EXCLUSIVE,
        }
        return tuple(what for what, is_blocked in blocked.items() if is_blocked)

    @property
    def blocks_writes(self) -> bool:
        """Whether INSERT, UPDATE and DELETE wait for it."""
        return "writes" in self.blocks


class Work(Enum):
    """What a statement does while it holds its locks."""

    MOMENT = "changes the catalog only"
    ROWS = "writes rows"
    SCAN = "reads the whole table"
    BUILD = "builds an index"
    REWRITE = "writes the whole table anew"


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock that a statement takes.

    Attributes:
        on: the relation, as the statement names it.
        mode: the strongest on this relation.
        of_index: `on` is an index; its table is what is locked.
        only_index: `on` is an index, and the table isn't locked.
    """

    on: TableName
    mode: Mode
    of_index: bool = False
    only_index: bool = False


@dataclass(frozen=True, slots=True)
class Effect:
    """What is known of a statement without a server.

    Attributes:
        locks: None where they aren't known: somebody has to read the statement.
        work: what it does meanwhile.
        makes: the table that it makes, if it makes one.
    """

    locks: tuple[Lock, ...] | None
    work: Work = Work.MOMENT
    makes: TableName | None = None


@dataclass(frozen=True, slots=True)
class Size:
    """How large a table is now.

    Attributes:
        rows: an estimate, of the last VACUUM or ANALYZE or from a sample; None where nobody knows.
        size_bytes: of its rows, without indexes; with all partitions.
        index_bytes: of its indexes.
    """

    rows: int | None
    size_bytes: int
    index_bytes: int


@dataclass(frozen=True, slots=True)
class Planned:
    """A statement that a revision would run.

    Attributes:
        sql: the statement.
        effect: its locks and its work.
        transaction: which of the revision's transactions it is in; None outside of all.
        sizes: of the tables that it locks, by name as the lock says it; tables that aren't there are absent.
        made_of: the index that it builds, if kc-db builds one.
        time_ms: how long it takes, an estimate; waiting for others isn't in it. None where unknown.
        space_bytes: what it takes on disk for good, an estimate; None where unknown.
        certain: no earlier revision changes the tables that it was planned on.
    """

    sql: str
    effect: Effect
    transaction: int | None = None
    sizes: tuple[tuple[TableName, Size], ...] = ()
    made_of: IndexDef | None = None
    time_ms: int | None = 0
    space_bytes: int | None = 0
    certain: bool = True


@dataclass(frozen=True, slots=True)
class PlannedRevision:
    """A pending revision.

    Attributes:
        identifier: Alembic's.
        says: the first line of its docstring.
        file: where it is written.
        statements: what it would run now.
        remarks: what else there is to know, a line each.
        refused: why it would stop, if it would.
        unknown: why it can't be planned, if it can't.
    """

    identifier: str
    says: str
    file: str
    statements: tuple[Planned, ...] = ()
    remarks: tuple[str, ...] = ()
    refused: str | None = None
    unknown: str | None = None
