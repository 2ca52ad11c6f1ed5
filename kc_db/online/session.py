"""Settings of a session that builds: patient where nobody queues behind it, hasty where somebody does."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from kc_db.database import Connection

LOCK_TIMEOUT_MS = 2_000
_SETTINGS = {
    # A role's or database's own limits would end a build, and leave an INVALID index.
    "statement_timeout": "0",
    "transaction_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    # Else the backend builds on when its client was killed.
    "client_connection_check_interval": "2s",
}


@contextmanager
def patient_session(connection: Connection, lock_timeout_ms: int = LOCK_TIMEOUT_MS) -> Iterator[None]:
    """Settings for a build; the connection's next user gets back what it had.

    Args:
        connection: in autocommit mode; may leave it inside, and has to be back at the end.
        lock_timeout_ms: how long a statement may wait for a lock, with the application queueing behind it.

    Raises:
        psycopg.Error: the server refuses a setting.
    """
    import psycopg

    wanted = {**_SETTINGS, "lock_timeout": f"{lock_timeout_ms}ms"}
    before = {name: value for name in wanted if (value := _setting(connection, name)) is not None}
    try:
        for name in before:
            set_setting(connection, name, wanted[name])
        yield
    finally:
        with suppress(psycopg.OperationalError):  # a lost connection has no next user
            for name, value in before.items():
                set_setting(connection, name, value)


def set_setting(connection: Connection, name: str, value: str) -> None:
    """Sets a server setting for the session."""
    connection.execute("SELECT set_config(%s, %s, false)", (name, value))


def _setting(connection: Connection, name: str) -> str | None:
    """None where this version has no such setting: transaction_timeout came with PostgreSQL 17."""
    row = connection.execute("SELECT current_setting(%s, true)", (name,)).fetchone()
    return row[0] if row else None
