"""What the operations on constraints, and the renaming of an index, would do as things are now."""

import re
from dataclasses import replace

from kc_db.database import Connection
from kc_db.errors import RefusedError
from kc_db.indexes.model import TableName
from kc_db.online import constraints, index_rename, not_null
from kc_db.online.constraint import Constraint
from kc_db.online.constraint_operations import (
    DropConstraintOnline,
    DropNotNull,
    EnsureConstraint,
    EnsureNotNull,
    RenameIndexOnline,
)
from kc_db.online.constraint_state import LiveConstraint, State, load_state
from kc_db.online.plan.locks import effect_of
from kc_db.online.plan.model import Mode, Planned, Work
from kc_db.online.plan.record import NotRecordedError
from kc_db.online.plan.steps import of_steps

Found = tuple[list[Planned], list[str]]
ConstraintOperation = (
    EnsureConstraint | DropConstraintOnline | EnsureNotNull | DropNotNull | RenameIndexOnline
)
OPERATIONS = (EnsureConstraint, DropConstraintOnline, EnsureNotNull, DropNotNull, RenameIndexOnline)
_SETS_NOT_NULL = re.compile(r"ALTER TABLE .* SET NOT NULL;?$")


def table_of(operation: ConstraintOperation) -> TableName:
    """The table that it is about."""
    return operation.constraint.table if isinstance(operation, EnsureConstraint) else operation.table


def plan_operation(
    connection: Connection, operation: ConstraintOperation, made_by: str | None, *, is_changed: bool
) -> Found:
    """The statements that an operation would run, and what is to be said beside them.

    Args:
        connection: in autocommit mode.
        operation: as the revision calls it.
        made_by: the earlier revision that makes its table, if one does.
        is_changed: an earlier statement changes its table, so that columns may be there which aren't yet.

    Raises:
        RefusedError: what is there stands against it; rows that do aren't looked for.
        NotRecordedError: the role may not ask the server what has to be known.
    """
    if isinstance(operation, EnsureConstraint):
        return _quick(_ensure(connection, operation.constraint, made_by, is_changed=is_changed))
    if isinstance(operation, EnsureNotNull):
        return _quick(_ensure_not_null(connection, operation, made_by, is_changed=is_changed))
    name, table = f"{table_of(operation)}", operation.table
    if isinstance(operation, DropConstraintOnline):
        state = load_state(connection, table)
        steps = constraints.plan_drop(state, operation.name, table)
        return _dropped(of_steps(steps, f"{name}.{operation.name} isn't there"), state.named(operation.name))
    if isinstance(operation, DropNotNull):
        steps = not_null.plan_drop(load_state(connection, table), operation.column, table)
        return of_steps(steps, f"{name}.{operation.column} may be null")
    steps = index_rename.plan_rename(connection, operation.name, operation.new_name, table)
    return of_steps(steps, f"{operation.new_name} is there")


def _ensure(
    connection: Connection, constraint: Constraint, made_by: str | None, *, is_changed: bool
) -> Found:
    import psycopg

    if made_by:
        state = _new(connection, constraint.columns)
        return _with(_empty(constraint.table, made_by), of_steps(constraints.plan_new(constraint, state), ""))
    try:
        kept, steps = constraints.plan_ensure(connection, constraint)
    except psycopg.Error as error:
        if connection.closed:
            raise
        said = str(error).strip().partition("\n")[0]
        if isinstance(error, psycopg.errors.UndefinedColumn) and is_changed:
            state = load_state(connection, constraint.table)
            state = replace(state, columns=(*state.columns, *constraint.columns))
            remark = f"{said}: an earlier statement is taken to add it"
            return _with(remark, of_steps(constraints.plan_new(constraint, state), ""))
        is_wrong = isinstance(error, psycopg.ProgrammingError)
        if is_wrong and not isinstance(error, psycopg.errors.InsufficientPrivilege):
            raise RefusedError(f"{constraint} can't be added: {said}") from error
        raise NotRecordedError(f"the server doesn't say how it would write {constraint}: {said}") from error
    name = f", named {kept.name}" if kept and kept.name != constraint.name else ""
    return of_steps(steps, f"{constraint} is there{name}")


def _ensure_not_null(
    connection: Connection, operation: EnsureNotNull, made_by: str | None, *, is_changed: bool
) -> Found:
    column, table = operation.column, operation.table
    if made_by:
        state = _new(connection, (column,))
        return _with(_empty(table, made_by), of_steps(not_null.plan_ensure(state, column, table), ""))
    state = load_state(connection, table)
    if column not in state.columns and is_changed:
        state = replace(state, columns=(*state.columns, column))
        remark = f"{table} has no column {column}: an earlier statement is taken to add it"
        return _with(remark, of_steps(not_null.plan_ensure(state, column, table), ""))
    return of_steps(not_null.plan_ensure(state, column, table), f"{table}.{column} is NOT NULL")


def _new(connection: Connection, columns: tuple[str, ...]) -> State:
    """A table that has just been made, of which nothing else is known."""
    return State("r", columns, (), (), (), connection.info.server_version)


def _quick(found: Found) -> Found:
    """SET NOT NULL reads nothing here: a validated CHECK says the same."""
    statements, remarks = found
    return [
        replace(one, effect=replace(one.effect, work=Work.MOMENT)) if _SETS_NOT_NULL.match(one.sql) else one
        for one in statements
    ], remarks


def _dropped(found: Found, there: LiveConstraint | None) -> Found:
    """Dropping a foreign key locks the other table as well (pg_locks, PostgreSQL 14 and 18)."""
    statements, remarks = found
    if not there or there.kind != "f":
        return found
    _, *others = effect_of(f"ALTER TABLE x ADD CONSTRAINT y {there.text}").locks or (None,)
    locks = [replace(lock, mode=Mode.ACCESS_EXCLUSIVE) for lock in others if lock]
    return [
        replace(one, effect=replace(one.effect, locks=(*(one.effect.locks or ()), *locks)))
        for one in statements
    ], remarks


def _with(remark: str, found: Found) -> Found:
    statements, remarks = found
    return statements, [remark, *remarks]


def _empty(table: TableName, made_by: str) -> str:
    return f"{table} is made by {made_by}: it is empty then"
