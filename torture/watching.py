"""Looks at the server while it builds: which phase it is in, and who waits for a lock because of it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg

from torture.trouble import NAME as TROUBLE
from torture.writers import NAME as WRITER

NAME = "torture watcher"
_POLL_S = 0.05
_OURS = f"""
SELECT activity.pid, activity.query, activity.wait_event_type = 'Lock', progress.phase
FROM pg_stat_activity AS activity LEFT JOIN pg_stat_progress_create_index AS progress USING (pid)
WHERE activity.datname = current_database() AND activity.backend_type = 'client backend'
  AND activity.application_name NOT IN ('{NAME}', '{WRITER}', '{TROUBLE}') AND activity.state <> 'idle'
ORDER BY progress.phase IS NULL, activity.query_start DESC
"""
_BLOCKED = f"""
WITH waiting AS MATERIALIZED (
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = '{WRITER}' AND wait_event_type = 'Lock'
), blocked AS MATERIALIZED (
    SELECT pid FROM waiting WHERE pg_blocking_pids(pid) && %s::int[]
)
SELECT blocked.pid, extract(epoch FROM clock_timestamp() - lock.waitstart)::float8 * 1000
FROM blocked JOIN pg_locks AS lock USING (pid) WHERE NOT lock.granted
"""


@dataclass(slots=True)
class Seen:
    """What the watcher saw.

    Attributes:
        phases: each phase and when it began (time.monotonic()); None is nothing under way.
        blocked: the writers' backends that waited for a lock of the build, or behind it in the queue.
        longest_wait_ms: the longest such wait, as far as it was seen (looked at 20 times a second).
        error: what ended the watcher before its time.
    """

    phases: list[tuple[float, str | None]] = field(default_factory=list)
    blocked: set[int] = field(default_factory=set)
    longest_wait_ms: float = 0.0
    error: str | None = None


@contextmanager
def watching(url: str) -> Iterator[Seen]:
    """Watches while the block runs.

    Raises:
        RuntimeError: at the end, if the watcher could not look to the end.
    """
    seen, finished = Seen(), threading.Event()
    thread = threading.Thread(target=_watch, args=(url, seen, finished))
    thread.start()
    try:
        yield seen
    finally:
        finished.set()
        thread.join()
    if seen.error:
        raise RuntimeError(f"the watcher saw no more: {seen.error}")


def _watch(url: str, seen: Seen, finished: threading.Event) -> None:
    try:
        with psycopg.connect(url, autocommit=True, application_name=NAME) as connection:
            while not finished.wait(_POLL_S):
                _look(connection, seen)
    except psycopg.Error as error:
        seen.error = str(error)


def _look(connection: psycopg.Connection, seen: Seen) -> None:
    ours = connection.execute(_OURS.encode()).fetchall()
    phase = _phase(*ours[0][1:]) if ours else None
    if not seen.phases or seen.phases[-1][1] != phase:
        seen.phases.append((time.monotonic(), phase))
    waits = connection.execute(_BLOCKED.encode(), ([pid for pid, *_ in ours],)).fetchall() if ours else ()
    for pid, wait_ms in waits:
        seen.blocked.add(pid)
        seen.longest_wait_ms = max(seen.longest_wait_ms, wait_ms or 0.0)


def _phase(query: str, waits: bool, phase: str | None) -> str:
    """What a reader wants to know of it: there are many phases and four kinds."""
    if query.startswith("DROP"):
        return "drops"
    if (phase and phase.startswith("waiting")) or (waits and not phase):
        return "waits"
    if phase:
        return "validates" if "validation" in phase else "builds"
    return "looks"
