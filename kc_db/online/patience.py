"""How long to wait for others, and how a user says it."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from kc_db.errors import InputError
from kc_db.online.session import LOCK_TIMEOUT_MS
from kc_db.online.throttle import Lag

_VARIABLES: Mapping[str, tuple[str, float]] = {
    "lock_timeout_ms": ("KC_DB_LOCK_TIMEOUT_MS", 1),  # 0 would wait without end, with everybody queueing
    "build_wait_ms": ("KC_DB_BUILD_WAIT_MS", 0),
    "attempts": ("KC_DB_LOCK_ATTEMPTS", 1),
    "pause_s": ("KC_DB_LOCK_PAUSE_S", 0),
}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for others.

    Attributes:
        lock_timeout_ms: for a strong lock, behind which the application's statements would queue.
        build_wait_ms: for what CONCURRENTLY and VALIDATE wait for; nobody queues behind it (lock_timeout
            would end it as well, and leave an INVALID index). 0 waits without end.
        attempts: how often a step is tried.
        pause_s: the longest pause between two tries.
        max_replication_lag: a build doesn't begin while a standby lags further behind; None: nobody asks.
        sleep: pauses, seconds long; may raise, to end the run.
    """

    lock_timeout_ms: int = LOCK_TIMEOUT_MS
    build_wait_ms: int = 600_000
    attempts: int = 6
    pause_s: float = 15.0
    max_replication_lag: Lag | None = None
    sleep: Callable[[float], None] = time.sleep


DEFAULT_PATIENCE = Patience()


def patience_of(environment: Mapping[str, str] = os.environ) -> Patience:
    """What the user's environment says, and the defaults where it says nothing.

    Raises:
        InputError: a variable isn't a number, or too small a one.
    """
    given = {
        field: _number(name, text, least, int if field != "pause_s" else float)
        for field, (name, least) in _VARIABLES.items()
        if (text := environment.get(name, "").strip())
    }
    # type: ignore, because each field has its own type of number, which _number() has seen to
    patience = Patience(**given)  # type: ignore[arg-type]
    lag = environment.get("KC_DB_MAX_REPLICATION_LAG", "").strip()
    return replace(patience, max_replication_lag=Lag.parse(lag)) if lag else patience


def _number(name: str, text: str, least: float, kind: Callable[[str], float]) -> float:
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not least <= value <= 2**31 - 1:  # PostgreSQL's own settings end there
        whole = "whole " if kind is int else ""
        raise InputError(f"{name} is {text!r}, not a {whole}number of {least:g} or more")
    return value
