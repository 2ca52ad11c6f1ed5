"""From the tables of a budget file to the fleet of one environment: inheritance, defaults, references."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import BaseModel

from kc_db.budget.load_budget import Budget
from kc_db.budget.model import Database, Fleet, Kind, Service
from kc_db.budget.schema import BudgetFile, FleetTable, InstanceRange
from kc_db.budget.sources.declared import SETTINGS, declared_limits
from kc_db.toml.complaints import Complaints, suggest

Path = tuple[str, ...]
_KINDS: tuple[Kind, ...] = ("services", "workers")

# PostgreSQL itself refuses to start like that.
RESERVES_EVERYTHING = (
    "must be more than all reserves together, {limits.all_reserved_connections}, not {limits.max_connections}"
)


@dataclass(frozen=True, slots=True)
class _Layers:
    """Tables that say the same thing, the one that wins first; each with its path in the file."""

    tables: tuple[tuple[Path, BaseModel | None], ...]

    def get(self, key: str, default: Any = None) -> Any:
        return next((getattr(table, key) for _, table in self._saying(key)), default)

    def path(self, key: str) -> Path:
        """Where the value comes from; where it belongs, if nobody says it."""
        return (*next((path for path, _ in self._saying(key)), self.tables[-1][0]), key)

    def _saying(self, key: str) -> Iterable[tuple[Path, BaseModel]]:
        return ((path, table) for path, table in self.tables if table and key in table.model_fields_set)


class _ServiceLayers(NamedTuple):
    """What a service says itself, and that with the defaults behind it."""

    own: _Layers
    all: _Layers


@dataclass(frozen=True, slots=True)
class _Scope:
    """One environment of one file while it is resolved; `live_database` need not declare max_connections."""

    budget: Budget
    environment: str | None
    complaints: Complaints
    live_database: str | None

    @property
    def file(self) -> BudgetFile:
        """What the file says."""
        return self.budget.tables

    def layers(self, find: Callable[[FleetTable], BaseModel | None], *path: str) -> _Layers:
        """What the environment says, then what the top of the file says."""
        own: tuple[tuple[Path, BaseModel | None], ...] = ()
        if self.environment is not None:
            own = (
                (("environments", self.environment, *path), find(self.file.environments[self.environment])),
            )
        return _Layers((*own, (path, find(self.file))))


def resolve(
    budget: Budget, environments: Iterable[str | None], *, live_database: str | None = None
) -> tuple[Fleet, ...]:
    """The fleet of each environment.

    A service's keys come from the first that states them: the environment's table of that service, the
    service's own table, the environment's defaults, the file's defaults. So an environment's default never
    gives a pool to a service that says it has none.

    Args:
        budget: the file.
        environments: environments of the file; None for a file that has none.
        live_database: the database whose limits will be read from the server; max_connections may be missing.

    Raises:
        InputError: a reference leads nowhere, or a value is missing; all such mistakes are told at once.
    """
    complaints = Complaints(budget.file, budget.text)
    fleets = [_fleet(_Scope(budget, name, complaints, live_database)) for name in environments]
    complaints.raise_any()
    return tuple(fleets)


def _fleet(scope: _Scope) -> Fleet:
    _check_names(scope)
    policy = scope.layers(lambda table: table.policy, "policy")
    headroom_percent = policy.get("headroom_percent", 0)
    deploys_at_once = policy.get("deploys_at_once", "all")
    services = {(kind, name): _service_layers(scope, kind, name) for kind, name in _service_names(scope)}
    _check_nothing_is_missing(scope, services)
    return Fleet(
        environment=scope.environment,
        databases=tuple(_database(scope, name, headroom_percent) for name in scope.file.databases),
        services=tuple(_service(scope, kind, name, layers) for (kind, name), layers in services.items()),
        deploys_at_once=None if deploys_at_once == "all" else deploys_at_once,
        file=scope.budget.file,
        line_of=_line_finder(scope.budget, scope.environment),
    )


def _check_names(scope: _Scope) -> None:
    for kind in ("databases", "services"):
        if not getattr(scope.file, kind) and not (kind == "services" and scope.file.workers):
            scope.complaints.add((), f"no {kind}; the file needs at least one [{kind}.<name>]")
    for name in scope.file.workers:
        if name in scope.file.services:
            scope.complaints.add(("workers", name), "there is a service of this name too", is_about_key=True)
    if scope.environment is None:
        return
    inherited = scope.file.environments[scope.environment]
    for kind in ("databases", *_KINDS):
        known = getattr(scope.file, kind)
        for name in getattr(inherited, kind):
            if name not in known:
                # A new name here would be a typo's hiding place.
                message = (
                    f"an environment can only override, and there is no [{kind}.{name}]{suggest(name, known)}"
                )
                scope.complaints.add(
                    ("environments", scope.environment, kind, name), message, is_about_key=True
                )


def _database(scope: _Scope, name: str, headroom_percent: int) -> Database:
    layers = scope.layers(lambda table: table.databases.get(name), "databases", name)
    declared = {key: value for key in SETTINGS if (value := layers.get(key)) is not None}
    limits = declared_limits(declared)
    if name != scope.live_database:
        if "max_connections" not in declared:
            message = "max_connections is missing; declare it, or read it from the server with --live"
            scope.complaints.add(("databases", name), message)
        elif limits.all_reserved_connections >= limits.max_connections:
            message = RESERVES_EVERYTHING.format(limits=limits)
            scope.complaints.add(layers.path("max_connections"), message)
    return Database(
        name=name,
        limits=limits,
        headroom_percent=headroom_percent,
        fixed_sessions=_fixed_sessions(layers),
        declared=declared,
    )


def _fixed_sessions(layers: _Layers) -> Mapping[str, int]:
    sessions: dict[str, int] = {}
    for _, table in reversed(layers.tables):
        sessions |= getattr(table, "fixed_sessions", None) or {}
    return sessions


def _service_names(scope: _Scope) -> Iterator[tuple[Kind, str]]:
    for kind in _KINDS:
        for name in getattr(scope.file, kind):
            yield kind, name


def _service_layers(scope: _Scope, kind: Kind, name: str) -> _ServiceLayers:
    own = scope.layers(lambda table: getattr(table, kind).get(name), kind, name)
    defaults = scope.layers(lambda table: table.defaults, "defaults")
    return _ServiceLayers(own, _Layers((*own.tables, *defaults.tables)))


def _check_nothing_is_missing(scope: _Scope, services: Mapping[tuple[Kind, str], _ServiceLayers]) -> None:
    # Neither key has a harmless default: a forgotten instance count is what breaks budgets.
    for key in ("pool_size", "instances"):
        lacking = [where for where, layers in services.items() if layers.all.get(key) is None]
        if lacking:
            others = f" (and so for {len(lacking) - 1} more)" if len(lacking) > 1 else ""
            scope.complaints.add(lacking[0], f"{key} is missing, here and in [defaults]{others}")


def _service(scope: _Scope, kind: Kind, name: str, layers: _ServiceLayers) -> Service:
    instances = layers.all.get("instances", 0)
    values = {
        key: value
        for key in ("pool_size", "processes", "deploy", "maximum_percent")
        if (value := layers.all.get(key)) is not None
    }
    return Service(
        **{"pool_size": 0, **values},
        name=name,
        kind=kind,
        database=_database_of(scope, layers.all, (kind, name)),
        instances=instances.max if isinstance(instances, InstanceRange) else instances,
        has_own_pool_size=layers.own.get("pool_size") is not None,
    )


def _database_of(scope: _Scope, layers: _Layers, where: Path) -> str | None:
    known = scope.file.databases
    named: str | None = layers.get("database")
    if named is not None and named not in known:
        scope.complaints.add(layers.path("database"), f"no database {named}{suggest(named, known)}")
    if named is None and len(known) == 1:
        return next(iter(known))
    if named is None and layers.get("pool_size"):
        scope.complaints.add(
            where, f"database is missing, here and in [defaults]; known are {', '.join(known)}"
        )
    return named


def _line_finder(budget: Budget, environment: str | None) -> Callable[[Path], int | None]:
    def line_of(path: Path) -> int | None:
        from kc_db.toml.locate import nearest

        candidates = [("environments", environment, *path)] if environment is not None else []
        exact = next((place for known in candidates if (place := budget.places.get(known))), None)
        place = exact or nearest(budget.places, path)
        return place.key.line if place else None

    return line_of
