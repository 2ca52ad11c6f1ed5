"""How far each service can scale out, and how large all pools can be at once."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from kc_db.budget.model import MAXIMUM_MAX_CONNECTIONS, Fleet, Service
from kc_db.budget.scenarios import fits, fits_everywhere, worst_enforced
from kc_db.budget.solve.search import largest

_MOST = MAXIMUM_MAX_CONNECTIONS


class Edge(NamedTuple):
    """The largest value that fits.

    Attributes:
        name: what it is about.
        now: what the fleet has; None where it has several values.
        most: the largest value that fits; None if not even the smallest does.
        beyond: what the next value breaks; empty where no value breaks anything.
    """

    name: str
    now: int | None
    most: int | None
    beyond: str


def most_instances(fleet: Fleet) -> tuple[Edge, ...]:
    """For each service with a pool: its largest instance count, everything else as it is (0 if none fits)."""
    return tuple(_edge_of(fleet, service) for service in fleet.services if service.pools)


def largest_uniform_pool(fleet: Fleet) -> Edge:
    """The largest size that every pool of the fleet can have at the same time."""

    def sized(size: int) -> Fleet:
        return fleet.with_services(
            lambda known: replace(known, pools=tuple(replace(pool, size=size) for pool in known.pools))
        )

    sizes = {pool.size for service in fleet.services for pool in service.pools}
    now = sizes.pop() if len(sizes) == 1 else None
    return _edge("every pool", now, 1, sized)


def _edge_of(fleet: Fleet, service: Service) -> Edge:
    def scaled(count: int) -> Fleet:
        changed = _with_instances(service, count)
        return fleet.with_services(lambda known: changed if known is service else known)

    return _edge(service.name, service.rollout.instances, 0, scaled)


def _with_instances(service: Service, count: int) -> Service:
    desired = service.rollout.desired
    rollout = replace(
        service.rollout, instances=count, desired=None if desired is None else min(desired, count)
    )
    return replace(service, rollout=rollout)


def _edge(name: str, now: int | None, low: int, changed: Callable[[int], Fleet]) -> Edge:
    """The edge by doubling, then bisection: fleets are far smaller than PostgreSQL's ceiling."""
    high = max(1, low, now or 0)
    while high < _MOST and fits_everywhere(changed(high)):
        high *= 2
    high = min(high, _MOST)
    most = largest(lambda value: fits_everywhere(changed(value)), low, high)
    if most == _MOST:
        return Edge(name, now, most, "")
    return Edge(name, now, most, _broken(changed(low if most is None else most + 1)))


def _broken(fleet: Fleet) -> str:
    """What doesn't fit in a fleet, in a few words."""
    for target in fleet.targets:
        if not fits(fleet, target):
            worst = worst_enforced(fleet, target)
            return f"{target.name}: {worst.title}, {worst.demand_connections} of {worst.usable_connections}"
    return ""
