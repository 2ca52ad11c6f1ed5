"""A real PgBouncer opens as many server connections as kc-db says: 20 random ones, each filled.

`python -m torture.budget --bouncers 100` fills more.
"""

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest

from torture.budget import WHERE, binaries_of
from torture.budget_bouncers import FORCED, Bouncer, Entry, generate
from torture.budget_crowd import Lab, find_pgbouncer

SEEDS = range(1, 21)
TWO_ALIASES = Bouncer(
    version=(1, 24),
    pool_mode="transaction",
    processes=1,
    settings={
        "max_client_conn": 100,
        "default_pool_size": 2,
        "reserve_pool_size": 0,
        "max_user_connections": 2,
    },
    entries=tuple(
        Entry(name, asked=(name,), users=("u1",), is_listed=True, forced=FORCED, settings={}) for name in "ab"
    ),
)


@pytest.fixture(scope="module")
def lab(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    where = pytestconfig.getoption("--postgres")
    program = find_pgbouncer()
    if program is None:
        pytest.skip("pgbouncer is not installed (apt install pgbouncer)")
    if where not in WHERE:
        pytest.skip("needs a server on which nobody else is connected")
    folder = tmp_path_factory.mktemp("bouncer")
    for parent in (folder, *folder.parents[:2]):
        parent.chmod(0o755)  # root's PgBouncer runs as nobody, and reads its files there
    with Lab.at(program, folder, binaries_of(where)[1]) as started:
        yield started


@pytest.mark.parametrize("seed", SEEDS)
def test_it_opens_what_the_budget_says(lab: Lab, seed: int) -> None:
    seen = lab.measure(generate(Random(seed), lab.version))
    assert seen.peak == seen.budgeted, seen.log


def test_a_wrong_version_would_be_noticed(lab: Lab) -> None:
    """Before 1.24 a forced user counts per alias: 4 connections, and 2 from then on."""
    counts_by_name = lab.version >= (1, 24)
    right, wrong = ((1, 24), (1, 18)) if counts_by_name else ((1, 18), (1, 24))
    seen = lab.measure(replace(TWO_ALIASES, version=right))
    assert (seen.budgeted, seen.peak) == ((2, 2) if counts_by_name else (4, 4)), seen.log
    seen = lab.measure(replace(TWO_ALIASES, version=wrong))
    assert (seen.budgeted, seen.peak) == ((4, 2) if counts_by_name else (2, 4)), seen.log


def test_all_kinds_of_configuration_come_up() -> None:
    bouncers = [generate(Random(seed), (1, 18)) for seed in SEEDS]
    entries = [entry for bouncer in bouncers for entry in bouncer.entries]
    assert {bouncer.pool_mode for bouncer in bouncers} == {"session", "transaction", "statement"}
    assert {bouncer.processes for bouncer in bouncers} == {1, 2}
    assert {bouncer.has_auth_query for bouncer in bouncers} == {True, False}
    few = {bouncer.pool_mode for bouncer in bouncers if bouncer.settings["max_client_conn"] < 10}
    assert few == {"session", "transaction"}
    for key in ("reserve_pool_size", "max_db_connections", "max_user_connections"):
        assert any(bouncer.settings.get(key) for bouncer in bouncers)
    assert any("max_db_connections" in entry.settings for entry in entries)
    assert any("max_user_connections" in user for bouncer in bouncers for user in bouncer.users.values())
    assert any(entry.name == "*" for entry in entries)
    assert any(entry.forced in bouncer.users for bouncer in bouncers for entry in bouncer.entries)
