"""Pauses between builds while a standby lags too far behind."""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kc_db.database import Connection
from kc_db.errors import InputError
from kc_db.logs import log
from kc_db.sql import load_sql

_POLL_S = 1.0
_REPEAT_S = 10.0
_LAG = re.compile(r"(\d+(?:\.\d+)?)\s*([a-zA-Z]*)")
_SECONDS = {"": 1.0, "ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}
_BYTES = {"B": 1, "kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a standby may lag behind.

    Attributes:
        text: as the user wrote it.
        seconds: in time; None where it is said in bytes.
        size_bytes: in write-ahead log; None where it is said in time.
    """

    text: str
    seconds: float | None = None
    size_bytes: float | None = None

    @classmethod
    def parse(cls, text: str) -> "Lag":
        """A time (`30`, `30s`, `5min`) or an amount of write-ahead log (`64MB`), in PostgreSQL's units.

        Raises:
            InputError: it is neither.
        """
        match = _LAG.fullmatch(text.strip())
        amount, unit = match.groups() if match else ("0", "?")
        if unit in _SECONDS:
            return cls(text.strip(), seconds=float(amount) * _SECONDS[unit])
        if unit in _BYTES:
            return cls(text.strip(), size_bytes=float(amount) * _BYTES[unit])
        units = ", ".join(filter(None, (*_SECONDS, *_BYTES)))
        raise InputError(f"the replication lag is {text!r}, not a number of seconds or of {units}")


@dataclass(frozen=True, slots=True)
class Standby:
    """What the primary knows of a standby's replay.

    Attributes:
        name: its application_name and address.
        is_visible: whether our role may see more than that it is there.
        lag_s: how long ago the last write that it replayed was made; None where nothing is to be replayed.
        lag_bytes: how much write-ahead log it has yet to replay; None where it hasn't said.
    """

    name: str
    is_visible: bool = True
    lag_s: float | None = None
    lag_bytes: int | None = None

    def exceeds(self, lag: Lag) -> bool:
        """Whether it lags behind further than that."""
        if lag.seconds is not None:
            return self.lag_s is not None and self.lag_s > lag.seconds
        return self.lag_bytes is not None and lag.size_bytes is not None and self.lag_bytes > lag.size_bytes

    def __str__(self) -> str:
        parts = (
            "" if self.lag_s is None else f"{self.lag_s:.1f} s",
            "" if self.lag_bytes is None else f"{self.lag_bytes / _BYTES['MB']:.1f} MB",
        )
        return f"{self.name}, {' and '.join(filter(None, parts))} behind"


def wait_for_standbys(connection: Connection, lag: Lag, sleep: Callable[[float], None] = time.sleep) -> None:
    """Returns when no standby lags too far behind; says for whom it waits, every ten seconds.

    Args:
        connection: in autocommit mode; between two looks it holds no snapshot.
        lag: how far is not too far.
        sleep: pauses; may raise, to end the waiting.
    """
    said_at: float | None = None
    while late := late_standbys(look := _standbys(connection), lag):
        if said_at is None or time.monotonic() - said_at >= _REPEAT_S:
            said_at = time.monotonic()
            names = "; ".join(map(str, late))
            log.info("the next build waits until replication lags by %s at most: %s", lag.text, names)
        sleep(_POLL_S)
    if any(not standby.is_visible for standby in look):
        log.warning(
            "role %s can't see how far standbys lag behind, and --max-replication-lag is in vain for them: "
            "GRANT pg_monitor TO %s",
            connection.info.user,
            connection.info.user,
        )


def late_standbys(standbys: Sequence[Standby], lag: Lag) -> list[Standby]:
    """Those that lag too far behind."""
    return [standby for standby in standbys if standby.exceeds(lag)]


def _standbys(connection: Connection) -> list[Standby]:
    return [Standby(*row) for row in connection.execute(load_sql("kc_db.online", "replication_lag"))]
