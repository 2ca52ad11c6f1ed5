"""Makes the model's objects out of the catalog's rows: structure, not text, wherever structure says all."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any, Protocol

from kc_db.database import Connection
from kc_db.indexes.canonical import is_plain, normalized_keys
from kc_db.indexes.model import (
    Build,
    Column,
    IndexDef,
    Key,
    LiveIndex,
    Name,
    OperatorClass,
    TableName,
    column_key,
)
from kc_db.indexes.parameters import normalized
from kc_db.indexes.parse import expression_from_text, index_of_server
from kc_db.sql import load_sql

_DESCENDING, _NULLS_FIRST = 1, 2  # INDOPTION_* in src/include/catalog/pg_index.h


class Ask(Protocol):
    """Asks the server one of the questions in sql/."""

    def __call__(self, question: str, **parameters: object) -> list[Any]:
        """The rows, as named tuples."""


@contextmanager
def asking(connection: Connection) -> Iterator[Ask]:
    """Asks over this connection."""
    from psycopg.rows import namedtuple_row

    with connection.cursor(row_factory=namedtuple_row) as cursor:

        def ask(question: str, **parameters: object) -> list[Any]:
            return cursor.execute(load_sql("kc_db.indexes", question), parameters).fetchall()

        yield ask


class _OperatorClasses:
    """Operator classes by what they do: varchar_ops and text_ops are one."""

    def __init__(self, ask: Ask, types: Iterable[int]) -> None:
        self.names: dict[int, Name] = {}
        self.spellings: dict[tuple[str, Name], Name] = {}
        first: dict[tuple[int, int], Name] = {}
        for row in ask("operator_classes"):
            qualified = _full_name(row)
            name = first.setdefault((row.family, row.input_type), qualified)
            self.names[row.oid] = self.spellings[row.method, qualified] = name
            if row.visible:
                self.spellings[row.method, (row.name,)] = name
        self.defaults: dict[int, dict[str, Name]] = defaultdict(dict)
        for row in ask("default_operator_classes", types=list(types)):
            if row.oid is not None:
                self.defaults[row.type][row.method] = self.names[row.oid]


class _Collations:
    """Collations by their qualified names; pg_catalog's go without."""

    def __init__(
        self, ask: Ask, definitions: Sequence[IndexDef], columns: Sequence[Any], indexes: Sequence[Any]
    ) -> None:
        self.names: dict[int, Name] = {}
        self.spellings: dict[Name, Name] = {}
        vectors = {index.collations for index in indexes}
        oids = {column.collation for column in columns}.union(*map(_numbers, vectors))
        wanted = {key.collation[-1] for d in definitions for key in d.keys if key.collation}
        for row in ask("collations", oids=list(oids), names=list(wanted)):
            name = _full_name(row)
            self.names[row.oid] = self.spellings[name] = name
            if row.visible:
                self.spellings[row.name,] = name


class IndexReader:
    """Reads the columns and the indexes of some tables.

    Args:
        ask: asks the server, in a transaction.
        relations: rows with oid, schema and name.
        definitions: what is wanted of them; its collations are looked up as well.
    """

    def __init__(self, ask: Ask, relations: Iterable[Any], definitions: Sequence[IndexDef]) -> None:
        self._tables = {relation.oid: TableName(relation.schema, relation.name) for relation in relations}
        oids = list(self._tables)
        columns = ask("columns", tables=oids)
        rows = ask("indexes", tables=oids)
        types = {column.type for column in columns}
        types.update(type_ for row in rows for type_ in row.key_types or ())
        self._classes = _OperatorClasses(ask, types)
        self._collations = _Collations(ask, definitions, columns, rows)
        self._columns: dict[int, dict[int, Any]] = defaultdict(dict)
        for column in columns:
            self._columns[column.table_oid][column.number] = column
        self._rows: dict[int, list[Any]] = defaultdict(list)
        for row in rows:
            if row.text != "":  # dropped since our snapshot, for which pg_get_indexdef() doesn't care
                self._rows[row.table_oid].append(row)

    @property
    def operator_classes(self) -> Mapping[tuple[str, Name], Name]:
        """Per method and way to write it, an operator class's one name."""
        return self._classes.spellings

    @property
    def collations(self) -> Mapping[Name, Name]:
        """Per way to write it, a collation's one name."""
        return self._collations.spellings

    def columns(self, table: int) -> Mapping[str, Column]:
        """The columns of one table, by oid."""
        return {
            column.name: Column(
                self._collations.names.get(column.collation), self._classes.defaults[column.type]
            )
            for column in self._columns[table].values()
        }

    def indexes(self, table: int) -> tuple[LiveIndex, ...]:
        """The indexes of one table, by oid, sorted by name."""
        return tuple(map(self._index, self._rows[table]))

    def _index(self, row: Any) -> LiveIndex:
        return LiveIndex(
            definition=self._definition(row),
            valid=row.valid,
            ready=row.ready,
            live=row.live,
            immediate=row.immediate,
            primary=row.is_primary,
            constraint=row.constraint_name,
            exclusion=row.exclusion,
            needed_by=row.needed_by,
            build=Build(row.building_pid, row.phase, row.percent) if row.building_pid else None,
            partitioned=row.partitioned,
            attached_to=row.attached_to,
        )

    def _definition(self, row: Any) -> IndexDef:
        if row.text:  # expressions and operator class options: only the server's own text says all
            return self._definition_of_text(row)
        columns = self._columns[row.table_oid]
        numbers = _numbers(row.columns)
        key_count: int = row.key_count
        method: str = row.method
        vectors = (_numbers(row.operator_classes), _numbers(row.collations), _numbers(row.options))
        return IndexDef(
            table=self._tables[row.table_oid],
            name=row.name,
            keys=tuple(
                self._key(columns[number], method, *vector)
                for number, *vector in zip(numbers[:key_count], *vectors, strict=False)
            ),
            method=method,
            unique=row.is_unique,
            nulls_not_distinct=row.nulls_not_distinct,
            include=tuple(columns[number].name for number in numbers[key_count:]),
            predicate=expression_from_text(row.predicate) if row.predicate else None,
            storage=normalized(_pairs(row.storage)) if row.storage else (),
        )

    def _definition_of_text(self, row: Any) -> IndexDef:
        definition = index_of_server(row.text, row.key_texts or (), row.predicate or "")
        spellings = self._classes.spellings, self._collations.spellings
        keys = normalized_keys(definition, self.columns(row.table_oid), *spellings)
        types = row.key_types or (0,) * len(keys)
        defaults = (self._classes.defaults[type_].get(definition.method) for type_ in types)
        plain = (
            replace(key, operator_class=None) if is_plain(key.operator_class, default) else key
            for key, default in zip(keys, defaults, strict=False)
        )
        return replace(definition, keys=tuple(plain))

    def _key(self, column: Any, method: str, operator_class: int, collation: int, options: int) -> Key:
        name = self._classes.names[operator_class]
        is_default = name == self._classes.defaults[column.type].get(method)
        return column_key(
            column.name,
            None if collation in {0, column.collation} else self._collations.names[collation],
            None if is_default else OperatorClass(name),
            bool(options & _DESCENDING),
            bool(options & _NULLS_FIRST),
        )


def _pairs(options: Iterable[str]) -> Iterator[tuple[str, str]]:
    for option in options:
        name, _, value = option.partition("=")
        yield name, value


def _full_name(row: Any) -> Name:
    return (row.name,) if row.schema == "pg_catalog" else (row.schema, row.name)


@cache
def _numbers(vector: str) -> tuple[int, ...]:
    return tuple(map(int, vector.split()))
