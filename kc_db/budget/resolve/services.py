"""`[services.<name>]` and `[workers.<name>]` tables as services."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from kc_db.budget.drivers import Settings, pool_size
from kc_db.budget.model import Drift, Kind, Load, Pool, Rollout, Service
from kc_db.budget.resolve.drifts import drifts
from kc_db.budget.resolve.layers import BOUNDS, Layers, Path, Scope, joined
from kc_db.budget.schema import FleetTable, ServiceTable
from kc_db.budget.sources import Unknown
from kc_db.toml.complaints import suggest

_KINDS: tuple[Kind, ...] = ("services", "workers")
_ONLY_POOL = "pool"
# What a driver makes a pool's size of, where that isn't said; said by a service, it counts before a default.
_INSTEAD_OF_POOL_SIZE = ("threads", "cpus")
# Keys that mean something with one driver, or one kind of deploy, only.
_DRIVERS_OF = {
    "max_overflow": ("sqlalchemy",),
    "threads": ("django",),
    "cpus": ("prisma", "pgx"),
    "driver_version": ("prisma",),
}
_DEPLOY_OF = {"maximum_percent": "rolling", "max_surge": "surge", "parallelism": "start-first"}


class ServiceLayers(NamedTuple):
    """What is said of one service: by itself, and with the defaults behind it."""

    kind: Kind
    name: str
    own: Layers
    all: Layers

    @property
    def path(self) -> Path:
        """Where it stands in the file."""
        return (self.kind, self.name)

    @property
    def read_path(self) -> Path:
        """Where it stands in what was read."""
        return ("services", self.name)

    @property
    def pool_names(self) -> tuple[str, ...]:
        """The names of its pools; none if it has one without a name."""
        return self.own.names("pools")


def service_layers(scope: Scope) -> Iterator[ServiceLayers]:
    """Everything that is said of each service and worker, in the order of the file; then those only read."""
    defaults = scope.layers(lambda table: table.defaults, "defaults")
    workers = set(scope.file.workers)
    for kind in _KINDS:
        for name in scope.names(kind):
            if kind == "services" and name in workers and name not in scope.file.services:
                continue  # a source knows no workers
            own = scope.layers(_table_of(kind, name), kind, name)
            yield ServiceLayers(kind, name, own, joined(own.layers, defaults.layers))


def has_pool(scope: Scope, layers: ServiceLayers) -> bool:
    """Whether a service has any pool, as far as anybody says; one of unknown size is one."""
    said = layers.pool_names or layers.all.get("pool_size") or _unknown_size(scope, layers, None)
    is_none = layers.all.get("pool_size") == 0 and layers.all.is_closer("pool_size", "driver")
    return bool(said or (layers.all.get("driver") and not is_none))


def resolve_services(scope: Scope) -> tuple[Service, ...]:
    """All services and workers; what they lack is noted as complaints."""
    found = list(service_layers(scope))
    _check_nothing_is_missing(scope, found)
    for layers in found:
        _check_keys_mean_something(scope, layers)
    return tuple(_service(scope, layers) for layers in found)


def resolve_rollout(layers: Layers, *, tasks_of: Layers | None = None) -> Rollout:
    """The deploy that layers say, and the tasks that they or others do; else the platform's default."""
    said = tasks_of or layers
    maximum, desired = said.bound("max"), said.bound("desired")
    tasks = max((bound for which in BOUNDS if (bound := said.bound(which)) is not None), default=0)
    known = {
        key: value
        for key in ("deploy", "maximum_percent", "max_surge", "parallelism")
        if (value := layers.get(key)) is not None
    }
    instances = tasks if maximum is None else maximum
    return Rollout(instances=instances, desired=None if desired is None else min(desired, instances), **known)


def _table_of(kind: Kind, name: str) -> Callable[[FleetTable], ServiceTable | None]:
    if kind == "workers":  # a source knows no workers
        return lambda table: table.workers.get(name) or table.services.get(name)
    return lambda table: table.services.get(name)


def _check_nothing_is_missing(scope: Scope, services: list[ServiceLayers]) -> None:
    # Neither key has a harmless default: a forgotten instance count is what breaks budgets.
    for key, is_lacking in (("pool_size", _lacks_pool_size), ("instances", _lacks_instances)):
        lacking = [layers for layers in services if is_lacking(scope, layers)]
        if lacking:
            others = f" (and so for {len(lacking) - 1} more)" if len(lacking) > 1 else ""
            scope.complain(lacking[0].path, f"{key} is missing, here and in [defaults]{others}")
    for layers in services:
        first = next((layer for layer in layers.all.saying("instances") if layer.is_file), None)
        if first is not None and Layers((first,)).bound("max") is None:
            scope.complain((*first.path, "instances", "max"), "is missing")


def _check_keys_mean_something(scope: Scope, layers: ServiceLayers) -> None:
    """A key that the driver or the deploy doesn't know would count for nothing; defaults may have any."""
    for name, said in _pools(layers):
        inside = layers.own.inside("pools", name) if name else ()
        for layer in (*inside, *(() if name else layers.own.layers)):
            for key, drivers in _DRIVERS_OF.items():
                if getattr(layer.table, key, None) is not None and said.get("driver") not in drivers:
                    needed = " or ".join(f'"{driver}"' for driver in drivers)
                    scope.complain((*layer.path, key), f"means something with driver = {needed} only")
    for layer in layers.own.layers:
        deploy = getattr(layer.table, "deploy", None)
        for key, wanted in _DEPLOY_OF.items():
            if deploy not in {None, wanted} and getattr(layer.table, key, None) is not None:
                scope.complain((*layer.path, key), f'means something with deploy = "{wanted}" only')


def _lacks_pool_size(scope: Scope, layers: ServiceLayers) -> bool:
    return not any(
        said.get("pool_size") is not None or said.get("driver") or _unknown_size(scope, layers, name)
        for name, said in _pools(layers)
    )


def _lacks_instances(scope: Scope, layers: ServiceLayers) -> bool:
    return layers.all.get("instances") is None and not _unknown_tasks(scope, layers)


def _unknown_tasks(scope: Scope, layers: ServiceLayers) -> str:
    """Why a source can't tell the tasks; what the file says itself counts."""
    if layers.own.bound("max") is not None:
        return ""
    paths = [(*layers.read_path, "instances"), *((*layers.read_path, "instances", which) for which in BOUNDS)]
    why = next((why for path in paths if (why := scope.unknown(path))), "")
    return f"instances: {why}" if why else ""


def _unknown_processes(scope: Scope, layers: ServiceLayers) -> str:
    why = "" if layers.own.get("processes") is not None else scope.unknown((*layers.read_path, "processes"))
    return f"processes: {why}" if why else ""


def _unknown_size(scope: Scope, layers: ServiceLayers, pool: str | None) -> str:
    inside = ("pools", pool) if pool else ()
    return scope.unknown((*layers.read_path, *inside, "pool_size"))


def _service(scope: Scope, layers: ServiceLayers) -> Service:
    load = layers.all.get("load")
    prefix, tasks = layers.read_path, _unknown_tasks(scope, layers)
    # Of tasks that a source can't tell, a default is no lower bound.
    rollout = resolve_rollout(layers.all, tasks_of=layers.own if tasks else layers.all)
    return Service(
        name=layers.name,
        kind=layers.kind,
        rollout=rollout,
        pools=tuple(_resolve_pools(scope, layers)),
        processes=layers.all.get("processes", 1),
        role=layers.all.get("role"),
        load=Load(load.queries_per_second, load.seconds_per_query) if load else None,
        origins=scope.read.origins_of(prefix),
        drifts=tuple(_drifts(scope, layers)),
        is_declared=_is_declared(layers, None),
        unknown=tasks or _unknown_processes(scope, layers),
    )


def _drifts(scope: Scope, layers: ServiceLayers) -> Iterator[Drift]:
    yield from drifts(scope, layers.own, layers.read_path, ("pool_size", "processes"))
    for pool in layers.pool_names:
        said = Layers(layers.own.inside("pools", pool))
        yield from drifts(scope, said, (*layers.read_path, "pools", pool), ("pool_size",))


def _pools(layers: ServiceLayers) -> Iterator[tuple[str | None, Layers]]:
    """Each pool, and everything that is said of it: by itself, then by the service, then by the defaults."""
    if not layers.pool_names:
        yield None, layers.all
    for name in layers.pool_names:
        yield name, joined(layers.own.inside("pools", name), layers.all.layers)


def _resolve_pools(scope: Scope, layers: ServiceLayers) -> Iterator[Pool]:
    for name, said in _pools(layers):
        size, why = _size(scope, layers, name, said)
        if not size and not why:
            continue
        path = (*layers.path, "pools", name) if name else layers.path
        yield Pool(
            name=name or _ONLY_POOL,
            target=_target(scope, path, said),
            size=size,
            alias=said.get("alias"),
            user=said.get("user"),
            driver=said.get("driver"),
            path=path,
            has_own_size=_has_own_size(layers, name),
            is_declared=_is_declared(layers, name),
            unknown=why,
        )


def _has_own_size(layers: ServiceLayers, name: str | None) -> bool:
    if name is None:
        return layers.own.get("pool_size") is not None
    return Layers(layers.own.inside("pools", name)).get("pool_size") is not None


def _is_declared(layers: ServiceLayers, pool: str | None) -> bool:
    """Whether the budget file itself has this pool."""
    in_file = [layer.table for layer in layers.own.layers if layer.is_file and layer.table is not None]
    if pool is None:
        return bool(in_file)
    return any(pool in getattr(table, "pools", {}) for table in in_file)


def _size(scope: Scope, layers: ServiceLayers, name: str | None, said: Layers) -> tuple[int, str]:
    """Most connections of one process, and why that isn't known."""
    own = joined(layers.own.inside("pools", name), layers.own.layers) if name else layers.own
    why = _unknown_size(scope, layers, name)
    if why and all(own.get(key) is None for key in ("pool_size", *_INSTEAD_OF_POOL_SIZE)):
        return 0, f"pool_size: {why}"
    driver, stated = said.get("driver"), said.get("pool_size")
    if driver is None or (stated == 0 and said.is_closer("pool_size", "driver")):
        return stated or 0, ""
    keys = ("pool_size", "max_overflow", *_INSTEAD_OF_POOL_SIZE, "driver_version")
    settings = {key: said.get(key) for key in keys}
    if any(said.is_closer(key, "pool_size") for key in _INSTEAD_OF_POOL_SIZE):
        settings["pool_size"] = None
    size = pool_size(driver, Settings(**settings))
    return (0, f"pool_size: {size.why}") if isinstance(size, Unknown) else (size, "")


def _target(scope: Scope, path: Path, said: Layers) -> str | None:
    """The server or pooler of a pool: the closest table that names one."""
    databases, poolers = scope.names("databases"), scope.names("poolers")
    for layer in said.layers:
        database, pooler = (getattr(layer.table, key, None) for key in ("database", "pooler"))
        if database is not None and pooler is not None:
            scope.complain((*layer.path, "pooler"), "goes either to a database or through a pooler: say one")
        if database is not None and database not in databases:
            scope.complain((*layer.path, "database"), f"no database {database}{suggest(database, databases)}")
        if pooler is not None and pooler not in poolers:
            scope.complain((*layer.path, "pooler"), f"no pooler {pooler}{suggest(pooler, poolers)}")
        if database is not None or pooler is not None:
            return pooler if pooler is not None else database
    if len(databases) == 1:
        return databases[0]
    if databases:
        scope.complain(path, f"database is missing, here and in [defaults]; known are {', '.join(databases)}")
    return None
