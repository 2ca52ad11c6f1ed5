"""The smallest changes that make a fleet fit, each certified: its value fits, one step less does not."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from kc_db.budget.model import MAXIMUM_MAX_CONNECTIONS, Database, Fleet, Service
from kc_db.budget.scenarios import demand_connections, deployable, enforced_deploys, fits


@dataclass(frozen=True, slots=True)
class Edit:
    """One value to type into the budget file, under its environment if the file names any."""

    table: tuple[str, ...]
    key: str
    value: int


@dataclass(frozen=True, slots=True)
class Change:
    """One way to make a database fit.

    Attributes:
        advice: what to do, with the value next to it that does not fit.
        edits: what to type.
        after: the fleet with the change made.
    """

    advice: str
    edits: tuple[Edit, ...]
    after: Fleet


def largest(holds: Callable[[int], bool], low: int, high: int) -> int | None:
    """The largest value in low..high that holds; None if not even `low` does.

    `holds` must be monotone: once it fails it fails for every larger value.
    """
    if high < low or not holds(low):
        return None
    while low < high:
        middle = (low + high + 1) // 2
        if holds(middle):
            low = middle
        else:
            high = middle - 1
    return low


def smallest(holds: Callable[[int], bool], low: int, high: int) -> int | None:
    """The smallest value in low..high that holds (`holds` stays true once it is); None if `high` doesn't."""
    mirrored = largest(lambda value: holds(-value), -high, -low)
    return None if mirrored is None else -mirrored


def changes(fleet: Fleet, database: Database) -> Iterator[Change]:
    """Each kind of change that alone makes a database fit, the least intrusive first; none if it fits."""
    if fits(fleet, database):
        return
    seen = set()
    for solve in (fewer_deploys, one_smaller_pool, smaller_pools, more_connections):
        change = solve(fleet, database)
        if change and change.edits not in seen:  # the only large pool is "one pool" and "every pool"
            seen.add(change.edits)
            yield change


def fewer_deploys(fleet: Fleet, database: Database) -> Change | None:
    """The most deploys at once that fit, if deploying in turns is enough."""
    allowed = largest(
        lambda deploys: demand_connections(fleet, database, deploys) <= database.usable_connections,
        1,
        enforced_deploys(fleet, database),
    )
    if allowed is None:
        return None
    return Change(
        f"deploy at most {allowed} at once ({allowed + 1} at once do not fit)",
        (Edit(("policy",), "deploys_at_once", allowed),),
        replace(fleet, deploys_at_once=allowed),
    )


def one_smaller_pool(fleet: Fleet, database: Database) -> Change | None:
    """One pool to make smaller, if one is enough: the one that gives up the smallest part of itself."""
    options = []
    for client in fleet.clients(database):
        size = _largest_pool(fleet, database, client)
        if size is not None:
            options.append((1 - size / client.pool_size, client, size))
    if not options:
        return None
    _, client, size = min(options, key=lambda option: option[0])
    return Change(
        f"lower one pool, {client.name}, from {client.pool_size} to {size} ({size + 1} does not fit)",
        (Edit((client.kind, client.name), "pool_size", size),),
        _with_pool(fleet, client, size),
    )


def smaller_pools(fleet: Fleet, database: Database) -> Change | None:
    """The largest size to which every larger pool of the database can be lowered."""
    clients = fleet.clients(database)
    largest_pool = max((client.pool_size for client in clients), default=0)
    size = largest(lambda size: fits(_with_pools_capped(fleet, database, size), database), 1, largest_pool)
    if size is None:
        return None
    return Change(
        f"lower every pool to {size} at most ({size + 1} does not fit)",
        tuple(_pool_edits(fleet, database, size)),
        _with_pools_capped(fleet, database, size),
    )


def more_connections(fleet: Fleet, database: Database) -> Change | None:
    """The smallest max_connections that fits; the server has to be changed as well."""
    needed = smallest(
        lambda value: fits(fleet, _with_max_connections(database, value)),
        database.limits.max_connections + 1,
        MAXIMUM_MAX_CONNECTIONS,
    )
    if needed is None:
        return None
    return Change(
        f"raise max_connections from {database.limits.max_connections} to {needed} "
        f"({needed - 1} does not fit), on the server (it restarts, and needs the memory) and here",
        (Edit(("databases", database.name), "max_connections", needed),),
        fleet.with_database(_with_max_connections(database, needed)),
    )


def most_deploys_at_once(fleet: Fleet, database: Database) -> int:
    """How many services may be deployed at the same time; 0 if not even one."""
    return (
        largest(
            lambda deploys: demand_connections(fleet, database, deploys) <= database.usable_connections,
            0,
            deployable(fleet, database),
        )
        or 0
    )


def demand_with_pools_of_one(fleet: Fleet, database: Database) -> int:
    """What the worst moment takes with the smallest pools there are."""
    tiny = _with_pools_capped(fleet, database, 1)
    return demand_connections(tiny, database, enforced_deploys(tiny, database))


def _with_pool(fleet: Fleet, chosen: Service, size: int) -> Fleet:
    return fleet.with_services(
        lambda service: replace(service, pool_size=size) if service is chosen else service
    )


def _largest_pool(fleet: Fleet, database: Database, chosen: Service) -> int | None:
    return largest(lambda size: fits(_with_pool(fleet, chosen, size), database), 1, chosen.pool_size)


def _with_pools_capped(fleet: Fleet, database: Database, size: int) -> Fleet:
    return fleet.with_services(
        lambda service: (
            replace(service, pool_size=min(size, service.pool_size))
            if service.database == database.name
            else service
        )
    )


def _with_max_connections(database: Database, value: int) -> Database:
    return replace(database, limits=replace(database.limits, max_connections=value))


def _pool_edits(fleet: Fleet, database: Database, size: int) -> Iterator[Edit]:
    heirs = [service for service in fleet.services if not service.has_own_pool_size]
    # A default may be lowered for all its heirs at once only if none of them uses another database.
    shared = any(heir.database == database.name and heir.pool_size > size for heir in heirs) and all(
        heir.database == database.name for heir in heirs
    )
    if shared:
        yield Edit(("defaults",), "pool_size", size)
    for client in fleet.clients(database):
        if client.pool_size > size and (client.has_own_pool_size or not shared):
            yield Edit((client.kind, client.name), "pool_size", size)
