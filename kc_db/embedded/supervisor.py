"""The parent of postgres: starts it, stops it when nobody uses it any more, and takes it along when it dies.

`python -m kc_db.embedded.supervisor LOCK FOLDER BINARIES [NAME=VALUE ...]`, in its own session; LOCK is
the inherited descriptor of a held server.lock.
"""

import ctypes
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kc_db.embedded.folder import (
    PATIENCE_S,
    POLL_S,
    PORT,
    SUPERVISOR,
    USERS,
    is_ready,
    locked,
    open_lock,
    try_lock,
)
from kc_db.embedded.owner import as_server_user
from kc_db.errors import ServerError

_MAXIMUM_SOCKET_PATH_BYTES = 107  # sun_path, less its closing zero
_PR_SET_PDEATHSIG = 1


def _supervise(lock: int, folder: Path, binaries: Path, settings: list[str]) -> None:
    if os.fork():
        os._exit(0)  # so that the spawning process has no child to wait for
    os.chdir("/")
    stop_signals: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _: stop_signals.append(number))
    with locked(folder / SUPERVISOR), _socket_folder(folder) as socket:
        if not (folder / "data").exists():
            _make_data(folder, binaries, lock)
        postgres = _start(_postgres_command(folder, binaries, socket, settings), lock)
        os.pwrite(lock, str(postgres.pid).encode(), 0)
        users = open_lock(folder / USERS)
        is_known = False
        while postgres.poll() is None and not stop_signals and not try_lock(users, fcntl.LOCK_EX):
            if not is_known and is_ready(folder, postgres.pid):
                os.pwrite(lock, f"{postgres.pid}\n{_conninfo(socket)}".encode(), 0)
                is_known = True
            time.sleep(POLL_S)
        os.ftruncate(lock, 0)
        _stop(postgres)


def _postgres_command(folder: Path, binaries: Path, socket: Path, settings: list[str]) -> list[str | Path]:
    options = ("listen_addresses=", "unix_socket_permissions=0700", *settings)
    arguments = [argument for option in options for argument in ("-c", option)]
    program: list[str | Path] = [binaries / "postgres", "-D", folder / "data", "-k", socket, "-p", str(PORT)]
    return [*as_server_user(folder), *program, *arguments]


def _make_data(folder: Path, binaries: Path, lock: int) -> None:
    unfinished = folder / "data.unfinished"  # an interrupted run may have left one
    if unfinished.exists():
        shutil.rmtree(unfinished)
    how = ["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
    if _start([*as_server_user(folder), binaries / "initdb", "-D", unfinished, *how], lock).wait():
        sys.exit(1)
    unfinished.rename(folder / "data")


def _start(command: list[str | Path], lock: int) -> "subprocess.Popen[bytes]":
    """Starts a child that the kernel interrupts when this process is gone (on Linux)."""
    prctl, parent = getattr(ctypes.CDLL(None), "prctl", None), os.getpid()

    def die_with_parent() -> None:
        if prctl:
            prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != parent:
            os._exit(1)

    return subprocess.Popen(  # noqa: S603 -- PostgreSQL's own programs
        command,
        pass_fds=[lock],
        preexec_fn=die_with_parent,  # noqa: PLW1509 -- this process has one thread
        start_new_session=True,
    )


def _stop(postgres: "subprocess.Popen[bytes]") -> None:
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):  # fast, immediate, and by force
        if postgres.poll() is None:
            postgres.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                postgres.wait(PATIENCE_S / 4)


@contextmanager
def _socket_folder(folder: Path) -> Iterator[Path]:
    path = os.fsencode(folder / f".s.PGSQL.{PORT}")
    if len(path) <= _MAXIMUM_SOCKET_PATH_BYTES and not {*b',"'} & {
        *path
    }:  # the settings are lists, with quotes
        yield folder
        return
    short = Path(tempfile.gettempdir()) / f"kc-db-{hashlib.sha256(path).hexdigest()[:12]}"
    short.mkdir(mode=0o700, exist_ok=True)
    owner = folder.stat()
    if short.lstat().st_uid not in (os.geteuid(), owner.st_uid):
        raise ServerError(f"{short} is somebody else's")
    os.chown(short, owner.st_uid, owner.st_gid, follow_symlinks=False)
    try:
        yield short
    finally:
        shutil.rmtree(short, ignore_errors=True)


def _conninfo(socket: Path) -> str:
    host = str(socket).replace("\\", "\\\\").replace("'", "\\'")
    return f"host='{host}' port={PORT} user=postgres dbname=postgres"


if __name__ == "__main__":
    _supervise(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
