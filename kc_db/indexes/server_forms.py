"""Asks the server how it writes a definition's expressions, and leaves nothing behind.

In a transaction that is rolled back, an empty temporary table with the live one's name and columns gets the
index. It is a partitioned one, because an index on that has no file, which makes it twice as fast. No table
of the user's is touched: no lock on one is taken, and no privilege on one is needed.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from psycopg import sql

from kc_db.database import Connection
from kc_db.indexes.model import Expression, IndexDef, Name, TableName
from kc_db.indexes.parse import without_schema
from kc_db.indexes.read_indexes import Ask, IndexReader, asking
from kc_db.indexes.statements import create_index

if TYPE_CHECKING:
    import psycopg

_SCHEMA = "pg_temp"
_DENIED = re.compile(r"permission denied for (?P<kind>schema|function|type) (?P<name>.+)")


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A column as CREATE TABLE says it.

    Attributes:
        type: format_type()'s words.
        collation: where it isn't the type's own.
    """

    name: str
    type: str
    collation: Name | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A definition whose canonical form is wanted; tables with the same name and columns are the same here.

    Attributes:
        definition: on a table without schema, and without what no expression depends on.
        columns: those of its table.
    """

    definition: IndexDef
    columns: tuple[ColumnType, ...]


def question(definition: IndexDef, columns: tuple[ColumnType, ...]) -> Question:
    """What to ask about a definition on a table of these columns."""
    table = definition.table
    keys = tuple(
        replace(key, of=without_schema(key.of, table)) if isinstance(key.of, Expression) else key
        for key in definition.keys
    )
    predicate = without_schema(definition.predicate, table) if definition.predicate else None
    bare = IndexDef(TableName(None, table.name), "", keys, definition.method, predicate=predicate)
    return Question(bare, columns)


def ask_server(
    connection: Connection, questions: Iterable[Question], *, settled: bool, everywhere: bool = False
) -> Mapping[Question, IndexDef | str]:
    """How the server writes each definition, or why it takes no such index.

    Args:
        connection: in autocommit mode, on a server that may write.
        questions: what is wanted to know.
        settled: they are the server's own words, whose constants mean the same in every session; else a
            person's, which mean what they mean in this role's sessions.
        everywhere: the answers are to mean the same whatever the reader's search_path.

    Raises:
        psycopg.Error: the server can't be asked at all.
    """
    answers: dict[Question, IndexDef | str] = {}
    for batch in _batches(questions):
        with connection.transaction(force_rollback=True), asking(connection) as ask:
            connection.execute("SET TRANSACTION READ WRITE")
            if settled:
                ask("session")
            names = dict(_make(connection, batch, answers))
            ask("session")
            if everywhere:
                ask("no_search_path")
            answers |= _read(ask, names)
    return answers


@dataclass(frozen=True, slots=True)
class Nodes:
    """How the server holds a definition: its expressions, and its predicate, as node trees."""

    keys: str | None
    predicate: str | None


def ask_for_nodes(connection: Connection, questions: Iterable[Question]) -> Mapping[Question, Nodes]:
    """How the server holds each definition that is in its own words; those that it refuses are left out.

    Args:
        connection: in autocommit mode, on a server that may write.
        questions: what is wanted to know.
    """
    answers: dict[Question, Nodes] = {}
    for batch in _batches(questions):
        with connection.transaction(force_rollback=True), asking(connection) as ask:
            connection.execute("SET TRANSACTION READ WRITE")
            ask("session")
            names = dict(_make(connection, batch, {}))
            rows = (row for row in ask("node_trees") if row.name in names)
            answers |= {names[row.name]: Nodes(row.keys, row.predicate) for row in rows}
    return answers


_Batch = Mapping[tuple[str, tuple[ColumnType, ...]], Sequence[Question]]


def _batches(questions: Iterable[Question]) -> Iterator[_Batch]:
    """Questions by table; two tables of one name can't be there at the same time."""
    rest: dict[tuple[str, tuple[ColumnType, ...]], list[Question]] = defaultdict(list)
    for asked in dict.fromkeys(questions):
        rest[asked.definition.table.name, asked.columns].append(asked)
    by_table: dict[str, list[tuple[tuple[ColumnType, ...], list[Question]]]] = defaultdict(list)
    for (name, columns), group in rest.items():
        by_table[name].append((columns, group))
    while by_table:
        yield {(name, shapes[0][0]): shapes[0][1] for name, shapes in by_table.items()}
        by_table = defaultdict(list, {name: rest for name, (_, *rest) in by_table.items() if rest})


def _make(
    connection: Connection, batch: _Batch, answers: dict[Question, IndexDef | str]
) -> Iterator[tuple[str, Question]]:
    """Makes tables and indexes; yields each index's name, and notes the refusals."""
    from psycopg import Error

    number = 0
    for (table, columns), group in batch.items():
        named = {f"kc_{number + position}": asked for position, asked in enumerate(group)}
        number += len(group)
        make = _create_table(table, columns)
        statements = {name: _create_index(name, asked) for name, asked in named.items()}
        try:
            with connection.transaction():
                connection.execute(sql.SQL("; ").join([make, *statements.values()]))
            yield from named.items()
        except Error:  # one of them is refused: which one, and why?
            try:
                with connection.transaction():
                    connection.execute(make)
            except Error as error:
                answers |= dict.fromkeys(group, _said(connection, error))
                continue
            for name, statement in statements.items():
                try:
                    with connection.transaction():
                        connection.execute(statement)
                    yield name, named[name]
                except Error as error:
                    answers[named[name]] = _said(connection, error)


def _said(connection: Connection, error: "psycopg.Error") -> str:
    """The server's words; where a privilege is missing, with the GRANT."""
    text = error.diag.message_primary or str(error)
    denied = _DENIED.fullmatch(text)
    if not denied:
        return text
    privilege = "EXECUTE" if denied["kind"] == "function" else "USAGE"
    return f"{text}; GRANT {privilege} ON {denied['kind'].upper()} {denied['name']} TO {connection.info.user}"


def _create_table(name: str, columns: Sequence[ColumnType]) -> sql.Composed:
    spare = "kc_partition"
    while spare in {column.name for column in columns}:
        spare += "_"
    return sql.SQL("CREATE TEMPORARY TABLE {} ({}) PARTITION BY RANGE ({})").format(
        sql.Identifier(_SCHEMA, name),
        sql.SQL(", ").join([*map(_column, columns), sql.SQL("{} integer").format(sql.Identifier(spare))]),
        sql.Identifier(spare),
    )


def _column(column: ColumnType) -> sql.Composed:
    # sql.SQL wants a literal; format_type() quotes what needs quotes
    type_name = sql.SQL(column.type)  # type: ignore[arg-type, unused-ignore]
    parts: list[sql.Composable] = [sql.Identifier(column.name), type_name]
    if column.collation:
        parts.append(sql.SQL("COLLATE {}").format(sql.Identifier(*column.collation)))
    return sql.SQL(" ").join(parts)


def _create_index(name: str, asked: Question) -> sql.Composed:
    definition = replace(asked.definition, table=TableName(_SCHEMA, asked.definition.table.name))
    return create_index(definition, name=name, concurrently=False)


def _read(ask: Ask, names: Mapping[str, Question]) -> Mapping[Question, IndexDef]:
    tables = {asked.definition.table.name for asked in names.values()}
    relations = ask("temporary_tables", names=list(tables))
    reader = IndexReader(ask, relations, [asked.definition for asked in names.values()])
    return {
        names[index.name]: index.definition
        for relation in relations
        for index in reader.indexes(relation.oid)
        if index.name in names
    }
