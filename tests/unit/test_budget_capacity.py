"""What a server grants, what a driver's pool may grow to, what a load needs: against published figures."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kc_db.budget.capacity import capacity, vendor_reserve
from kc_db.budget.drivers import Settings, pool_size
from kc_db.budget.model import DriverName, Limits, Provider, Server
from kc_db.budget.queueing import connections_needed, wait_probability
from kc_db.budget.sources import Unknown


@pytest.mark.parametrize(
    ("provider", "settings", "usable"),
    [
        ("rds", {"max_connections": 100}, 95),  # AWS Knowledge Center: 100 - 3 - 2
        ("aurora", {"max_connections": 100}, 95),
        ("rds", {"max_connections": 100, "reserved_connections": 2}, 95),  # 16 and later: the same two
        ("rds", {"max_connections": 100, "vendor_reserved_connections": 6}, 91),
        ("azure", {"max_connections": 50}, 35),  # Microsoft Learn: B1ms
        ("azure", {"max_connections": 859}, 844),  # D2s_v3
        (
            "azure",
            {"max_connections": 50, "superuser_reserved_connections": 10, "reserved_connections": 5},
            35,
        ),
        ("neon", {"max_connections": 104}, 97),  # Neon: 0.25 CU
        ("neon", {"max_connections": 112, "superuser_reserved_connections": 7}, 105),
        (None, {"max_connections": 100}, 97),
        ("self-hosted", {"max_connections": 100, "superuser_sessions": 4}, 93),
    ],
)
def test_what_providers_leave(provider: Provider | None, settings: dict[str, int], usable: int) -> None:
    found = capacity(settings, provider=provider)
    assert Server("x", found.limits).usable_connections == usable
    assert (found.source, found.unknown) == ("declared", "")


def test_memory_gives_a_bound_and_says_so() -> None:
    found = capacity({}, instance_class="db.t3.micro", provider="rds")
    assert (found.limits, found.source) == (Limits(112, vendor_reserved_connections=2), "bound")
    assert found.unknown == (
        "max_connections is 112 at most, a bound from its size (db.t3.micro, 1 GiB); "
        "the server's own default is lower"
    )
    assert capacity({}, memory_gib=1000.0).limits.max_connections == 5000


@pytest.mark.parametrize(
    ("instance_class", "why"),
    [
        (None, "max_connections: nothing states it"),
        ("db.x", "max_connections: its class db.x has no known memory"),
    ],
)
def test_what_nobody_knows_is_no_number(instance_class: str | None, why: str) -> None:
    found = capacity({"superuser_reserved_connections": 1}, instance_class=instance_class)
    assert (found.limits.max_connections, found.unknown) == (0, why)


@given(
    st.sampled_from(["rds", "aurora", "azure", "neon", "self-hosted", None]),
    st.integers(0, 30),
    st.integers(0, 30),
)
def test_a_reserve_is_never_counted_twice(provider: Provider | None, superuser: int, reserved: int) -> None:
    settings = {"superuser_reserved_connections": superuser, "reserved_connections": reserved}
    in_all = superuser + reserved + vendor_reserve(provider, settings)
    assert in_all >= max(superuser + reserved, {"azure": 15, "neon": 7}.get(provider or "", 0))


@pytest.mark.parametrize(
    ("driver", "settings", "expected"),
    [
        ("node-postgres", {}, 10),
        ("node-postgres", {"pool_size": 0}, 10),  # max || poolSize || 10
        ("node-postgres", {"pool_size": 3}, 3),
        ("typeorm", {"pool_size": 0}, 10),
        ("sqlalchemy", {}, 15),
        ("sqlalchemy", {"pool_size": 20}, 30),
        ("sqlalchemy", {"pool_size": 5, "max_overflow": 0}, 5),
        ("prisma", {"cpus": 4}, 9),
        ("prisma", {"cpus": 4, "driver_version": 6}, 9),
        ("prisma", {"cpus": 4, "driver_version": 7}, 10),
        ("prisma", {"cpus": 4, "pool_size": 3}, 3),
        ("hikaricp", {}, 10),
        ("django", {"threads": 8}, 8),
        ("django", {"threads": 8, "pool_size": 4}, 4),
        ("pgx", {"cpus": 2}, 4),
        ("pgx", {"cpus": 16}, 16),
        ("npgsql", {}, 100),
        ("sequelize", {}, 5),
        ("active-record", {}, 5),
        ("psycopg-pool", {}, 4),
        ("database-sql", {"pool_size": 25}, 25),
    ],
)
def test_drivers_defaults(driver: DriverName, settings: dict[str, int], expected: int) -> None:
    assert pool_size(driver, Settings(**settings)) == expected


@pytest.mark.parametrize(
    ("driver", "settings"),
    [
        ("sqlalchemy", {"pool_size": 0}),
        ("sqlalchemy", {"pool_size": 0, "max_overflow": 5}),
        ("sqlalchemy", {"max_overflow": -1}),
        ("prisma", {}),
        ("django", {}),
        ("pgx", {}),
        ("database-sql", {}),
        ("database-sql", {"pool_size": 0}),
    ],
)
def test_pools_without_end_are_no_number(driver: DriverName, settings: dict[str, int]) -> None:
    assert isinstance(pool_size(driver, Settings(**settings)), Unknown)


@pytest.mark.parametrize(
    ("wait_percent", "expected"), [(5, {1: 4, 4: 9, 16: 24, 32: 43}), (1, {1: 5, 4: 10, 16: 27, 32: 47})]
)
def test_erlang_c(wait_percent: float, expected: dict[int, int]) -> None:
    assert {erlangs: connections_needed(erlangs, wait_percent) for erlangs in expected} == expected


@given(st.floats(0.01, 400), st.floats(0.01, 99))
def test_the_fewest_connections_are_certified(erlangs: float, wait_percent: float) -> None:
    needed = connections_needed(erlangs, wait_percent)
    assert wait_probability(needed, erlangs) <= wait_percent / 100
    assert needed == 1 or wait_probability(needed - 1, erlangs) > wait_percent / 100


@given(st.integers(1, 60), st.floats(0, 100))
def test_the_recursion_is_the_formula(connections: int, erlangs: float) -> None:
    """Erlang C as it is printed: a^c/c! c/(c-a) over the sum of the other terms and it."""
    from math import exp, lgamma, log

    found = wait_probability(connections, erlangs)
    if connections <= erlangs or not erlangs:
        assert found == (1 if erlangs else 0)
        return
    terms = [exp(k * log(erlangs) - lgamma(k + 1) - erlangs) for k in range(connections + 1)]
    last = terms[-1] * connections / (connections - erlangs)
    assert found == pytest.approx(last / (sum(terms[:-1]) + last), rel=1e-6, abs=1e-12)
