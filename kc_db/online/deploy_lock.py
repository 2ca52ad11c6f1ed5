"""One deploy at a time. The loser waits, then finds nothing to do."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from kc_db.database import Connection
from kc_db.errors import ServerError
from kc_db.logs import log
from kc_db.online.blockers import as_text, describe
from kc_db.sql import load_sql

_KEY = int.from_bytes(b"kc-db", "big")
_POLL_S = 0.3
_REPEAT_S = 10.0


@contextmanager
def deploy_lock(connection: Connection) -> Iterator[None]:
    """Holds the database's deploy lock on this connection, which has to be the one that builds.

    It is polled in autocommit mode: a *waiting* pg_advisory_lock() holds a snapshot, for which the holder's
    CREATE INDEX CONCURRENTLY would wait in turn. A lock on the building connection stays while an orphaned
    backend still builds.
    """
    import psycopg

    _wait(connection)
    try:
        yield
    finally:
        with suppress(psycopg.Error):  # a lost connection has lost its locks too
            _unlock(connection)


@contextmanager
def shared_deploy_lock(connection: Connection) -> Iterator[None]:
    """Inside of deploy_lock(): lets this run's other connections hold the lock as well, and nobody else.

    The lock is held in both ways for a moment, and then shared only: there is no gap in which another deploy,
    which wants it for itself, could take it. It is free when the last of these connections has ended.

    Raises:
        ServerError: a session waits in pg_advisory_lock() for it, which kc-db never does.
    """
    import psycopg

    _share(connection)
    _unlock(connection)
    try:
        yield
    finally:
        with suppress(psycopg.Error):
            _try(connection)  # no other deploy comes in between; in vain if an orphaned backend still builds
            connection.execute("SELECT pg_advisory_unlock_shared(%s)", (_KEY,))


@contextmanager
def joined_deploy_lock(connection: Connection) -> Iterator[None]:
    """Holds the shared deploy lock on another connection of the same run, so that it outlives the first's.

    Raises:
        ServerError: the first connection is gone, and another deploy has the lock.
    """
    import psycopg

    _share(connection)
    try:
        yield
    finally:
        with suppress(psycopg.Error):
            connection.execute("SELECT pg_advisory_unlock_shared(%s)", (_KEY,))


def _share(connection: Connection) -> None:
    row = connection.execute("SELECT pg_try_advisory_lock_shared(%s)", (_KEY,)).fetchone()
    if not (row and row[0]):
        holder = connection.execute(load_sql("kc_db.online", "lock_holder"), {"key": _KEY}).fetchone()
        who = f" ({as_text(describe(connection, holder))})" if holder else ""
        raise ServerError(f"another session has the deploy lock, or waits for it{who}; run this again later")


def _wait(connection: Connection) -> None:
    said: tuple[int, ...] | None = None
    said_at = 0.0
    while not _try(connection):
        holder = connection.execute(load_sql("kc_db.online", "lock_holder"), {"key": _KEY}).fetchone()
        if said is None or (holder and holder != said) or time.monotonic() - said_at >= _REPEAT_S:
            said, said_at = holder or (), time.monotonic()
            who = f" ({as_text(describe(connection, holder))})" if holder else ""
            log.info("another deploy is at work%s; waiting for it", who)
        time.sleep(_POLL_S * random.uniform(0.5, 1.5))  # noqa: S311 - spreads the pollers, no secret


def _try(connection: Connection) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (_KEY,)).fetchone()
    return bool(row and row[0])


def _unlock(connection: Connection) -> None:
    connection.execute("SELECT pg_advisory_unlock(%s)", (_KEY,))
