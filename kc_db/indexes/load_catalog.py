"""Reads what the server has of what the specs name: structure, not text, in a read-only transaction."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from kc_db.database import Connection
from kc_db.errors import InputError, ServerError
from kc_db.indexes.load_forms import with_forms
from kc_db.indexes.lock_file import Lock
from kc_db.indexes.model import Catalog, IndexDef, LiveTable, TableName
from kc_db.indexes.read_indexes import Ask, IndexReader, asking

_NULLS_NOT_DISTINCT = 150_000  # server_version_num


def load_catalog(
    connection: Connection, definitions: Sequence[IndexDef], lock: Lock | None = None
) -> Catalog:
    """What the server has of the definitions' tables, seen at one moment, in comparable words.

    Args:
        connection: in autocommit mode.
        definitions: what is wanted.
        lock: canonical forms that were recorded, for where the server can't be asked for them.

    Raises:
        InputError: two names mean one table.
        ServerError: a definition is too new for the server, or a schema of the search_path has one of the
            tables, and the role may not use it.
    """
    _refuse_what_is_too_new(connection, definitions)
    with connection.transaction(), asking(connection) as ask:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        ask("session")
        catalog = _load(ask, definitions)
    return with_forms(connection, definitions, catalog, lock)


def _load(ask: Ask, definitions: Sequence[IndexDef]) -> Catalog:
    names = list(dict.fromkeys(definition.table for definition in definitions))
    relations = ask("tables", schemas=[name.schema for name in names], names=[name.name for name in names])
    _refuse_two_names_for_one(names, relations)
    _refuse_hidden_schemas(ask("hidden_tables", names=[name.name for name in names if not name.schema]))
    partitioned = [relation.oid for relation in relations if relation.kind == "p"]
    partitions = ask("partitions", tables=partitioned) if partitioned else []
    reader = IndexReader(ask, [*relations, *partitions], definitions)
    children: dict[int, list[Any]] = defaultdict(list)
    for partition in partitions:
        children[partition.parent_oid].append(partition)

    def table(relation: Any) -> LiveTable:
        below = tuple(map(table, children[relation.oid]))
        return LiveTable(
            TableName(relation.schema, relation.name),
            relation.kind,
            reader.columns(relation.oid),
            reader.indexes(relation.oid),
            below,
            tuple(relation.partition_key or ()),
            oid=relation.oid,
        )

    live = {names[relation.position]: table(relation) for relation in relations}
    return Catalog(live, _taken_names(ask, definitions, live), reader.operator_classes, reader.collations)


def _refuse_what_is_too_new(connection: Connection, definitions: Sequence[IndexDef]) -> None:
    if connection.info.server_version < _NULLS_NOT_DISTINCT:
        for definition in definitions:
            if definition.nulls_not_distinct:
                raise ServerError(
                    f"{definition.table}.{definition.name} says NULLS NOT DISTINCT, which came with "
                    f"PostgreSQL 15; this server is {connection.info.server_version // 10_000}"
                )


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
    ask: Ask, definitions: Sequence[IndexDef], live: Mapping[TableName, LiveTable]
) -> Mapping[tuple[str, str], str]:
    found = {name: {index.definition.name for index in table.indexes} for name, table in live.items()}
    missing = [d.name for d in definitions if d.name not in found.get(d.table, (d.name,))]
    if not missing:
        return {}
    schemas = list({str(table.name.schema) for table in live.values()})
    return {
        (relation.schema, relation.name): relation.what
        for relation in ask("taken_names", names=missing, schemas=schemas)
    }
