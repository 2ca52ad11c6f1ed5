"""What takes connections: services and workers, their tasks and their pools."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from kc_db.budget.model.names import Deploy, DriverName, Kind, Path

_ROOM = {"max_client_conn"}  # more of it lets more in; of everything else more takes more
_ENDLESS_AT_ZERO = {"max_db_connections", "max_user_connections"}

UNSAID_TASKS = "nothing says how many tasks it has"
"""Why the tasks of a service can't be told that no budget file and no source runs."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """How many tasks run, and how a deploy replaces them.

    Attributes:
        instances: tasks when scaled out as far as autoscaling goes.
        desired: tasks on an ordinary day; None if nobody says, and then `instances` counts.
        minimum: tasks when scaled in as far as autoscaling goes; None if nobody says.
        deploy: how a deploy replaces tasks; `deploys.peak_tasks` says what that means.
        maximum_percent: ECS `maximumPercent` of a rolling deploy.
        max_surge: Kubernetes `maxSurge`, a number of tasks or a percentage like "25%".
        parallelism: compose `update_config.parallelism`; 0 is all.
    """

    instances: int
    desired: int | None = None
    minimum: int | None = None
    deploy: Deploy = "rolling"
    maximum_percent: int = 200
    max_surge: int | str = "25%"
    parallelism: int = 1

    @property
    def fewest_tasks(self) -> int:
        """Tasks that are there at any time."""
        return self.usual_tasks if self.minimum is None else min(self.minimum, self.usual_tasks)

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

    @property
    def hides_demand(self) -> bool:
        """Whether the file sees a smaller demand than there is, or more room."""
        key = self.keys[-1]
        if key in _ENDLESS_AT_ZERO and 0 in {self.declared, self.read}:
            return self.read == 0
        return (self.declared > self.read) if key in _ROOM else (self.declared < self.read)


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
