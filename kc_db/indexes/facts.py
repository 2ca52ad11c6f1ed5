"""What the server knows beyond definitions, of the few tables and indexes where it may be worth a word.

Read by load_facts; sizes and rows are those of the last VACUUM or ANALYZE, as pg_class has them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from kc_db.indexes.implication import Fact, facts, implied, subject_of
from kc_db.indexes.model import Expression, LiveIndex, LiveTable

WIDEST_ENTRY_BYTES = 2704
"""What an entry of a B-tree may take on pages of 8 kB: BTMaxItemSize in src/include/access/nbtree.h."""

LEAST_BYTES = 1024 * 1024
"""Below this size neither the scans nor the bloat of an index matter."""

_LONG_AGO = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A foreign key whose rows are found by no index without a predicate, on the referencing side.

    Attributes:
        name: pg_constraint.conname.
        columns: the referencing ones, in the key's order.
        references: the referenced table, schema.table.
        partial: per table (a partitioned one has several) that has no such index, the predicates of the
            partial indexes that would serve.
    """

    name: str
    columns: tuple[str, ...]
    references: str
    partial: tuple[tuple[Expression, ...], ...]


@dataclass(frozen=True, slots=True)
class Keys:
    """What the columns of an index allow.

    Attributes:
        nullable: keys that may hold NULL, of a unique index.
        booleans: keys of type boolean, of a unique index.
        most_bytes: how wide the declared lengths let an entry become, compression left aside; 0 if no
            length is declared.
    """

    nullable: tuple[str, ...] = ()
    booleans: tuple[str, ...] = ()
    most_bytes: int = 0


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """A column of an index, as pg_stats has it.

    Attributes:
        average_bytes: of the values that aren't NULL.
        null_fraction: 0 to 1.
        distinct: how many values there are; negative: their share of the rows.
        alignment: to how many bytes its values are aligned.
        fixed: every value takes the same number of bytes.
    """

    average_bytes: int
    null_fraction: float
    distinct: float
    alignment: int
    fixed: bool


@dataclass(frozen=True, slots=True)
class Stored:
    """An index with files of its own: the index itself, or each partition's of a partitioned table's.

    Attributes:
        schema: its table's schema.
        table: its table's name.
        name: its own name.
        pages: pg_class.relpages.
        rows: pg_class.reltuples, None where nobody has counted yet.
        page_bytes: block_size.
        fill_factor: how full the server makes leaf pages, in percent.
        deduplicates: equal entries are stored once, with many row addresses.
        columns: keys, then INCLUDE columns; empty where statistics are missing or may not be read.
        row_bytes: the average of a row of the table, without its header; None likewise.
    """

    schema: str
    table: str
    name: str
    pages: int
    rows: float | None
    page_bytes: int = 8192
    fill_factor: int = 90
    deduplicates: bool = False
    columns: tuple[ColumnStatistics, ...] = ()
    row_bytes: float | None = None

    @property
    def size_bytes(self) -> int:
        """What it takes on disk."""
        return self.pages * self.page_bytes

    @property
    def qualified_name(self) -> str:
        """schema.table.index, as findings say it."""
        return f"{self.schema}.{self.table}.{self.name}"

    @property
    def data_bytes(self) -> float:
        """The average of an entry's values, without its header."""
        return sum(column.average_bytes * (1 - column.null_fraction) for column in self.columns)


@dataclass(frozen=True, slots=True)
class Scans:
    """How often one server scanned an index, over all partitions.

    Attributes:
        count: pg_stat_all_indexes.idx_scan.
        last: last_idx_scan, from PostgreSQL 16 on.
        since: pg_stat_database.stats_reset, None if never.
        now: the server's time.
    """

    count: int
    last: datetime | None
    since: datetime | None
    now: datetime


@dataclass(frozen=True, slots=True)
class Silence:
    """A standby that was to be asked and gave no answer."""

    label: str
    reason: str


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What there is to know of one table.

    Attributes:
        foreign_keys: those that no index without a predicate serves.
        keys: by index, where they allow something worth a word.
        stored: by index, what it is stored in, from the size on below which nothing matters.
        scans: by index of those, for each server that was asked.
        silent: the standbys that gave no answer.
    """

    foreign_keys: tuple[ForeignKey, ...] = ()
    keys: Mapping[str, Keys] = field(default_factory=dict)
    stored: Mapping[str, tuple[Stored, ...]] = field(default_factory=dict)
    scans: Mapping[str, tuple[Scans, ...]] = field(default_factory=dict)
    silent: tuple[Silence, ...] = ()


def megabytes(size_bytes: float) -> str:
    """A size as people read it, in PostgreSQL's MB of 1024 kB."""
    return f"{size_bytes / 1024 / 1024:,.1f} MB"


def every_lookup_implies(predicate: Expression, columns: tuple[str, ...]) -> bool:
    """Whether the search for a foreign key's rows, `column = $1`, can use an index of that predicate.

    PostgreSQL proves `column IS NOT NULL` from it, and nothing else (predtest.c).
    """
    not_null = {Fact(subject_of(column), "is not null") for column in columns}
    return not_null.issuperset(facts(predicate))


def excludes_null(predicate: Expression | None, column: str) -> bool:
    """Whether no row of which the predicate holds has NULL in the column, as far as can be told."""
    given = facts(predicate)
    subject = subject_of(column)
    if any(fact.subject == subject and fact.operator in {"holds", "fails"} for fact in given):
        return True
    return implied(Fact(subject, "is not null"), given)


def pins(predicate: Expression | None, column: str) -> bool:
    """Whether the predicate lets a boolean column have one value only."""
    subject = subject_of(column)
    return any(fact.subject == subject and fact.operator in {"holds", "fails"} for fact in facts(predicate))


def idle_indexes(table: LiveTable, known: TableFacts) -> Iterator[LiveIndex]:
    """The usable indexes that nothing stands on, and no server asked has scanned, or not for 180 days."""
    for index in table.indexes if known.scans else ():
        scans = known.scans.get(index.name, ())
        needed = index.definition.unique or index.stands_for or index.attached_to
        if index.usable and not needed and scans and all(map(_is_idle, scans)):
            yield index


def _is_idle(scans: Scans) -> bool:
    return not scans.count or (scans.last is not None and scans.now - scans.last >= _LONG_AGO)
