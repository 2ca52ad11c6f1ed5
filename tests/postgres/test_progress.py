"""What a build shows on a terminal."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kc_db.logs import log_terminal
from tests.deploys import Connection, wait_until
from tests.indexes import find, make_specs

KC_DB = Path(sys.executable).parent / "kc-db"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
WATCHER = (
    "FROM pg_stat_activity WHERE application_name LIKE 'kc-db/progress %' AND datname = current_database()"
)
INTERRUPT = b"\x03"
# Ctrl-C reaches a process whose controlling terminal it is.
ON_TERMINAL = (
    "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)


class Terminal:
    """A command that runs on a terminal of 120 columns."""

    def __init__(self, command: list[str], **variables: str) -> None:
        self.text = ""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", **variables}
        environment.pop("COLUMNS", None)
        self.process = subprocess.Popen(
            [sys.executable, "-c", ON_TERMINAL, *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
        )
        os.close(slave)

    def read_until(self, part: str, *, since: int = 0) -> str:
        """All that was shown, once this was."""
        deadline = time.monotonic() + 30
        while part not in self.text[since:]:
            assert time.monotonic() < deadline, self.text
            self._read()
        return self.text

    def read_to_the_end(self) -> str:
        deadline = time.monotonic() + 30
        while self._read() or self.process.poll() is None:
            assert time.monotonic() < deadline, self.text
        self.process.wait(30)
        return self.text

    def type(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)

    def _read(self) -> bool:
        if not select.select([self._master], [], [], 0.1)[0]:
            return False
        try:
            got = os.read(self._master, 65536).decode(errors="replace")
        except OSError:  # nobody has it open any more
            return False
        self.text += ESCAPES.sub("", got)
        return bool(got)


@pytest.fixture
def writer(connection: Connection, connect: Callable[..., Connection]) -> Connection:
    connection.execute("CREATE TABLE t (a int)")
    other = connect()
    other.execute("BEGIN")
    other.execute("INSERT INTO t VALUES (1)")
    return other


@pytest.fixture
def repair(database_url: str, tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    make_specs(tmp_path, t="CREATE INDEX t_a_idx ON t (a);")
    command = [
        str(KC_DB),
        "repair-indexes",
        "--apply",
        "--database-url",
        database_url,
        "--specs",
        str(tmp_path),
    ]
    started: list[Terminal] = []

    def start(**variables: str) -> Terminal:
        started.append(Terminal(command, **variables))
        return started[-1]

    yield start
    for terminal in started:
        terminal.close()


def test_a_bar_with_remarks_above_it_survives_a_lost_connection(
    connection: Connection, writer: Connection, repair: Callable[..., Terminal]
) -> None:
    terminal = repair()
    said = terminal.read_until("0 of 1 lockers gone")
    assert re.search(r"t_a_idx +━+ +0 % waiting for writers before build, 0 of 1 lockers gone +0:00:0", said)
    place = f"t_a_idx: waiting for writers before build, blocked by pid {writer.info.backend_pid}, idle in tr"
    assert re.search(rf"[\r\n]kc-db \[\w+\] {place}", said)
    connection.execute(f"SELECT pg_terminate_backend(pid) {WATCHER}".encode())
    wait_until(connection, f"SELECT NOT EXISTS (SELECT {WATCHER})")
    wait_until(connection, f"SELECT EXISTS (SELECT {WATCHER})")
    terminal.read_until("0 of 1 lockers gone", since=len(terminal.text))
    writer.execute("COMMIT")
    lines = [line.strip("\r") for line in terminal.read_to_the_end().splitlines() if line.strip("\r")]
    assert terminal.process.returncode == 0
    assert "t_a_idx  " not in lines[-1]
    assert lines[-1].endswith("all as specified")


def test_ctrl_c_ends_the_bar(
    connection: Connection, writer: Connection, repair: Callable[..., Terminal], tmp_path: Path
) -> None:
    terminal = repair()
    terminal.read_until("0 of 1 lockers gone")
    terminal.type(INTERRUPT)
    assert terminal.read_to_the_end().rstrip().endswith("whatever is half done is mended then")
    assert terminal.process.returncode == 130
    assert "Traceback" not in terminal.text
    writer.execute("COMMIT")
    assert repair().read_to_the_end().rstrip().endswith("all as specified")
    assert find(connection, make_specs(tmp_path, t="CREATE INDEX t_a_idx ON t (a);")) == []


@pytest.mark.parametrize("variables", [{"KC_DB_LOG_FORMAT": "json"}, {"TERM": "dumb"}])
def test_where_no_bar_can_be_drawn_there_are_lines(
    writer: Connection, repair: Callable[..., Terminal], variables: dict[str, str]
) -> None:
    terminal = repair(**variables)
    terminal.read_until("0 of 1 lockers gone")
    writer.execute("COMMIT")
    assert "━" not in terminal.read_to_the_end()


def test_a_program_that_calls_kc_db_has_its_terminal_for_itself() -> None:
    assert log_terminal() is None
