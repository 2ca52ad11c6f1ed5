"""What `alembic upgrade head --sql` prints for constraints: may be stopped anywhere and run again.

Each statement looks itself whether it is still to be done, in a transaction of its own, with a lock_timeout
of its own; what is stamped has been checked in the transaction that stamps.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic.operations import Operations
from psycopg import sql

from kc_db.indexes import statements
from kc_db.indexes.model import TableName
from kc_db.indexes.statements import Statement, quoted
from kc_db.online import constraint as sql_of
from kc_db.online.constraint import Constraint, alter, as_name
from kc_db.online.not_null import check_name
from kc_db.online.offline import LIMITS_AS_BEFORE, NO_LIMITS, build_index, write
from kc_db.online.patience import patience_of
from kc_db.sql import load_sql


def ensure(operations: Operations, constraint: Constraint) -> None:
    """ADD CONSTRAINT as op.ensure_constraint does it, but for an equal one under another name."""
    if constraint.index:
        if constraint.kind == "p":
            for column in constraint.columns:
                ensure_not_null(operations, column, constraint.table)
        build_index(operations, constraint.index)
    adds = (
        sql_of.add_using_index(constraint, constraint.name)
        if constraint.index
        else sql_of.add(constraint, not_valid=True)
    )
    with operations.get_context().autocommit_block():
        _write(operations, "script_add", constraint.table, name=constraint.name, statement=adds)
        if not constraint.index:
            _validate(operations, constraint.table, constraint.name)
    _check(operations, constraint)


def drop(operations: Operations, name: str, table: TableName) -> None:
    """ALTER TABLE ... DROP CONSTRAINT IF EXISTS."""
    _briefly(operations, table, alter(table, f"DROP CONSTRAINT IF EXISTS {quoted(name)}"))


def ensure_not_null(operations: Operations, column: str, table: TableName) -> None:
    """SET NOT NULL behind a validated CHECK, which works on each version."""
    name, what = check_name(table, column), quoted(column)
    proof = alter(table, f"ADD CONSTRAINT {quoted(name)} CHECK ({what} IS NOT NULL) NOT VALID")
    set_it = alter(table, f"ALTER COLUMN {what} SET NOT NULL")
    with operations.get_context().autocommit_block():
        _write(operations, "script_prove_not_null", table, name=name, column=column, statement=proof)
        _validate(operations, table, name)
        gone = sql_of.drop(table, name)
        _write(operations, "script_set_not_null", table, name=name, statement=set_it, drop=gone)
    _write(
        operations,
        "script_check_not_null",
        table,
        column=column,
        message=f"{table}.{column} is not NOT NULL for all rows",
        hint="run the migration online: it shows the rows",
    )


def drop_not_null(operations: Operations, column: str, table: TableName) -> None:
    """ALTER COLUMN ... DROP NOT NULL, which may be run again as it is."""
    _briefly(operations, table, alter(table, f"ALTER COLUMN {quoted(column)} DROP NOT NULL"))


def rename_index(operations: Operations, name: str, new_name: str, table: TableName) -> None:
    """ALTER INDEX ... RENAME, unless that has been done."""
    with operations.get_context().autocommit_block():
        _write(
            operations,
            "script_rename",
            table,
            name=name,
            new_name=new_name,
            statement=statements.rename_index(table, name, new_name),
            message=f"{table} has neither or both of the indexes {name} and {new_name}",
            constraint_message=f"{table}.{name} is not renamed: a constraint stands on it",
        )


def _validate(operations: Operations, table: TableName, name: str) -> None:
    with _without_limits(operations):
        _write(operations, "script_validate", table, name=name, statement=sql_of.validate(table, name))


def _check(operations: Operations, constraint: Constraint) -> None:
    said = {
        "name": constraint.name,
        "message": f"constraint {constraint} is missing, not validated, or another one",
        "hint": "rename or drop it if it is another one; else run the migration online: it says more",
    }
    if constraint.references:
        wanted = sql_of.foreign_key_text(constraint, "%s")
        other = as_name(constraint.references[0])
        _write(operations, "script_check_foreign_key", constraint.table, wanted=wanted, other=other, **said)
        return
    copy = TableName("pg_temp", constraint.table.name)
    add = alter(copy, f"ADD CONSTRAINT {quoted(constraint.name)} {constraint.definition}")
    _write(
        operations,
        "script_check",
        constraint.table,
        copy=sql.Identifier(copy.name),
        original=_raw(as_name(constraint.table)),
        copy_name=as_name(copy),
        statement=add,
        **said,
    )


def _briefly(operations: Operations, table: TableName, statement: Statement) -> None:
    with operations.get_context().autocommit_block():
        _write(operations, "script_briefly", table, statement=statement)


@contextmanager
def _without_limits(operations: Operations) -> Iterator[None]:
    write(operations, NO_LIMITS)
    yield
    write(operations, LIMITS_AS_BEFORE)


def _write(operations: Operations, script: str, table: TableName, **parts: str | sql.Composable) -> None:
    """Text becomes a literal, what is SQL stays SQL."""
    known = {"table": as_name(table), "timeout": f"{patience_of().lock_timeout_ms}ms", **parts}
    values = {name: sql.Literal(part) if isinstance(part, str) else part for name, part in known.items()}
    write(operations, sql.SQL(load_sql("kc_db.online", script)).format(**values))


def _raw(text: str) -> sql.SQL:
    return sql.SQL(text)  # type: ignore[arg-type, unused-ignore]
