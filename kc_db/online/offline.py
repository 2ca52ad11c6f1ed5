"""What `alembic upgrade head --sql` prints in place of the operations: SQL that is safe to run by itself.

It is written out as it stands: SQLAlchemy would double each % and take each : for a parameter.
"""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from alembic.operations import Operations
from psycopg import sql
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from kc_db.indexes import statements
from kc_db.indexes.model import IndexDef, TableName

# The driver's default style doubles each %.
_DIALECT = PGDialect_psycopg(paramstyle="named")  # type: ignore[no-untyped-call]
# A role's or database's own limits would end a build, and leave an INVALID index; nobody queues behind it.
_NO_LIMITS = """DO $kc$ BEGIN
  PERFORM set_config(name, '0', false) FROM pg_catalog.pg_settings
  WHERE name IN ('statement_timeout', 'transaction_timeout', 'lock_timeout');
END $kc$"""
_LIMITS_AS_BEFORE = """DO $kc$ BEGIN
  PERFORM set_config(name, reset_val, false) FROM pg_catalog.pg_settings
  WHERE name IN ('statement_timeout', 'transaction_timeout', 'lock_timeout');
END $kc$"""
_CHECK = """DO $kc$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_index
                 WHERE indexrelid = to_regclass({index}) AND indrelid = to_regclass({table})
                   AND indisvalid AND indisready AND indislive
                   AND indisunique = {unique} AND indnkeyatts = {key_count}
                   AND ARRAY(SELECT attname::text FROM unnest(indkey) WITH ORDINALITY AS k (number, position)
                             JOIN pg_catalog.pg_attribute ON attrelid = indrelid AND attnum = number
                             WHERE position <= indnkeyatts ORDER BY position) = {columns}::text[]) THEN
    RAISE EXCEPTION USING MESSAGE = {message}, HINT = {hint};
  END IF;
END $kc$"""
_DROP_EMPTY = """DO $kc$ BEGIN
  LOCK TABLE {table};
  IF EXISTS (SELECT FROM {table}) THEN
    RAISE EXCEPTION USING MESSAGE = {message};
  END IF;
END $kc$"""


def create_index(operations: Operations, definition: IndexDef) -> None:
    """CREATE INDEX CONCURRENTLY IF NOT EXISTS, then a check, because an INVALID leftover satisfies that too.

    The check stands in the transaction that stamps, so that a failed build is never stamped.
    """
    with operations.get_context().autocommit_block():
        _write(operations, sql.SQL(_NO_LIMITS))
        _write(operations, statements.create_index(definition, if_not_exists=True))
        _write(operations, sql.SQL(_LIMITS_AS_BEFORE))
    schema, table = definition.table.schema, definition.table.name
    drop = statements.as_text(statements.drop_index(definition.table, definition.name))
    check = sql.SQL(_CHECK).format(
        index=_quoted(schema, definition.name),
        table=_quoted(schema, table),
        unique=sql.Literal(definition.unique),
        key_count=sql.Literal(len(definition.keys)),
        columns=sql.Literal([key.of for key in definition.keys if isinstance(key.of, str)]),
        message=sql.Literal(f"{definition.name} on {table} is missing, INVALID, or another index"),
        hint=sql.Literal(
            f"If it is INVALID, run {drop} then what this prints: "
            "alembic upgrade <the revision in alembic_version>:head --sql"
        ),
    )
    _write(operations, check)


def _quoted(schema: str | None, name: str) -> sql.Literal:
    return sql.Literal(sql.Identifier(*filter(None, (schema, name))).as_string(None))


def drop_index(operations: Operations, name: str, table: str) -> None:
    """DROP INDEX CONCURRENTLY IF EXISTS."""
    schema, _, relation = table.rpartition(".")
    with operations.get_context().autocommit_block():
        _write(operations, statements.drop_index(TableName(schema or None, relation), name, if_exists=True))


def create_tables(operations: Operations, wanted: Sequence[sa.Table]) -> None:
    """CREATE TABLE IF NOT EXISTS; a script can't refuse a table of other columns before it starts."""
    _write(operations, sql.SQL("SET LOCAL lock_timeout = '2s'"))
    for table in wanted:
        for element in _made_by(table):
            operations.get_context().impl.static_output(f"{str(element.compile(dialect=_DIALECT)).strip()};")


def _made_by(table: sa.Table) -> Iterator[sa.schema.ExecutableDDLElement]:
    yield sa.schema.CreateTable(table, if_not_exists=True)
    if table.comment:
        yield sa.schema.SetTableComment(table)
    yield from (sa.schema.SetColumnComment(column) for column in table.columns if column.comment)


def drop_tables(operations: Operations, names: Sequence[str]) -> None:
    """DROP TABLE, each behind a check that it holds no row."""
    _write(operations, sql.SQL("SET LOCAL lock_timeout = '2s'"))
    for name in names:
        table = sql.Identifier(*name.split("."))
        message = sql.Literal(f"table {name} holds rows and is not dropped")
        _write(operations, sql.SQL(_DROP_EMPTY).format(table=table, message=message))
        _write(operations, sql.SQL("DROP TABLE {}").format(table))


def _write(operations: Operations, statement: sql.Composable) -> None:
    operations.get_context().impl.static_output(f"{statement.as_string(None)};")
