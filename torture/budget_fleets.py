"""Fleets for torture.budget: what there is, how it is written as a budget, how each platform replaces tasks.

The platforms' rules stand here as their schedulers work, task by task. Nothing here computes a peak.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random

import tomli_w

PRIMARY, REPLICA = "primary", "replica"
_FIRST_WITH_RESERVED = 16
_DEPLOYS = ("rolling", "blue-green", "canary", "linear", "surge", "recreate", "start-first", "stop-first")
_WAIT_UNTIL_GONE = frozenset({"recreate", "stop-first"})
_NAMES = ("payment", "booking", "trainer", "course", "session-worker", "purchase-worker")
_NO_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class Crew:
    """One service as its platform sees it.

    Attributes:
        name: the service's; its PostgreSQL role, too.
        usual: tasks on an ordinary day.
        tasks: tasks when scaled out.
        processes: of each task, each with its own pools.
        pools: their sizes.
        reading: sizes of the pools that go to the replica, and to the primary when that is lost.
        rollout: `deploy` and its options, by the budget's names.
    """

    name: str
    usual: int
    tasks: int
    processes: int
    pools: tuple[int, ...]
    reading: tuple[int, ...]
    rollout: Mapping[str, int | str]


@dataclass(frozen=True, slots=True)
class Site:
    """The server of a fleet, and who is on it beside the services.

    Attributes:
        superuser_reserved: superuser_reserved_connections.
        reserved: reserved_connections; 0 before PostgreSQL 16.
        superusers: sessions of superusers.
        privileged: sessions of a role with pg_use_reserved_connections.
        fillers: further sessions of superusers; max_connections is larger by so many.
        walsenders: replication connections.
        has_parallel_query: whether a superuser's session runs a parallel query all the time.
        fixed: sessions that are always there, by purpose.
        migration: sessions of a migration, by purpose.
    """

    superuser_reserved: int
    reserved: int = 0
    superusers: int = 0
    privileged: int = 0
    fillers: int = 0
    walsenders: int = 0
    has_parallel_query: bool = False
    fixed: Mapping[str, int] = field(default_factory=dict)
    migration: Mapping[str, int] = field(default_factory=dict)

    @property
    def superuser_sessions(self) -> int:
        """All that the budget counts under this name."""
        return self.superusers + self.privileged + self.fillers


@dataclass(frozen=True, slots=True)
class Case:
    """A fleet, its server and its policy."""

    crews: tuple[Crew, ...]
    site: Site
    deploys_at_once: int | None = None
    judged: Mapping[str, bool] = field(default_factory=dict)

    @property
    def has_replica(self) -> bool:
        """Whether anybody reads from one."""
        return any(crew.reading for crew in self.crews)


def generate(random: Random, major: int) -> Case:
    """A fleet of two to six services for a server of a major version."""
    names = random.sample(_NAMES, random.randint(2, len(_NAMES)))
    has_replica = random.random() < 0.3
    return Case(
        crews=tuple(_crew(random, name, has_replica=has_replica) for name in names),
        site=_site(random, major),
        deploys_at_once=random.choice((None, 1, 1, 2, 3)),
        judged={
            # Whether all deploys at once are judged is left to deploys_at_once, or said with true.
            name: random.random() < 0.5 or name == "deploy-all"
            for name in ("deploy-all", "blue-green-all", "second-deploy", "replica-lost", "migration")
            if random.random() < 0.3
        },
    )


def _crew(random: Random, name: str, *, has_replica: bool) -> Crew:
    tasks = random.choice((1, 1, 2, 2, 3, 4))
    return Crew(
        name=name,
        usual=random.randint(0 if random.random() < 0.1 else 1, tasks),
        tasks=tasks,
        processes=random.choice((1, 1, 1, 2)),
        pools=tuple(random.randint(1, 3) for _ in range(random.choice((1, 1, 2, 3)))),
        reading=(random.randint(1, 3),) if has_replica and random.random() < 0.5 else (),
        rollout=_rollout(random),
    )


def _rollout(random: Random) -> Mapping[str, int | str]:
    deploy = random.choice(_DEPLOYS)
    options: Mapping[str, tuple[str, tuple[int | str | None, ...]]] = {
        "rolling": ("maximum_percent", (None, 100, 125, 150, 175, 200, 250, 300)),
        "surge": ("max_surge", (None, 0, 1, 2, "10%", "25%", "50%", "100%")),
        "start-first": ("parallelism", (None, 0, 1, 2)),
    }
    key, values = options.get(deploy, ("", (None,)))
    value = random.choice(values)
    return {"deploy": deploy} if value is None else {"deploy": deploy, key: value}


def _site(random: Random, major: int) -> Site:
    superusers = random.randint(0, 3)
    has_reserved = major >= _FIRST_WITH_RESERVED
    return Site(
        superuser_reserved=random.randint(0, 4),
        reserved=random.randint(0, 3) if has_reserved else 0,
        superusers=superusers,
        privileged=random.randint(0, 2) if has_reserved else 0,
        fillers=random.randint(3, 12) if superusers and random.random() < 0.5 else 0,
        walsenders=random.randint(0, 2),
        has_parallel_query=superusers > 1 and random.random() < 0.6,
        fixed={"monitoring": random.randint(1, 2)} if random.random() < 0.5 else {},
        migration={"alembic": 1, "checks": random.randint(0, 9)} if random.random() < 0.5 else {},
    )


def budget_text(case: Case, max_connections: int) -> str:
    """The fleet as pool_budget.toml."""
    site = case.site
    server: dict[str, object] = {
        "max_connections": max_connections,
        "superuser_reserved_connections": site.superuser_reserved,
        "reserved_connections": site.reserved,
        "superuser_sessions": site.superuser_sessions,
        "fixed_sessions": dict(site.fixed),
        "migration_sessions": dict(site.migration),
    }
    databases = {PRIMARY: server}
    if case.has_replica:
        databases[REPLICA] = {"max_connections": _NO_LIMIT, "replica_of": PRIMARY}
    policy = {"deploys_at_once": case.deploys_at_once or "all", "judged": dict(case.judged)}
    services: dict[str, object] = {crew.name: _table(crew) for crew in case.crews if not _is_worker(crew)}
    workers: dict[str, object] = {crew.name: _table(crew) for crew in case.crews if _is_worker(crew)}
    tables = {"policy": policy, "databases": databases, "services": services, "workers": workers}
    return tomli_w.dumps({name: table for name, table in tables.items() if table})


def _is_worker(crew: Crew) -> bool:
    return crew.name.endswith("-worker")


def _table(crew: Crew) -> dict[str, object]:
    own = {f"pool-{n}": {"database": PRIMARY, "pool_size": size} for n, size in enumerate(crew.pools)}
    reading = {f"reader-{n}": {"database": REPLICA, "pool_size": size} for n, size in enumerate(crew.reading)}
    instances = {"min": crew.usual, "desired": crew.usual, "max": crew.tasks}
    return {
        "role": crew.name,
        "instances": instances if crew.usual < crew.tasks else crew.tasks,
        "processes": crew.processes,
        **crew.rollout,
        "pools": own | reading,
    }


def deploying(crew: Crew, *, is_hurried: bool = True) -> Iterator[int]:
    """What happens to a service's tasks while all of them are replaced: 1, one starts; -1, one has gone.

    Args:
        crew: the service, scaled out.
        is_hurried: where the platform has room for it, a next revision is pushed before the last one's
            old tasks have stopped.
    """
    option = next((value for key, value in crew.rollout.items() if key != "deploy"), None)
    if not crew.tasks:
        return
    match crew.rollout["deploy"]:
        case "rolling":
            yield from _ecs_rolling(crew.tasks, int(option or 200), is_hurried=is_hurried)
        case "blue-green" | "linear" | "canary":
            yield from (1,) * crew.tasks  # traffic comes to them at once or little by little, and then
            yield from (-1,) * crew.tasks
        case "surge":
            yield from _kubernetes(crew.tasks, "25%" if option is None else option, is_hurried=is_hurried)
        case "recreate":
            yield from (-1,) * crew.tasks
            yield from (1,) * crew.tasks
        case "start-first" | "stop-first" as order:
            batch = 1 if option is None else int(option) or crew.tasks
            yield from _swarm(crew.tasks, batch, first=1 if order == "start-first" else -1)


def deploying_twice(crew: Crew) -> Iterator[int]:
    """A deploy, and the next one while the tasks that the first has stopped are still there."""
    events = list(deploying(crew, is_hurried=False))
    if crew.rollout["deploy"] in _WAIT_UNTIL_GONE:
        yield from events
        yield from deploying(crew)
        return
    yield from (event for event in events if event > 0)
    yield from deploying(crew)
    yield from (event for event in events if event < 0)


def deploying_slowly(crew: Crew) -> Iterator[int]:
    """A deploy in which a task that is told to stop takes longer to go than a new one to start."""
    events = list(deploying(crew, is_hurried=False))
    yield from events if crew.rollout["deploy"] in _WAIT_UNTIL_GONE else sorted(events, reverse=True)


def _ecs_rolling(tasks: int, maximum_percent: int, *, is_hurried: bool) -> Iterator[int]:
    """Amazon ECS, DeploymentConfiguration: RUNNING and PENDING tasks stay within two percentages.

    minimumHealthyPercent is 100 where there is room for a new task, else 0: nothing else could go on.
    """
    most = tasks * maximum_percent // 100
    least = tasks if most > tasks else 0
    yield from _controlled(tasks, most, least, is_hurried=is_hurried)


def _kubernetes(tasks: int, max_surge: int | str, *, is_hurried: bool) -> Iterator[int]:
    """Kubernetes, Deployment: maxSurge rounds up, maxUnavailable (25 %) down; 1 if both are 0."""
    if isinstance(max_surge, str):
        max_surge = -(-tasks * int(max_surge.rstrip("%")) // 100)
    unavailable = tasks * 25 // 100 or (0 if max_surge else 1)
    yield from _controlled(tasks, tasks + max_surge, tasks - unavailable, is_hurried=is_hurried)


def _controlled(tasks: int, most: int, least: int, *, is_hurried: bool) -> Iterator[int]:
    """A controller's loop: starts what it may, stops old tasks while enough ready ones are left."""
    old, new, ready = tasks, 0, 0
    while old or new < tasks:
        while old + new < most and (new < tasks or (is_hurried and ready == 0)):
            new += 1
            yield 1
        while old and old + ready > least:
            old -= 1
            yield -1
        ready = min(new, tasks)
    yield from (-1,) * (new - tasks)


def _swarm(tasks: int, batch: int, first: int) -> Iterator[int]:
    """Compose specification, update_config: `parallelism` containers after the other."""
    for start in range(0, tasks, batch):
        size = min(batch, tasks - start)
        yield from (first,) * size
        yield from (-first,) * size
