"""What a fleet takes: by hand for the known cases, by properties for the others."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kc_db.budget import deploys
from kc_db.budget.demand import takers
from kc_db.budget.model import Fleet, Limits, Rollout, Server, Service
from kc_db.budget.scenarios import (
    Scenario,
    demand_connections,
    enforced_deploys,
    fits,
    scenarios,
    worst_enforced,
)
from tests.budgets import make_fleet, service, with_rollout


def numbers(fleet: Fleet) -> list[tuple[str, int, bool, bool]]:
    found = scenarios(fleet, fleet.servers[0])
    return [(s.name, s.demand_connections, s.is_enforced, s.fits) for s in found]


@pytest.mark.parametrize(
    ("instances", "maximum_percent", "deploy", "peak_tasks"),
    [
        (1, 200, "rolling", 2),
        (1, 150, "rolling", 1),  # AWS rounds down: one task at 150 % never has a second beside it
        (3, 150, "rolling", 4),
        (3, 133, "rolling", 3),
        (4, 125, "rolling", 5),
        (3, 100, "rolling", 3),
        (3, 300, "rolling", 9),
        (3, 100, "blue-green", 6),
        (0, 200, "rolling", 0),
    ],
)
def test_tasks_in_the_worst_minute_of_a_deploy(
    instances: int, maximum_percent: int, deploy: str, peak_tasks: int
) -> None:
    rollout = Rollout(instances, maximum_percent=maximum_percent, deploy=deploy)  # type: ignore[arg-type]
    assert deploys.peak_tasks(rollout) == peak_tasks


@pytest.mark.parametrize(
    ("instances", "changes", "peak", "draining"),
    [
        (3, {"deploy": "linear"}, 6, 3),
        (3, {"deploy": "canary"}, 6, 3),
        (10, {"deploy": "surge"}, 13, 10),  # Kubernetes rounds 25 % up
        (4, {"deploy": "surge"}, 5, 4),
        (4, {"deploy": "surge", "max_surge": "0%"}, 4, 4),
        (4, {"deploy": "surge", "max_surge": "1%"}, 5, 4),
        (4, {"deploy": "surge", "max_surge": "100%"}, 8, 4),
        (4, {"deploy": "surge", "max_surge": 2}, 6, 4),
        (1, {"deploy": "surge", "max_surge": 3}, 4, 1),
        (0, {"deploy": "surge", "max_surge": 3}, 0, 0),
        (5, {"deploy": "recreate"}, 5, 0),
        (5, {"deploy": "start-first"}, 6, 5),
        (5, {"deploy": "start-first", "parallelism": 2}, 7, 5),
        (5, {"deploy": "start-first", "parallelism": 9}, 10, 5),
        (5, {"deploy": "start-first", "parallelism": 0}, 10, 5),
        (5, {"deploy": "stop-first", "parallelism": 2}, 5, 0),
        (3, {"deploy": "rolling", "maximum_percent": 100}, 3, 3),
    ],
)
def test_each_platform_replaces_tasks_in_its_own_way(
    instances: int, changes: dict[str, object], peak: int, draining: int
) -> None:
    rollout = Rollout(instances, **changes)  # type: ignore[arg-type]
    assert (deploys.peak_tasks(rollout), deploys.draining_tasks(rollout)) == (peak, draining)


def test_a_pool_counts_per_process_and_instance() -> None:
    fleet = make_fleet(service("any", pool_size=7, processes=2, instances=3, maximum_percent=150))
    (taker,) = takers(fleet, fleet.servers[0])
    assert (taker.steady, taker.deploy_adds) == (42, 14)


def test_reserves_and_headroom_are_taken_off() -> None:
    limits = Limits(
        200, superuser_reserved_connections=3, reserved_connections=4, vendor_reserved_connections=2
    )
    database = Server("primary", limits, headroom_percent=10)
    assert database.grantable_connections == 191
    assert database.headroom_connections == 20  # 19.1, rounded up
    assert database.usable_connections == 171


def test_a_server_that_reserves_everything_grants_nothing() -> None:
    database = Server("primary", Limits(5, vendor_reserved_connections=4), headroom_percent=10)
    fleet = replace(make_fleet(service("a")), servers=(database,))
    assert database.usable_connections == 0
    assert worst_enforced(fleet, database).percent is None
    assert not fits(fleet, database)


def test_what_production_forgot() -> None:
    """Design section 1: "10 services x 10 = 100, within 150-200", with the rest counted."""
    services = [service(f"s{number}") for number in range(10)]
    workers = [service(f"w{number}", kind="workers") for number in range(4)]
    silent = [service("chat", pool_size=0, database=None)]
    fleet = make_fleet(
        *services, *workers, *silent, max_connections=200, fixed=10, deploys_at_once=2, second_deploy=True
    )
    assert numbers(fleet) == [
        ("steady", 150, True, True),
        ("scaled-out", 150, True, True),
        ("deploy-1", 160, True, True),
        ("deploy-2", 170, True, True),
        ("deploy-all", 290, False, False),
        ("blue-green-all", 290, False, False),
        ("second-deploy", 180, True, True),
        ("migration", 150, True, True),
    ]


def test_without_a_policy_every_deploy_may_coincide() -> None:
    fleet = make_fleet(service("a"), service("b", pool_size=4), max_connections=100, second_deploy=True)
    assert numbers(fleet) == [
        ("steady", 14, True, True),
        ("scaled-out", 14, True, True),
        ("deploy-1", 24, True, True),
        ("deploy-all", 28, True, True),
        ("blue-green-all", 28, False, True),
        ("second-deploy", 38, True, True),
        ("migration", 14, True, True),
    ]


def test_a_deploy_that_adds_nothing_is_no_scenario() -> None:
    fleet = make_fleet(service("a", deploy="recreate"))
    assert [name for name, *_ in numbers(fleet)] == ["steady", "scaled-out", "blue-green-all", "migration"]


def test_the_costliest_deploy_drives_the_worst_case() -> None:
    fleet = make_fleet(
        service("large", pool_size=30, maximum_percent=100),
        service("small", pool_size=5),
        deploys_at_once=1,
        second_deploy=True,
    )
    deploy = next(s for s in scenarios(fleet, fleet.servers[0]) if s.name == "deploy-1")
    assert (deploy.demand_connections, deploy.driver) == (40, "scaled out + new tasks of small 5")
    worst = worst_enforced(fleet, fleet.servers[0])
    # ECS starts the next task of a stop-first deploy while the old one is still STOPPING
    assert (worst.name, worst.demand_connections) == ("second-deploy", 65)


def test_services_of_other_databases_do_not_count() -> None:
    other = service("other", database="replica")
    fleet = make_fleet(service("a"), other)
    assert demand_connections(fleet, fleet.servers[0], 9) == 20


@pytest.mark.parametrize(("demand", "percent"), [(0, 0), (1, 1), (199, 100), (200, 100), (201, 101)])
def test_percent_is_rounded_up(demand: int, percent: int) -> None:
    """So that 100 % fits and 101 % doesn't, whatever the fraction."""
    assert Scenario("steady", "", 0, demand, 200, is_enforced=True, driver="").percent == percent


services = st.builds(
    service,
    st.text("abc", min_size=1),
    pool_size=st.integers(0, 40),
    instances=st.integers(0, 6),
    processes=st.integers(1, 3),
    maximum_percent=st.integers(100, 300),
    deploy=st.sampled_from(["rolling", "blue-green", "surge", "recreate", "start-first", "stop-first"]),
)
fleets = st.builds(
    lambda members, **values: make_fleet(*members, second_deploy=True, **values),
    st.lists(services, max_size=6),
    max_connections=st.integers(4, 600),
    headroom_percent=st.integers(0, 99),
    fixed=st.integers(0, 20),
    deploys_at_once=st.none() | st.integers(1, 7),
)


def more_of(known: Service, key: str) -> Service:
    if key == "pool_size":
        return replace(known, pools=tuple(replace(pool, size=pool.size + 1) for pool in known.pools))
    if key == "processes":
        return replace(known, processes=known.processes + 1)
    return with_rollout(known, **{key: getattr(known.rollout, key) + 1})


@given(fleets, st.integers(0, 5), st.sampled_from(["instances", "pool_size", "processes", "maximum_percent"]))
def test_more_of_anything_never_takes_fewer_connections(fleet: Fleet, position: int, key: str) -> None:
    if position >= len(fleet.services):
        return
    chosen = fleet.services[position]
    larger = fleet.with_services(lambda known: more_of(known, key) if known is chosen else known)
    database = fleet.servers[0]
    for before, after in ((demand_connections(f, database, n) for f in (fleet, larger)) for n in range(7)):
        assert after >= before


@given(fleets, st.integers(1, 300))
def test_what_fits_still_fits_a_larger_server(fleet: Fleet, more: int) -> None:
    (database,) = fleet.servers
    larger = replace(database, limits=Limits(database.limits.max_connections + more))
    assert larger.usable_connections >= database.usable_connections
    assert fits(fleet, larger) or not fits(fleet, database)


@given(fleets)
def test_scenarios_get_worse_and_agree_with_the_verdict(fleet: Fleet) -> None:
    (database,) = fleet.servers
    found = scenarios(fleet, database)
    demands = [scenario.demand_connections for scenario in found]
    assert demands[1] >= demands[0]
    assert all(scenario.fits for scenario in found if scenario.is_enforced) == fits(fleet, database)
    named = [s.deploys for s in found if s.is_enforced and s.name.startswith("deploy")]
    assert max(named, default=0) == enforced_deploys(fleet, database)
    # The mildest is the plain product, whatever else is counted.
    plain = sum(s.pool_size * s.processes * s.rollout.instances for s in fleet.services)
    assert demands[0] == plain + database.fixed_connections
