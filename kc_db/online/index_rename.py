"""Renames an index: SHARE UPDATE EXCLUSIVE on the index alone, which neither reads nor writes wait for."""

from collections.abc import Mapping, Sequence

from kc_db.database import Connection
from kc_db.errors import RefusedError
from kc_db.indexes.model import TableName
from kc_db.indexes.statements import rename_index
from kc_db.indexes.steps import Step, run
from kc_db.logs import log
from kc_db.online.constraint import as_name
from kc_db.online.converge import converge
from kc_db.online.patience import Patience
from kc_db.sql import load_sql


def rename(
    connection: Connection, name: str, new_name: str, table: TableName, patience: Patience | None = None
) -> None:
    """The index has its new name afterwards.

    Args:
        connection: in autocommit mode, holding the deploy lock.
        name: what it is called.
        new_name: what it is to be called.
        table: its table.
        patience: how long to wait for locks.

    Raises:
        RefusedError: neither name is an index of the table, both are, or a constraint stands on it.
        ServerError: every attempt met a lock.
    """
    from psycopg import errors

    try:
        if not converge(connection, lambda: plan_rename(connection, name, new_name, table), patience):
            log.info("%s is there", new_name)
    except errors.DuplicateTable as error:
        raise RefusedError(f"{table}.{name} is not renamed: {error.diag.message_primary}") from error


def plan_rename(connection: Connection, name: str, new_name: str, table: TableName) -> Sequence[Step]:
    """What rename() would do as things are now.

    Raises:
        RefusedError: neither name is an index of the table, both are, or a constraint stands on it.
    """
    parameters = {"table": as_name(table), "names": [name, new_name]}
    rows = connection.execute(load_sql("kc_db.online", "index_names"), parameters).fetchall()
    there: Mapping[str, bool] = {index: has_constraint for index, has_constraint in rows}  # noqa: C416
    if new_name in there and name not in there:
        return ()
    _refuse(there, name, new_name, table)
    return (run(table, rename_index(table, name, new_name)),)


def _refuse(there: Mapping[str, bool], name: str, new_name: str, table: TableName) -> None:
    if name not in there:
        raise RefusedError(f"{table} has no index {name}, and no {new_name}")
    if new_name in there:
        raise RefusedError(f"{table} has both {name} and {new_name}; drop or rename one of the two")
    if there[name]:
        raise RefusedError(
            f"{table}.{name} is not renamed: a constraint stands on it, and ON CONFLICT ON CONSTRAINT may "
            "name it; if nothing does, ALTER TABLE ... RENAME CONSTRAINT"
        )
