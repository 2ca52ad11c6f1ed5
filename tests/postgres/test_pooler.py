"""Through a real PgBouncer, where one is installed."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from kc_db.database import open_connection
from kc_db.errors import RefusedError
from kc_db.online.pooler import refuse_transaction_pooling
from tests import deploys
from tests.conftest import Connection

RUNS = int(os.environ.get("KC_DB_POOLER_RUNS", "2"))  # make torture wants 20
PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH')}:/usr/sbin")
needs_pgbouncer = pytest.mark.skipif(
    not PGBOUNCER, reason="pgbouncer is not installed (apt install pgbouncer)"
)


@pytest.fixture
def pool(tmp_path: Path, database_url: str) -> Iterator[Callable[..., str]]:
    started: list[subprocess.Popen[bytes]] = []

    def start(mode: str, size: int = 5) -> str:
        server = conninfo_to_dict(database_url)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        parts = {key: server[key] for key in ("host", "port", "user", "password") if server.get(key)}
        to = " ".join(f"{key}={value}" for key, value in parts.items())
        (tmp_path / "pgbouncer.ini").write_text(
            f"[databases]\n* = {to} dbname={server['dbname']}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = {mode}\n"
            f"default_pool_size = {size}\nquery_wait_timeout = 20\n"
        )
        command: list[str | Path] = [PGBOUNCER or "", tmp_path / "pgbouncer.ini"]
        if os.geteuid() == 0:  # PgBouncer refuses to run as root; the server's socket may be root's alone
            powers = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override")
            command = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *powers, *command]
        with (tmp_path / "pgbouncer.log").open("wb") as log:
            started.append(subprocess.Popen(command, stdout=log, stderr=log))
        url = f"postgresql://postgres@127.0.0.1:{port}/{server['dbname']}"
        deadline = time.monotonic() + 15
        while True:
            try:
                psycopg.connect(url).close()
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, (tmp_path / "pgbouncer.log").read_text()
                time.sleep(0.05)
            else:
                return url

    yield start
    for process in started:
        process.terminate()
        process.wait(20)


def check(url: str) -> None:
    with open_connection(url, "test", "test") as connection:
        connection.autocommit = True
        refuse_transaction_pooling(connection)


def test_a_server_itself_is_never_refused(database_url: str) -> None:
    for _ in range(10):
        check(database_url)


@needs_pgbouncer
@pytest.mark.parametrize("mode", ["transaction", "statement"])
@pytest.mark.parametrize("size", [1, 5])
def test_transaction_mode_is_refused(pool: Callable[..., str], mode: str, size: int) -> None:
    url = pool(mode, size)
    for _ in range(10):
        with pytest.raises(RefusedError, match="transaction mode"):
            check(url)


@needs_pgbouncer
@pytest.mark.parametrize("size", [1, 5])
def test_session_mode_is_not(pool: Callable[..., str], size: int) -> None:
    url = pool("session", size)
    for _ in range(1 if size == 1 else 10):
        check(url)


def repair(url: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "kc-db"), "repair-indexes", "--apply", "--database-url", url]
    specs = ["--specs", str(deploys.REPOSITORY / "index_specs")]
    return subprocess.run([*command, *specs], capture_output=True, text=True, check=False, timeout=60)


@needs_pgbouncer
def test_deploys_and_repairs_work_in_session_mode(pool: Callable[..., str], connection: Connection) -> None:
    url = pool("session")
    for _ in range(RUNS):
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        upgraded = deploys.run("upgrade", "head", url=url)
        assert upgraded.returncode == 0, upgraded.stderr
        assert deploys.findings(connection) == ()
        connection.execute("DROP INDEX payments_provider_payment_id_key")
        connection.execute("ALTER INDEX purchases_student_id_created_at_idx RENAME TO other")
        repaired = repair(url)
        assert repaired.returncode == 0, repaired.stderr
        assert deploys.findings(connection) == ()


@needs_pgbouncer
@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_neither_changes_anything_in_other_modes(
    pool: Callable[..., str], connection: Connection, database_url: str, mode: str
) -> None:
    url = pool(mode)
    deploys.upgrade(database_url, "0009")
    connection.execute("DROP INDEX payments_provider_payment_id_key")
    before = deploys.snapshot(connection)
    for _ in range(RUNS):
        for refused in (deploys.run("upgrade", "head", url=url), repair(url)):
            assert refused.returncode == 3
            assert re.search(r"transaction mode|statement pooling mode", refused.stderr), refused.stderr
            assert deploys.snapshot(connection) == before
