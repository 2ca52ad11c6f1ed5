"""What PgBouncer and RDS Proxy open, and how many clients they take."""

from pathlib import Path

import pytest

from kc_db.budget.demand import takers
from kc_db.budget.model import Fleet
from kc_db.budget.scenarios import scenarios
from kc_db.errors import InputError
from tests.budgets import load_fleet

BASE = """\
[databases.primary]
max_connections = 200
[defaults]
instances = 2
pool_size = 10
deploy = "recreate"
[services.web]
pooler = "bouncer"
user = "web"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(text: str, *overrides: str) -> Fleet:
    return load_fleet("b.toml", BASE + text, overrides=overrides)


def opened(fleet: Fleet, server: int = 0) -> int:
    return sum(taker.steady for taker in takers(fleet, fleet.servers[server]) if taker.kind == "poolers")


ALIASES = "[poolers.bouncer]\n[poolers.bouncer.databases.app]\n[poolers.bouncer.databases.reports]\n"
MORE = '[services.web.pools.a]\nalias = "app"\n[services.web.pools.b]\nalias = "reports"\nuser = "rep"\n'


@pytest.mark.parametrize(
    ("text", "overrides", "expected"),
    [
        ("[poolers.bouncer]\n", (), 20),  # PgBouncer's default_pool_size, one user
        ("[poolers.bouncer]\ninstances = 3\nprocesses = 2\n", (), 120),
        ("[poolers.bouncer]\ndefault_pool_size = 7\nreserve_pool_size = 3\n", (), 10),
        ("[poolers.bouncer]\nmax_db_connections = 15\n", (), 15),
        ("[poolers.bouncer]\nmax_user_connections = 12\n", (), 12),
        ("[poolers.bouncer]\nmax_client_conn = 8\n", (), 8),
        ('[poolers.bouncer]\npool_mode = "transaction"\nmax_client_conn = 8\n', (), 8),
        ("[poolers.bouncer]\n[poolers.bouncer.users.web]\npool_size = 5\n", (), 5),
        ("[poolers.bouncer]\n[poolers.bouncer.users.other]\npool_size = 5\n", (), 25),
        (
            "[poolers.bouncer]\nmax_user_connections=9\n[poolers.bouncer.users.web]\nmax_user_connections=0",
            (),
            9,
        ),
        ('[poolers.bouncer]\nauth_user = "auth"\n', (), 40),
        (ALIASES + MORE, (), 40),
        (ALIASES + MORE, ("bouncer.max_db_connections=15",), 30),  # each alias for itself
        (ALIASES + MORE, ("bouncer.users.web.max_user_connections=4",), 24),  # in both; rep has 20
        (ALIASES + MORE, ("bouncer.databases.app.pool_size=1",), 21),
        (ALIASES + MORE, ('bouncer.auth_user="auth"',), 80),
        (ALIASES + MORE, ('bouncer.auth_user="auth"', 'bouncer.auth_dbname="app"'), 60),
        (ALIASES + MORE, ('bouncer.databases.app.users=["web","y","z"]',), 80),
    ],
)
def test_server_connections(text: str, overrides: tuple[str, ...], expected: int) -> None:
    assert opened(load(text, *overrides)) == expected


FORCED = (
    "[poolers.bouncer]\nmax_user_connections = 15\n"
    '[poolers.bouncer.databases.app]\nuser = "owner"\n[poolers.bouncer.databases.reports]\nuser = "owner"\n'
    '[services.web.pools.a]\nalias = "app"\n[services.web.pools.b]\nalias = "reports"\n'
)


@pytest.mark.parametrize(("version", "expected"), [(None, 30), ("1.18", 30), ("1.24", 15), ("1.26.1", 15)])
def test_a_forced_user_is_one_user_since_1_24(version: str | None, expected: int) -> None:
    overrides = () if version is None else (f'bouncer.version="{version}"',)
    assert opened(load(FORCED, *overrides)) == expected


def test_users_that_nobody_names_are_unproven_unless_the_database_is_limited() -> None:
    nobody = (
        '[poolers.bouncer]\n[poolers.bouncer.databases."*"]\n[services.web.pools.p]\ndatabase = "primary"\n'
    )
    fleet = load(nobody)
    assert fleet.poolers[0].unknowns("primary") == (
        "nothing says who logs in to *, and each user has a pool: say its users",
    )
    assert {one.verdict for one in scenarios(fleet, fleet.servers[0])} == {"unproven"}
    limited = load(nobody, "bouncer.max_db_connections=30")
    assert (limited.poolers[0].unknowns("primary"), opened(limited)) == ((), 30)


def test_behind_a_wildcard_each_name_is_an_alias() -> None:
    text = '[poolers.bouncer]\n[poolers.bouncer.databases."*"]\nmax_db_connections = 15\n' + MORE
    fleet = load(text)
    assert [(alias.name, alias.max_db_connections) for alias in fleet.poolers[0].aliases] == [
        ("app", 15),
        ("reports", 15),
    ]
    assert opened(fleet) == 30


def test_clients_and_survivors() -> None:
    fleet = load("[poolers.bouncer]\ninstances = 3\nprocesses = 2\nmax_client_conn = 4\n")
    found = {one.name: one for one in scenarios(fleet, fleet.poolers[0])}
    assert (found["scaled-out"].demand_connections, found["scaled-out"].usable_connections) == (20, 24)
    lost = found["bouncer-lost"]
    assert (lost.demand_connections, lost.usable_connections, lost.verdict) == (20, 16, "does not fit")


def test_a_single_bouncer_has_no_survivors() -> None:
    fleet = load("[poolers.bouncer]\n")
    assert "bouncer-lost" not in {one.name for one in scenarios(fleet, fleet.poolers[0])}


def test_a_bouncer_is_rolled_only_if_the_file_says_so() -> None:
    for text, adds in (("", 0), ('deploy = "rolling"\n', 40), ('deploy = "surge"\n', 20)):
        fleet = load("[poolers.bouncer]\ninstances = 2\n" + text)
        (bouncer,) = [taker for taker in takers(fleet, fleet.servers[0]) if taker.kind == "poolers"]
        assert bouncer.deploy_adds == adds


TWO = """\
[databases.replica]
max_connections = 101
replica_of = "primary"
[poolers.one]
kind = "rds-proxy"
database = "replica"
max_connections_percent = 50
[poolers.two]
kind = "rds-proxy"
database = "replica"
max_connections_percent = 33
[poolers.bouncer]
database = "primary"
[services.direct]
database = "replica"
pool_size = 1
"""


def test_proxies_add_up_beside_direct_traffic() -> None:
    fleet = load(TWO)
    assert [(taker.name, taker.steady) for taker in takers(fleet, fleet.servers[1])] == [
        ("direct", 2),
        ("one", 50),  # floor(101 x 50 / 100)
        ("two", 33),
    ]
    lost = next(one for one in scenarios(fleet, fleet.servers[0]) if one.name == "replica-lost")
    assert lost.demand_connections == 20 + 2 + 100 + 66


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[services.web.pools.a]\n[poolers.bouncer]\ndatabase = "x"', "no database x; known are primary"),
        ("[poolers.bouncr]", "no pooler bouncer; did you mean bouncr?"),
        (ALIASES, "alias is missing: bouncer has app, reports"),
        (ALIASES + '[services.web.pools.a]\nalias = "ap"', "bouncer has no database ap; did you mean app?"),
        (
            '[poolers.bouncer]\n[services.b]\npooler = "bouncer"',
            "user is missing: bouncer keeps a pool for each database and user",
        ),
        ("[poolers.bouncer]\ndefault_pool_size = 0", "pool_size is 0, which lets nobody through"),
        (
            "[poolers.bouncer]\n[poolers.bouncer.users.web]\npool_size = 0",
            "pool_size is 0, which lets nobody through",
        ),
        ("[poolers.primary]\n[poolers.bouncer]", "there is a database of this name too"),
        (
            '[poolers.bouncer]\n[services.b]\npooler = "bouncer"\ndatabase = "primary"\nuser = "u"',
            "goes either to a database or through a pooler: say one",
        ),
    ],
)
def test_mistakes(text: str, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        load(text)
    assert expected in str(caught.value)
    assert str(caught.value).startswith("b.toml:")
