"""Tables that the migrations make, or adopt from whoever made them before."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from psycopg import sql

from kc_db.errors import RefusedError
from kc_db.logs import log
from kc_db.online.blockers import reported_blockers
from kc_db.online.converge import gave_up, retrying
from kc_db.online.patience import patience_of
from kc_db.sql import load_sql

_KINDS = {
    "v": "a view",
    "m": "a materialized view",
    "f": "a foreign table",
    "S": "a sequence",
    "i": "an index",
}
_SET_LOCK_TIMEOUT = sa.text("SELECT set_config('lock_timeout', :value, true)")


def ensure(bind: sa.Connection, wanted: Sequence[sa.Table]) -> None:
    """Makes the tables that aren't there, after all that are there have been found fit.

    Raises:
        RefusedError: a table that is there lacks needed columns, or has them in another type; all are listed.
        ServerError: every attempt met a lock.
    """
    missing = missing_tables(bind, wanted)
    with_short_locks(bind, "making tables", lambda: _make_all(bind, missing))
    for table in wanted:
        log.info("table %s is %s", table.name, "made" if table in missing else "there and fits: adopted")


def missing_tables(bind: sa.Connection, wanted: Sequence[sa.Table]) -> list[sa.Table]:
    """Those that ensure() would make; changes nothing.

    Raises:
        RefusedError: as ensure().
    """
    there = _columns_there(bind, wanted)
    if complaints := dict.fromkeys(_complaints(there)):
        listed = "".join(f"\n  {complaint}" for complaint in complaints)
        raise RefusedError(
            f"these tables exist and don't fit; nothing was changed. Mend them, then run this again:{listed}"
        )
    names = {row.table_name for row in there}
    return [table for table in wanted if _full_name(table) not in names]


def _make_all(bind: sa.Connection, tables: Sequence[sa.Table]) -> None:
    for table in tables:
        table.create(bind)


def drop_empty(bind: sa.Connection, names: Sequence[str]) -> None:
    """Drops tables that hold no row, after all have been found empty; nobody notes which were adopted.

    Raises:
        RefusedError: one holds rows.
        ServerError: every attempt met a lock.
    """
    there = [table for table in map(_table, names) if _exists(bind, table)]
    with_short_locks(bind, "dropping tables", lambda: _drop_all(bind, there))
    for table in there:
        log.info("table %s was empty: dropped", table.fullname)


def _drop_all(bind: sa.Connection, tables: Sequence[sa.Table]) -> None:
    for table in tables:
        bind.exec_driver_sql(f"LOCK TABLE {_full_name(table)}")
        if bind.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first():
            raise RefusedError(
                f"table {table.fullname} holds rows and is not dropped; "
                "empty it yourself if nobody needs them"
            )
    for table in tables:
        table.drop(bind)


def with_short_locks(bind: sa.Connection, what: str, work: Callable[[], object]) -> None:
    """Does the work in a savepoint, again and again while a lock can't be had.

    Between two attempts none of the work's locks is held; those of the transaction's earlier statements are.

    Args:
        bind: in a transaction.
        what: how to name the work in remarks.
        work: takes strong locks for a moment.

    Raises:
        InputError: the environment says no such patience.
        ServerError: every attempt met a lock.
    """
    from psycopg import errors

    patience = patience_of()
    driver: Any = bind.connection.driver_connection
    before = bind.scalar(sa.text("SELECT current_setting('lock_timeout')"))
    try:
        for attempt in retrying(patience):
            with attempt, bind.begin_nested():
                bind.execute(_SET_LOCK_TIMEOUT, {"value": f"{patience.lock_timeout_ms}ms"})
                with reported_blockers(driver, what):
                    work()
                bind.execute(_SET_LOCK_TIMEOUT, {"value": before})
    except sa.exc.DBAPIError as error:
        if not isinstance(error.orig, errors.LockNotAvailable | errors.DeadlockDetected):
            raise
        raise gave_up(patience, error.orig) from error


def _table(name: str) -> sa.Table:
    schema, _, relation = name.rpartition(".")
    return sa.Table(relation, sa.MetaData(), schema=schema or None)


def _exists(bind: sa.Connection, table: sa.Table) -> bool:
    return bind.scalar(sa.select(sa.func.to_regclass(_full_name(table)))) is not None


def _columns_there(bind: sa.Connection, wanted: Sequence[sa.Table]) -> Sequence[sa.Row[tuple[object, ...]]]:
    columns = [(table, table.columns[name]) for table in wanted for name in _needed(table)]
    parameters = {
        "tables": [_full_name(table) for table, _ in columns],
        "columns": [column.name for _, column in columns],
        "types": [column.type.compile(bind.dialect) for _, column in columns],
    }
    return bind.execute(sa.text(load_sql("kc_db.online", "columns")), parameters).all()


def _full_name(table: sa.Table) -> str:
    return sql.Identifier(*table.fullname.split(".")).as_string(None)


def _needed(table: sa.Table) -> Sequence[str]:
    needed: Sequence[str] = table.info.get("needed", [column.name for column in table.columns])
    return needed


def _complaints(there: Sequence[sa.Row[tuple[object, ...]]]) -> Iterator[str]:
    for row in there:
        table = row.table_name.replace('"', "")
        column = f"{table}.{row.column_name}"
        if row.kind not in {"r", "p"}:
            yield f"{table} is {_KINDS.get(row.kind, 'something else')}, not a table"
        elif row.type is None:
            yield f"{column} {row.type_name.lower()} is missing"
        elif not row.same_type:
            yield f"{column} is {row.type}, not {row.type_name.lower()}"
