"""The folder of a server: its flocks, which the kernel frees however a holder dies, and its state.

- `users.lock`: every user shares it, so whoever gets it exclusively knows that nobody uses the server.
- `server.lock`: the supervisor, initdb and postgres hold it together; when it is free, none of them runs.
  Its text is the pid of postgres and, as soon as the server is ready, the conninfo.
- `supervisor.lock`: the supervisor holds it alone; when it is free, a server is about to die.
- `start.lock`: held while a user joins or leaves, so that one at a time judges by the other two.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PORT = 5432
POLL_S = 0.02
PATIENCE_S = 120
USERS, SERVER, SUPERVISOR, START = "users.lock", "server.lock", "supervisor.lock", "start.lock"


def read_lock(lock: int) -> tuple[str, str]:
    """The pid of postgres and, once it is ready, the conninfo that server.lock holds."""
    pid, _, conninfo = os.pread(lock, 8192, 0).decode().partition("\n")
    return pid, conninfo


def open_lock(path: Path) -> int:
    """Opens or makes a file that is the folder's owner's even if root makes it; no child inherits it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """A file of the folder, closed at the end."""
    descriptor = open_lock(path)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds a lock alone, waiting for it."""
    with opened(path) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def try_lock(descriptor: int, kind: int) -> bool:
    """Takes a lock if it can be had at once."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_free(path: Path, kind: int = fcntl.LOCK_EX) -> bool:
    """Whether a lock could be had right now."""
    with opened(path) as descriptor:
        return try_lock(descriptor, kind)


def is_ready(folder: Path, pid: int | None = None) -> bool:
    """Whether postgres says in postmaster.pid that it accepts connections."""
    try:
        lines = (folder / "data" / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return lines[7:] == ["ready   "] and pid in (None, int(lines[0]))
