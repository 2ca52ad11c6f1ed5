"""Everything that is said of one service: by itself, by its defaults, and what a source can't tell of it."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from kc_db.budget.model import Kind
from kc_db.budget.resolve.layers import BOUNDS, Layers, Path, Scope, joined
from kc_db.budget.schema import FleetTable, ServiceTable

_KINDS: tuple[Kind, ...] = ("services", "workers")
# What a driver makes a pool's size of, where that isn't said; said by a service, it counts before a default.
INSTEAD_OF_POOL_SIZE = ("threads", "cpus")
# Keys that mean something with one driver, or one kind of deploy, only.
DRIVERS_OF = {
    "max_overflow": ("sqlalchemy",),
    "threads": ("django",),
    "cpus": ("prisma", "pgx"),
    "driver_version": ("prisma",),
}
DEPLOY_OF = {"maximum_percent": "rolling", "max_surge": "surge", "parallelism": "start-first"}


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
    said = layers.pool_names or layers.all.get("pool_size") or unknown_size(scope, layers, None)
    is_none = layers.all.get("pool_size") == 0 and layers.own.get("driver") is None
    return bool(said or (layers.all.get("driver") and not is_none))


def pools_of(layers: ServiceLayers) -> Iterator[tuple[str | None, Layers]]:
    """Each pool, and everything that is said of it: by itself, then by the service, then by the defaults."""
    if not layers.pool_names:
        yield None, layers.all
    for name in layers.pool_names:
        yield name, joined(layers.own.inside("pools", name), layers.all.layers)


def unknown_tasks(scope: Scope, layers: ServiceLayers) -> str:
    """Why a source can't tell the tasks, or how a deploy replaces them; what people say counts."""
    unknown = []
    if layers.own.said_by_people("instances") is None:
        bounds = ((*layers.read_path, "instances", which) for which in BOUNDS)
        paths: tuple[Path, ...] = ((*layers.read_path, "instances"), *bounds)
        unknown += [f"instances: {why}" for path in paths if (why := scope.unknown(path))][:1]
    for key in ("deploy", *DEPLOY_OF):
        why = scope.unknown((*layers.read_path, key))
        if why and layers.own.said_by_people(key) is None:
            unknown.append(f"{key}: {why}")
    return "; ".join(unknown)


def unknown_processes(scope: Scope, layers: ServiceLayers) -> str:
    """Why a source can't tell the processes of a task; what people say counts."""
    is_said = layers.own.said_by_people("processes") is not None
    why = "" if is_said else scope.unknown((*layers.read_path, "processes"))
    return f"processes: {why}" if why else ""


def unknown_size(scope: Scope, layers: ServiceLayers, pool: str | None) -> str:
    """Why a source can't tell the size of a pool."""
    inside = ("pools", pool) if pool else ()
    return scope.unknown((*layers.read_path, *inside, "pool_size"))


def _table_of(kind: Kind, name: str) -> Callable[[FleetTable], ServiceTable | None]:
    if kind == "workers":  # a source knows no workers
        return lambda table: table.workers.get(name) or table.services.get(name)
    return lambda table: table.services.get(name)
