"""Refuses a connection pooler that hands each transaction to another backend."""

from contextlib import suppress
from select import select

from kc_db.database import Connection, second_connection
from kc_db.errors import RefusedError

_PATIENCE_S = 5.0


def refuse_transaction_pooling(connection: Connection) -> None:
    """Settings and advisory locks would leak to other clients, and CONCURRENTLY would outlive its lock.

    A pooler shows itself by a made-up process id in its BackendKeyData. It pools transactions if a second
    client's open transaction takes the backend that the first client spoke with: in session mode it is kept.

    Args:
        connection: in autocommit mode.

    Raises:
        RefusedError: the pooler is in transaction or statement mode.
    """
    spoken_with = _backend(connection)
    if spoken_with == connection.info.backend_pid:
        return
    if _is_handed_on(connection, spoken_with):
        raise RefusedError(
            "a pooler in transaction mode stands before the server: settings and locks of a migration would "
            "leak to other clients; connect to PostgreSQL itself, or through a pool in session mode"
        )


def _is_handed_on(connection: Connection, backend: int) -> bool:
    import psycopg

    with suppress(psycopg.OperationalError), second_connection(connection, "pooler") as second:
        if not _is_served(second):
            return False
        if _backend(second) == backend:
            return True
        with second.transaction():  # where other clients took it first, an open transaction keeps it
            return _backend(second) == backend or _backend(connection) != backend
    return False


def _is_served(second: Connection) -> bool:
    """In session mode a full pool lets the second client wait, and hands nothing on."""
    second.pgconn.send_query(b"SELECT 1")
    answered, _, _ = select([second.fileno()], [], [], _PATIENCE_S)
    while answered and second.pgconn.get_result():
        pass
    return bool(answered)


def _backend(connection: Connection) -> int:
    row = connection.execute("SELECT pg_catalog.pg_backend_pid()").fetchone()
    return int(row[0]) if row else 0
