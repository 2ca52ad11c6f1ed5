"""What a pool budget is about, as plain values: servers that grant connections, services that take them.

A connection is a server process of PostgreSQL; every number here counts those, per server, at one
moment.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

PERCENT = 100

# PostgreSQL's own ceiling of max_connections: MAX_BACKENDS, see `max_val` in pg_settings.
MAXIMUM_MAX_CONNECTIONS = 262_143

Deploy = Literal["rolling", "blue-green"]
Kind = Literal["services", "workers"]
Source = Literal["declared", "live", "override"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections a server grants, and how many of them services can't have.

    Sources: PostgreSQL manual, "Connection Settings" (runtime-config-connection) for the first three and
    their defaults; AWS Knowledge Center, rds-postgresql-error-connection-slots, for the last
    (`rds.rds_superuser_reserved_connections`).

    Attributes:
        max_connections: all slots of the server.
        superuser_reserved_connections: the last slots, for superusers only.
        reserved_connections: slots for roles with `pg_use_reserved_connections` (PostgreSQL 16 and later).
        vendor_reserved_connections: slots that the provider keeps, 2 on RDS up to PostgreSQL 15.
    """

    max_connections: int
    superuser_reserved_connections: int = 3
    reserved_connections: int = 0
    vendor_reserved_connections: int = 0

    @property
    def all_reserved_connections(self) -> int:
        """Slots that an ordinary role never gets."""
        return (
            self.superuser_reserved_connections + self.reserved_connections + self.vendor_reserved_connections
        )


@dataclass(frozen=True, slots=True)
class Database:
    """One server.

    Attributes:
        name: its name in the budget file.
        limits: what counts: what --set says, else what the server says, else what the file declares.
        headroom_percent: share of the grantable connections that must stay free, for what nobody planned.
        fixed_sessions: sessions that come with no service (migration, monitoring, people), by purpose.
        declared: the settings that the budget file states, by their names in Limits.
        live: the settings that were read from the server, by their names in Limits.
        source: where `limits` come from, for whoever reads them.
    """

    name: str
    limits: Limits
    headroom_percent: int = 0
    fixed_sessions: Mapping[str, int] = field(default_factory=dict)
    declared: Mapping[str, int] = field(default_factory=dict)
    live: Mapping[str, int] = field(default_factory=dict)
    source: Source = "declared"

    @property
    def grantable_connections(self) -> int:
        """What ordinary roles can get: max_connections less every reserve (sources: see Limits)."""
        return max(0, self.limits.max_connections - self.limits.all_reserved_connections)

    @property
    def headroom_connections(self) -> int:
        """What is kept free: the percentage of the grantable connections, rounded up in favour of safety."""
        return -(-self.grantable_connections * self.headroom_percent // PERCENT)

    @property
    def usable_connections(self) -> int:
        """What the fleet may take."""
        return self.grantable_connections - self.headroom_connections

    @property
    def fixed_connections(self) -> int:
        """What is taken whatever the services do."""
        return sum(self.fixed_sessions.values())


@dataclass(frozen=True, slots=True)
class Service:
    """One ECS service, or one worker.

    Attributes:
        name: its name in the budget file.
        kind: the table of the file that it stands in.
        database: the server that its pool goes to; None if it has no pool and the file doesn't say.
        pool_size: most connections that one process opens.
        instances: tasks when scaled out as far as autoscaling goes.
        processes: processes per task, each with a pool of its own.
        deploy: whether a deploy replaces tasks in batches, or runs a second full set first.
        maximum_percent: ECS `maximumPercent` of a rolling deploy.
        has_own_pool_size: whether the file states pool_size for this service, or it is a default.
    """

    name: str
    kind: Kind
    database: str | None
    pool_size: int
    instances: int
    processes: int = 1
    deploy: Deploy = "rolling"
    maximum_percent: int = 200
    has_own_pool_size: bool = True

    @property
    def steady_connections(self) -> int:
        """Every pool full, no deploy under way."""
        return self.pool_size * self.processes * self.instances

    @property
    def peak_tasks(self) -> int:
        """Tasks in the worst minute of this service's deploy.

        Rolling: AWS ECS, DeploymentConfiguration, `maximumPercent`: the upper limit of tasks that are RUNNING
        or PENDING, as a percentage of desiredCount, rounded down. Blue/green runs two full sets side by side.
        """
        if self.deploy == "blue-green":
            return 2 * self.instances
        return self.instances * self.maximum_percent // PERCENT

    @property
    def deploy_connections(self) -> int:
        """What its deploy takes on top of the steady connections."""
        return self.pool_size * self.processes * (self.peak_tasks - self.instances)


def _no_line(_path: tuple[str, ...]) -> int | None:
    return None


@dataclass(frozen=True, slots=True)
class Fleet:
    """Everything that connects, in one environment.

    Attributes:
        environment: its name; None where the file names no environments.
        databases: the servers.
        services: services and workers, in the order of the file.
        deploys_at_once: how many services the pipeline rolls at the same time; None for all of them.
        file: the budget file.
        line_of: 1-based line of a key path in that file; parses it, so it is called for findings only.
    """

    environment: str | None
    databases: tuple[Database, ...]
    services: tuple[Service, ...]
    deploys_at_once: int | None = None
    file: str | None = None
    line_of: Callable[[tuple[str, ...]], int | None] = field(default=_no_line, repr=False, compare=False)

    def clients(self, database: Database) -> tuple[Service, ...]:
        """Services with a pool on this database."""
        return tuple(
            service
            for service in self.services
            if service.database == database.name and service.steady_connections
        )

    def named(self, database: Database) -> str:
        """How findings name a database of this fleet."""
        return (
            f"{self.environment}, database {database.name}"
            if self.environment
            else f"database {database.name}"
        )

    def with_database(self, changed: Database) -> "Fleet":
        """The same fleet on a changed server of the same name."""
        return replace(
            self, databases=tuple(changed if d.name == changed.name else d for d in self.databases)
        )

    def with_services(self, change: Callable[[Service], Service]) -> "Fleet":
        """The same fleet with `change` applied to each service."""
        return replace(self, services=tuple(map(change, self.services)))
