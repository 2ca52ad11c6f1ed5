"""What `alembic upgrade head --sql` prints in place of the operations: SQL that is safe to run by itself.

It is written out as it stands: SQLAlchemy would double each % and take each : for a parameter.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import sqlalchemy as sa
from alembic.operations import Operations
from psycopg import sql
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from kc_db.errors import RefusedError
from kc_db.indexes import statements
from kc_db.indexes.model import IndexDef, TableName
from kc_db.indexes.steps import fitting
from kc_db.online.patience import patience_of
from kc_db.sql import load_sql

# The driver's default style doubles each %.
_DIALECT = PGDialect_psycopg(paramstyle="named")  # type: ignore[no-untyped-call]
# A role's or database's own limits would end a build, and leave an INVALID index; nobody queues behind it.
NO_LIMITS = sql.SQL("""DO $kc$ BEGIN
  PERFORM set_config(name, '0', false) FROM pg_catalog.pg_settings
  WHERE name IN ('statement_timeout', 'transaction_timeout', 'lock_timeout');
END $kc$""")
LIMITS_AS_BEFORE = sql.SQL("""DO $kc$ BEGIN
  PERFORM set_config(name, reset_val, false) FROM pg_catalog.pg_settings
  WHERE name IN ('statement_timeout', 'transaction_timeout', 'lock_timeout');
END $kc$""")
# The server itself says what the index has to be: it makes the same one on an empty copy of the table.
# What CREATE INDEX says beyond the names of index and table stands from USING on, but for UNIQUE.
_CHECK = """DO $kc$ DECLARE
  kc_found text;
  kc_fits boolean;
BEGIN
  CREATE TABLE {copy} (LIKE {table});
  {create_index};
  SELECT pg_catalog.pg_get_indexdef(found.indexrelid),
         found.indisvalid AND found.indisready AND found.indislive AND found.indimmediate
         AND found.indisunique = wanted.indisunique
         AND regexp_replace(pg_catalog.pg_get_indexdef(found.indexrelid), '^.*? USING ', '')
           = regexp_replace(pg_catalog.pg_get_indexdef(wanted.indexrelid), '^.*? USING ', '')
  INTO kc_found, kc_fits
  FROM pg_catalog.pg_index AS wanted, pg_catalog.pg_index AS found
  JOIN pg_catalog.pg_class AS relation ON relation.oid = found.indexrelid
  WHERE wanted.indrelid = to_regclass({copy_name})
    AND found.indrelid = to_regclass({table_name}) AND relation.relname = {name};
  IF kc_fits IS NOT TRUE THEN
    RAISE EXCEPTION USING MESSAGE = {message}, HINT = {hint},
      DETAIL = coalesce('There is: ' || kc_found, 'There is none of this name on the table.');
  END IF;
  DROP TABLE {copy};
END $kc$"""
# CONCURRENTLY can't build on it, and which partitions there are only the migration finds out.
_NOT_PARTITIONED = """DO $kc$ BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_class WHERE oid = to_regclass({table}) AND relkind = 'p') THEN
    RAISE EXCEPTION USING MESSAGE = {message};
  END IF;
END $kc$"""
_COPY = "kc_db_wanted"
_DROP_EMPTY = """DO $kc$ BEGIN
  LOCK TABLE {table};
  IF EXISTS (SELECT FROM {table}) THEN
    RAISE EXCEPTION USING MESSAGE = {message};
  END IF;
END $kc$"""


def create_index(operations: Operations, definition: IndexDef, *, exactly: bool) -> None:
    """CREATE INDEX CONCURRENTLY IF NOT EXISTS, then a check, because an INVALID leftover satisfies that too.

    The check stands in the transaction that stamps, so that a failed build is never stamped.
    """
    if exactly:
        _replace_index(operations, definition)
    else:
        build_index(operations, definition)
    write(operations, _check(definition))


def build_index(operations: Operations, definition: IndexDef) -> None:
    """The same without the check: an INVALID leftover, or another index, may have the name."""
    table = _identifier(definition.table).as_string(None)
    message = f"{definition.table} is partitioned; run the migration that builds {definition.name} online"
    with operations.get_context().autocommit_block():
        write(
            operations,
            sql.SQL(_NOT_PARTITIONED).format(table=sql.Literal(table), message=sql.Literal(message)),
        )
        write(operations, NO_LIMITS)
        write(operations, statements.create_index(definition, if_not_exists=True))
        write(operations, LIMITS_AS_BEFORE)


def _replace_index(operations: Operations, definition: IndexDef) -> None:
    """Builds under a passing name, swaps the names unless ours is right already, drops what is left over.

    A script can't leave out the build where nothing is to be replaced: that costs time, and changes nothing.
    """
    passing = replace(definition, name=fitting(definition.name, "_kc_new"))
    old = fitting(definition.name, "_kc_old")
    table = definition.table
    both = [statements.drop_index(table, name, if_exists=True) for name in (passing.name, old)]
    with operations.get_context().autocommit_block():
        write(operations, NO_LIMITS)
        for statement in both:
            write(operations, statement)
    build_index(operations, passing)
    with operations.get_context().autocommit_block():
        write(operations, _check(passing))
        write(operations, _swap(definition, passing.name, old))
        write(operations, NO_LIMITS)
        for statement in both:
            write(operations, statement)
        write(operations, LIMITS_AS_BEFORE)


def _swap(definition: IndexDef, passing: str, old: str) -> sql.Composed:
    table = definition.table
    return sql.SQL(load_sql("kc_db.online", "script_swap")).format(
        table=sql.Literal(_identifier(table).as_string(None)),
        name=sql.Literal(definition.name),
        passing=sql.Literal(passing),
        timeout=sql.Literal(f"{patience_of().lock_timeout_ms}ms"),
        away=statements.rename_index(table, definition.name, old),
        take=statements.rename_index(table, passing, definition.name),
        message=sql.Literal(f"{definition.name} is not replaced: a constraint stands on it"),
    )


def _check(definition: IndexDef) -> sql.Composed:
    table = definition.table
    copy = TableName(table.schema, _COPY)
    create = statements.create_index(replace(definition, table=copy), name=_COPY + "_idx").as_string(None)
    drop = statements.as_text(statements.drop_index(table, definition.name))
    return sql.SQL(_CHECK).format(
        copy=_identifier(copy),
        table=_identifier(table),
        create_index=sql.SQL(create.replace(" CONCURRENTLY", "", 1)),  # type: ignore[arg-type, unused-ignore]
        copy_name=sql.Literal(_identifier(copy).as_string(None)),
        table_name=sql.Literal(_identifier(table).as_string(None)),
        name=sql.Literal(definition.name),
        message=sql.Literal(f"{definition.name} on {table.name} is missing, INVALID, or another index"),
        hint=sql.Literal(
            f"If it is INVALID, or nobody needs it as it is, run {drop} if somebody does, rename it; "
            "then run what this prints: alembic upgrade <the revision in alembic_version>:head --sql"
        ),
    )


def _identifier(table: TableName) -> sql.Identifier:
    return sql.Identifier(*filter(None, (table.schema, table.name)))


def drop_index(operations: Operations, name: str, table: str, *, only_invalid: bool) -> None:
    """DROP INDEX CONCURRENTLY IF EXISTS.

    Raises:
        RefusedError: it depends on the index's state, which a script can't find out.
    """
    if only_invalid:
        raise RefusedError(
            f"{name}: drop_index_online(only_invalid=True) looks at what is there, and a script can't; "
            "run this migration online"
        )
    schema, _, relation = table.rpartition(".")
    with operations.get_context().autocommit_block():
        write(operations, statements.drop_index(TableName(schema or None, relation), name, if_exists=True))


def create_tables(operations: Operations, wanted: Sequence[sa.Table]) -> None:
    """CREATE TABLE IF NOT EXISTS; a script can't refuse a table of other columns before it starts."""
    _limit_locks(operations)
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
    _limit_locks(operations)
    for name in names:
        table = sql.Identifier(*name.split("."))
        message = sql.Literal(f"table {name} holds rows and is not dropped")
        write(operations, sql.SQL(_DROP_EMPTY).format(table=table, message=message))
        write(operations, sql.SQL("DROP TABLE {}").format(table))


def _limit_locks(operations: Operations) -> None:
    timeout = sql.Literal(f"{patience_of().lock_timeout_ms}ms")
    write(operations, sql.SQL("SET LOCAL lock_timeout = {}").format(timeout))


def write(operations: Operations, statement: sql.Composable) -> None:
    """Puts a statement into the script as it stands."""
    operations.get_context().impl.static_output(f"{statement.as_string(None)};")
