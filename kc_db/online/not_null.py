"""NOT NULL without a look through the table under a strong lock."""

from collections.abc import Sequence
from itertools import chain, count

from kc_db.database import Connection
from kc_db.errors import RefusedError
from kc_db.indexes.model import TableName
from kc_db.indexes.statements import quoted
from kc_db.indexes.steps import Step, fitting, run
from kc_db.logs import log
from kc_db.online.constraint import alter, drop, validate
from kc_db.online.constraint_state import State, load_state
from kc_db.online.converge import converge
from kc_db.online.patience import Patience
from kc_db.online.violations import complaint

_MAY_BE_NOT_VALID = 180_000
_MAXIMUM_NAME_BYTES = 63  # NAMEDATALEN - 1


def ensure_not_null(
    connection: Connection, column: str, table: TableName, patience: Patience | None = None
) -> None:
    """The column is NOT NULL afterwards, for all rows.

    From 18 on NOT NULL itself can be added NOT VALID, and validated. Before, a CHECK says the same for a
    while: SET NOT NULL reads nothing where a validated one is there (PostgreSQL manual, ALTER TABLE).

    Args:
        connection: in autocommit mode, holding the deploy lock.
        column: the column's name.
        table: its table.
        patience: how long to wait for locks.

    Raises:
        RefusedError: rows have nulls, or there is no such column.
        ServerError: every attempt met a lock.
    """
    from psycopg import errors

    state = load_state(connection, table)
    what = f"NOT NULL of {column}"
    if plan_ensure(state, column, table):
        violates = f"{quoted(table.name)}.{quoted(column)} IS NULL"
        if not _is_done(state, column) and (
            found := complaint(connection, table, state, (column,), violates, what)
        ):
            raise RefusedError(found)
    done: list[Step] = []
    try:
        converge(
            connection, lambda: plan_ensure(load_state(connection, table), column, table), patience, done
        )
    except (errors.CheckViolation, errors.NotNullViolation) as error:
        left = _taken_back(connection, column, table, patience) if done else "it stays NOT VALID"
        raise RefusedError(
            f"{table} has rows against {what}; {left}. Mend the rows, then run this again"
        ) from error
    if not done:
        log.info("%s.%s is NOT NULL", table, column)


def drop_not_null(
    connection: Connection, column: str, table: TableName, patience: Patience | None = None
) -> None:
    """The column may be null afterwards.

    Raises:
        ServerError: every attempt met a lock.
        psycopg.Error: the column is part of the primary key, for example.
    """
    converge(connection, lambda: plan_drop(load_state(connection, table), column, table), patience)


def check_name(table: TableName, column: str) -> str:
    """What the CHECK is called that says for a while what NOT NULL will."""
    return fitting(f"{table.name}_{column}", "_kc_not_null")


def _is_done(state: State, column: str) -> bool:
    return column in state.not_null and not any(
        one.kind == "n" and column in one.columns and not one.validated for one in state.constraints
    )


def plan_ensure(state: State, column: str, table: TableName) -> Sequence[Step]:
    """What ensure_not_null() still has to do in this state, in its order.

    Raises:
        RefusedError: there is no such column, or the name of its CHECK means something else.
    """
    if column not in state.columns:
        raise RefusedError(f"{table} has no column {column}")
    name, quoted_name = check_name(table, column), quoted(column)
    check = state.named(name)
    wanted = f"CHECK (({quoted_name} IS NOT NULL))"
    if check and check.text != wanted:
        raise RefusedError(f"{table}.{name} exists with another definition: {check.text}; rename or drop it")
    check_goes = run(table, drop(table, name))
    if _is_done(state, column):
        return (check_goes,) if check else ()
    own = next((one for one in state.constraints if one.kind == "n" and column in one.columns), None)
    if own:
        return (run(table, validate(table, own.name)), *([check_goes] if check else []))
    if check or state.version < _MAY_BE_NOT_VALID:
        add = f"ADD CONSTRAINT {quoted(name)} CHECK ({quoted_name} IS NOT NULL) NOT VALID"
        steps = (
            run(table, alter(table, add)),
            run(table, validate(table, name)),
            run(table, alter(table, f"ALTER COLUMN {quoted_name} SET NOT NULL")),
            check_goes,
        )
        return steps[bool(check) + bool(check and check.validated) :]
    return (
        run(table, alter(table, f"ADD NOT NULL {quoted_name} NOT VALID")),
        run(table, validate(table, _server_name(state, column, table))),
    )


def plan_drop(state: State, column: str, table: TableName) -> Sequence[Step]:
    """What drop_not_null() would do in this state."""
    is_there = column in state.not_null
    return (run(table, alter(table, f"ALTER COLUMN {quoted(column)} DROP NOT NULL")),) if is_there else ()


def _server_name(state: State, column: str, table: TableName) -> str:
    """What the server will call a NOT NULL (makeObjectName()), as far as only this table's names matter."""
    first, second = table.name.encode(), column.encode()
    suffixes = ("_not_null" + number for number in chain([""], map(str, count(1))))
    for suffix in suffixes:
        one, two = first, second
        while len(one) + len(two) + 1 + len(suffix) > _MAXIMUM_NAME_BYTES:
            one, two = (one[:-1], two) if len(one) > len(two) else (one, two[:-1])
        name = f"{one.decode(errors='ignore')}_{two.decode(errors='ignore')}{suffix}"
        if not state.named(name):
            return name
    raise AssertionError  # they are endless


def _taken_back(connection: Connection, column: str, table: TableName, patience: Patience | None) -> str:
    """What this run itself has added would reject updates of rows that were fine before."""

    def plan() -> Sequence[Step]:
        state = load_state(connection, table)
        names = [
            one.name
            for one in state.constraints
            if not one.validated
            and (one.name == check_name(table, column) or (one.kind == "n" and column in one.columns))
        ]
        return [run(table, drop(table, name)) for name in names]

    converge(connection, plan, patience)
    return "nothing is left of it"
