"""What a pool budget is about, as plain values: servers that grant connections, services that take them.

A connection is a server process of PostgreSQL; every number here counts those, per server, at one
moment. What can't be known is never a number: it is a sentence in `unknown`, and the numbers beside it are
what is certain, a lower bound.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from kc_db.budget.activity import Activity


PERCENT = 100

# PostgreSQL's own ceiling of max_connections: MAX_BACKENDS, see `max_val` in pg_settings.
MAXIMUM_MAX_CONNECTIONS = 262_143

Deploy = Literal[
    "rolling", "blue-green", "linear", "canary", "surge", "recreate", "start-first", "stop-first"
]
Kind = Literal["services", "workers"]
LimitSource = Literal["declared", "live", "override", "read", "bound"]
PoolMode = Literal["session", "transaction", "statement"]
Provider = Literal["rds", "aurora", "azure", "neon", "self-hosted"]
DriverName = Literal[
    "node-postgres",
    "postgres-js",
    "knex",
    "sequelize",
    "typeorm",
    "prisma",
    "sqlalchemy",
    "django",
    "asyncpg",
    "psycopg-pool",
    "hikaricp",
    "tomcat-jdbc",
    "npgsql",
    "pgx",
    "database-sql",
    "active-record",
    "ecto",
    "sqlx",
]
ScenarioName = Literal[
    "steady",
    "scaled-out",
    "deploy",
    "deploy-all",
    "blue-green-all",
    "second-deploy",
    "bouncer-lost",
    "replica-lost",
    "migration",
]
Path: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections a server grants, and how many of them services can't have.

    PostgreSQL refuses an ordinary role once no more than the reserved slots are free, whoever holds the
    others (src/backend/utils/init/postinit.c): a superuser's session takes a slot from ordinary roles too,
    even while the reserved ones are free. Walsenders, autovacuum and parallel workers have slots of their
    own.

    Sources: PostgreSQL manual, "Connection Settings" (runtime-config-connection) for the first three and
    their defaults; AWS Knowledge Center, rds-postgresql-error-connection-slots, for the fourth
    (`rds.rds_superuser_reserved_connections`).

    Attributes:
        max_connections: all slots of the server; 0 if nobody knows.
        superuser_reserved_connections: the last slots, for superusers only.
        reserved_connections: slots for roles with `pg_use_reserved_connections` (PostgreSQL 16 and later).
        vendor_reserved_connections: slots that the provider keeps beside these.
        superuser_sessions: sessions of superusers, and of roles with `pg_use_reserved_connections`.
    """

    max_connections: int
    superuser_reserved_connections: int = 3
    reserved_connections: int = 0
    vendor_reserved_connections: int = 0
    superuser_sessions: int = 0

    @property
    def all_reserved_connections(self) -> int:
        """Slots that an ordinary role never gets."""
        return (
            self.superuser_reserved_connections
            + self.reserved_connections
            + self.vendor_reserved_connections
            + self.superuser_sessions
        )


@dataclass(frozen=True, slots=True)
class Server:
    """One PostgreSQL server, a primary or a replica; `[databases.<name>]` in the file.

    Attributes:
        name: its name in the budget file.
        limits: what counts: what --set says, else what was read, else what the file declares.
        headroom_percent: share of the grantable connections that must stay free, for what nobody planned.
        fixed_sessions: sessions that come with no service (monitoring, people), by purpose; always there.
        migration_sessions: sessions that are there while a migration runs, by purpose.
        replica_of: the primary, whose services' readers come back to it when this one is lost.
        declared: the settings that the budget file states, by their names in Limits.
        live: the settings that were read, from the server or a source, by their names in Limits.
        source: where `limits.max_connections` comes from.
        unknown: why the limits can't be told, or are only a bound; empty if they are known.
        origins: where settings were read, by their names in Limits.
        activity: who is connected and what roles may hold, if the server was looked at.
    """

    name: str
    limits: Limits
    headroom_percent: int = 0
    fixed_sessions: Mapping[str, int] = field(default_factory=dict)
    migration_sessions: Mapping[str, int] = field(default_factory=dict)
    replica_of: str | None = None
    declared: Mapping[str, int] = field(default_factory=dict)
    live: Mapping[str, int] = field(default_factory=dict)
    source: LimitSource = "declared"
    unknown: str = ""
    origins: Mapping[str, str] = field(default_factory=dict, compare=False)
    activity: "Activity | None" = field(default=None, repr=False)

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
class Rollout:
    """How many tasks run, and how a deploy replaces them.

    Attributes:
        instances: tasks when scaled out as far as autoscaling goes.
        desired: tasks on an ordinary day; None if nobody says, and then `instances` counts.
        deploy: how a deploy replaces tasks; `deploys.peak_tasks` says what that means.
        maximum_percent: ECS `maximumPercent` of a rolling deploy.
        max_surge: Kubernetes `maxSurge`, a number of tasks or a percentage like "25%".
        parallelism: compose `update_config.parallelism`; 0 is all.
    """

    instances: int
    desired: int | None = None
    deploy: Deploy = "rolling"
    maximum_percent: int = 200
    max_surge: int | str = "25%"
    parallelism: int = 1

    @property
    def usual_tasks(self) -> int:
        """Tasks on an ordinary day."""
        return self.instances if self.desired is None else self.desired


@dataclass(frozen=True, slots=True)
class Pool:
    """What each process of a service opens to one place.

    Attributes:
        name: its name; `pool` where the service has one and says no name.
        target: the server or pooler that it goes to; None if it has no connections and the file doesn't say.
        size: most connections of one process; what is certain of it, if `unknown`.
        alias: the database that it asks a pooler for.
        user: the user that it logs in to a pooler as.
        driver: the driver, if the file says; it decides which keys make the pool smaller.
        path: the table of the file that its keys belong to.
        is_declared: whether the file has this pool; others were found by a source.
        has_own_size: whether the file states pool_size there, or it is a default.
        unknown: why the size can't be told; empty if it is known.
    """

    name: str
    target: str | None
    size: int
    alias: str | None = None
    user: str | None = None
    driver: DriverName | None = None
    path: Path = ()
    has_own_size: bool = True
    is_declared: bool = True
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class Load:
    """What a service asks for at its busiest, all its tasks together."""

    queries_per_second: float
    seconds_per_query: float

    @property
    def erlangs(self) -> float:
        """Offered load: how many connections are busy on average (rate x seconds per query)."""
        return self.queries_per_second * self.seconds_per_query


@dataclass(frozen=True, slots=True)
class Drift:
    """A number of a service that the file states, and a source has otherwise; the source's counts.

    Attributes:
        keys: the key in the service's table: ("instances", "max").
        declared: what the file says.
        read: what the source says.
        origin: where it was read.
    """

    keys: Path
    declared: int
    read: int
    origin: str


@dataclass(frozen=True, slots=True)
class Service:
    """One service, or one worker.

    Attributes:
        name: its name in the budget file.
        kind: the table of the file that it stands in.
        rollout: its tasks, and how a deploy replaces them.
        pools: what each process opens.
        processes: processes per task, each with its own pools.
        role: the PostgreSQL role that it logs in as, if the file says.
        load: what it asks for at its busiest, if the file says.
        origins: where keys were read, by key; those that the file states itself are not there.
        drifts: numbers that the file states, and a source has otherwise.
        is_declared: whether the file has it; others were found by a source.
        unknown: why its tasks or processes can't be told; empty if they are known.
    """

    name: str
    kind: Kind
    rollout: Rollout
    pools: tuple[Pool, ...] = ()
    processes: int = 1
    role: str | None = None
    load: Load | None = None
    origins: Mapping[str, str] = field(default_factory=dict, compare=False)
    drifts: tuple[Drift, ...] = ()
    is_declared: bool = True
    unknown: str = ""

    @property
    def pool_size(self) -> int:
        """Most connections that one process opens, to all targets together."""
        return sum(pool.size for pool in self.pools)

    def connections_per_task(self, target: str) -> int:
        """Most connections that one task opens to a target."""
        return self.processes * sum(pool.size for pool in self.pools if pool.target == target)

    def unknowns(self, target: str) -> Iterator[str]:
        """Why what this service takes from a target can't be told."""
        pools = [pool for pool in self.pools if pool.target in {target, None}]
        yield from (pool.unknown for pool in pools if pool.unknown)
        if self.unknown and any(pool.size or pool.unknown for pool in pools):
            yield self.unknown


UNSAID_TASKS = "nothing says how many tasks it has"
"""Why the tasks of a service can't be told that no budget file and no source runs."""

ALL_USERS = "(all users)"
"""The pools of an alias whose users nobody names, but whose sum is limited."""


def counted_apart(user: str, alias: str) -> str:
    """How pool_sizes names a forced user of PgBouncer before 1.24, which is another one in each alias."""
    return f"{user} of {alias}"


@dataclass(frozen=True, slots=True)
class Alias:
    """One entry of PgBouncer's [databases].

    Attributes:
        name: what clients ask for.
        server: the server that it leads to.
        pool_sizes: per user who has a pool: a forced user alone, else whoever may log in; pool_size and
            reserve_pool_size together.
        max_db_connections: None for no limit.
    """

    name: str
    server: str
    pool_sizes: Mapping[str, int]
    max_db_connections: int | None = None

    def role_of(self, user: str) -> str:
        """The role behind a user of pool_sizes."""
        return user.removesuffix(counted_apart("", self.name))


@dataclass(frozen=True, slots=True)
class Pooler:
    """PgBouncer, or an RDS Proxy: what stands between services and servers.

    Attributes:
        name: its name in the budget file.
        rollout: its instances, and how a deploy replaces them.
        processes: processes per instance, each with its own pools.
        aliases: PgBouncer's databases.
        max_user_connections: limits per user; a user who isn't there has none.
        max_client_conn: clients of one process; None for an RDS Proxy, which has no setting for it.
        pool_mode: when a server connection is given to another client.
        proxied: an RDS Proxy's server, and None for PgBouncer.
        max_connections_percent: RDS Proxy: its share of max_connections.
        unknown: why what it opens can't be told; empty if it is known.
    """

    name: str
    rollout: Rollout
    processes: int = 1
    aliases: tuple[Alias, ...] = ()
    max_user_connections: Mapping[str, int] = field(default_factory=dict)
    max_client_conn: int | None = 100
    pool_mode: PoolMode = "session"
    proxied: str | None = None
    max_connections_percent: int = 100
    unknown: str = ""

    @property
    def servers(self) -> tuple[str, ...]:
        """The servers that it opens connections to."""
        if self.proxied is not None:
            return (self.proxied,)
        return tuple(dict.fromkeys(alias.server for alias in self.aliases))


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
