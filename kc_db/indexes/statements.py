"""SQL that changes indexes without blocking writes; identifiers are composed, never formatted."""

import re
from collections.abc import Iterator

from pglast.keywords import COL_NAME_KEYWORDS, RESERVED_KEYWORDS, TYPE_FUNC_NAME_KEYWORDS
from psycopg import sql

from kc_db.indexes.model import IndexDef, Key, OperatorClass, TableName

Statement = sql.Composed
_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_KEYWORDS = COL_NAME_KEYWORDS | RESERVED_KEYWORDS | TYPE_FUNC_NAME_KEYWORDS


def create_index(
    definition: IndexDef,
    *,
    name: str | None = None,
    if_not_exists: bool = False,
    concurrently: bool = True,
) -> Statement:
    """CREATE INDEX CONCURRENTLY for a definition, under its own or another name.

    Takes SHARE UPDATE EXCLUSIVE, which lets reads and writes pass (PostgreSQL manual, CREATE INDEX).
    """
    words = ["CREATE", "UNIQUE" if definition.unique else "", "INDEX"]
    words.append("CONCURRENTLY" if concurrently else "")
    words.append("IF NOT EXISTS" if if_not_exists else "")
    parts: list[sql.Composable] = [
        *(sql.SQL(word) for word in words if word),
        _name(name or definition.name),
        sql.SQL("ON"),
        _relation(definition.table),
        *_using(definition),
        sql.SQL("({})").format(sql.SQL(", ").join(map(_key, definition.keys))),
        *_tail(definition),
    ]
    return sql.SQL(" ").join(parts)


def drop_index(table: TableName, name: str, *, if_exists: bool = False) -> Statement:
    """DROP INDEX CONCURRENTLY; waits for transactions that use the index, blocks none."""
    drop = sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}" if if_exists else "DROP INDEX CONCURRENTLY {}")
    return drop.format(_relation(TableName(table.schema, name)))


def rename_index(table: TableName, name: str, new_name: str) -> Statement:
    """ALTER INDEX ... RENAME takes SHARE UPDATE EXCLUSIVE on the index (PostgreSQL manual, ALTER INDEX)."""
    index = _relation(TableName(table.schema, name))
    return sql.SQL("ALTER INDEX {} RENAME TO {}").format(index, _name(new_name))


def reindex(table: TableName, name: str) -> Statement:
    """REINDEX INDEX CONCURRENTLY rebuilds an index that something stands on."""
    return sql.SQL("REINDEX INDEX CONCURRENTLY {}").format(_relation(TableName(table.schema, name)))


def as_text(statement: Statement) -> str:
    """The statement as it can be pasted into psql."""
    return f"{statement.as_string(None)};"


def _name(*parts: str) -> sql.Composable:
    """A name, quoted where quote_ident() would: most need no quotes, and read better without."""
    # type: ignore, because sql.SQL wants a literal, and _is_plain() is what makes this one as safe
    return sql.SQL(".").join(sql.SQL(part) if _is_plain(part) else sql.Identifier(part) for part in parts)  # type: ignore[arg-type, unused-ignore]


def _is_plain(part: str) -> bool:
    return bool(_PLAIN_NAME.fullmatch(part)) and part not in _KEYWORDS


def _relation(name: TableName) -> sql.Composable:
    return _name(*filter(None, (name.schema, name.name)))


def _using(definition: IndexDef) -> Iterator[sql.Composable]:
    if definition.method != "btree":
        yield sql.SQL("USING {}").format(_name(definition.method))


def _key(key: Key) -> sql.Composable:
    what = _name(key.of) if isinstance(key.of, str) else _raw(key.of.text)
    parts: list[sql.Composable] = [what]
    if key.collation:
        parts.append(sql.SQL("COLLATE {}").format(_name(*key.collation)))
    if key.operator_class:
        parts.append(_operator_class(key.operator_class))
    if key.descending:
        parts.append(sql.SQL("DESC"))
    if key.nulls_first != key.descending:
        parts.append(sql.SQL("NULLS FIRST" if key.nulls_first else "NULLS LAST"))
    return sql.SQL(" ").join(parts)


def _operator_class(given: OperatorClass) -> sql.Composable:
    name = _name(*(given.name or ()))
    return sql.SQL("{} {}").format(name, _parameters(given.options)) if given.options else name


def _tail(definition: IndexDef) -> Iterator[sql.Composable]:
    """In the grammar's own order: INCLUDE, NULLS NOT DISTINCT, WITH, WHERE."""
    if definition.include:
        yield sql.SQL("INCLUDE ({})").format(sql.SQL(", ").join(map(_name, definition.include)))
    if definition.nulls_not_distinct:
        yield sql.SQL("NULLS NOT DISTINCT")
    if definition.storage:
        yield sql.SQL("WITH {}").format(_parameters(definition.storage))
    if definition.predicate:
        yield sql.SQL("WHERE {}").format(_raw(definition.predicate.text))


def _parameters(parameters: tuple[tuple[str, str], ...]) -> sql.Composable:
    pairs = (sql.SQL("{} = {}").format(_name(name), sql.Literal(value)) for name, value in parameters)
    return sql.SQL("({})").format(sql.SQL(", ").join(pairs))


def _raw(text: str) -> sql.SQL:
    """An expression of a spec or of the catalog, which PostgreSQL's own parser has read before."""
    # type: ignore, because sql.SQL wants a literal; what was parsed as one expression is as safe
    return sql.SQL(text)  # type: ignore[arg-type, unused-ignore]
