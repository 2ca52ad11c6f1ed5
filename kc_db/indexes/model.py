"""What an index is. A spec and a live index are the same thing here, so that there is one comparison."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from kc_db.indexes.facts import TableFacts

Name = tuple[str, ...]
"""What may be qualified: (name,) where the schema is pg_catalog or isn't said, else (schema, name)."""


class TableName(NamedTuple):
    """A table; without a schema it is the first one in the server's search_path.

    A tuple, because it is the key of most mappings here.
    """

    schema: str | None
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression or a predicate.

    Attributes:
        text: SQL that can be run.
        tree: its parse tree without locations; equal trees mean equal expressions on one server.
    """

    text: str
    tree: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and self.tree == other.tree

    def __hash__(self) -> int:
        return hash(self.tree)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class OperatorClass:
    """A named operator class; None in its place means the default of the column's type.

    Attributes:
        name: its one name.
        options: its parameters, sorted by name.
    """

    name: Name
    options: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        options = ", ".join(f"{name} = {value}" for name, value in self.options)
        return " ".join(filter(None, (".".join(self.name), options and f"({options})")))


@dataclass(frozen=True, slots=True)
class Key:
    """One key of an index: a column or an expression, and how it is ordered.

    Attributes:
        of: the column's name, or the expression.
        collation: None means the column's or expression's own.
        operator_class: None means the type's default, without options.
        descending: false for index methods without order.
        nulls_first: PostgreSQL's default is that nulls are larger than everything else.
    """

    of: str | Expression
    collation: Name | None = None
    operator_class: OperatorClass | None = None
    descending: bool = False
    nulls_first: bool = False


column_key = cache(Key)
"""A key on a column, made once: those of a spec and of the catalog are then compared by identity first."""


@dataclass(frozen=True, slots=True)
class IndexDef:
    """A definition: everything that CREATE INDEX says but where the files lie.

    Attributes:
        canonical: its expressions and predicate are written as the server writes them in the end: another
            canonical one that is written differently is different.
    """

    table: TableName
    name: str
    keys: tuple[Key, ...]
    method: str = "btree"
    unique: bool = False
    nulls_not_distinct: bool = False
    include: tuple[str, ...] = ()
    predicate: Expression | None = None
    storage: tuple[tuple[str, str], ...] = ()
    canonical: bool = False

    def on(self, table: TableName) -> "IndexDef":
        """The same definition on another table."""
        return IndexDef(
            table,
            self.name,
            self.keys,
            self.method,
            self.unique,
            self.nulls_not_distinct,
            self.include,
            self.predicate,
            self.storage,
            self.canonical,
        )

    @property
    def written(self) -> "Written":
        """What the server may write in another way."""
        return self.keys, self.predicate

    @property
    def has_expressions(self) -> bool:
        """Whether only the server can say that another spelling means the same."""
        return self.predicate is not None or any(isinstance(key.of, Expression) for key in self.keys)

    @property
    def shape(self) -> tuple[object, ...]:
        """All that makes two indexes on one table the same, whatever they are called."""
        return (
            self.keys,
            self.method,
            self.unique,
            self.nulls_not_distinct,
            self.include,
            self.predicate,
            self.storage,
        )


Written = tuple[tuple[Key, ...], Expression | None]
"""The keys and the predicate of a definition."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """A remark `-- kc: allow <rule> -- <reason>`: this finding is known and accepted."""

    rule: str
    reason: str
    line: int


@dataclass(frozen=True, slots=True)
class Query:
    """A PREPAREd query that an index must serve."""

    name: str
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Spec:
    """An index that must exist, why, and where that is written."""

    definition: IndexDef
    file: str
    line: int
    purpose: str = ""
    allowances: tuple[Allowance, ...] = ()
    queries: tuple[Query, ...] = ()


@dataclass(frozen=True, slots=True)
class LiveIndex:
    """An index of the catalog, and the state that it is in.

    Attributes:
        definition: its table has a schema always.
        valid: pg_index.indisvalid, queries may use it.
        ready: pg_index.indisready, writes maintain it.
        live: pg_index.indislive, not being dropped.
        immediate: pg_index.indimmediate, uniqueness is checked at once (false: a deferrable constraint).
        primary: it is the primary key's.
        constraint: the constraint that it stands behind, if any.
        exclusion: that constraint is an EXCLUDE one.
        needed_by: what PostgreSQL refuses to lose with it (a foreign key, the replica identity), if anything.
        build: the CONCURRENTLY build of it that runs right now, if one does.
        partitioned: it belongs to a partitioned table, or is attached to such an index.
        attached_to: the index of the parent table, schema.index, of which it is the partition's, if it is.
    """

    definition: IndexDef
    valid: bool = True
    ready: bool = True
    live: bool = True
    immediate: bool = True
    primary: bool = False
    constraint: str | None = None
    exclusion: bool = False
    needed_by: str | None = None
    build: "Build | None" = None
    partitioned: bool = False
    attached_to: str | None = None

    @property
    def name(self) -> str:
        """Its own name."""
        return self.definition.name

    @property
    def usable(self) -> bool:
        """Whether it serves queries and holds its uniqueness."""
        return self.valid and self.ready and self.live

    @property
    def stands_for(self) -> str | None:
        """What would fall with it, so that only a person may drop it."""
        return f"constraint {self.constraint}" if self.constraint else self.needed_by

    @property
    def qualified_name(self) -> str:
        """schema.table.index, as findings say it."""
        return f"{self.definition.table}.{self.name}"


@dataclass(frozen=True, slots=True)
class Build:
    """A build that runs right now, as pg_stat_progress_create_index tells it.

    Attributes:
        pid: the backend that builds.
        phase: in PostgreSQL's words; None where the role may not see it (pg_read_all_stats may).
        percent: how much of the phase is done, 0 to 100, where the phase can be counted.
    """

    pid: int
    phase: str | None = None
    percent: int | None = None

    def __str__(self) -> str:
        percent = "" if self.percent is None else f", {self.percent} % done"
        return f"backend {self.pid}" + (f", {self.phase}{percent}" if self.phase else "")


@dataclass(frozen=True, slots=True)
class LiveTable:
    """A table that the specs name, as the server has it.

    Attributes:
        name: with its schema.
        kind: pg_class.relkind: r is a table, p a partitioned one, m a materialized view, f a foreign table.
        columns: pg_attribute's names.
        indexes: all that it has, by name.
        partitions: of a partitioned table, each with its own partitions.
        partition_key: its columns, None for an expression; empty where it isn't partitioned.
        facts: what load_facts found worth a word, if anything.
        oid: pg_class.oid, None for a table that isn't a server's.
    """

    name: TableName
    kind: str
    columns: Mapping[str, "Column"]
    indexes: tuple[LiveIndex, ...] = ()
    partitions: tuple["LiveTable", ...] = ()
    partition_key: tuple[str | None, ...] = ()
    facts: "TableFacts | None" = None
    oid: int | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """What a table's column gives an index on it where the index says nothing.

    Attributes:
        collation: its own, None where its type has none.
        operator_classes: per index method, the default operator class of its type.
    """

    collation: Name | None
    operator_classes: Mapping[str, Name]


@dataclass(frozen=True, slots=True)
class StaleForm:
    """An entry of the lock file that no longer says anything about a spec.

    Attributes:
        file: the lock file.
        index: the entry's table and index.
        why: what has changed since it was recorded.
    """

    file: str
    index: str
    why: str


@dataclass(frozen=True, slots=True)
class Forms:
    """Canonical forms: how the server itself writes the expressions of a definition in the end.

    Attributes:
        canonical: per table, method, and keys and predicate as they are written: as they are in the end.
        refusals: likewise, why the server takes no such index.
        silence: why the server could not be asked, and what to do about it.
        stale: what the lock file no longer says.
    """

    canonical: Mapping[tuple[TableName, str, Written], Written] = field(default_factory=dict)
    refusals: Mapping[tuple[TableName, str, Written], str] = field(default_factory=dict)
    silence: str | None = None
    stale: tuple[StaleForm, ...] = ()


@dataclass(frozen=True, slots=True)
class Catalog:
    """What the server has of what the specs name.

    Attributes:
        tables: per name as the specs write it; a table that isn't there is absent.
        taken_names: per schema and relation name, what has the name, for the indexes that the specs name.
        operator_classes: per method and every way to write it, the one name of all operator classes of the
            same family and input type (varchar_ops is text_ops).
        collations: per way to write it, a collation's one name.
        forms: what the server could say about definitions with expressions.
        has_facts: whether load_facts has asked; where it hasn't, the rules that need facts aren't applied.
    """

    tables: Mapping[TableName, LiveTable]
    taken_names: Mapping[tuple[str, str], str]
    operator_classes: Mapping[tuple[str, Name], Name]
    collations: Mapping[Name, Name]
    forms: Forms = field(default_factory=Forms)
    has_facts: bool = False
