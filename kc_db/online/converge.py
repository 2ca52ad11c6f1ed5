"""Takes indexes from what is there to what is wanted: read the state, decide, act, read again.

Because every round starts from the state, a run that was stopped anywhere is simply run again.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kc_db.database import Connection
from kc_db.errors import RefusedError
from kc_db.indexes.repair import Step
from kc_db.indexes.statements import as_text, drop_index
from kc_db.logs import log
from kc_db.online.progress import reported_progress

if TYPE_CHECKING:
    import psycopg
    from tenacity import RetryCallState

_MAXIMUM_STEPS = 1_000
_POLL_S = 1.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for others.

    Attributes:
        lock_timeout_ms: for a strong lock, behind which the application's statements would queue.
        build_wait_ms: for what CONCURRENTLY waits for inside; nobody queues behind it (lock_timeout would
            end it as well, and leave an INVALID index).
        attempts: how often a step is tried.
        pause_s: the longest pause between two tries.
    """

    lock_timeout_ms: int = 2_000
    build_wait_ms: int = 600_000
    attempts: int = 6
    pause_s: float = 15.0


def converge(
    connection: Connection, plan: Callable[[], Sequence[Step]], patience: Patience = Patience()
) -> tuple[Step, ...]:
    """Runs the plan's first step and plans again, until nothing is left that a statement could mend.

    Args:
        connection: in autocommit mode.
        plan: reads the state and says what it wants; called again after every step.
        patience: how long to wait for locks.

    Returns:
        The steps that were run.

    Raises:
        RefusedError: duplicate rows stand against a unique index, or the plan doesn't come to an end.
        psycopg.Error: a statement failed for another reason, or every attempt met a lock.
    """
    from psycopg import errors
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

    done: list[Step] = []
    for attempt in Retrying(
        retry=retry_if_exception_type((errors.LockNotAvailable, errors.DeadlockDetected)),
        wait=wait_exponential_jitter(initial=0.5, max=patience.pause_s, jitter=0.5),
        stop=stop_after_attempt(patience.attempts),
        before_sleep=_log_retry,
        reraise=True,
    ):
        with attempt, _session_settings(connection, patience):
            while step := _next_step(plan):
                _run(connection, step, patience)
                done.append(step)
                if len(done) > _MAXIMUM_STEPS:
                    raise RefusedError(
                        f"after {_MAXIMUM_STEPS} steps there is still something to do: {step.text}"
                    )
    return tuple(done)


def _next_step(plan: Callable[[], Sequence[Step]]) -> Step | None:
    announced: set[int | None] = set()
    while True:
        steps = plan()
        wait = next((step for step in steps if step.waits_for_pid), None)
        if wait is None:
            return next((step for step in steps if step.statement), None)
        if wait.waits_for_pid not in announced:
            log.info("%s", wait.text.removeprefix("-- "))
            announced.add(wait.waits_for_pid)
        time.sleep(_POLL_S)


def _run(connection: Connection, step: Step, patience: Patience) -> None:
    from psycopg import errors

    if step.statement is None:
        raise ValueError(step.text)
    log.info("%s", step.text)
    started = time.monotonic()
    timeout_ms = patience.build_wait_ms if "CONCURRENTLY" in step.text else patience.lock_timeout_ms
    _set(connection, "lock_timeout", str(timeout_ms))
    try:
        with reported_progress(connection, step):
            connection.execute(step.statement)
    except errors.UniqueViolation as error:
        raise RefusedError(_without_leftover(connection, step, error)) from error
    log.info("done in %.1f s", time.monotonic() - started)


def _without_leftover(connection: Connection, step: Step, error: "psycopg.Error") -> str:
    """A failed unique build leaves an INVALID index that rejects the application's inserts: it has to go."""
    if step.builds:
        leftover = drop_index(step.table, step.builds)
        log.info("%s", as_text(leftover))
        connection.execute(leftover)
    detail = error.diag.message_detail or str(error)
    return (
        f"{step.table} has duplicate rows, so that {step.builds} can't be built; nothing is left of it. "
        f"{detail} Remove the duplicates, then run this again"
    )


def _log_retry(state: "RetryCallState") -> None:
    error = state.outcome.exception() if state.outcome else None
    pause_s = state.next_action.sleep if state.next_action else 0.0
    reason = str(error).strip().splitlines()[0] if error else "it failed"
    log.warning("%s; try %d again in %.1f s", reason, state.attempt_number + 1, pause_s)


@contextmanager
def _session_settings(connection: Connection, patience: Patience) -> Iterator[None]:
    """Settings for a build; the connection's next user gets back what it had."""
    import psycopg

    settings = {
        "lock_timeout": str(patience.lock_timeout_ms),
        "statement_timeout": "0",  # a role's own would end a build, and leave an INVALID index
        "client_connection_check_interval": "5s",  # else the backend builds on when its client was killed
    }
    before = {name: _show(connection, name) for name in settings}
    for name, value in settings.items():
        _set(connection, name, value)
    try:
        yield
    finally:
        with suppress(psycopg.OperationalError):  # a lost connection has no next user
            for name, value in before.items():
                _set(connection, name, value)


def _show(connection: Connection, name: str) -> str:
    row = connection.execute("SELECT current_setting(%s)", (name,)).fetchone()
    return str(row[0]) if row else ""


def _set(connection: Connection, name: str, value: str) -> None:
    connection.execute("SELECT set_config(%s, %s, false)", (name, value))
