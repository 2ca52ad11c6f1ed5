"""Who keeps a statement waiting, as it may be logged: no literal of anybody's statement is shown."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from kc_db.database import Connection, second_connection
from kc_db.logs import log
from kc_db.sql import load_sql

_PATIENCE_S = 0.5
_POLL_S = 0.25
_REPEAT_S = 10.0
_GOODBYE_S = 2.0
_LONGEST = 120
_VALUES = {"SCONST", "USCONST", "BCONST", "XCONST", "ICONST", "FCONST"}  # as pglast names these tokens
_COMMENTS = {"SQL_COMMENT", "C_COMMENT"}
# What follows may be a bare word that is a secret: SET app.token = abc.
_SAYS_VALUES = {"SET", "RESET"}


@dataclass(frozen=True, slots=True)
class Blocker:
    """A backend that others wait for.

    Attributes:
        pid: 0 for a prepared transaction, which has no backend.
        application: its application_name.
        role: as whom it is connected.
        state: in pg_stat_activity's words; empty where our role may not see it.
        since: when its transaction began (else its session), in UTC.
        statement: what it runs or ran last, redacted.
    """

    pid: int
    application: str = ""
    role: str = ""
    state: str = ""
    since: str = ""
    statement: str = ""

    def __str__(self) -> str:
        if not self.pid:
            return "a prepared transaction (see pg_prepared_xacts)"
        runs = "running" if self.state == "active" else "last"
        parts = (
            f"pid {self.pid}",
            self.application,
            self.state,
            self.since and f"since {self.since}",
            self.role and f"role {self.role}",
            self.statement and f"{runs}: {self.statement}",
        )
        return ", ".join(filter(None, parts))


def find_blockers(second: Connection, pid: int) -> tuple[Blocker, ...]:
    """For whom a backend waits right now: for a lock, or inside of CONCURRENTLY for a transaction's end.

    Args:
        second: another connection, in autocommit mode.
        pid: the backend that may wait.
    """
    row = second.execute("SELECT pg_catalog.pg_blocking_pids(%s)", (pid,)).fetchone()
    return describe(second, row[0]) if row and row[0] else ()


def describe(connection: Connection, pids: Sequence[int]) -> tuple[Blocker, ...]:
    """What is known of backends."""
    rows = connection.execute(load_sql("kc_db.online", "blockers"), {"pids": list(pids)}).fetchall()
    return tuple(
        Blocker(pid, application, role, state, since, redacted(statement))
        for pid, application, role, state, since, statement in rows
    )


def as_text(blockers: Sequence[Blocker]) -> str:
    """All of them on one line; empty if there is none."""
    return "; ".join(map(str, blockers))


@contextmanager
def reported_blockers(connection: Connection, what: str) -> Iterator[None]:
    """While the connection runs something that takes a strong lock, says for whom it waits.

    That is said within a second, again when others are in the way, and every ten seconds. It is a remark:
    where no second connection can be had, nothing is said.

    Args:
        connection: the one that runs it.
        what: how to name that.
    """
    finished = threading.Event()
    pid = connection.info.backend_pid
    watcher = threading.Thread(target=_watch, args=(connection, pid, what, finished), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        finished.set()
        watcher.join(_GOODBYE_S)


def _watch(connection: Connection, pid: int, what: str, finished: threading.Event) -> None:
    import psycopg

    started = time.monotonic()
    if finished.wait(_PATIENCE_S):
        return
    said: frozenset[tuple[int, str]] = frozenset()
    said_at = 0.0
    with suppress(psycopg.Error), second_connection(connection, "blockers") as second:
        while not finished.is_set():
            there = find_blockers(second, pid)
            key = frozenset((blocker.pid, blocker.state) for blocker in there)
            now = time.monotonic()
            if there and (key != said or now - said_at >= _REPEAT_S) and not finished.is_set():
                log.info("%s: %.1f s, waiting for a lock, blocked by %s", what, now - started, as_text(there))
                said, said_at = key, now
            finished.wait(_POLL_S)


def redacted(statement: str) -> str:
    """A statement without values, and without comments, cut to a length that a log line bears.

    Every constant becomes a question mark. Of what can't be read for certain (a statement that
    pg_stat_activity cut off, a string with a backslash) only the beginning is left that holds no value.
    """
    from pglast.parser import ParseError, scan

    statement, is_cut = _certain(statement)
    try:
        tokens = scan(statement)
    except ParseError:  # it was cut within a string, for example
        first = statement.split(maxsplit=1)[:1]
        return f"{first[0]} ..." if first and first[0].isalpha() else ""
    words: list[str] = []
    end = 0
    for token in tokens:
        if token.name in _COMMENTS:
            continue
        gap = " " if words and token.start > end else ""
        words.append(gap + ("?" if token.name in _VALUES else statement[token.start : token.end + 1]))
        end = token.end + 1
        if token.name in _SAYS_VALUES and len(words) == 1:
            is_cut = True
            break
    text = " ".join("".join(words).split())
    is_cut = is_cut or len(text) > _LONGEST
    return f"{text[:_LONGEST]} ...".strip() if is_cut and text else text


def _certain(statement: str) -> tuple[str, bool]:
    r"""A backslash may quote or not, as standard_conforming_strings has it: 'a\' may end there, or go on."""
    if "\\" not in statement:
        return statement, False
    return statement[: min(at for mark in "'\"$\\" if (at := statement.find(mark)) >= 0)], True
