"""Says how far a build is, from a second connection, once it takes longer than a second."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from kc_db.database import Connection, second_connection
from kc_db.indexes.steps import Step
from kc_db.logs import log
from kc_db.sql import load_sql

_PATIENCE_S = 1.0
_POLL_S = 0.5
_REPEAT_S = 10.0


@contextmanager
def reported_progress(connection: Connection, step: Step) -> Iterator[None]:
    """While the connection runs a step, logs a line per phase and per ten seconds."""
    finished = threading.Event()
    watcher = threading.Thread(target=_watch, args=(connection, step, finished), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        finished.set()
        watcher.join()


def _watch(connection: Connection, step: Step, finished: threading.Event) -> None:
    import psycopg

    if finished.wait(_PATIENCE_S):
        return
    # Progress is a remark: where no second connection can be had, the build goes on without it.
    with suppress(psycopg.Error), second_connection(connection, "progress") as second:
        _report_until(second, connection.info.backend_pid, step, finished)


def _report_until(second: Connection, pid: int, step: Step, finished: threading.Event) -> None:
    started = time.monotonic() - _PATIENCE_S
    said, said_at = None, 0.0
    while not finished.wait(_POLL_S):
        row = second.execute(load_sql("kc_db.online", "build_progress"), {"pid": pid}).fetchone()
        phase, figures, blockers = row or ("running", "", "")
        now = time.monotonic()
        if (phase, blockers) != said or now - said_at > _REPEAT_S:
            parts = (phase, figures, blockers and f"blocked by {blockers}")
            log.info(
                "%s: %.0f s, %s", step.builds or step.table, now - started, ", ".join(filter(None, parts))
            )
            said, said_at = (phase, blockers), now
