"""The shape of a budget file. Types are strict: TOML says whether a value is a number, nothing is guessed.

The text below a key is what an editor shows (`json_schema` reads it, and nobody else has to wait for that).
"""

from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)
from pydantic_core import PydanticCustomError

from kc_db.budget.model import Deploy, DriverName, PoolMode, Provider, ScenarioName
from kc_db.budget.values import (
    MOST,
    Amount,
    Count,
    DeploysAtOnce,
    Identifier,
    Name,
    PgBouncerVersion,
    Positive,
    Surge,
)

# Error locations carry the tag of a union's branch; no Name can look like these.
NUMBER_TAG, OTHER_TAG = "<number>", "<other>"


class Table(BaseModel):
    """A table of the file: strict, closed, unchangeable."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class InstanceRange(Table):
    """Autoscaling bounds of a service, in tasks. The budget counts `max`; the steady state `desired`."""

    max: Count | None = None
    min: Count | None = None
    desired: Count | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        given = [
            (name, getattr(self, name))
            for name in ("min", "desired", "max")
            if getattr(self, name) is not None
        ]
        for (low_name, low), (high_name, high) in pairwise(given):
            if low > high:
                raise PydanticCustomError(
                    "order",
                    "{low_name} is {low}, more than {high_name}, {high}",
                    {"low_name": low_name, "low": low, "high_name": high_name, "high": high},
                )
        return self


Instances = Annotated[
    Annotated[InstanceRange, Tag(OTHER_TAG)] | Annotated[Count, Tag(NUMBER_TAG)],
    Discriminator(lambda value: OTHER_TAG if isinstance(value, dict | InstanceRange) else NUMBER_TAG),
]


class PolicyTable(Table):
    """What must fit."""

    deploys_at_once: DeploysAtOnce | None = None
    """How many services the pipeline deploys at the same time, or "all" (the default)."""
    headroom_percent: Annotated[int, Field(ge=0, le=99)] | None = None
    """Of what the server grants, kept free for what nobody planned; 0 by default."""
    wait_percent: Annotated[float, Field(gt=0, lt=100, allow_inf_nan=False)] | None = None
    """How many of all queries may wait for a connection, for --solve; 5 by default."""
    judged: dict[ScenarioName, bool] = {}
    """Which scenarios have to fit (true), and which are shown only (false)."""


class DatabaseTable(Table):
    """One server; model.Limits says what the settings mean and where that is written."""

    max_connections: Positive | None = None
    """PostgreSQL's setting."""
    superuser_reserved_connections: Count | None = None
    """PostgreSQL's setting; 3 by default."""
    reserved_connections: Count | None = None
    """PostgreSQL's setting, 16 and later; 0 by default."""
    vendor_reserved_connections: Count | None = None
    """What the provider keeps beside these; by default what `provider` says."""
    superuser_sessions: Count | None = None
    """Sessions of superusers, and of roles with pg_use_reserved_connections: they take ordinary slots."""
    provider: Provider | None = None
    """Who runs the server: rds and aurora keep 2, azure 15 in all, neon 7 in all."""
    instance_class: Identifier | None = None
    """RDS or Aurora instance class: a bound of max_connections, where nothing states it."""
    memory_gib: Amount | None = None
    """Memory of the instance, for a class that kc-db doesn't know."""
    replica_of: Name | None = None
    """The primary of this standby; when it is lost, its readers go there."""
    fixed_sessions: dict[Name, Count] | None = None
    """Sessions that come with no service, by purpose; they are there at any time."""
    migration_sessions: dict[Name, Count] | None = None
    """Sessions that are there only while a migration runs, by purpose."""


class PoolKeys(Table):
    """What one pool of a process is."""

    database: Name | None = None
    """The server that it goes to; needed if there are several."""
    pooler: Name | None = None
    """The pooler that it goes through, instead of `database`."""
    alias: Identifier | None = None
    """The database that it asks the pooler for; needed if the pooler has several."""
    user: Identifier | None = None
    """The user that it logs in to the pooler as; needed for PgBouncer, unless it forces one."""
    driver: DriverName | None = None
    """The driver, whose default counts where pool_size isn't stated."""
    driver_version: Positive | None = None
    """The driver's major version; matters for prisma."""
    pool_size: Count | None = None
    """Most connections that one process opens; with `driver`, that driver's own setting."""
    max_overflow: Annotated[int, Field(ge=-1, le=MOST)] | None = None
    """sqlalchemy: connections beyond pool_size, 10 by default; -1 is without end."""
    threads: Positive | None = None
    """django: threads of a process, each with a connection of its own."""
    cpus: Positive | None = None
    """prisma, pgx: CPUs that a process sees."""


class LoadTable(Table):
    """What a service asks for at its busiest, all its tasks together: for --solve."""

    queries_per_second: Amount
    """Queries or transactions that need a connection, per second."""
    seconds_per_query: Amount
    """How long each keeps its connection, on average."""


class RolloutKeys(Table):
    """How many tasks there are, and how a deploy replaces them."""

    instances: Instances | None = None
    """Tasks, or { min = 1, desired = 2, max = 4 }."""
    processes: Positive | None = None
    """Processes per task, each with its own pools; 1 by default."""
    deploy: Deploy | None = None
    """ECS: rolling, blue-green, linear, canary; Kubernetes: surge, recreate; compose: start-, stop-first."""
    maximum_percent: Annotated[int, Field(ge=100, le=MOST)] | None = None
    """ECS maximumPercent of a rolling deploy; 200 by default."""
    max_surge: Surge | None = None
    """Kubernetes maxSurge: a number or "25%", which is the default."""
    parallelism: Count | None = None
    """compose update_config.parallelism of start-first; 1 by default, 0 is all."""


class ServiceTable(PoolKeys, RolloutKeys):
    """One service or worker, or the defaults of all; model.Service says what the keys mean."""

    role: Identifier | None = None
    """The PostgreSQL role that it logs in as; for --live and enforce-pool-budget."""
    load: LoadTable | None = None
    """What it asks for at its busiest."""
    pools: dict[Name, PoolKeys] = {}
    """Several pools per process; keys that a pool doesn't state are the service's."""


class PoolerDatabaseTable(Table):
    """One entry of PgBouncer's [databases]: an alias."""

    database: Name | None = None
    """The server that it leads to; needed if there are several."""
    user: Identifier | None = None
    """The user that PgBouncer logs in as, whoever the client is."""
    users: list[Identifier] | None = None
    """Who may log in to this alias; by default every user of the pooler."""
    pool_size: Count | None = None
    """Instead of default_pool_size."""
    reserve_pool_size: Count | None = None
    """Instead of the pooler's reserve_pool_size."""
    max_db_connections: Count | None = None
    """Instead of the pooler's max_db_connections; 0 is the pooler's, too."""
    pool_mode: PoolMode | None = None
    """Instead of the pooler's pool_mode."""
    auth_user: Identifier | None = None
    """Instead of the pooler's auth_user."""


class PoolerUserTable(Table):
    """One entry of PgBouncer's [users]."""

    pool_size: Count | None = None
    """Instead of the alias's pool_size."""
    reserve_pool_size: Count | None = None
    """Instead of the alias's reserve_pool_size."""
    max_user_connections: Count | None = None
    """Instead of the pooler's max_user_connections; 0 is the pooler's, too."""


class PoolerTable(RolloutKeys):
    """PgBouncer, or an RDS Proxy. Names of settings are PgBouncer's own, and so are the defaults."""

    kind: Literal["pgbouncer", "rds-proxy"] | None = None
    """pgbouncer by default."""
    database: Name | None = None
    """The server behind it, for aliases that don't say; needed if there are several."""
    max_connections_percent: Annotated[int, Field(ge=1, le=100)] | None = None
    """RDS Proxy: its share of max_connections; 100 by default."""
    version: PgBouncerVersion | None = None
    """PgBouncer's version, like "1.24": before that, a forced user is another one in each alias."""
    pool_mode: PoolMode | None = None
    """session by default."""
    max_client_conn: Positive | None = None
    """Clients of one process; 100 by default."""
    default_pool_size: Count | None = None
    """Server connections of one (database, user) pair; 20 by default."""
    reserve_pool_size: Count | None = None
    """Further ones, when clients wait; 0 by default."""
    max_db_connections: Count | None = None
    """Server connections of one database; 0, the default, is without end."""
    max_user_connections: Count | None = None
    """Server connections of one user; 0, the default, is without end."""
    auth_user: Identifier | None = None
    """Who runs auth_query: a pool of its own in each database."""
    auth_dbname: Identifier | None = None
    """The alias in which auth_query runs; by default that of the client."""
    databases: dict[Identifier, PoolerDatabaseTable] = {}
    """The aliases; without any there is one, *."""
    users: dict[Identifier, PoolerUserTable] = {}
    """Users with limits of their own, and those that no service names."""


class SourceTable(Table):
    """Where numbers are read, so that nobody has to copy them."""

    kind: Name | None = None
    """What is read; `kc-db check-pool-budget --help` lists them."""
    file: Identifier | None = None
    """The file or folder, relative to the budget file."""
    url: Identifier | None = None
    """Of a live PgBouncer's admin console; ${VARIABLE} is taken from the environment."""
    cluster: Identifier | None = None
    """ECS cluster."""
    region: Identifier | None = None
    """AWS region; by default AWS's own configuration says."""
    pooler: Name | None = None
    """The pooler of this budget that a PgBouncer's configuration describes; pgbouncer by default."""
    service: Name | None = None
    """The service that a folder of JavaScript belongs to; by default each folder in it is a service."""
    name_prefix: str | None = None
    """Taken off the names in the source: prod- makes prod-payment the service payment."""
    rename: dict[Identifier, Name] = {}
    """Names in the source, and what this file calls them."""
    only: list[Identifier] | None = None
    """Patterns of the services that count; all by default."""
    pool_size_variables: list[Identifier] | None = None
    """Environment variables of a container that hold its pool size."""
    processes_variables: list[Identifier] | None = None
    """Environment variables of a container that hold its number of processes."""


class FleetTable(Table):
    """What the top of the file and each environment may hold."""

    policy: PolicyTable = PolicyTable()
    defaults: ServiceTable = ServiceTable()
    databases: dict[Name, DatabaseTable] = {}
    poolers: dict[Name, PoolerTable] = {}
    services: dict[Name, ServiceTable] = {}
    workers: dict[Name, ServiceTable] = {}
    sources: dict[Name, SourceTable] = {}


class BudgetFile(FleetTable):
    """The whole file; an environment overrides, key by key, what stands at the top."""

    environments: dict[Name, FleetTable] = {}


def known_keys(table: tuple[str, ...]) -> tuple[str, ...]:
    """The keys that a table of the file may hold, by its path; none if there is no such table."""
    schema = table_at(table)
    return tuple(schema.model_fields) if schema else ()


def table_at(path: tuple[str, ...]) -> type[Table] | None:
    """The shape of the table at a path, as ("services", "payment") or ("environments", "dev", "policy")."""
    current: Any = BudgetFile
    for step in path:
        if not (isinstance(current, type) and issubclass(current, Table)):
            current = current[0]  # a dict of tables by name: whichever name it is
            continue
        field = current.model_fields.get(step)
        if field is None:
            return None
        current = _tables_in(field.annotation)
        if current is None:
            return None
    return current if isinstance(current, type) and issubclass(current, Table) else None


def _tables_in(annotation: Any) -> Any:
    """The Table in a field's type; of a dict of tables, a tuple with its Table."""
    if isinstance(annotation, type) and issubclass(annotation, Table):
        return annotation
    arguments = [_tables_in(argument) for argument in getattr(annotation, "__args__", ())]
    found = next((argument for argument in arguments if argument is not None), None)
    if found is None and hasattr(annotation, "__origin__"):
        found = _tables_in(annotation.__origin__)  # Annotated
    is_dict = getattr(annotation, "__origin__", None) is dict
    return (found,) if is_dict and found is not None else found
