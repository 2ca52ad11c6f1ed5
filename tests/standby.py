"""A primary and its streaming standby, on any version that --postgres names, without pg_basebackup."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from kc_db.embedded import find_binaries, running
from kc_db.embedded.folder import USERS
from tests.servers import FAST, MAJOR_VERSIONS, Server, fetch_binaries, server_at

PATIENCE_S = 60
SETTINGS = {
    **FAST,
    "synchronous_commit": "on",  # what was committed is in the log, where caught_up() looks
    "wal_level": "replica",
    "max_wal_senders": "4",
}


@dataclass(frozen=True, slots=True)
class Pair:
    """A primary and the standby that streams from it."""

    primary: Server
    standby: Server

    def caught_up(self) -> None:
        """Waits until the standby shows all that the primary has committed."""
        (position,) = _row(self.primary, "SELECT pg_current_wal_lsn()")
        _wait_for(self.standby, f"SELECT pg_last_wal_replay_lsn() >= '{position}'")


def can_stream(where: str) -> bool:
    """Whether there are programs to start two servers with, not a server that somebody else started."""
    return where == "embedded" or where in MAJOR_VERSIONS


@contextmanager
def streaming(where: str, folder: Path) -> Iterator[Pair]:
    """A primary with its standby for as long as the block runs; both stop however it ends.

    Args:
        where: what --postgres names, if it can_stream().
        folder: keeps both servers' files.
    """
    binaries = find_binaries() if where == "embedded" else fetch_binaries(where)
    primary, standby = folder / "primary", folder / "standby"
    with running(primary, binaries=binaries, settings=SETTINGS):
        pass  # makes the data, and stops cleanly: a copy of it is a backup
    _copy(primary, standby)
    with running(primary, binaries=binaries, settings=SETTINGS) as source:
        _follow(standby / "data", source)
        with running(standby, binaries=binaries, settings=SETTINGS) as replica:
            pair = Pair(server_at(source), server_at(replica))
            _wait_for(pair.primary, "SELECT count(*) = 1 FROM pg_stat_replication WHERE state = 'streaming'")
            yield pair


def _copy(source: Path, target: Path) -> None:
    """Copies a stopped server's folder: the owners with it, its locks and log without."""
    target.mkdir(mode=0o700)
    (target / USERS).touch(mode=0o600)  # the mark of a folder that running() may use
    shutil.copytree(source / "data", target / "data", symlinks=True)
    owner = (source / "data").stat()
    for path in (target / "data", *(target / "data").rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _follow(data: Path, source: str) -> None:
    with (data / "postgresql.auto.conf").open("a") as settings:
        settings.write(f"primary_conninfo = {sql.quote(source)}\n")
    signal = data / "standby.signal"
    signal.touch()
    owner = data.stat()
    os.chown(signal, owner.st_uid, owner.st_gid)


def _wait_for(server: Server, question: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while _row(server, question) != (True,):
        if time.monotonic() > deadline:
            raise TimeoutError(f"still not true after {PATIENCE_S} s: {question}")
        time.sleep(0.02)


def _row(server: Server, question: str) -> tuple[object, ...]:
    with psycopg.connect(server.base_url, autocommit=True) as connection:
        return connection.execute(question.encode()).fetchone() or ()


@contextmanager
def plain_role(server: Server, database: str, *, may_make_temporary_tables: bool) -> Iterator[str]:
    """The URL of a database as a role that may connect, at most make temporary tables, and read no table."""
    name = sql.Identifier(f"{database}_reader")
    place = sql.Identifier(database)
    rights = sql.SQL("CONNECT, TEMPORARY" if may_make_temporary_tables else "CONNECT")
    with psycopg.connect(server.url(database), autocommit=True) as owner:
        owner.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
        try:
            owner.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(place))
            owner.execute(sql.SQL("GRANT {} ON DATABASE {} TO {}").format(rights, place, name))
            yield server.url(database, f"{database}_reader")
        finally:
            owner.execute(sql.SQL("DROP OWNED BY {}").format(name))
            owner.execute(sql.SQL("DROP ROLE {}").format(name))
