import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from alembic import command

from kc_db.online.deploy_lock import deploy_lock
from tests.deploys import (
    Connection,
    alembic_config,
    findings,
    listening,
    revisions,
    run,
    start,
    upgrade,
    wait_until,
)

Connect = Callable[..., Connection]
KEY = "payments_provider_payment_id_key"
PAYMENT = (
    "INSERT INTO payments (student_id, provider, amount_minor, currency) "
    "VALUES (gen_random_uuid(), 'stripe', 100, 'EUR')"
)
BUILDING = (
    "SELECT EXISTS (SELECT FROM pg_stat_progress_create_index "
    "WHERE datname = current_database() AND phase LIKE 'waiting for writers%')"
)
LEFTOVER = f"SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('{KEY}') AND NOT indisvalid)"


@pytest.fixture
def writer(connect: Connect, database_url: str) -> Connection:
    """A transaction with a new payment in it, for which a build on payments has to wait."""
    upgrade(database_url, "0001")
    other = connect()
    other.execute("BEGIN")
    other.execute(PAYMENT.encode())
    return other


@contextmanager
def deploying(connection: Connection, url: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """An `alembic upgrade head` that is in the middle of its first build."""
    with start("upgrade", "head", url=url, **variables) as process:
        try:
            wait_until(connection, BUILDING)
            yield process
        finally:
            process.kill()


def deploys_to_the_end(connection: Connection, url: str) -> None:
    result = run("upgrade", "head", url=url)
    assert result.returncode == 0, result.stderr
    assert findings(connection) == ()
    assert revisions(connection) == ["0010"]


def test_six_deploys_at_once_build_each_index_once(connection: Connection, database_url: str) -> None:
    with ExitStack() as stack:
        processes = [stack.enter_context(start("upgrade", "head", url=database_url)) for _ in range(6)]
        results = [(process.communicate(timeout=60)[1], process.returncode) for process in processes]
    assert [code for _, code in results] == [0] * 6
    said = "".join(err for err, _ in results)
    assert said.count("] CREATE ") == said.count(" done in ") == 9
    assert said.count("nothing to do: ") == 5
    assert said.count("Running upgrade") == 10
    assert "Traceback" not in said
    assert findings(connection) == ()


def test_the_loser_says_whom_it_waits_for(
    connection: Connection, connect: Connect, database_url: str
) -> None:
    holder = connect()
    holder.execute("SET application_name = 'kc-db/alembic deploy-41'")
    with ExitStack() as stack:
        with deploy_lock(holder):
            process = stack.enter_context(start("upgrade", "head", url=database_url))
            assert process.stderr
            lines = [process.stderr.readline(), process.stderr.readline()]
        process.communicate(timeout=30)
    assert process.returncode == 0
    place = f"(pid {holder.info.backend_pid}, kc-db/alembic deploy-41, idle, since"
    assert f"another deploy is at work {place}" in lines[1]
    assert "waiting for it" in lines[1]
    assert findings(connection) == ()


def test_the_lock_is_free_after_an_error(connection: Connection) -> None:
    with pytest.raises(ZeroDivisionError), deploy_lock(connection):
        _ = 1 / 0
    held = connection.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchone()
    assert held == (0,)


def test_a_killed_client_and_a_build_that_goes_on(
    connection: Connection, database_url: str, writer: Connection
) -> None:
    with (
        deploying(connection, database_url) as process,
        start("upgrade", "head", url=database_url) as next_one,
    ):
        wait_until(
            connection,
            "SELECT count(*) = 2 FROM pg_stat_activity WHERE datname = current_database() "
            "AND application_name LIKE 'kc-db/alembic %'",
        )
        time.sleep(0.5)  # it polls
        process.kill()
        process.wait()
        writer.execute("COMMIT")
        _, err = next_one.communicate(timeout=30)
    assert next_one.returncode == 0, err
    assert "another deploy is at work" in err
    assert findings(connection) == ()


def test_a_killed_clients_backend_ends_and_the_next_run_mends(
    connection: Connection, database_url: str, writer: Connection
) -> None:
    with deploying(connection, database_url) as process:
        process.kill()
        wait_until(connection, f"SELECT NOT ({BUILDING.removeprefix('SELECT ')})")
    assert connection.execute(LEFTOVER.encode()).fetchone() == (True,)
    writer.execute("COMMIT")
    deploys_to_the_end(connection, database_url)


@pytest.mark.parametrize(("number", "name"), [(signal.SIGTERM, "SIGTERM"), (signal.SIGINT, "Ctrl-C")])
def test_a_stopped_deploy_ends_at_once_and_the_next_run_mends(
    connection: Connection, database_url: str, writer: Connection, number: int, name: str
) -> None:
    with deploying(connection, database_url) as process:
        started = time.monotonic()
        process.send_signal(number)
        _, err = process.communicate(timeout=10)
    assert time.monotonic() - started < 4
    assert process.returncode == 128 + number
    assert err.splitlines()[-1] == (
        f"error: stopped by {name}; run it again: whatever is half done is mended then"
    )
    assert "Traceback" not in err
    wait_until(connection, f"SELECT NOT ({BUILDING.removeprefix('SELECT ')})")
    assert connection.execute(LEFTOVER.encode()).fetchone() == (True,)
    writer.execute("COMMIT")
    deploys_to_the_end(connection, database_url)


def test_a_stopped_deploy_that_waits_for_the_lock_ends(connection: Connection, database_url: str) -> None:
    with deploy_lock(connection), start("upgrade", "head", url=database_url) as process:
        assert process.stderr
        while "another deploy" not in process.stderr.readline():
            pass
        process.terminate()
        _, err = process.communicate(timeout=5)
    assert process.returncode == 143
    assert err.startswith("error: stopped by SIGTERM")


def test_a_lost_connection_is_one_line_and_the_next_run_mends(
    connection: Connection, database_url: str, writer: Connection
) -> None:
    with deploying(connection, database_url) as process:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_progress_create_index "
            "WHERE datname = current_database()"
        )
        _, err = process.communicate(timeout=10)
    assert process.returncode == 3
    assert "terminating connection due to administrator command" in err.splitlines()[-1]
    assert "Traceback" not in err
    writer.execute("COMMIT")
    deploys_to_the_end(connection, database_url)


def test_a_build_that_was_not_stamped_is_kept(connection: Connection, database_url: str) -> None:
    upgrade(database_url, "0001")
    connection.execute(f"CREATE UNIQUE INDEX {KEY} ON payments (provider_payment_id)".encode())
    oid = connection.execute(f"SELECT '{KEY}'::regclass::oid".encode()).fetchone()
    with listening() as remarks:
        command.upgrade(alembic_config(database_url), "0002")
    assert remarks[-2] == f"{KEY} is there"
    assert connection.execute(f"SELECT '{KEY}'::regclass::oid".encode()).fetchone() == oid
    assert revisions(connection) == ["0002"]


def test_every_connection_carries_the_deploys_id(
    connection: Connection, database_url: str, writer: Connection
) -> None:
    with deploying(connection, database_url, CORRELATION_ID="deploy-42") as process:
        assert process.stderr
        said = [process.stderr.readline()]
        while "blocked by pid" not in said[-1]:
            said.append(process.stderr.readline())
        wait_until(
            connection,
            "SELECT array_agg(application_name ORDER BY application_name) "
            "FILTER (WHERE application_name LIKE 'kc-db/%') "
            "= ARRAY['kc-db/alembic deploy-42', 'kc-db/progress deploy-42'] "
            "FROM pg_stat_activity WHERE datname = current_database()",
        )
        writer.execute("COMMIT")
        _, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert {line.split("]")[0] for line in (*said, *err.splitlines())} == {"kc-db [deploy-42"}
