"""What the session has, or lacks, must not change a verdict."""

import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from kc_db.errors import ServerError
from kc_db.indexes.load_catalog import load_catalog
from tests.conftest import Connection
from tests.deploys import wait_until
from tests.indexes import find, make_specs, rules_of

KC_DB = Path(sys.executable).parent / "kc-db"


def test_a_schema_of_the_search_path_that_may_not_be_used_is_said(
    connection: Connection, tmp_path: Path
) -> None:
    specs = make_specs(tmp_path, t="CREATE INDEX t_a_idx ON t (a);")
    connection.execute(
        "CREATE SCHEMA app; CREATE TABLE app.t (a int); CREATE TABLE t (a int); "
        "CREATE INDEX t_a_idx ON t (a); SET search_path = app, public"
    )
    assert rules_of(find(connection, specs)) == ["missing-index"]
    connection.execute(
        "DROP ROLE IF EXISTS kc_test_reader; CREATE ROLE kc_test_reader; SET ROLE kc_test_reader"
    )
    try:
        with pytest.raises(ServerError, match="GRANT USAGE ON SCHEMA app TO kc_test_reader"):
            load_catalog(connection, [spec.definition for spec in specs])
        qualified = make_specs(tmp_path, t="CREATE INDEX t_a_idx ON public.t (a);")
        assert rules_of(find(connection, qualified)) == []
    finally:
        connection.execute("RESET ROLE; DROP ROLE kc_test_reader")


@pytest.mark.parametrize("setting", ["TimeZone = 'Asia/Kolkata'", "DateStyle = 'German'"])
def test_constants_are_read_alike_in_every_session(
    connection: Connection, tmp_path: Path, setting: str
) -> None:
    predicate = "at > '2020-01-01 00:00:00+00'::timestamp with time zone"
    connection.execute("CREATE TABLE t (at timestamptz)")
    connection.execute(f"CREATE INDEX t_at_idx ON t (at) WHERE {predicate}".encode())
    connection.execute(f"SET {setting}".encode())
    assert (
        find(connection, make_specs(tmp_path, t=f"CREATE INDEX t_at_idx ON t (at) WHERE {predicate};")) == []
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_repair_cancels_its_statement_and_the_next_one_mends(
    connection: Connection, database_url: str, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    connection.execute("CREATE TABLE t (a int)")
    specs = make_specs(tmp_path, t="CREATE INDEX t_a_idx ON t (a);")
    command = [KC_DB, "repair-indexes", "--apply", "--specs", tmp_path, "--database-url", database_url]
    building = "SELECT count(*) = 1 FROM pg_stat_progress_create_index WHERE datname = current_database()"
    with psycopg.connect(database_url) as writer:
        writer.execute("INSERT INTO t VALUES (1)")  # the build waits for this transaction
        with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            wait_until(connection, building)
            process.send_signal(number)
            _, said = process.communicate(timeout=30)
        assert process.returncode == code
        assert said.splitlines()[-1].startswith(f"error: stopped by {number.name}; run it again")
        wait_until(connection, building.replace("= 1", "= 0"))
    assert "invalid-index" in rules_of(find(connection, specs))
    subprocess.run(command, check=True, capture_output=True)
    assert find(connection, specs) == []


def test_a_table_that_is_held_is_not_waited_for_without_end(
    connection: Connection, database_url: str, tmp_path: Path
) -> None:
    connection.execute("CREATE TABLE t (a int); CREATE INDEX t_a_idx ON t (a) WHERE a > 0")
    make_specs(tmp_path, t="CREATE INDEX t_a_idx ON t (a) WHERE a > 0;")
    with psycopg.connect(database_url) as holder:
        holder.execute("LOCK TABLE t")
        done = subprocess.run(
            [KC_DB, "verify-indexes", "--specs", tmp_path, "--database-url", database_url],
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stdout) == (3, "")
    assert "lock timeout" in done.stderr
    assert "run this again" in done.stderr
