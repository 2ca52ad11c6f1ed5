"""SQL that changes indexes without blocking writes; identifiers are composed, never formatted."""

import re
from collections.abc import Iterator

from pglast.keywords import COL_NAME_KEYWORDS, RESERVED_KEYWORDS, TYPE_FUNC_NAME_KEYWORDS
from psycopg import sql

from kc_db.indexes.model import IndexDef, Key, OperatorClass, TableName
from kc_db.sql import load_sql

Statement = sql.Composed
_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_KEYWORDS = COL_NAME_KEYWORDS | RESERVED_KEYWORDS | TYPE_FUNC_NAME_KEYWORDS
_MAXIMUM_NAME_BYTES = 63  # NAMEDATALEN - 1


def create_index(
    definition: IndexDef,
    *,
    name: str | None = None,
    if_not_exists: bool = False,
    concurrently: bool = True,
    only: bool = False,
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
        sql.SQL("ON ONLY" if only else "ON"),
        _relation(definition.table),
        *_using(definition),
        sql.SQL("({})").format(sql.SQL(", ").join(map(_key, definition.keys))),
        *_tail(definition),
    ]
    return sql.SQL(" ").join(parts)


def create_index_on_parent(definition: IndexDef, name: str) -> Statement:
    """CREATE INDEX ON ONLY a partitioned table: an INVALID entry of the catalog; partitions attach theirs.

    Takes SHARE on that table alone, which keeps writes through it out; reads nothing, so that it is over in a
    moment (pg_locks, PostgreSQL 14 and 18).
    """
    return create_index(definition, name=name, concurrently=False, only=True)


def create_index_over_all(definition: IndexDef, name: str) -> Statement:
    """CREATE INDEX on a partitioned table and all partitions at once: SHARE on each, as long as it builds.

    Over in a moment only where each partition has an equal index, which it attaches.
    """
    return create_index(definition, name=name, concurrently=False)


def attach_index(parent: TableName, name: str, partition: TableName, partition_index: str) -> Statement:
    """ALTER INDEX ... ATTACH PARTITION; the parent's becomes valid with the last partition's.

    Takes ACCESS EXCLUSIVE on the partition's index, for a moment, and SHARE UPDATE EXCLUSIVE on the
    parent's. One that is attached already may be attached again: the server then looks whether the
    parent's is valid now.
    """
    return sql.SQL("ALTER INDEX {} ATTACH PARTITION {}").format(
        _relation(TableName(parent.schema, name)), _relation(TableName(partition.schema, partition_index))
    )


def drop_index(table: TableName, name: str, *, if_exists: bool = False) -> Statement:
    """DROP INDEX CONCURRENTLY; waits for transactions that use the index, blocks none."""
    drop = sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}" if if_exists else "DROP INDEX CONCURRENTLY {}")
    return drop.format(_relation(TableName(table.schema, name)))


def drop_from_all(table: TableName, name: str) -> Statement:
    """DROP INDEX on a partitioned table, which knows no CONCURRENTLY, as a script that waits for nobody.

    It takes ACCESS EXCLUSIVE on the table and on each partition, one after the other: waiting for the last
    would block all others.
    """
    script = sql.SQL("BEGIN; LOCK TABLE {} IN ACCESS EXCLUSIVE MODE NOWAIT; DROP INDEX {}; COMMIT")
    return script.format(_relation(table), _relation(TableName(table.schema, name)))


def rename_index(table: TableName, name: str, new_name: str) -> Statement:
    """ALTER INDEX ... RENAME takes SHARE UPDATE EXCLUSIVE on the index (PostgreSQL manual, ALTER INDEX)."""
    index = _relation(TableName(table.schema, name))
    return sql.SQL("ALTER INDEX {} RENAME TO {}").format(index, _name(new_name))


def reindex(table: TableName, name: str) -> Statement:
    """REINDEX INDEX CONCURRENTLY rebuilds an index that something stands on."""
    return sql.SQL("REINDEX INDEX CONCURRENTLY {}").format(_relation(TableName(table.schema, name)))


def repeated_keys(definition: IndexDef, most: int) -> Statement:
    """Asks which keys of a unique index several rows have; takes ACCESS SHARE.

    GROUP BY compares with the type's default equality under the key's collation, as the default operator
    class does. Rows with a null are all different, unless the index is NULLS NOT DISTINCT.
    """
    names = [sql.Identifier(f"k{number}") for number in range(len(definition.keys))]
    keys = [
        sql.SQL("{} AS {}").format(_value(key), name)
        for key, name in zip(definition.keys, names, strict=True)
    ]
    listed = sql.SQL(", ").join(names)
    without_nulls = sql.SQL("pg_catalog.num_nulls({}) = 0").format(listed)
    return sql.SQL(load_sql("kc_db.indexes", "repeated_keys")).format(
        keys=sql.SQL(", ").join(keys),
        names=listed,
        texts=sql.SQL(", ").join(sql.SQL("{}::text").format(name) for name in names),
        table=_relation(definition.table),
        predicate=_raw(definition.predicate.text) if definition.predicate else sql.SQL("true"),
        repeatable=sql.SQL("true") if definition.nulls_not_distinct else without_nulls,
        most=sql.Literal(most),
    )


def sampled_keys(definition: IndexDef, percent: float) -> Statement:
    """Asks how wide an index's keys and INCLUDE columns are, in a part of the table's pages.

    Args:
        definition: the index.
        percent: how much of the table to read, more than 0 and at most 100.
    """
    values = [*map(_value, definition.keys), *map(_name, definition.include)]
    names = [sql.Identifier(f"k{number}") for number in range(len(values))]
    keys = (sql.SQL("{} AS {}").format(value, name) for value, name in zip(values, names, strict=True))
    found = sql.SQL(load_sql("kc_db.indexes", "sampled_key"))
    return sql.SQL(load_sql("kc_db.indexes", "sampled_keys")).format(
        keys=sql.SQL(", ").join(keys),
        keys_found=sql.SQL(", ").join(found.format(key=name) for name in names),
        table=_relation(definition.table),
        predicate=_raw(definition.predicate.text) if definition.predicate else sql.SQL("true"),
        percent=sql.Literal(percent),
    )


def _value(key: Key) -> sql.Composable:
    what = _name(key.of) if isinstance(key.of, str) else sql.SQL("({})").format(_raw(key.of.text))
    return sql.SQL("{} COLLATE {}").format(what, _name(*key.collation)) if key.collation else what


def set_not_null(table: TableName, column: str, constraint: str) -> tuple[Statement, ...]:
    """SET NOT NULL in steps of which none holds ACCESS EXCLUSIVE while it reads the table.

    SET NOT NULL itself reads nothing where a valid CHECK says the same (PostgreSQL manual, ALTER TABLE).
    """
    check, alter = _name(constraint), sql.SQL("ALTER TABLE {} ").format(_relation(table))
    return (
        alter + sql.SQL("ADD CONSTRAINT {} CHECK ({} IS NOT NULL) NOT VALID").format(check, _name(column)),
        alter + sql.SQL("VALIDATE CONSTRAINT {}").format(check),
        alter + sql.SQL("ALTER COLUMN {} SET NOT NULL").format(_name(column)),
        alter + sql.SQL("DROP CONSTRAINT {}").format(check),
    )


def quoted(name: str) -> str:
    """A name as SQL wants it."""
    return _name(name).as_string(None)


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
    name = _name(*given.name)
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
