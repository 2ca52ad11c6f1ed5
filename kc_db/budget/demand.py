"""Who takes connections from a server, or client slots from a PgBouncer, and how many at which moment."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

from kc_db.budget.bouncer import pooler_connections
from kc_db.budget.deploys import draining_tasks, peak_tasks
from kc_db.budget.model import PERCENT, Fleet, Pooler, Rollout, Server, Service

Target = Server | Pooler
TakerKind = Literal["services", "workers", "poolers"]
_FIXED = Rollout(instances=1, deploy="recreate")


@dataclass(frozen=True)
class Taker:
    """What one service, worker or pooler takes from one target.

    Attributes:
        name: its name in the budget file.
        kind: the table of the file that it stands in.
        per_task: connections of one task, or of one instance of a pooler.
        rollout: its tasks, and how a deploy replaces them.
        unknown: why that can't be told, or is only a lower bound; empty if it is exact.
    """

    name: str
    kind: TakerKind
    per_task: int
    rollout: Rollout
    unknown: tuple[str, ...] = ()

    @cached_property
    def usual(self) -> int:
        """On an ordinary day, every pool full."""
        return self.per_task * self.rollout.usual_tasks

    @cached_property
    def steady(self) -> int:
        """Scaled out as far as autoscaling goes, no deploy under way."""
        return self.per_task * self.rollout.instances

    @cached_property
    def deploy_adds(self) -> int:
        """What its deploy takes on top of that."""
        return self.per_task * (peak_tasks(self.rollout) - self.rollout.instances)

    @cached_property
    def blue_green_adds(self) -> int:
        """What a second full set takes on top of that; a pooler stays, unless it is rolled itself."""
        return self.deploy_adds if self.kind == "poolers" else self.steady

    @cached_property
    def drain_adds(self) -> int:
        """What the last deploy's tasks still hold when its next deploy begins."""
        return self.per_task * draining_tasks(self.rollout)

    @cached_property
    def slow_deploy_adds(self) -> int:
        """What its deploy takes if stopped tasks drain for long: all old ones beside all new ones."""
        return max(self.deploy_adds, self.drain_adds)

    @cached_property
    def second_deploy_adds(self) -> int:
        """What a second deploy takes on top of that, while the first one's tasks drain."""
        return min(self.deploy_adds, self.drain_adds)


def takers(fleet: Fleet, target: Target) -> tuple[Taker, ...]:
    """Everybody who takes something from a target, in the order of the file; poolers stand last."""
    services = _service_takers(_Services(fleet.services), target.name)
    if isinstance(target, Pooler):
        return services
    poolers = (_pooler_taker(pooler, target) for pooler in fleet.poolers if target.name in pooler.servers)
    return (*services, *(taker for taker in poolers if taker.steady or taker.unknown))


def readers(fleet: Fleet, primary: Server, replica: Server) -> int:
    """What a primary has to carry in addition when a replica is lost and its readers come to it."""
    direct = sum(taker.steady for taker in _service_takers(_Services(fleet.services), replica.name))
    both, alone = frozenset((primary.name, replica.name)), frozenset((primary.name,))
    pooled = sum(
        pooler.processes
        * pooler.rollout.instances
        * (pooler_connections(pooler, both) - pooler_connections(pooler, alone))
        for pooler in fleet.poolers
        if pooler.proxied is None
    )
    proxied = sum(_proxied(pooler, primary) for pooler in fleet.poolers if pooler.proxied == replica.name)
    return direct + pooled + proxied


class _Services:
    """The services of a fleet as a key: the same tuple, which many changed fleets share."""

    def __init__(self, services: tuple[Service, ...]) -> None:
        self.services = services

    def __hash__(self) -> int:
        return id(self.services)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Services) and self.services is other.services


@lru_cache(maxsize=64)
def _service_takers(key: _Services, target: str) -> tuple[Taker, ...]:
    found = (_service_taker(service, target) for service in key.services)
    return tuple(taker for taker in found if taker.steady or taker.unknown)


def _service_taker(service: Service, target: str) -> Taker:
    return Taker(
        service.name,
        service.kind,
        service.connections_per_task(target),
        service.rollout,
        tuple(f"{service.name}: {why}" for why in service.unknowns(target)),
    )


def _pooler_taker(pooler: Pooler, server: Server) -> Taker:
    unknown = tuple(f"{pooler.name}: {why}" for why in pooler.unknowns(server.name))
    if pooler.proxied is not None:
        return Taker(pooler.name, "poolers", _proxied(pooler, server), _FIXED, unknown)
    per_task = pooler.processes * pooler_connections(pooler, frozenset((server.name,)))
    return Taker(pooler.name, "poolers", per_task, pooler.rollout, unknown)


def _proxied(pooler: Pooler, server: Server) -> int:
    """What an RDS Proxy may open to one target: MaxConnectionsPercent of its max_connections, rounded down.

    Source: Amazon RDS, ConnectionPoolConfiguration, `MaxConnectionsPercent`. Several proxies don't know of
    each other, so that their shares add up.
    """
    return server.limits.max_connections * pooler.max_connections_percent // PERCENT
