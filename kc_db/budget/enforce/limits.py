"""How many sessions each role may have, so that PostgreSQL itself holds a fleet to its budget.

`ALTER ROLE ... CONNECTION LIMIT` is one number per role, at all times: it has to let the role through in the
worst moment that the policy judges, and it can't know that other roles' deploys wait for their turn. So the
limits hold a fleet only if they add up to no more than a server may give out; then no service, however wrong
its pools are, takes another one's connections. A superuser has no limit.

Sources: PostgreSQL manual, CREATE ROLE, `CONNECTION LIMIT`; for superusers and for whom it counts
src/backend/utils/init/miscinit.c, InitializeSessionUserId. A limit is looked at when a session begins:
sessions that are open stay. Roles are the same on a primary and its replicas, where each server counts its
own sessions.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from kc_db.budget.demand import takers
from kc_db.budget.ledger import ledger
from kc_db.budget.model import Fleet, Server, Service
from kc_db.budget.owners import Members, alone, members, nobodys_pools, roles_on, takes, worst_moment

Verdict = Literal["fits", "does not fit", "unproven"]

UNENFORCEABLE = "unenforceable-budget"
UNENFORCEABLE_DOCUMENTATION = """The limits that the roles need add up to more than a server may give out.

A role's limit is its peak in the worst moment that the policy judges. Policies that let a fleet fit because
deploys take turns are no help here: PostgreSQL counts each role for itself, at any time.

If you leave it: nothing is set. With limits that are lower than the peaks, a service would be refused in its
own deploy; with limits that add up to more, they would hold nobody to the budget.

To mend it: take one of the changes in the finding. Or let services share a role: within one role the limit
does know how many of them deploy at once.
"""


@dataclass(frozen=True, slots=True)
class RoleLimit:
    """What a role needs.

    Attributes:
        role: the role.
        limit: its CONNECTION LIMIT; on which server of the cluster it needs most, decides.
        made_of: the arithmetic, for people.
        servers: the servers that it connects to.
        members: the services and poolers behind it.
    """

    role: str
    limit: int
    made_of: str
    servers: tuple[str, ...]
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """What one server has to give out, and what the limits of its roles add up to."""

    server: Server
    capacity: int
    limits: int

    @property
    def fits(self) -> bool:
        """Whether the server can't run out, whatever the roles do. Nobody knows what no limit grants."""
        return self.limits <= self.capacity or not self.server.limits.max_connections


@dataclass(frozen=True, slots=True)
class Enforcement:
    """The limits of one cluster: a primary and its replicas have the same roles.

    Attributes:
        fleet: the fleet.
        servers: the primary, then its replicas.
        limits: the limit of each role; lower bounds, if there is something unknown.
        shares: what that means for each server.
        nameless: services that connect, and whose role the budget doesn't say.
        unknown: why the limits, or what a server may give out, can't be told exactly.
    """

    fleet: Fleet
    servers: tuple[Server, ...]
    limits: tuple[RoleLimit, ...]
    shares: tuple[Share, ...]
    nameless: tuple[Service, ...]
    unknown: tuple[str, ...]

    @property
    def primary(self) -> Server:
        """The server on which roles are altered."""
        return self.servers[0]

    @property
    def verdict(self) -> Verdict:
        """Whether the limits can be set."""
        if not all(share.fits for share in self.shares):
            return "does not fit"
        return "unproven" if self.unknown else "fits"

    def verdict_of(self, share: Share) -> Verdict:
        """The same, of one server."""
        if not share.fits:
            return "does not fit"
        return "unproven" if self.unknown else "fits"


def enforcements(fleet: Fleet) -> tuple[Enforcement, ...]:
    """The limits of each cluster."""
    known = members(fleet)
    return tuple(_enforcement(fleet, cluster, known) for cluster in _clusters(fleet))


def enforcement_of(fleet: Fleet, server: str) -> Enforcement:
    """The limits of the cluster that a server belongs to."""
    cluster = next(found for found in _clusters(fleet) if server in {one.name for one in found})
    return _enforcement(fleet, cluster, members(fleet))


def given_out(fleet: Fleet, server: Server) -> int:
    """What the roles may take together: the rest is for fixed sessions, and a migration if it is judged."""
    migrates = fleet.judged.get("migration", True)
    migration = sum(server.migration_sessions.values()) if migrates else 0
    return server.usable_connections - server.fixed_connections - migration


def _clusters(fleet: Fleet) -> Iterator[tuple[Server, ...]]:
    grouped: dict[str, list[Server]] = {}
    for server in fleet.servers:
        grouped.setdefault(_primary(fleet, server).name, []).append(server)
    for name, servers in grouped.items():
        yield tuple(sorted(servers, key=lambda server: server.name != name))


def _primary(fleet: Fleet, server: Server) -> Server:
    """The end of a chain of replicas; where it has none, the first of the file."""
    by_name = {known.name: known for known in fleet.servers}
    seen = [server]
    while (source := by_name.get(seen[-1].replica_of or "")) is not None:
        if source in seen:
            return next(known for known in fleet.servers if known in seen)
        seen.append(source)
    return seen[-1]


def _enforcement(fleet: Fleet, cluster: tuple[Server, ...], known: Members) -> Enforcement:
    roles = {server.name: roles_on(fleet, server, known) for server in cluster}
    everyone = dict.fromkeys(role for there in roles.values() for role in there)
    coming = {server.name: _coming(fleet, server, roles) for server in cluster}
    limits = {
        role: _limit(fleet, role, tuple(one for one in cluster if role in coming[one.name]), known)
        for role in everyone
    }
    shares = (
        Share(one, given_out(fleet, one), sum(limits[role].limit for role in coming[one.name]))
        for one in cluster
    )
    unknown = (why for one in cluster for why in (*ledger(fleet, one).unknown, *nobodys_pools(fleet, one)))
    return Enforcement(
        fleet=fleet,
        servers=cluster,
        limits=tuple(limit for limit in limits.values() if limit.limit),  # 0 would lock a role out
        shares=tuple(shares),
        nameless=tuple(_nameless(fleet, cluster, known)),
        unknown=tuple(dict.fromkeys(unknown)),
    )


def _coming(fleet: Fleet, server: Server, roles: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The roles of a server; on a primary also those of its replicas, if these may be lost."""
    replicas = fleet.replicas(server) if fleet.judged.get("replica-lost", True) else ()
    there = (roles[server.name], *(roles[replica.name] for replica in replicas if replica.name in roles))
    return tuple(dict.fromkeys(role for names in there for role in names))


def _nameless(fleet: Fleet, cluster: tuple[Server, ...], known: Members) -> Iterator[Service]:
    names = {server.name for server in cluster}
    yield from (one for one in known.get(None, ()) if any(takes(one, name) for name in names))
    for pooler in fleet.poolers:
        if pooler.proxied in names:
            for service in fleet.services:
                pools = [pool for pool in service.pools if pool.target == pooler.name]
                if service.role is None and any(pool.user is None for pool in pools):
                    yield service


def _limit(fleet: Fleet, role: str, servers: tuple[Server, ...], known: Members) -> RoleLimit:
    part = alone(fleet, (role,), known)
    peaks = {server.name: worst_moment(part, server) for server in servers}
    decisive = max(servers, key=lambda server: peaks[server.name].demand_connections)
    names = (taker.name for server in part.servers for taker in takers(part, server))
    return RoleLimit(
        role=role,
        limit=peaks[decisive.name].demand_connections,
        made_of=_made_of(part, decisive, is_only=len(servers) == 1),
        servers=tuple(peaks),
        members=tuple(dict.fromkeys(names)),
    )


def _made_of(part: Fleet, server: Server, *, is_only: bool) -> str:
    """`payment 2 x 10, deploy + 20`: what is always there, and what the worst moment adds."""
    found = takers(part, next(known for known in part.servers if known.name == server.name))
    words = " + ".join(f"{one.name} {one.rollout.instances} x {one.per_task}" for one in found)
    worst = worst_moment(part, server)
    added = worst.demand_connections - sum(one.steady for one in found)
    where = "" if is_only else f" (on {server.name})"
    return f"{words or 'nothing'}{f'; {worst.title} + {added}' if added else ''}{where}"
