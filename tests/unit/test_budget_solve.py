"""The smallest changes are certified: their value fits, one step less doesn't."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kc_db.budget.model import MAXIMUM_MAX_CONNECTIONS, Fleet
from kc_db.budget.scenarios import deployable, fits
from kc_db.budget.solve.changes import (
    changes,
    fewer_deploys,
    more_connections,
    most_deploys_at_once,
    one_smaller_pool,
    smaller_pools,
)
from kc_db.budget.solve.edits import Change, Edit
from kc_db.budget.solve.search import largest, smallest
from tests.budgets import make_fleet, service, with_sizes

sizes = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 4), st.sampled_from([100, 150, 200])), min_size=1, max_size=6
)


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    members = [
        service(f"s{number}", pool_size=pool, instances=instances, maximum_percent=percent)
        for number, (pool, instances, percent) in enumerate(draw(sizes))
    ]
    return make_fleet(
        *members,
        max_connections=draw(st.integers(4, 200)),
        headroom_percent=draw(st.integers(0, 60)),
        fixed=draw(st.integers(0, 9)),
        deploys_at_once=draw(st.none() | st.integers(1, 6)),
        second_deploy=draw(st.booleans()),
    )


def fits_now(fleet: Fleet) -> bool:
    return fits(fleet, fleet.servers[0])


overfull = fleets().filter(lambda fleet: not fits_now(fleet))


def with_pools(fleet: Fleet, size: int) -> Fleet:
    return with_sizes(fleet, lambda pool: min(pool.size, size))


def with_max_connections(fleet: Fleet, value: int) -> Fleet:
    (database,) = fleet.servers
    return fleet.with_server(replace(database, limits=replace(database.limits, max_connections=value)))


def only_value(change: Change) -> int:
    return change.edits[0].value


@given(st.integers(-50, 50), st.integers(0, 80), st.integers(-60, 140))
def test_largest_is_the_edge(low: int, width: int, edge: int) -> None:
    expected = min(edge, low + width) if edge >= low else None
    assert largest(lambda value: value <= edge, low, low + width) == expected


@given(st.integers(-50, 50), st.integers(0, 80), st.integers(-60, 140))
def test_smallest_is_the_edge(low: int, width: int, edge: int) -> None:
    expected = max(edge, low) if edge <= low + width else None
    assert smallest(lambda value: value >= edge, low, low + width) == expected


def test_an_empty_range_holds_nothing() -> None:
    assert largest(lambda _: True, 1, 0) is None
    assert smallest(lambda _: True, 1, 0) is None


@given(fleets())
def test_every_change_fits_and_none_is_offered_in_vain(fleet: Fleet) -> None:
    found = list(changes(fleet, fleet.servers[0]))
    assert all(fits_now(change.after) for change in found)
    assert bool(found) != fits_now(fleet)


@given(overfull)
def test_the_server_is_no_larger_than_needed(fleet: Fleet) -> None:
    change = more_connections(fleet, fleet.servers[0])
    assert change is not None
    assert change.after == with_max_connections(fleet, only_value(change))
    assert not fits_now(with_max_connections(fleet, only_value(change) - 1))


@given(overfull)
def test_the_common_pool_size_is_as_large_as_possible(fleet: Fleet) -> None:
    change = smaller_pools(fleet, fleet.servers[0])
    too_large = only_value(change) + 1 if change else 1
    assert not fits_now(with_pools(fleet, too_large))


@given(overfull)
def test_one_smaller_pool_is_as_large_as_possible(fleet: Fleet) -> None:
    change = one_smaller_pool(fleet, fleet.servers[0])
    if change is None:
        return
    (edit,) = change.edits
    one_more = with_sizes(fleet, lambda pool: edit.value + 1 if pool.path == edit.table else pool.size)
    assert not fits_now(one_more)


@given(overfull)
def test_fewer_deploys_are_as_many_as_possible(fleet: Fleet) -> None:
    change = fewer_deploys(fleet, fleet.servers[0])
    if change is None:
        assert not fits_now(replace(fleet, deploys_at_once=1))
    else:
        assert not fits_now(replace(fleet, deploys_at_once=only_value(change) + 1))


@given(fleets())
def test_the_most_deploys_at_once(fleet: Fleet) -> None:
    (database,) = fleet.servers
    most = most_deploys_at_once(fleet, database)
    assert most == 0 or fits(replace(fleet, deploys_at_once=most), database)
    if most < deployable(fleet, database):
        assert not fits(replace(fleet, deploys_at_once=most + 1), database)


def test_deploying_in_turns_comes_first() -> None:
    fleet = make_fleet(*(service(name) for name in "abcd"), max_connections=63, deploys_at_once=None)
    first, *others = changes(fleet, fleet.servers[0])
    assert first.advice == "deploy at most 2 at once (3 at once do not fit)"
    assert first.edits == (Edit(("policy",), "deploys_at_once", 2),)
    assert [change.edits[0].key for change in others] == ["pool_size", "max_connections"]


def test_the_pool_that_gives_up_the_smallest_part_is_chosen() -> None:
    fleet = make_fleet(
        service("small", pool_size=5, maximum_percent=100),
        service("large", pool_size=40, maximum_percent=100),
        max_connections=46,
    )
    change = one_smaller_pool(fleet, fleet.servers[0])
    assert change is not None
    assert change.advice == "lower one pool, large, from 40 to 38 (39 does not fit)"


@pytest.mark.parametrize("pool_size", [2, 30])
def test_pools_that_are_small_already_are_not_touched(pool_size: int) -> None:
    fleet = make_fleet(
        service("large", pool_size=30), service("other", pool_size=pool_size), max_connections=40
    )
    change = smaller_pools(fleet, fleet.servers[0])
    assert change is not None
    expected = {2: [("large", 16)], 30: [("large", 9), ("other", 9)]}[pool_size]
    assert [(edit.table[1], edit.value) for edit in change.edits] == expected


@pytest.mark.parametrize(
    ("other_database", "tables"),
    [("primary", [("defaults",)]), ("replica", [("services", "a"), ("services", "b")])],
)
def test_a_default_is_lowered_only_if_nobody_else_inherits_it(
    other_database: str, tables: list[tuple[str, ...]]
) -> None:
    fleet = make_fleet(
        service("a", has_own_size=False),
        service("b", has_own_size=False),
        service("c", has_own_size=False, pool_size=10, instances=0, database=other_database),
        max_connections=30,
    )
    change = smaller_pools(fleet, fleet.servers[0])
    assert change is not None
    assert change.edits == tuple(Edit(table, "pool_size", 6) for table in tables)


def test_no_server_is_larger_than_postgresql_allows() -> None:
    fleet = make_fleet(
        service("a", pool_size=MAXIMUM_MAX_CONNECTIONS, maximum_percent=100), max_connections=4
    )
    assert more_connections(fleet, fleet.servers[0]) is None
    barely = with_sizes(fleet, lambda _: MAXIMUM_MAX_CONNECTIONS - 3)
    change = more_connections(barely, barely.servers[0])
    assert change is not None
    assert only_value(change) == MAXIMUM_MAX_CONNECTIONS
