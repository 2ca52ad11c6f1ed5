"""Builds that run while a test looks."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.conftest import Connection
from tests.deploys import wait_until

WAITS = (
    "SELECT EXISTS (SELECT FROM pg_stat_progress_create_index "
    "WHERE datname = current_database() AND phase = 'waiting for old snapshots')"
)


@contextmanager
def running(
    connect: Callable[..., Connection], statement: str, *, reading: str = "SELECT 1", until: str = WAITS
) -> Iterator[int]:
    """The statement, held up by a transaction's snapshot while the block runs; gives its backend's pid."""
    reader, builder, watcher = connect(), connect(), connect()
    reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    reader.execute(reading.encode())
    thread = threading.Thread(target=lambda: builder.execute(statement.encode()), daemon=True)
    thread.start()
    try:
        wait_until(watcher, until)
        yield builder.info.backend_pid
    finally:
        reader.execute("COMMIT")
        thread.join(30)
    assert not thread.is_alive()
