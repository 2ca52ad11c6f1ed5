"""Takes indexes from what is there to what is wanted: read the state, decide, act, read again.

Because every round starts from the state, a run that was stopped anywhere is simply run again.
"""

import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from kc_db.database import Connection
from kc_db.errors import RefusedError, ServerError
from kc_db.indexes.statements import as_text, drop_index
from kc_db.indexes.steps import Step
from kc_db.logs import log
from kc_db.online.blockers import reported_blockers
from kc_db.online.leftovers import Leftovers
from kc_db.online.patience import DEFAULT_PATIENCE, Patience, patience_of
from kc_db.online.progress import reported_progress
from kc_db.online.session import patient_session, set_setting
from kc_db.online.throttle import wait_for_standbys

if TYPE_CHECKING:
    import psycopg
    from tenacity import RetryCallState, Retrying

__all__ = ["DEFAULT_PATIENCE", "Patience", "converge", "gave_up", "retrying"]

_MAXIMUM_REPETITIONS = 5
# SHARE UPDATE EXCLUSIVE, behind which no read and no write queues, and which is held for long.
_PATIENT = re.compile(
    r"(CREATE|CREATE UNIQUE|DROP|REINDEX) INDEX CONCURRENTLY "
    r'|ALTER TABLE ([^\s"]|"([^"]|"")*")+ VALIDATE CONSTRAINT '
)
_POLL_S = 1.0
_REPEAT_S = 10.0


def converge(
    connection: Connection,
    plan: Callable[[], Sequence[Step]],
    patience: Patience | None = None,
    done: list[Step] | None = None,
) -> tuple[Step, ...]:
    """Runs the plan's first step and plans again, until nothing is left that a statement could mend.

    What the last attempt left of an index that this run began is dropped, if that takes no long wait.

    Args:
        connection: in autocommit mode.
        plan: reads the state and says what it wants; called again after every step.
        patience: how long to wait for locks; None: as the user's environment says.
        done: gets each step that was run, also where an error ends it.

    Returns:
        The steps that were run.

    Raises:
        InputError: the environment says no such patience.
        RefusedError: duplicate rows stand against a unique index, or the plan doesn't come to an end.
        ServerError: every attempt met a lock.
        psycopg.Error: a statement failed for another reason.
    """
    patience = patience or patience_of()
    before = len(done := [] if done is None else done)
    leftovers = Leftovers(connection)
    try:
        for attempt in retrying(patience):
            with attempt, patient_session(connection, patience.lock_timeout_ms):
                _run_all(connection, plan, patience, done, leftovers)
    except _busy() as error:
        leftovers.drop(patience.lock_timeout_ms)
        raise gave_up(patience, error) from error
    return tuple(done[before:])


def retrying(patience: Patience) -> "Retrying":
    """Attempts with growing pauses of random length, for as long as a lock can't be had; then its error.

    SQLAlchemy's wrapping of such an error counts as well.
    """
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

    return Retrying(
        retry=retry_if_exception(lambda error: isinstance(getattr(error, "orig", error), _busy())),
        wait=wait_random_exponential(multiplier=0.5, max=patience.pause_s),
        stop=stop_after_attempt(patience.attempts),
        before_sleep=_log_retry,
        sleep=patience.sleep,
        reraise=True,
    )


def gave_up(patience: Patience, error: BaseException) -> ServerError:
    """What ends a run whose every attempt met a lock."""
    return ServerError(
        f"others held locks in each of {patience.attempts} attempts ({_first_line(error)}); "
        "the lines above say who; run this again when they have ended: it mends what is half done"
    )


def _busy() -> tuple[type[Exception], ...]:
    from psycopg import errors

    return errors.LockNotAvailable, errors.DeadlockDetected


def _run_all(
    connection: Connection,
    plan: Callable[[], Sequence[Step]],
    patience: Patience,
    done: list[Step],
    leftovers: Leftovers,
) -> None:
    times: Counter[str] = Counter()
    while step := _next_step(plan, patience):
        if times[step.text] == _MAXIMUM_REPETITIONS:
            raise RefusedError(f"run {times[step.text]} times, this is still to be done: {step.text}")
        if step.builds and patience.max_replication_lag:
            wait_for_standbys(connection, patience.max_replication_lag, patience.sleep)
        leftovers.begin(step)
        _run(connection, step, patience)
        leftovers.end(step)
        times[step.text] += 1
        done.append(step)


def _next_step(plan: Callable[[], Sequence[Step]], patience: Patience) -> Step | None:
    said_at = -_REPEAT_S
    while True:
        steps = plan()
        wait = next((step for step in steps if step.waits_for_pid), None)
        if wait is None:
            return next((step for step in steps if step.statement), None)
        if time.monotonic() - said_at >= _REPEAT_S:
            log.info("%s", wait.text.removeprefix("-- "))
            said_at = time.monotonic()
        patience.sleep(_POLL_S)


def _run(connection: Connection, step: Step, patience: Patience) -> None:
    from psycopg import errors

    if step.statement is None:
        raise ValueError(step.text)
    log.info("%s", step.text)
    started = time.monotonic()
    nobody_queues = _PATIENT.match(step.text)
    timeout_ms = patience.build_wait_ms if nobody_queues else patience.lock_timeout_ms
    set_setting(connection, "lock_timeout", f"{timeout_ms}ms")
    name = step.builds or str(step.table)
    watched = reported_progress(connection, step) if nobody_queues else reported_blockers(connection, name)
    try:
        with watched:
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
    error = getattr(error, "orig", error)
    pause_s = state.next_action.sleep if state.next_action else 0.0
    log.warning("%s; try %d again in %.1f s", _first_line(error), state.attempt_number + 1, pause_s)


def _first_line(error: BaseException | None) -> str:
    return str(error).strip().partition("\n")[0]
