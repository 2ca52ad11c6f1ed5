"""Everything that connects, in one environment."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from kc_db.budget.model.names import Path, ScenarioName
from kc_db.budget.model.poolers import Pooler
from kc_db.budget.model.servers import Server
from kc_db.budget.model.services import Service


def _no_line(_path: Path) -> int | None:
    return None


@dataclass(frozen=True, slots=True)
class Fleet:
    """Everything that connects, in one environment.

    Attributes:
        environment: its name; None where the file names no environments.
        servers: the PostgreSQL servers.
        services: services and workers, in the order of the file.
        poolers: what stands between them.
        deploys_at_once: how many services the pipeline rolls at the same time; None for all of them.
        judged: what the policy says of scenarios: True has to fit, False is shown only.
        wait_percent: how many of all queries may wait for a connection, where pools are split by need.
        file: the budget file.
        line_of: 1-based line of a key path in that file; parses it, so it is called for findings only.
    """

    environment: str | None
    servers: tuple[Server, ...]
    services: tuple[Service, ...]
    poolers: tuple[Pooler, ...] = ()
    deploys_at_once: int | None = None
    judged: Mapping[ScenarioName, bool] = field(default_factory=dict)
    wait_percent: float = 5.0
    file: str | None = None
    line_of: Callable[[Path], int | None] = field(default=_no_line, repr=False, compare=False)

    @property
    def targets(self) -> tuple[Server | Pooler, ...]:
        """What can run out: every server, and every PgBouncer's client slots."""
        return (*self.servers, *(pooler for pooler in self.poolers if pooler.max_client_conn is not None))

    def named(self, target: Server | Pooler) -> str:
        """How findings name a server or a pooler of this fleet."""
        kind = "database" if isinstance(target, Server) else "pooler"
        return f"{self.environment}, {kind} {target.name}" if self.environment else f"{kind} {target.name}"

    def named_service(self, service: Service) -> str:
        """How findings name a service or worker of this fleet."""
        kind = service.kind.removesuffix("s")
        return f"{self.environment}, {kind} {service.name}" if self.environment else f"{kind} {service.name}"

    def replicas(self, server: Server) -> tuple[Server, ...]:
        """The replicas of a primary."""
        return tuple(known for known in self.servers if known.replica_of == server.name)

    def with_server(self, changed: Server) -> "Fleet":
        """The same fleet on a changed server of the same name."""
        return replace(self, servers=tuple(changed if s.name == changed.name else s for s in self.servers))

    def with_services(self, change: Callable[[Service], Service]) -> "Fleet":
        """The same fleet with `change` applied to each service."""
        return replace(self, services=tuple(map(change, self.services)))
