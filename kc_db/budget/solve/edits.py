"""What a change is: values to type into the budget file, and the fleet that follows from them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

from kc_db.budget.demand import Target
from kc_db.budget.deploys import draining_tasks, peak_tasks
from kc_db.budget.model import Fleet, Pool, Server, Service
from kc_db.budget.scenarios import worst_enforced


class Edit(NamedTuple):
    """One value to type into the budget file, under its environment if the file names any."""

    table: tuple[str, ...]
    key: str
    value: int


class Change(NamedTuple):
    """One way to make a target fit.

    Attributes:
        advice: what to do, with the value next to it that does not fit.
        edits: what to type.
        after: the fleet with the change made.
    """

    advice: str
    edits: tuple[Edit, ...]
    after: Fleet


def with_pool(fleet: Fleet, chosen: Pool, size: int) -> Fleet:
    """The fleet with one pool of another size."""

    def change(service: Service) -> Service:
        if not any(pool is chosen for pool in service.pools):
            return service
        pools = tuple(replace(pool, size=size) if pool is chosen else pool for pool in service.pools)
        return replace(service, pools=pools)

    return fleet.with_services(change)


def with_pools_capped(fleet: Fleet, size: int, is_concerned: Callable[[Pool], bool]) -> Fleet:
    """The fleet with those pools lowered to a size, where they are larger."""

    def change(service: Service) -> Service:
        if not any(pool.size > size and is_concerned(pool) for pool in service.pools):
            return service
        pools = tuple(
            replace(pool, size=min(size, pool.size)) if is_concerned(pool) else pool for pool in service.pools
        )
        return replace(service, pools=pools)

    return fleet.with_services(change)


def with_max_connections(server: Server, value: int) -> Server:
    """The server with another max_connections."""
    return replace(server, limits=replace(server.limits, max_connections=value))


def pool_edits(pool: Pool, size: int) -> Iterator[Edit]:
    """The keys that give a pool another size, as its driver counts."""
    if pool.driver == "sqlalchemy":
        yield Edit(pool.path, "pool_size", size)
        yield Edit(pool.path, "max_overflow", 0)
    elif pool.driver == "django" and not pool.has_own_size:
        yield Edit(pool.path, "threads", size)
    else:
        yield Edit(pool.path, "pool_size", size)


def pools_of(fleet: Fleet, target: str) -> Iterator[tuple[Service, Pool]]:
    """Every pool that goes to a target and takes something from it."""
    for service in fleet.services:
        if service.processes and service.rollout.instances:
            for pool in service.pools:
                if pool.target == target and pool.size:
                    yield service, pool


def concerned(fleet: Fleet, target: Target) -> list[tuple[Service, Pool]]:
    """The pools whose sizes matter to a target; its replicas', too, if the loss of one is the worst."""
    found = list(pools_of(fleet, target.name))
    if isinstance(target, Server) and worst_enforced(fleet, target).name == "replica-lost":
        found += [owned for replica in fleet.replicas(target) for owned in pools_of(fleet, replica.name)]
    return found


def gift(service: Service, pool: Pool, least: int) -> int:
    """What a pool gives back at most if it is lowered: in a second deploy, three generations of it."""
    tasks = peak_tasks(service.rollout) + draining_tasks(service.rollout)
    return (pool.size - least) * service.processes * tasks


def short(service: Service, pool: Pool) -> str:
    """How people name a pool: as its service, where that has no other."""
    return service.name if len(service.pools) == 1 else f"{service.name}.{pool.name}"
