"""One deploy at a time. The loser waits, then finds nothing to do."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from kc_db.database import Connection
from kc_db.logs import log
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
            connection.execute("SELECT pg_advisory_unlock(%s)", (_KEY,))


def _wait(connection: Connection) -> None:
    said_at = -_REPEAT_S
    while not _try(connection):
        if time.monotonic() - said_at >= _REPEAT_S:
            said_at = time.monotonic()
            holder = connection.execute(load_sql("kc_db.online", "lock_holder"), {"key": _KEY}).fetchone()
            log.info("another deploy is at work%s; waiting for it", f" ({holder[0]})" if holder else "")
        time.sleep(_POLL_S * random.uniform(0.5, 1.5))  # noqa: S311 - spreads the pollers, no secret


def _try(connection: Connection) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (_KEY,)).fetchone()
    return bool(row and row[0])
