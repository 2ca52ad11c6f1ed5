"""Who is connected to a server, held against who may be: by role and by application_name.

A session is explained by the role it logged in as, if that is one of the budget, or else by its
application_name, if that is a service's name. What neither explains belongs to the services whose role the
budget doesn't say, to a migration and to the fixed sessions, as many as these are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from kc_db.budget.activity import Activity, Sessions, certain, possible
from kc_db.budget.demand import takers
from kc_db.budget.model import Fleet, Path, Server, Service
from kc_db.budget.owners import Members, alone, members, pooled_roles, roles_on, takes, worst_moment


@dataclass(frozen=True, slots=True)
class Use:
    """What one role, or one service by its application_name, has open.

    Attributes:
        who: how findings name it: `role payment_app (payment)`.
        role: the role; None if it is a service by its application_name.
        name: the role's name, or the application_name.
        members: the services and poolers behind it.
        path: the table of the file that one of them stands in.
        sessions: client backends that are certain.
        most_sessions: with those that may be others' parallel workers.
        peak: the most that the budget lets it have.
        peak_title: when that is.
        is_exact: whether the peak is known exactly.
    """

    who: str
    role: str | None
    name: str
    members: tuple[str, ...]
    path: Path
    sessions: int
    most_sessions: int
    peak: int
    peak_title: str
    is_exact: bool


class Unexplained(NamedTuple):
    """Sessions that no role and no service of the budget explains, and how many of them there may be.

    Attributes:
        ordinary: those of ordinary roles.
        privileged: those that may use reserved slots.
        allowed: fixed sessions, a migration, and the peak of services whose role the budget doesn't say.
        allowed_privileged: superuser_sessions, and what the ordinary ones leave of `allowed`.
        is_exact: whether that is known exactly.
    """

    ordinary: tuple[Sessions, ...]
    privileged: tuple[Sessions, ...]
    allowed: int
    allowed_privileged: int
    is_exact: bool


def uses(fleet: Fleet, server: Server) -> tuple[Use, ...]:
    """Each role of the budget on a server that was looked at, then each service by its application_name.

    A service that has its role for itself is told once.
    """
    if server.activity is None:
        return ()
    known = members(fleet)
    roles = tuple(
        _role_use(fleet, server, server.activity, role, known) for role in roles_on(fleet, server, known)
    )
    alone_with_role = {use.members[0] for use in roles if len(use.members) == 1}
    services = (
        _service_use(fleet, server, server.activity, service)
        for services in known.values()
        for service in services
        if takes(service, server.name) and service.name not in alone_with_role
    )
    return (*roles, *services)


def unexplained(fleet: Fleet, server: Server, activity: Activity) -> Unexplained:
    """The sessions that the budget doesn't know, against what it allows for."""
    known = members(fleet)
    roles, names = set(roles_on(fleet, server, known)), _direct_names(server, known)
    others = [one for one in activity.sessions if one.role not in roles and one.application_name not in names]
    ordinary = tuple(one for one in others if not one.is_privileged)
    privileged = tuple(one for one in others if one.is_privileged)
    roleless = worst_moment(alone(fleet, (None,), known), server)
    seen = sum(certain(activity.of_application(one.name)) for one in known.get(None, ()))
    allowed = (
        max(0, roleless.demand_connections - seen)
        + server.fixed_connections
        + sum(server.migration_sessions.values())
        + sum(_pooled_by_nobody(fleet, server))
    )
    left = max(0, allowed - certain(ordinary))
    return Unexplained(
        ordinary, privileged, allowed, server.limits.superuser_sessions + left, not roleless.unknown
    )


def where_connected(activity: Activity, role: str | None, services: tuple[Service, ...]) -> set[str]:
    """The databases in which the sessions of an owner are now."""
    if role is not None:
        return {one.database for one in activity.of_role(role)}
    return {one.database for service in services for one in activity.of_application(service.name)}


def _role_use(fleet: Fleet, server: Server, activity: Activity, role: str, known: Members) -> Use:
    part = alone(fleet, (role,), known)
    worst = worst_moment(part, server)
    there = next(one for one in part.servers if one.name == server.name)
    found = takers(part, there)
    names = tuple(taker.name for taker in found)
    return Use(
        who=f"role {role} ({', '.join(names)})",
        role=role,
        name=role,
        members=names,
        path=next(((taker.kind, taker.name) for taker in found), ()),
        sessions=certain(activity.of_role(role)),
        most_sessions=possible(activity.of_role(role)),
        peak=worst.demand_connections,
        peak_title=worst.title,
        is_exact=not worst.unknown or worst.unknown == _limits_unknown(server),
    )


def _service_use(fleet: Fleet, server: Server, activity: Activity, service: Service) -> Use:
    worst = worst_moment(alone(fleet, (None,), {None: (service,)}), server)
    return Use(
        who=f"{service.kind.removesuffix('s')} {service.name} (by application_name)",
        role=None,
        name=service.name,
        members=(service.name,),
        path=(service.kind, service.name),
        sessions=certain(activity.of_application(service.name)),
        most_sessions=possible(activity.of_application(service.name)),
        peak=worst.demand_connections,
        peak_title=worst.title,
        is_exact=not worst.unknown or worst.unknown == _limits_unknown(server),
    )


def _limits_unknown(server: Server) -> tuple[str, ...]:
    """What a scenario says of limits that aren't known: a peak doesn't depend on them."""
    return (f"{server.name}: {server.unknown}",) if server.unknown else ()


def _direct_names(server: Server, known: Members) -> set[str]:
    return {one.name for services in known.values() for one in services if takes(one, server.name)}


def _pooled_by_nobody(fleet: Fleet, server: Server) -> Iterator[int]:
    """What poolers open as roles that the budget doesn't name."""
    for taker in takers(fleet, server):
        pooler = next((one for one in fleet.poolers if one.name == taker.name), None)
        if taker.kind == "poolers" and pooler is not None and not pooled_roles(fleet, pooler):
            yield taker.steady + taker.deploy_adds
