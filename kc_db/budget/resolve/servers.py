"""A `[databases.<name>]` table as a server."""

from collections.abc import Mapping

from kc_db.budget.capacity import SETTINGS, Capacity, capacity
from kc_db.budget.model import LimitSource, Server
from kc_db.budget.resolve.layers import READ, Layers, Scope
from kc_db.toml.complaints import suggest

# PostgreSQL itself refuses to start like that.
_RESERVES_EVERYTHING = (
    "must be more than all reserves together, {limits.all_reserved_connections}, not {limits.max_connections}"
)


def resolve_server(scope: Scope, name: str, headroom_percent: int) -> Server:
    """The server of that name; what it lacks is noted as a complaint."""
    layers = _layers(scope, name)
    settings = {key: value for key in SETTINGS if (value := layers.get(key)) is not None}
    found = _capacity(scope, name, layers, settings)
    if name != scope.live_database:
        _check(scope, name, layers, found)
    return Server(
        name=name,
        limits=found.limits,
        headroom_percent=headroom_percent,
        fixed_sessions=_sessions(layers, "fixed_sessions"),
        migration_sessions=_sessions(layers, "migration_sessions"),
        replica_of=_replica_of(scope, name, layers),
        declared={key: value for key in SETTINGS if (value := layers.declared(key)) is not None},
        live=_read(layers),
        source=_source(layers, found, is_live=name == scope.live_database),
        unknown=found.unknown,
        origins=scope.read.origins_of(("databases", name)),
    )


def _layers(scope: Scope, name: str) -> Layers:
    return scope.layers(lambda table: table.databases.get(name), "databases", name)


def _capacity(scope: Scope, name: str, layers: Layers, settings: Mapping[str, int]) -> Capacity:
    found = capacity(
        settings,
        provider=layers.get("provider"),
        instance_class=layers.get("instance_class"),
        memory_gib=layers.get("memory_gib"),
    )
    unknown = [f"{key}: {why}" for key in SETTINGS if (why := _unread(scope, name, layers, key))]
    if not unknown:
        return found
    return found._replace(unknown="; ".join(filter(None, (*unknown, _bound(found)))))


def _unread(scope: Scope, name: str, layers: Layers, key: str) -> str:
    """Why a source can't tell a setting that nobody says."""
    return "" if layers.get(key) is not None else scope.unknown(("databases", name, key))


def _bound(found: Capacity) -> str:
    return found.unknown if found.source == "bound" else ""


def _check(scope: Scope, name: str, layers: Layers, found: Capacity) -> None:
    limits = found.limits
    if not limits.max_connections:
        told = layers.get("instance_class") or scope.unknown(("databases", name, "max_connections"))
        if not told:
            message = "max_connections is missing; declare it, or read it from the server with --live"
            scope.complain(("databases", name), message)
    elif limits.all_reserved_connections >= limits.max_connections:
        scope.complain(layers.path("max_connections"), _RESERVES_EVERYTHING.format(limits=limits))


def _source(layers: Layers, found: Capacity, *, is_live: bool) -> LimitSource:
    if found.source == "bound":
        return "bound"
    first = next(iter(layers.saying("max_connections")), None)
    if first is None or first.is_file:
        return "declared"
    if first.path[0] != READ:
        return "override"
    return "live" if is_live else "read"


def _read(layers: Layers) -> Mapping[str, int]:
    table = next((layer.table for layer in layers.layers if layer.path[0] == READ), None)
    return {key: value for key in SETTINGS if (value := getattr(table, key, None)) is not None}


def _sessions(layers: Layers, key: str) -> Mapping[str, int]:
    sessions: dict[str, int] = {}
    for layer in reversed(layers.layers):
        sessions |= getattr(layer.table, key, None) or {}
    return sessions


def _replica_of(scope: Scope, name: str, layers: Layers) -> str | None:
    primary: str | None = layers.get("replica_of")
    known = [other for other in scope.names("databases") if other != name]
    if primary is not None and primary not in known:
        scope.complain(layers.path("replica_of"), f"no other database {primary}{suggest(primary, known)}")
    if primary is not None and _follows(scope, primary, name):
        scope.complain(layers.path("replica_of"), f"{primary} is a replica of {name} itself")
        return None
    return primary


def _follows(scope: Scope, server: str, other: str) -> bool:
    """Whether a server replicates, over however many others, from another one."""
    seen: list[str] = []
    while server not in seen:
        seen.append(server)
        source = _layers(scope, server).get("replica_of")
        if source is None:
            return False
        if source == other:
            return True
        server = source
    return False
