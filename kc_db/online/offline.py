"""What `alembic upgrade head --sql` prints in place of the operations: SQL that is safe to run by itself."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic.operations import Operations
from psycopg import sql

from kc_db.indexes import statements
from kc_db.indexes.model import IndexDef, TableName

_CHECK = """DO $kc$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_index
                 WHERE indexrelid = to_regclass({literal}) AND indisvalid) THEN
    RAISE EXCEPTION '% is missing or INVALID', {literal} USING HINT = {hint};
  END IF;
END $kc$"""


def create_index(operations: Operations, definition: IndexDef) -> None:
    """CREATE INDEX CONCURRENTLY IF NOT EXISTS, then a check: an INVALID leftover of the name satisfies IF NOT
    EXISTS. The check stands in the transaction that stamps, so that a failed build is never stamped.
    """  # noqa: D205 - the first sentence needs both lines
    with operations.get_context().autocommit_block():
        operations.execute("SET statement_timeout = 0")
        operations.execute(statements.create_index(definition, if_not_exists=True).as_string(None))
    index = sql.Identifier(*filter(None, (definition.table.schema, definition.name))).as_string(None)
    drop = statements.as_text(statements.drop_index(definition.table, definition.name))
    check = sql.SQL(_CHECK).format(
        literal=sql.Literal(index), hint=sql.Literal(f"Run {drop} and then this script again.")
    )
    operations.execute(sa.text(check.as_string(None).replace(":", r"\:")))


def drop_index(operations: Operations, name: str, table: str) -> None:
    """DROP INDEX CONCURRENTLY IF EXISTS."""
    schema = table.rpartition(".")[0] or None
    statement = statements.drop_index(TableName(schema, name), name, if_exists=True)
    with operations.get_context().autocommit_block():
        operations.execute(statement.as_string(None))


def create_tables(operations: Operations, wanted: Sequence[sa.Table]) -> None:
    """CREATE TABLE IF NOT EXISTS; a script can't refuse a table of other columns before it starts."""
    operations.execute("SET LOCAL lock_timeout = '2s'")
    for table in wanted:
        operations.execute(sa.schema.CreateTable(table, if_not_exists=True))


def drop_tables(operations: Operations, names: Sequence[str]) -> None:
    """DROP TABLE, each behind a check that it holds no row."""
    operations.execute("SET LOCAL lock_timeout = '2s'")
    for name in names:
        table = sql.Identifier(name)
        check = sql.SQL(
            "DO $kc$ BEGIN LOCK TABLE {table}; IF EXISTS (SELECT FROM {table}) THEN "
            "RAISE EXCEPTION 'table % holds rows and is not dropped', {literal}; END IF; END $kc$"
        ).format(table=table, literal=sql.Literal(name))
        operations.execute(check.as_string(None))
        operations.execute(sql.SQL("DROP TABLE {}").format(table).as_string(None))
