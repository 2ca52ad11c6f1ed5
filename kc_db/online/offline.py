"""What `alembic upgrade head --sql` prints in place of the operations: SQL that is safe to run by itself.

It is written out as it stands: SQLAlchemy would double each % and take each : for a parameter.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic.operations import Operations
from psycopg import sql

from kc_db.indexes import statements
from kc_db.indexes.model import IndexDef, TableName

_CHECK = """DO $kc$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_index
                 WHERE indexrelid = to_regclass({index}) AND indisvalid AND indisready AND indislive) THEN
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
        _write(operations, sql.SQL("SET statement_timeout = 0"))
        _write(operations, statements.create_index(definition, if_not_exists=True))
        _write(operations, sql.SQL("RESET statement_timeout"))
    index = sql.Identifier(*filter(None, (definition.table.schema, definition.name))).as_string(None)
    drop = statements.as_text(statements.drop_index(definition.table, definition.name))
    check = sql.SQL(_CHECK).format(
        index=sql.Literal(index),
        message=sql.Literal(f"{index} is missing or INVALID"),
        hint=sql.Literal(f"Run {drop} and then this script again."),
    )
    _write(operations, check)


def drop_index(operations: Operations, name: str, table: str) -> None:
    """DROP INDEX CONCURRENTLY IF EXISTS."""
    schema = table.rpartition(".")[0] or None
    with operations.get_context().autocommit_block():
        _write(operations, statements.drop_index(TableName(schema, table), name, if_exists=True))


def create_tables(operations: Operations, wanted: Sequence[sa.Table]) -> None:
    """CREATE TABLE IF NOT EXISTS; a script can't refuse a table of other columns before it starts."""
    _write(operations, sql.SQL("SET LOCAL lock_timeout = '2s'"))
    for table in wanted:
        operations.execute(sa.schema.CreateTable(table, if_not_exists=True))


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
