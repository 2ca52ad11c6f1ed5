"""`[services.<name>]` and `[workers.<name>]` tables as services."""

from collections.abc import Iterator

from kc_db.budget.drivers import Settings, pool_size
from kc_db.budget.model import Drift, Load, Pool, Rollout, Service
from kc_db.budget.resolve.check_services import check_services
from kc_db.budget.resolve.drifts import drifts
from kc_db.budget.resolve.layers import BOUNDS, Layers, Path, Scope, joined
from kc_db.budget.resolve.service_layers import (
    INSTEAD_OF_POOL_SIZE,
    ServiceLayers,
    pools_of,
    service_layers,
    unknown_processes,
    unknown_size,
    unknown_tasks,
)
from kc_db.budget.sources import Unknown
from kc_db.toml.complaints import suggest

_ONLY_POOL = "pool"


def resolve_services(scope: Scope) -> tuple[Service, ...]:
    """All services and workers; what they lack is noted as complaints."""
    found = list(service_layers(scope))
    check_services(scope, found)
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
    return Rollout(
        instances=instances,
        desired=None if desired is None else min(desired, instances),
        minimum=said.stated_minimum(),
        **known,
    )


def _service(scope: Scope, layers: ServiceLayers) -> Service:
    load = layers.all.get("load")
    prefix, tasks = layers.read_path, unknown_tasks(scope, layers)
    # Of tasks that a source can't tell, a default is no lower bound.
    are_unknown = "instances: " in tasks
    rollout = resolve_rollout(layers.all, tasks_of=layers.own if are_unknown else layers.all)
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
        unknown=tasks or unknown_processes(scope, layers),
    )


def _drifts(scope: Scope, layers: ServiceLayers) -> Iterator[Drift]:
    yield from drifts(scope, layers.own, layers.read_path, ("pool_size", "processes"))
    for pool in layers.pool_names:
        said = Layers(layers.own.inside("pools", pool))
        yield from drifts(scope, said, (*layers.read_path, "pools", pool), ("pool_size",))


def _resolve_pools(scope: Scope, layers: ServiceLayers) -> Iterator[Pool]:
    for name, said in pools_of(layers):
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
    return joined(layers.own.inside("pools", name), layers.own.layers).get("pool_size") is not None


def _is_declared(layers: ServiceLayers, pool: str | None) -> bool:
    """Whether the budget file itself has this pool."""
    in_file = [layer.table for layer in layers.own.layers if layer.is_file and layer.table is not None]
    if pool is None:
        return bool(in_file)
    return any(pool in getattr(table, "pools", {}) for table in in_file)


def _size(scope: Scope, layers: ServiceLayers, name: str | None, said: Layers) -> tuple[int, str]:
    """Most connections of one process, and why that isn't known."""
    own = joined(layers.own.inside("pools", name), layers.own.layers) if name else layers.own
    why, told = unknown_size(scope, layers, name), ("pool_size", *INSTEAD_OF_POOL_SIZE)
    if why and all(own.said_by_people(key) is None for key in told):
        return own.get("pool_size", 0), f"pool_size: {why}"
    driver, stated = said.get("driver"), said.get("pool_size")
    is_none = stated == 0 and own.get("driver") is None  # a default driver makes no pool of none
    if driver is None or is_none:
        return stated or 0, ""
    keys = ("pool_size", "max_overflow", *INSTEAD_OF_POOL_SIZE, "driver_version")
    settings = {key: said.get(key) for key in keys}
    if any(said.is_closer(key, "pool_size") for key in INSTEAD_OF_POOL_SIZE):
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
