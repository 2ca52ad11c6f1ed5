"""The answers of --solve are certified: what is named fits, and one step more doesn't."""

from dataclasses import replace
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from kc_db.budget.model import Fleet, Load, Pool, Service
from kc_db.budget.queueing import wait_probability
from kc_db.budget.scenarios import fits, fits_everywhere
from kc_db.budget.solve.answers import answers, summary, tables
from kc_db.budget.solve.cheapest import cheapest
from kc_db.budget.solve.instances import largest_uniform_pool, most_instances
from kc_db.budget.solve.split import split
from tests.budgets import make_fleet, service, with_rollout, with_sizes

members = st.lists(
    st.tuples(
        st.integers(1, 30),
        st.integers(0, 4),
        st.sampled_from(["rolling", "surge", "recreate", "blue-green", "start-first"]),
        st.integers(1, 2),
    ),
    min_size=1,
    max_size=5,
)


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    services = [
        service(f"s{number}", pool_size=size, instances=count, deploy=deploy, processes=processes)
        for number, (size, count, deploy, processes) in enumerate(draw(members))
    ]
    return make_fleet(
        *services,
        max_connections=draw(st.integers(10, 400)),
        headroom_percent=draw(st.integers(0, 30)),
        deploys_at_once=draw(st.none() | st.integers(1, 3)),
        second_deploy=draw(st.booleans()),
    )


def scaled(fleet: Fleet, name: str, count: int) -> Fleet:
    return fleet.with_services(
        lambda known: with_rollout(known, instances=count) if known.name == name else known
    )


@given(fleets())
def test_the_most_instances(fleet: Fleet) -> None:
    for edge in most_instances(fleet):
        assert edge.most is None or fits_everywhere(scaled(fleet, edge.name, edge.most))
        beyond = 0 if edge.most is None else edge.most + 1
        assert not fits_everywhere(scaled(fleet, edge.name, beyond))
        assert edge.beyond.startswith("primary: ")


@given(fleets())
def test_the_largest_uniform_pool(fleet: Fleet) -> None:
    edge = largest_uniform_pool(fleet)
    if edge.most is not None:
        assert fits_everywhere(with_sizes(fleet, lambda _: edge.most))
    if edge.beyond:
        assert not fits_everywhere(with_sizes(fleet, lambda _: (edge.most or 0) + 1))


def least(pool: Pool, share: int | None) -> int:
    return 1 if share is None else max(1, -(-pool.size // share))


@settings(deadline=None)
@given(fleets())
def test_the_cheapest_set(fleet: Fleet) -> None:
    (target,) = fleet.servers
    found = cheapest(fleet, target)
    if found is None:
        assert fits(fleet, target) or not fits(with_sizes(fleet, lambda _: 1), target)
        return
    assert fits(found.after, target)
    sizes = {name: size for name, _, size in found.sizes}
    for name, now, size in found.sizes:
        assert now >= size
        more = with_sizes(
            fleet,
            lambda pool, name=name: sizes.get(pool.path[1], pool.size) + (pool.path[1] == name),
        )
        assert size == now or not fits(more, target)
    everyone = [pool for known in fleet.services for pool in known.pools if known.rollout.instances]
    assert found.is_fewest
    for few in combinations(everyone, len(found.sizes) - 1):
        chosen = {id(pool) for pool in few}
        smaller = with_sizes(
            fleet,
            lambda pool, chosen=chosen: least(pool, found.share) if id(pool) in chosen else pool.size,
        )
        assert not fits(smaller, target)


def loaded(name: str, rate: float, **changes: object) -> Service:
    return replace(service(name, **changes), load=Load(rate, 0.02))


@given(st.lists(st.floats(1, 900), min_size=1, max_size=4), st.integers(10, 200), st.floats(0.5, 50))
def test_the_split_by_need(rates: list[float], max_connections: int, wait_percent: float) -> None:
    services = [loaded(f"s{n}", rate, instances=2, desired=1) for n, rate in enumerate(rates)]
    fleet = make_fleet(*services, max_connections=max_connections, wait_percent=wait_percent)
    found = split(fleet)
    assert found is not None
    for need in found.needs:
        assert wait_probability(need.needed, need.erlangs) <= wait_percent / 100
        assert need.needed == 1 or wait_probability(need.needed - 1, need.erlangs) > wait_percent / 100
    assert found.fits == fits_everywhere(found.after)
    assert found.best_percent is None or found.best_percent <= wait_percent or not found.fits


def test_a_load_is_carried_by_the_processes_of_an_ordinary_day() -> None:
    fleet = make_fleet(loaded("a", 400, instances=4, desired=2, processes=2), service("b"))
    found = split(fleet)
    assert found is not None
    (need,) = found.needs
    assert (need.erlangs, need.now, need.needed) == (2.0, 10, 6)
    assert split(make_fleet(service("b"))) is None


def test_with_unknown_numbers_nothing_is_solved() -> None:
    unknown = replace(service("a"), unknown="instances: nobody says")
    found = answers(make_fleet(unknown))
    assert found.unproven == ("a: instances: nobody says",)
    ((title, _, rows),) = tables([found])
    assert (title, rows) == ("Can't be solved: not known is", (("a: instances: nobody says",),))
    assert summary([found])[0]["instances"] == []


def test_the_answers_as_rows() -> None:
    fleet = make_fleet(
        loaded("a", 100, instances=2), service("b", pool_size=40), max_connections=103, second_deploy=True
    )
    titles = [title for title, _, _ in tables([answers(fleet)])]
    assert titles == [
        "How many instances fit, and which size of all pools",
        (
            "The fewest pools to make smaller for primary: 1; "
            "each keeps half or more, no smaller set is enough"
        ),
        (
            "Split by need: at most 5 % of queries wait: the fleet does not fit so; "
            "nor with any wait below 99 %: what has no load takes too much"
        ),
    ]
    (found,) = summary([answers(fleet)])
    assert found["cheapest"] == [
        {"target": "primary", "pools": [{"pool": "b", "now": 40, "size": 20}], "is_fewest": True}
    ]
