"""Whose connections they are: a fleet as the roles of a server see it.

A session belongs to the role that logged in. That is a service's own role where it connects itself; behind
PgBouncer it is the client's user, or the one that PgBouncer forces; behind an RDS Proxy the client's user.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import TypeAlias

from kc_db.budget.model import ALL_USERS, Fleet, Pooler, Server, Service
from kc_db.budget.scenarios import Scenario, worst_enforced

Owner: TypeAlias = str | None
"""A role; None is everybody whose role the budget doesn't say."""
Members: TypeAlias = Mapping[Owner, tuple[Service, ...]]


def members(fleet: Fleet) -> Members:
    """The services that connect to a server themselves, with those of their pools, by role."""
    direct = frozenset(server.name for server in fleet.servers)
    found: dict[Owner, list[Service]] = {}
    for service in fleet.services:
        pools = tuple(pool for pool in service.pools if pool.target is None or pool.target in direct)
        own = replace(service, pools=pools)
        if any(takes(own, target) for target in direct):
            found.setdefault(service.role, []).append(own)
    return {owner: tuple(services) for owner, services in found.items()}


def takes(service: Service, target: str) -> bool:
    """Whether a service has connections to a target, or may have some."""
    has_tasks = service.rollout.instances > 0 or bool(service.unknown)
    return any(service.unknowns(target)) or (has_tasks and service.connections_per_task(target) > 0)


def alone(fleet: Fleet, owners: Collection[Owner], known: Members) -> Fleet:
    """A fleet of nobody but these owners: its moments are those that their connections can be in.

    Args:
        fleet: the fleet.
        owners: roles, and None for services that say none.
        known: members(fleet).
    """
    poolers = (_pooler_alone(fleet, pooler, owners) for pooler in fleet.poolers)
    return replace(
        fleet,
        servers=tuple(replace(one, fixed_sessions={}, migration_sessions={}) for one in fleet.servers),
        services=tuple(service for owner in owners for service in known.get(owner, ())),
        poolers=tuple(pooler for pooler in poolers if pooler is not None),
    )


def worst_moment(part: Fleet, server: Server) -> Scenario:
    """The worst judged moment of a server in a fleet that alone() made; its demand is the owners' peak."""
    return worst_enforced(part, next(known for known in part.servers if known.name == server.name))


def pooled_roles(fleet: Fleet, pooler: Pooler) -> tuple[str, ...]:
    """The roles that a pooler logs in to its servers as, as far as the budget names them."""
    if pooler.proxied is not None:
        users = (
            pool.user or service.role
            for service in fleet.services
            if takes(service, pooler.name)
            for pool in service.pools
            if pool.target == pooler.name
        )
        return tuple(dict.fromkeys(user for user in users if user is not None))
    roles = (alias.role_of(user) for alias in pooler.aliases for user in alias.pool_sizes)
    return tuple(dict.fromkeys(role for role in roles if role != ALL_USERS))


def roles_on(fleet: Fleet, server: Server, known: Members) -> tuple[str, ...]:
    """The roles that take connections from a server, in the order of the file; poolers' stand last."""
    direct = [
        owner
        for owner, services in known.items()
        if owner is not None and any(takes(service, server.name) for service in services)
    ]
    pooled = (role for pooler in fleet.poolers for role in _roles_to(fleet, pooler, server))
    return tuple(dict.fromkeys((*direct, *pooled)))


def nobodys_pools(fleet: Fleet, server: Server) -> Iterator[str]:
    """Why it can't be told which role takes some of a server's connections."""
    for pooler in fleet.poolers:
        if server.name not in pooler.servers:
            continue
        roles = pooled_roles(fleet, pooler)
        if pooler.proxied is not None and len(roles) != 1:
            whose = f"whichever of {', '.join(roles)}" if roles else "roles that the budget doesn't name"
            yield f"{pooler.name}: an RDS Proxy may give its whole share to {whose}"
        for alias in pooler.aliases:
            everybody = any(alias.role_of(user) == ALL_USERS for user in alias.pool_sizes)
            if alias.server == server.name and everybody:
                yield f"{pooler.name}: nothing says who logs in to {alias.name}: say its users"


def _roles_to(fleet: Fleet, pooler: Pooler, server: Server) -> tuple[str, ...]:
    if pooler.proxied is not None:
        return pooled_roles(fleet, pooler) if pooler.proxied == server.name else ()
    there = replace(pooler, aliases=tuple(one for one in pooler.aliases if one.server == server.name))
    return pooled_roles(fleet, there)


def _pooler_alone(fleet: Fleet, pooler: Pooler, owners: Collection[Owner]) -> Pooler | None:
    """What is left of a pooler without the pools of others; None if nothing is."""
    if pooler.proxied is not None:
        users = pooled_roles(fleet, pooler)
        return pooler if users and set(users) <= set(owners) else None
    aliases = []
    for alias in pooler.aliases:
        sizes = {user: size for user, size in alias.pool_sizes.items() if alias.role_of(user) in owners}
        if sizes:
            aliases.append(replace(alias, pool_sizes=sizes))
    return replace(pooler, aliases=tuple(aliases)) if aliases else None
