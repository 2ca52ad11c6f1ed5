"""Takes indexes from what is there to what is wanted: read the state, decide, act, read again.

Because every round starts from the state, a run that was stopped anywhere is simply run again.
"""

import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kc_db.database import Connection
from kc_db.errors import RefusedError, ServerError
from kc_db.indexes.statements import as_text, drop_index
from kc_db.indexes.steps import Step
from kc_db.logs import log
from kc_db.online.progress import reported_progress
from kc_db.online.session import LOCK_TIMEOUT_MS, patient_session, set_setting

if TYPE_CHECKING:
    import psycopg
    from tenacity import RetryCallState

_MAXIMUM_REPETITIONS = 5
_PATIENT = re.compile(r"(CREATE|CREATE UNIQUE|DROP|REINDEX) INDEX CONCURRENTLY ")
_POLL_S = 1.0
_REPEAT_S = 10.0


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

    lock_timeout_ms: int = LOCK_TIMEOUT_MS
    build_wait_ms: int = 600_000
    attempts: int = 6
    pause_s: float = 15.0


DEFAULT_PATIENCE = Patience()


def converge(
    connection: Connection,
    plan: Callable[[], Sequence[Step]],
    patience: Patience = DEFAULT_PATIENCE,
    done: list[Step] | None = None,
) -> tuple[Step, ...]:
    """Runs the plan's first step and plans again, until nothing is left that a statement could mend.

    Args:
        connection: in autocommit mode.
        plan: reads the state and says what it wants; called again after every step.
        patience: how long to wait for locks.
        done: gets each step that was run, also where an error ends it.

    Returns:
        The steps that were run.

    Raises:
        RefusedError: duplicate rows stand against a unique index, or the plan doesn't come to an end.
        ServerError: every attempt met a lock.
        psycopg.Error: a statement failed for another reason.
    """
    from psycopg import errors
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

    before = len(done := [] if done is None else done)
    busy = (errors.LockNotAvailable, errors.DeadlockDetected)
    attempts = Retrying(
        retry=retry_if_exception_type(busy),
        wait=wait_random_exponential(multiplier=0.5, max=patience.pause_s),
        stop=stop_after_attempt(patience.attempts),
        before_sleep=_log_retry,
        reraise=True,
    )
    try:
        for attempt in attempts:
            with attempt, patient_session(connection, patience.lock_timeout_ms):
                _run_all(connection, plan, patience, done)
    except busy as error:
        raise ServerError(
            f"others held locks in each of {patience.attempts} attempts ({_first_line(error)}); "
            "the lines above say who; run this again when they have ended: it mends what is half done"
        ) from error
    return tuple(done[before:])


def _run_all(
    connection: Connection, plan: Callable[[], Sequence[Step]], patience: Patience, done: list[Step]
) -> None:
    times: Counter[str] = Counter()
    while step := _next_step(plan):
        if times[step.text] == _MAXIMUM_REPETITIONS:
            raise RefusedError(f"run {times[step.text]} times, this is still to be done: {step.text}")
        _run(connection, step, patience)
        times[step.text] += 1
        done.append(step)


def _next_step(plan: Callable[[], Sequence[Step]]) -> Step | None:
    said_at = -_REPEAT_S
    while True:
        steps = plan()
        wait = next((step for step in steps if step.waits_for_pid), None)
        if wait is None:
            return next((step for step in steps if step.statement), None)
        if time.monotonic() - said_at >= _REPEAT_S:
            log.info("%s", wait.text.removeprefix("-- "))
            said_at = time.monotonic()
        time.sleep(_POLL_S)


def _run(connection: Connection, step: Step, patience: Patience) -> None:
    from psycopg import errors

    if step.statement is None:
        raise ValueError(step.text)
    log.info("%s", step.text)
    started = time.monotonic()
    timeout_ms = patience.build_wait_ms if _PATIENT.match(step.text) else patience.lock_timeout_ms
    set_setting(connection, "lock_timeout", f"{timeout_ms}ms")
    try:
        with reported_progress(connection, step):
            connection.execute(step.statement)
    except errors.UniqueViolation as error:
        raise RefusedError(_without_leftover(connection, step, error)) from error
    log.info("done in %.1f s", time.monotonic() - started)


def _without_leftover(connection: Connection, step: Step, error: "psycopg.Error") -> str:
    """A failed unique build leaves an INVALID index that rejects the application's inserts: it has to go."""
    left = f"{step.builds} stays as it was"  # REINDEX was to rebuild what something stands on
    if step.builds and step.text.startswith("CREATE"):
        leftover = drop_index(step.table, step.builds)
        log.info("%s", as_text(leftover))
        connection.execute(leftover)
        left = "nothing is left of it"
    detail = error.diag.message_detail or str(error)
    return (
        f"{step.table} has duplicate rows, so that {step.builds} can't be built; {left}. "
        f"{detail} Remove the duplicates, then run this again"
    )


def _log_retry(state: "RetryCallState") -> None:
    error = state.outcome.exception() if state.outcome else None
    pause_s = state.next_action.sleep if state.next_action else 0.0
    log.warning("%s; try %d again in %.1f s", _first_line(error), state.attempt_number + 1, pause_s)


def _first_line(error: BaseException | None) -> str:
    return str(error).strip().partition("\n")[0]
