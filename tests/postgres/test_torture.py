"""`make torture` in short: one run per injury, one race, and whether the scripts would notice."""

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from kc_db.errors import ServerError
from tests.deploys import REPOSITORY, Connection, damage, upgrade
from torture.checks import complaints
from torture.injuries import INJURIES
from torture.kills import Plan, carry_out, plan
from torture.machine import WHERE, Machine, connected, machine
from torture.moments import MOMENTS
from torture.races import log_complaints, race
from torture.states import STATES, State

INJURY = {injury.name: injury for injury in INJURIES}
MOMENT = {moment.name: moment for moment in MOMENTS}
STATE = {state.name: state for state in STATES}
LATE, LEFTOVER = "at 0008", "at 0009, INVALID, takes writes"


@pytest.fixture(scope="module")
def victim(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    where = pytestconfig.getoption("--postgres")
    if where not in WHERE:
        pytest.skip("needs a server that it may crash")
    with machine(where, tmp_path_factory.mktemp("torture") / "server") as started:
        yield started


@pytest.mark.parametrize(
    ("injury", "moment", "state"),
    [
        ("SIGKILL", "waiting for old snapshots", LATE),
        ("SIGTERM", "dropping a leftover: dead", LEFTOVER),
        ("pg_terminate_backend", "between build and stamp", LATE),
        ("pg_cancel_backend", "waiting for writers before validation", LATE),
        ("server crash", "waiting for old snapshots", LEFTOVER),
    ],
)
def test_the_next_deploy_mends_what_a_hurt_one_left(
    victim: Machine, injury: str, moment: str, state: str
) -> None:
    planned = Plan(0, INJURY[injury], MOMENT[moment], STATE[state])
    result = carry_out(planned, victim, threading.Event())
    assert (result.outcome, result.failures) == ("mended", ())


def test_deploys_that_race_build_each_index_once(victim: Machine) -> None:
    assert race(STATE[LEFTOVER], victim, 3, threading.Event()) == ()


def test_a_session_that_ends_before_its_first_transaction_ends_in_one_error(
    connection: Connection,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def hurt(driver: Connection) -> None:
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", (driver.info.backend_pid,))
        driver.execute("SELECT 1")

    monkeypatch.setattr("kc_db.online.environment.refuse_transaction_pooling", hurt)
    with pytest.raises(ServerError, match="terminating connection"):
        upgrade(database_url)
    assert [record.name for record in caplog.records if record.exc_info] == []  # no traceback of SQLAlchemy's


_STOPPED_IN_BETWEEN = """
import os, signal
from contextlib import contextmanager
from alembic import context
from alembic.config import main
from kc_db.online import environment

@contextmanager
def stopped(label):
    driver = context.get_bind().connection.driver_connection
    driver.pgconn.send_query(b'SELECT pg_sleep(1)')
    os.kill(os.getpid(), signal.SIGTERM)
    yield

environment._outcome = stopped
main(['-c', os.environ['ALEMBIC_CONFIG'], 'upgrade', 'head'])
"""


def test_sigterm_after_a_statement_was_sent_is_still_sigterm(database_url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _STOPPED_IN_BETWEEN],
        env={**os.environ, "DATABASE_URL": database_url, "ALEMBIC_CONFIG": str(REPOSITORY / "alembic.ini")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 128 + signal.SIGTERM
    assert done.stderr.splitlines()[-1].startswith("error: stopped by SIGTERM")


def test_what_is_not_mended_is_noticed(victim: Machine) -> None:
    state = STATE[LATE]
    with victim.database(state.name, state.make) as url:
        assert next(complaints(url, state)) == "not at head, but at ['0008']"
        upgrade(url)
        assert list(complaints(url, state)) == []
        with connected(url) as connection:
            damage(connection, "allocations_trainer_id_status_idx")
            connection.execute("SET application_name = 'kc-db/alembic orphan'")
            said = list(complaints(url, state))
    assert said[0] == "INVALID: allocations_trainer_id_status_idx"
    assert said[1].startswith("left behind: kc-db/alembic orphan")
    assert said[2].startswith("verify-indexes exits 1")


def test_the_log_says_what_was_built_twice_or_for_nothing() -> None:
    state = State("t", lambda _: None, frozenset({"a_idx", "b_idx"}))
    built = "LOG:  statement: CREATE UNIQUE INDEX CONCURRENTLY a_idx ON public.t (a)\n"
    also = "LOG:  execute <unnamed>: CREATE INDEX CONCURRENTLY b_idx ON t (a)\n"
    assert list(log_complaints(built + also, state)) == []
    assert list(log_complaints(built, state)) != []
    assert list(log_complaints(built + also + also, state)) != []
    assert list(log_complaints(f"{built}{also}ERROR:  deadlock detected\n", state)) != []


def test_seeds_bring_every_injury_to_every_moment() -> None:
    pairs = {(planned.injury.name, planned.moment.name) for planned in (plan(n, "18") for n in range(90))}
    assert pairs == {(injury.name, moment.name) for injury in INJURIES for moment in MOMENTS}
    assert plan(7, "14") == plan(7, "14")
    states = Counter(plan(n, where).state.name for n in range(90) for where in WHERE)
    assert set(states) == set(STATE)
