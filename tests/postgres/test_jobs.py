import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from kc_db.errors import InputError, ServerError
from kc_db.online.deploy_lock import deploy_lock, joined_deploy_lock, shared_deploy_lock
from kc_db.online.jobs import group, in_order, repair_tables
from kc_db.online.resources import Resources, granted
from kc_db.online.throttle import Lag, wait_for_standbys
from tests.deploys import REPOSITORY, Connection, findings, listening, revisions, run, upgrade, wait_until
from tests.indexes import find, make_specs, match
from tests.standby import can_stream, plain_role, streaming

Connect = Callable[..., Connection]
KC_DB = Path(sys.executable).parent / "kc-db"
TABLES = ("t1", "t2", "t3")
BUILDING = (
    "SELECT count(DISTINCT relid) = {} AND count(*) = {} FROM pg_stat_progress_create_index "
    "WHERE datname = current_database() AND phase LIKE 'waiting for writers%'"
)
NO_DEPLOY = "SELECT pg_try_advisory_lock(x'{}'::bigint)".format(b"kc-db".hex())


@pytest.fixture
def tables(connection: Connection) -> Connection:
    for name in TABLES:
        connection.execute(f"CREATE TABLE {name} (a int, b int); INSERT INTO {name} VALUES (1, 2)".encode())
    return connection


@pytest.fixture
def specs(tmp_path: Path) -> Path:
    """Two indexes on each table."""
    texts = {
        t: f"CREATE UNIQUE INDEX {t}_a_key ON {t} (a); CREATE INDEX {t}_b_idx ON {t} (b);" for t in TABLES
    }
    make_specs(tmp_path / "specs", **texts)
    return tmp_path / "specs"


@pytest.fixture
def writer(tables: Connection, connect: Connect) -> Connection:
    """A transaction for whose end the builds on all tables wait."""
    assert tables.autocommit
    other = connect()
    other.execute("BEGIN")
    for name in TABLES:
        other.execute(f"INSERT INTO {name} VALUES (3, 4)".encode())
    return other


@pytest.fixture
def repair(database_url: str, specs: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts `kc-db repair-indexes --apply`; gone at the end."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, url: str = database_url) -> subprocess.Popen[str]:
        command = [str(KC_DB), "repair-indexes", "--apply", "--database-url", url, "--specs", str(specs)]
        process = subprocess.Popen(
            [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_tables_are_built_at_the_same_time_and_no_table_twice(
    tables: Connection, writer: Connection, repair: Callable[..., subprocess.Popen[str]]
) -> None:
    process = repair("--jobs", "5")
    wait_until(tables, BUILDING.format(3, 3))
    writer.execute("COMMIT")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "ran 6 statements; 6 specs on 3 tables, all as specified" in out
    assert err.count("CREATE ") == 6


def test_no_more_than_so_many_jobs(
    tables: Connection, writer: Connection, repair: Callable[..., subprocess.Popen[str]]
) -> None:
    process = repair("--jobs", "2")
    wait_until(tables, BUILDING.format(2, 2))
    connections = tables.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'kc-db/job-%' "
        "AND datname = current_database()"
    ).fetchone()
    assert connections == (2,)
    writer.execute("COMMIT")
    assert process.wait(60) == 0


def test_a_table_that_cant_be_mended_keeps_no_other_one_from_it(
    tables: Connection, repair: Callable[..., subprocess.Popen[str]]
) -> None:
    tables.execute("INSERT INTO t2 VALUES (1, 5)")
    process = repair("--jobs", "3")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, err
    assert "ran 5 statements" in out
    assert "public.t2 has duplicate rows, so that t2_a_key can't be built" in err


def test_a_lost_job_keeps_no_other_one_from_its_work(
    tables: Connection, writer: Connection, repair: Callable[..., subprocess.Popen[str]]
) -> None:
    process = repair("--jobs", "2")
    wait_until(tables, BUILDING.format(2, 2))
    tables.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_progress_create_index WHERE relid = 't1'::regclass"
    )
    wait_until(tables, BUILDING.format(2, 2))  # the third table's has begun
    writer.execute("COMMIT")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "t1: not mended to the end: terminating connection due to administrator command" in err
    rows = tables.execute("SELECT count(*) FROM pg_index WHERE indisvalid AND indrelid > 16000").fetchone()
    assert rows == (4,)


def test_other_deploys_stay_out_while_jobs_outlive_the_leading_connection(
    tables: Connection, writer: Connection, connect: Connect, repair: Callable[..., subprocess.Popen[str]]
) -> None:
    process = repair("--jobs", "3")
    wait_until(tables, BUILDING.format(3, 3))
    assert tables.execute(NO_DEPLOY.encode()).fetchone() == (False,)
    leading = "application_name LIKE 'kc-db/repair-indexes %' AND datname = current_database()"
    tables.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {leading}".encode())
    wait_until(tables, f"SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE {leading})")
    assert tables.execute(NO_DEPLOY.encode()).fetchone() == (False,)
    deploy, entered = connect(), threading.Event()

    def wait() -> None:
        with deploy_lock(deploy):
            entered.set()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    assert not entered.wait(1)
    writer.execute("COMMIT")
    process.communicate(timeout=60)
    assert process.returncode == 3
    assert entered.wait(30)
    thread.join(30)


def test_the_lock_passes_from_one_to_many_and_back_without_a_gap(connect: Connect) -> None:
    first, second, other = connect(), connect(), connect()

    def free() -> bool:
        got = other.execute(NO_DEPLOY.encode()).fetchone() == (True,)
        if got:
            other.execute("SELECT pg_advisory_unlock_all()")
        return got

    with deploy_lock(first):
        with (
            pytest.raises(ServerError, match="another session has the deploy lock"),
            joined_deploy_lock(second),
        ):
            pass
        with shared_deploy_lock(first):
            with joined_deploy_lock(second):
                assert not free()
            assert not free()
        assert not free()
    assert free()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_all_jobs(
    tables: Connection,
    writer: Connection,
    repair: Callable[..., subprocess.Popen[str]],
    number: signal.Signals,
    code: int,
) -> None:
    process = repair("--jobs", "3")
    wait_until(tables, BUILDING.format(3, 3))
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert err.splitlines()[-1].startswith(f"error: stopped by {number.name}; run it again")
    assert "not mended" not in err
    assert "Traceback" not in err
    wait_until(tables, BUILDING.format(0, 0))
    writer.execute("COMMIT")
    again = repair("--jobs", "3")
    assert again.communicate(timeout=60)[0].splitlines()[-1].endswith("all as specified")


def test_a_deploy_finds_the_indexes_there_and_only_stamps(connection: Connection, database_url: str) -> None:
    upgrade(database_url, "0001")
    done = subprocess.run(
        [KC_DB, "repair-indexes", "--apply", "--jobs", "4", "--database-url", database_url],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert findings(connection) == ()
    with listening() as said:
        upgrade(database_url)
    assert not [line for line in said if "CREATE" in line]
    assert len([line for line in said if line.endswith(" is there")]) == 9
    assert revisions(connection) == ["0010"]


def test_a_partition_and_its_parent_belong_together_and_the_most_work_comes_first(
    connection: Connection, tmp_path: Path
) -> None:
    connection.execute("CREATE TABLE p (a int) PARTITION BY RANGE (a); CREATE TABLE small (a int)")
    connection.execute("CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (1000000)")
    connection.execute("CREATE TABLE big (a int); INSERT INTO big SELECT generate_series(1, 99999)")
    texts = {name: f"CREATE INDEX {name}_a_idx ON {name} (a);" for name in ("small", "p1", "p", "big")}
    wanted = make_specs(tmp_path / "of", **texts)
    groups = group(match(connection, wanted))
    assert sorted(sorted(table.table.name for table in one) for one in groups) == [
        ["big"],
        ["p", "p1"],
        ["small"],
    ]
    oids = {table.table.name: table.live.oid for one in groups for table in one if table.live}
    sizes = {oids["small"]: 1, oids["p"]: 5, oids["big"]: 99}
    assert next(one[0].table.name for one in in_order(groups, sizes)) == "big"
    repair_tables(connection, wanted, jobs=3)
    assert find(connection, wanted) == []


def test_builds_have_the_resources_and_the_session_gets_its_own_back(connection: Connection) -> None:
    def now() -> object:
        return connection.execute(
            "SELECT current_setting('maintenance_work_mem'), "
            "current_setting('max_parallel_maintenance_workers')"
        ).fetchone()

    connection.execute("SET maintenance_work_mem = '9MB'; SET max_parallel_maintenance_workers = 1")
    with granted(connection, Resources("11MB", "0")):
        assert now() == ("11MB", "0")
    assert now() == ("9MB", "1")
    with (
        pytest.raises(InputError, match=r"max_parallel_maintenance_workers: .*many"),
        granted(connection, Resources("11MB", "many")),
    ):
        pass
    assert now() == ("9MB", "1")


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_what_the_server_refuses_is_bad_input(
    repair: Callable[..., subprocess.Popen[str]], jobs: str
) -> None:
    process = repair("--jobs", jobs, "--maintenance-work-mem", "1 elephant")
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (2, "")
    assert 'maintenance_work_mem: invalid value for parameter "maintenance_work_mem": "1 elephant"' in err
    assert "Valid units for this parameter are" in err


def test_a_deploy_has_them_from_its_environment(connection: Connection, database_url: str) -> None:
    result = run("upgrade", "head", url=database_url, KC_DB_MAINTENANCE_WORK_MEM="1 elephant")
    assert result.returncode == 2
    assert "maintenance_work_mem: invalid value" in result.stderr
    result = run("upgrade", "head", url=database_url, KC_DB_MAX_REPLICATION_LAG="elephant")
    assert result.returncode == 2
    assert "the replication lag is 'elephant'" in result.stderr
    result = run("upgrade", "head", url=database_url, KC_DB_MAINTENANCE_WORK_MEM="16MB")
    assert result.returncode == 0, result.stderr
    assert findings(connection) == ()


def test_no_build_begins_while_a_standby_lags(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    where = pytestconfig.getoption("--postgres")
    if not can_stream(where):
        pytest.skip("a standby is made of the embedded server or of npm's")
    with (
        streaming(where, tmp_path) as pair,
        psycopg.connect(pair.primary.base_url, autocommit=True) as primary,
        psycopg.connect(pair.standby.base_url, autocommit=True) as standby,
        listening() as said,
    ):
        standby.execute("SELECT pg_wal_replay_pause()")
        wait_until(standby, "SELECT pg_get_wal_replay_pause_state() = 'paused'")
        primary.execute("CREATE TABLE t AS SELECT generate_series(1, 99999) AS a")
        wait_for_standbys(primary, Lag.parse("1GB"))
        assert said == []

        def resume(_: float) -> None:
            standby.execute("SELECT pg_wal_replay_resume()")
            pair.caught_up()
            wait_until(primary, "SELECT replay_lsn = pg_current_wal_lsn() FROM pg_stat_replication")

        wait_for_standbys(primary, Lag.parse("1MB"), resume)
        assert len(said) == 1
        assert said[0].startswith("the next build waits until replication lags by 1MB at most: ")
        assert said[0].endswith(" MB behind")
        with (
            plain_role(pair.primary, "postgres", may_make_temporary_tables=False) as url,
            psycopg.connect(url, autocommit=True) as pleb,
        ):
            wait_for_standbys(pleb, Lag.parse("1MB"))
        assert "GRANT pg_monitor TO postgres_reader" in said[-1]
