"""The largest flow through a PgBouncer, against every cut of its network."""

from collections.abc import Mapping
from itertools import product
from random import Random

import networkx as nx
import pytest

from kc_db.budget.bouncer import max_flow
from kc_db.budget.model import Alias

CONFIGURATIONS = 1000
Configuration = tuple[tuple[Alias, ...], Mapping[str, int]]


def configuration(random: Random) -> Configuration:
    users = [f"u{number}" for number in range(random.randint(1, 4))]
    density, is_limited, has_user_limits = random.choice((0.4, 0.7, 1.0)), random.random(), random.random()
    aliases = tuple(
        Alias(
            name=f"a{number}",
            server="primary",
            pool_sizes={user: random.randint(0, 6) for user in users if random.random() < density},
            max_db_connections=random.randint(0, 12) if random.random() < is_limited else None,
        )
        for number in range(random.randint(1, 4))
    )
    limits = {user: random.randint(0, 10) for user in users if random.random() < has_user_limits}
    return aliases, limits


CASES = [configuration(Random(seed)) for seed in range(CONFIGURATIONS)]


def smallest_cut(aliases: tuple[Alias, ...], limits: Mapping[str, int]) -> float:
    """Whatever aliases stand before the cut, it goes through the cheaper side of each user."""
    infinite = float("inf")
    users = {user for alias in aliases for user in alias.pool_sizes}

    def cut(sides: tuple[bool, ...]) -> float:
        before = [alias for alias, is_before in zip(aliases, sides, strict=True) if is_before]
        behind = [alias for alias, is_before in zip(aliases, sides, strict=True) if not is_before]
        of_aliases = sum(
            infinite if alias.max_db_connections is None else alias.max_db_connections for alias in behind
        )
        of_users = (
            min(sum(alias.pool_sizes.get(user, 0) for alias in before), limits.get(user, infinite))
            for user in users
        )
        return of_aliases + sum(of_users)

    return min(cut(sides) for sides in product((True, False), repeat=len(aliases)))


def by_networkx(aliases: tuple[Alias, ...], limits: Mapping[str, int]) -> int:
    network: nx.DiGraph[str] = nx.DiGraph()
    network.add_nodes_from(("source", "sink"))
    for alias in aliases:
        limit = alias.max_db_connections
        network.add_edge("source", alias.name, **({} if limit is None else {"capacity": limit}))
        for user, size in alias.pool_sizes.items():
            network.add_edge(alias.name, user, capacity=size)
            network.add_edge(user, "sink", **({"capacity": limits[user]} if user in limits else {}))
    return int(nx.maximum_flow_value(network, "source", "sink"))


@pytest.mark.parametrize("first", range(0, CONFIGURATIONS, 100))
def test_it_is_the_smallest_cut(first: int) -> None:
    for aliases, limits in CASES[first : first + 100]:
        assert max_flow(aliases, limits) == smallest_cut(aliases, limits), (aliases, limits)


@pytest.mark.parametrize("first", range(0, CONFIGURATIONS, 100))
def test_it_is_what_networkx_says(first: int) -> None:
    for aliases, limits in CASES[first : first + 100]:
        assert max_flow(aliases, limits) == by_networkx(aliases, limits), (aliases, limits)


def test_all_kinds_of_configuration_come_up() -> None:
    kinds = [
        (
            len(aliases),
            len({user for alias in aliases for user in alias.pool_sizes}),
            all(alias.max_db_connections is None for alias in aliases),
            any(user in limits for alias in aliases for user in alias.pool_sizes),
            any(0 in alias.pool_sizes.values() for alias in aliases),
        )
        for aliases, limits in CASES
    ]
    assert {number for number, *_ in kinds} == {1, 2, 3, 4}
    assert {number for _, number, *_ in kinds} == {0, 1, 2, 3, 4}
    several = [kind for kind in kinds if kind[0] > 1]
    for is_free, has_user_limits in product((True, False), repeat=2):  # the three fast ways, and the network
        assert sum(kind[2:4] == (is_free, has_user_limits) for kind in several) > 50
    assert sum(kind[4] for kind in kinds) > 100


def test_it_takes_the_order_that_uses_the_limits_best() -> None:
    """Whoever comes first may block others: clients that come in another order get 7 of these 9."""
    aliases = (Alias("a", "primary", {"u1": 3, "u2": 3}, 4), Alias("b", "primary", {"u1": 3, "u2": 3}))
    assert max_flow(aliases, {"u1": 3}) == 9
