"""The smallest change of each kind that alone makes a target fit: it fits, one step less does not."""

from collections.abc import Iterator
from dataclasses import replace

from kc_db.budget.demand import Target
from kc_db.budget.ledger import ledger
from kc_db.budget.model import MAXIMUM_MAX_CONNECTIONS, Fleet, Pool, Pooler, Server
from kc_db.budget.scenarios import fits, worst_enforced
from kc_db.budget.solve.edits import (
    Change,
    Edit,
    concerned,
    gift,
    pool_edits,
    short,
    with_max_connections,
    with_pool,
    with_pools_capped,
)
from kc_db.budget.solve.search import largest, smallest


def changes(fleet: Fleet, target: Target) -> Iterator[Change]:
    """Each kind of change that alone makes a target fit, the least intrusive first; none if it fits."""
    if fits(fleet, target):
        return
    seen = set()
    for solve in _KINDS:
        change = solve(fleet, target)
        if change and change.edits not in seen:  # the only large pool is "one pool" and "every pool"
            seen.add(change.edits)
            yield change


def fewer_deploys(fleet: Fleet, target: Target) -> Change | None:
    """The most deploys at once that fit, if deploying in turns is enough."""
    allowed = most_deploys_at_once(fleet, target)
    if not 0 < allowed < (fleet.deploys_at_once or len(ledger(fleet, target).takers)):
        return None
    return Change(
        f"deploy at most {allowed} at once ({allowed + 1} at once do not fit)",
        (Edit(("policy",), "deploys_at_once", allowed),),
        replace(fleet, deploys_at_once=allowed),
    )


def one_smaller_pool(fleet: Fleet, target: Target) -> Change | None:
    """One pool to make smaller, if one is enough: the one that gives up the smallest part of itself."""
    excess = -_room(fleet, target)
    options = []
    for service, pool in concerned(fleet, target):
        if gift(service, pool, 1) < excess:
            continue
        size = _largest_pool(fleet, target, pool)
        if size is not None:
            options.append((1 - size / pool.size, service, pool, size))
    if not options:
        return None
    _, service, pool, size = min(options, key=lambda option: option[0])
    return Change(
        f"lower one pool, {short(service, pool)}, from {pool.size} to {size} ({size + 1} does not fit)",
        tuple(pool_edits(pool, size)),
        with_pool(fleet, pool, size),
    )


def smaller_pools(fleet: Fleet, target: Target) -> Change | None:
    """The largest size to which every larger pool of the target can be lowered."""
    pools = [pool for _, pool in concerned(fleet, target)]
    size = largest(
        lambda size: fits(_capped(fleet, target, size), target),
        1,
        max((pool.size for pool in pools), default=0),
    )
    if size is None:
        return None
    return Change(
        f"lower every pool to {size} at most ({size + 1} does not fit)",
        tuple(_common_edits(fleet, target, size)),
        _capped(fleet, target, size),
    )


def smaller_share(fleet: Fleet, target: Target) -> Change | None:
    """The largest share that the RDS Proxies of a server may have, if that is enough."""
    proxies = [pooler for pooler in fleet.poolers if pooler.proxied == target.name]

    def capped(percent: int) -> Fleet:
        poolers = (
            replace(one, max_connections_percent=min(one.max_connections_percent, percent))
            if one in proxies
            else one
            for one in fleet.poolers
        )
        return replace(fleet, poolers=tuple(poolers))

    high = max((one.max_connections_percent for one in proxies), default=0)
    percent = largest(lambda value: fits(capped(value), target), 1, high)
    if percent is None:
        return None
    named = ", ".join(one.name for one in proxies if one.max_connections_percent > percent)
    edits = (
        Edit(("poolers", one.name), "max_connections_percent", percent)
        for one in proxies
        if one.max_connections_percent > percent
    )
    return Change(
        f"give {named} {percent} % of max_connections at most ({percent + 1} % does not fit)",
        tuple(edits),
        capped(percent),
    )


def more_connections(fleet: Fleet, target: Target) -> Change | None:
    """The smallest max_connections that fits; the server has to be changed as well."""
    if not isinstance(target, Server):
        return None

    whose = {target.name, *(replica.name for replica in fleet.replicas(target))}
    is_proxied = any(pooler.proxied in whose for pooler in fleet.poolers)
    demand = worst_enforced(fleet, target).demand_connections

    def holds(value: int) -> bool:
        changed = with_max_connections(target, value)
        if (
            not is_proxied
        ):  # a proxy takes a share of whatever there is; all others take what they took before
            return demand <= changed.usable_connections
        return fits(fleet.with_server(changed), changed)

    now = target.limits.max_connections
    needed = smallest(holds, now + 1, MAXIMUM_MAX_CONNECTIONS)
    if needed is None:
        return None
    return Change(
        f"raise max_connections from {now} to {needed} "
        f"({needed - 1} does not fit), on the server (it restarts, and needs the memory) and here",
        (Edit(("databases", target.name), "max_connections", needed),),
        fleet.with_server(with_max_connections(target, needed)),
    )


def more_clients(fleet: Fleet, target: Target) -> Change | None:
    """The smallest max_client_conn of a PgBouncer with which all its clients get in."""
    if not isinstance(target, Pooler) or target.max_client_conn is None:
        return None
    now = target.max_client_conn

    def changed(value: int) -> Pooler:
        return replace(target, max_client_conn=value)

    needed = smallest(lambda value: fits(fleet, changed(value)), now + 1, MAXIMUM_MAX_CONNECTIONS)
    if needed is None:
        return None
    poolers = tuple(changed(needed) if known is target else known for known in fleet.poolers)
    return Change(
        f"raise max_client_conn from {now} to {needed} ({needed - 1} does not fit)",
        (Edit(("poolers", target.name), "max_client_conn", needed),),
        replace(fleet, poolers=poolers),
    )


def most_deploys_at_once(fleet: Fleet, target: Target) -> int:
    """How many services may be deployed at the same time; 0 if not even one."""

    def holds(deploys: int) -> bool:
        return fits(replace(fleet, deploys_at_once=deploys), target)

    return largest(holds, 1, len(ledger(fleet, target).takers)) or 0


def demand_with_pools_of_one(fleet: Fleet, target: Target) -> int:
    """What the worst moment takes with the smallest pools there are."""
    return worst_enforced(_capped(fleet, target, 1), target).demand_connections


def _room(fleet: Fleet, target: Target) -> int:
    worst = worst_enforced(fleet, target)
    return worst.usable_connections - worst.demand_connections


def _largest_pool(fleet: Fleet, target: Target, chosen: Pool) -> int | None:
    return largest(lambda size: fits(with_pool(fleet, chosen, size), target), 1, chosen.size)


def _capped(fleet: Fleet, target: Target, size: int) -> Fleet:
    pools = {id(pool) for _, pool in concerned(fleet, target)}
    return with_pools_capped(fleet, size, lambda pool: id(pool) in pools)


def _common_edits(fleet: Fleet, target: Target, size: int) -> Iterator[Edit]:
    everyone = [pool for service in fleet.services for pool in service.pools]
    heirs = [pool for pool in everyone if not pool.has_own_size and pool.driver is None]
    # A default may be lowered for all its heirs at once only if none of them goes elsewhere.
    pools = [pool for _, pool in concerned(fleet, target)]
    targets = {pool.target for pool in pools}
    shared = any(pool.size > size for pool in heirs) and all(pool.target in targets for pool in heirs)
    if shared:
        yield Edit(("defaults",), "pool_size", size)
    for pool in pools:
        if pool.size > size and not (shared and pool in heirs):
            yield from pool_edits(pool, size)


_KINDS = (fewer_deploys, one_smaller_pool, smaller_pools, smaller_share, more_connections, more_clients)
