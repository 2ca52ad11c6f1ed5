"""Reads what the server has of what the specs name: structure, not text, in a read-only transaction."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Protocol

from kc_db.database import Connection
from kc_db.errors import InputError, ServerError
from kc_db.indexes.canonical import normalized_keys
from kc_db.indexes.model import (
    Catalog,
    Column,
    IndexDef,
    Key,
    LiveIndex,
    LiveTable,
    Name,
    OperatorClass,
    TableName,
)
from kc_db.indexes.parse import expression_from_text, index_from_text, storage_parameters
from kc_db.sql import load_sql

_DESCENDING, _NULLS_FIRST = 1, 2  # INDOPTION_* in src/include/catalog/pg_index.h


class _Ask(Protocol):
    """Asks the server one of the questions in sql/."""

    def __call__(self, question: str, **parameters: object) -> list[Any]: ...


def load_catalog(connection: Connection, definitions: Sequence[IndexDef]) -> Catalog:
    """What the server has of the definitions' tables, seen at one moment.

    Raises:
        InputError: two names mean one table.
        ServerError: a schema of the search_path has one of the tables, and the role may not use it.
    """
    from psycopg.rows import namedtuple_row

    with connection.transaction(), connection.cursor(row_factory=namedtuple_row) as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute(load_sql("kc_db.indexes", "session"))

        def ask(question: str, **parameters: object) -> list[Any]:
            return cursor.execute(load_sql("kc_db.indexes", question), parameters).fetchall()

        return _load(ask, definitions)


def _load(ask: _Ask, definitions: Sequence[IndexDef]) -> Catalog:
    names = list(dict.fromkeys(definition.table for definition in definitions))
    relations = ask("tables", schemas=[name.schema for name in names], names=[name.name for name in names])
    _refuse_two_names_for_one(names, relations)
    _refuse_hidden_schemas(ask("hidden_tables", names=[name.name for name in names if not name.schema]))
    oids = [relation.oid for relation in relations]
    columns = ask("columns", tables=oids)
    rows = ask("indexes", tables=oids)
    classes = _OperatorClasses(ask, {column.type for column in columns})
    collations = _Collations(ask, definitions, columns, rows)
    build = _Builder({r.oid: TableName(r.schema, r.name) for r in relations}, columns, classes, collations)
    on_table: dict[int, list[LiveIndex]] = defaultdict(list)
    for row in rows:
        if row.text != "":  # dropped since our snapshot was taken, for which pg_get_indexdef() doesn't care
            on_table[row.table_oid].append(build.index(row))
    live = {
        names[r.position]: LiveTable(
            build.tables[r.oid], r.kind, build.columns(r.oid), tuple(on_table[r.oid])
        )
        for r in relations
    }
    return Catalog(live, _taken_names(ask, definitions, live), classes.spellings, collations.spellings)


def _refuse_two_names_for_one(names: Sequence[TableName], relations: Sequence[Any]) -> None:
    first: dict[int, TableName] = {}
    for relation in relations:
        name = names[relation.position]
        if (other := first.setdefault(relation.oid, name)) != name:
            raise InputError(
                f"the specs name one table twice, as {str(other)!r} and as {str(name)!r}; "
                "write its name in one way, in one file"
            )


def _refuse_hidden_schemas(hidden: Sequence[Any]) -> None:
    """Another role sees another table under the same name: neither verdict would be about the right one."""
    for table in hidden:
        raise ServerError(
            f"role {table.role} can't use schema {table.schema} of its search_path, which has a table "
            f"{table.name}; GRANT USAGE ON SCHEMA {table.schema} TO {table.role}, "
            "or qualify the table in its spec"
        )


def _taken_names(
    ask: _Ask, definitions: Sequence[IndexDef], live: Mapping[TableName, LiveTable]
) -> Mapping[tuple[str, str], str]:
    found = {(name, index.name) for name, table in live.items() for index in table.indexes}
    missing = [d.name for d in definitions if d.table in live and (d.table, d.name) not in found]
    if not missing:
        return {}
    schemas = list({str(table.name.schema) for table in live.values()})
    return {
        (relation.schema, relation.name): relation.what
        for relation in ask("taken_names", names=missing, schemas=schemas)
    }


class _OperatorClasses:
    """Operator classes by what they do: varchar_ops and text_ops are one."""

    def __init__(self, ask: _Ask, types: Iterable[int]) -> None:
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
        self, ask: _Ask, definitions: Sequence[IndexDef], columns: Sequence[Any], indexes: Sequence[Any]
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


class _Builder:
    """Makes the model's objects out of the catalog's rows."""

    def __init__(
        self,
        tables: Mapping[int, TableName],
        columns: Sequence[Any],
        classes: _OperatorClasses,
        collations: _Collations,
    ) -> None:
        self.tables = tables
        self._classes = classes
        self._collations = collations
        self._columns: dict[int, dict[int, Any]] = defaultdict(dict)
        for column in columns:
            self._columns[column.table_oid][column.number] = column

    def columns(self, table: int) -> Mapping[str, Column]:
        return {
            column.name: Column(
                self._collations.names.get(column.collation), self._classes.defaults[column.type]
            )
            for column in self._columns[table].values()
        }

    def index(self, row: Any) -> LiveIndex:
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
            building_pid=row.building_pid,
            partitioned=row.partitioned,
        )

    def _definition(self, row: Any) -> IndexDef:
        if row.text:  # expressions and operator class options: only the server's own text says all
            definition = index_from_text(row.text)
            keys = normalized_keys(
                definition,
                self.columns(row.table_oid),
                self._classes.spellings,
                self._collations.spellings,
            )
            return replace(definition, keys=keys)
        columns = self._columns[row.table_oid]
        numbers = _numbers(row.columns)
        vectors = map(_numbers, (row.operator_classes, row.collations, row.options))
        parameters = dict(option.split("=", 1) for option in row.storage or ())
        return IndexDef(
            table=self.tables[row.table_oid],
            name=row.name,
            keys=tuple(
                self._key(columns[number], row.method, *vector)
                for number, *vector in zip(numbers[: row.key_count], *vectors, strict=False)
            ),
            method=row.method,
            unique=row.is_unique,
            nulls_not_distinct=row.nulls_not_distinct,
            include=tuple(columns[number].name for number in numbers[row.key_count :]),
            predicate=expression_from_text(row.predicate) if row.predicate else None,
            storage=storage_parameters(parameters),
        )

    def _key(self, column: Any, method: str, operator_class: int, collation: int, options: int) -> Key:
        name = self._classes.names[operator_class]
        is_default = name == self._classes.defaults[column.type].get(method)
        return Key(
            of=column.name,
            collation=None if collation in {0, column.collation} else self._collations.names[collation],
            operator_class=None if is_default else OperatorClass(name),
            descending=bool(options & _DESCENDING),
            nulls_first=bool(options & _NULLS_FIRST),
        )


def _full_name(row: Any) -> Name:
    return (row.name,) if row.schema == "pg_catalog" else (row.schema, row.name)


@cache
def _numbers(vector: str) -> tuple[int, ...]:
    return tuple(map(int, vector.split()))
