"""`[poolers.<name>]` tables as poolers: PgBouncer's own inheritance of sizes and limits, its defaults."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from kc_db.budget.model import ALL_USERS, Alias, Pool, Pooler, Rollout, Service, counted_apart
from kc_db.budget.resolve.drifts import drifts
from kc_db.budget.resolve.layers import Layers, Scope
from kc_db.budget.resolve.services import resolve_rollout
from kc_db.toml.complaints import suggest

# PgBouncer's manual, "Generic settings" and "Connection settings".
_DEFAULTS = {
    "max_client_conn": 100,
    "default_pool_size": 20,
    "reserve_pool_size": 0,
    "max_db_connections": 0,
    "max_user_connections": 0,
}
_ANY = "*"
_COUNTS_FORCED_USERS = (1, 24)


@dataclass(frozen=True, slots=True)
class _PoolerScope:
    """One pooler while it is resolved."""

    scope: Scope
    name: str
    layers: Layers
    pools: tuple[Pool, ...]

    @property
    def path(self) -> tuple[str, str]:
        return ("poolers", self.name)

    def setting(self, key: str) -> int:
        return int(self.layers.get(key, _DEFAULTS[key]))

    def alias(self, name: str) -> Layers:
        return Layers(self.layers.inside("databases", name))

    def user(self, name: str) -> Layers:
        return Layers(self.layers.inside("users", name))


def resolve_poolers(scope: Scope, services: Sequence[Service]) -> tuple[Pooler, ...]:
    """All poolers; what they lack, or what their clients don't say, is noted as complaints."""
    return tuple(_pooler(_scoped(scope, name, services)) for name in scope.names("poolers"))


def _scoped(scope: Scope, name: str, services: Sequence[Service]) -> _PoolerScope:
    layers = scope.layers(lambda table: table.poolers.get(name), "poolers", name)
    pools = tuple(pool for service in services for pool in service.pools if pool.target == name)
    return _PoolerScope(scope, name, layers, pools)


def _pooler(found: _PoolerScope) -> Pooler:
    rollout, unknown = _instances(found)
    if found.layers.get("kind") == "rds-proxy":
        return Pooler(
            name=found.name,
            rollout=rollout,
            max_client_conn=None,
            proxied=_server(found, found.layers, found.path),
            max_connections_percent=found.layers.get("max_connections_percent", 100),
            drifts=tuple(drifts(found.scope, found.layers, found.path, ("max_connections_percent",))),
            unknown=unknown,
        )
    _check_clients(found)
    aliases = _aliases(found)
    users = {user for alias in aliases for user in alias.pool_sizes}
    return Pooler(
        name=found.name,
        rollout=rollout,
        processes=found.layers.get("processes", 1),
        aliases=aliases,
        max_user_connections={
            user: limit
            for user in users
            if not user.startswith(ALL_USERS) and (limit := _user_limit(found, user))
        },
        max_client_conn=found.setting("max_client_conn"),
        pool_mode=found.layers.get("pool_mode", "session"),
        drifts=tuple(drifts(found.scope, found.layers, found.path, (*_DEFAULTS, "processes"))),
        unknown=unknown,
    )


def _instances(found: _PoolerScope) -> tuple[Rollout, str]:
    """A pooler that says no instances is one; one that says no deploy isn't rolled by the platform."""
    rollout = resolve_rollout(found.layers)
    if found.layers.get("deploy") is None:
        rollout = replace(rollout, deploy="recreate")
    if found.layers.get("instances") is None:
        rollout = replace(rollout, instances=1)
    return rollout, "; ".join(_unread(found))


def _unread(found: _PoolerScope) -> Iterator[str]:
    """What a source can't tell of a pooler, and nobody else says."""
    for path, unknown in found.scope.read.unknowns.items():
        if path[:2] == found.path and found.layers.get(path[2]) is None:
            yield f"{'.'.join(path[2:])}: {unknown.why}"


def _alias_names(found: _PoolerScope) -> tuple[str, ...]:
    return found.layers.names("databases") or (_ANY,)


def _check_clients(found: _PoolerScope) -> None:
    """Each pool has to say which alias and user it is, unless there is only one."""
    aliases = _alias_names(found)
    asked = dict.fromkeys(pool.alias for pool in found.pools if pool.alias is not None)
    several = dict.fromkeys((*aliases, *asked))
    for pool in found.pools:
        if pool.alias is None and len(aliases if _ANY not in aliases else several) > 1:
            named = asked if aliases == (_ANY,) else aliases
            message = f"alias is missing: {found.name} has {', '.join(named)}"
            found.scope.complain(pool.path, message)
        elif pool.alias not in {None, *aliases} and _ANY not in aliases:
            message = f"{found.name} has no database {pool.alias}{suggest(str(pool.alias), aliases)}"
            found.scope.complain((*pool.path, "alias"), message)
        elif _is_shut_out(found, pool, pool.alias or aliases[0]):
            message = (
                f"{found.name} lets {pool.user} not in: users of {pool.alias or aliases[0]} says who may"
            )
            found.scope.complain((*pool.path, "user"), message)
        elif pool.user is None and not _forced(found, pool.alias or aliases[0]):
            found.scope.complain(
                pool.path, f"user is missing: {found.name} keeps a pool for each database and user"
            )


def _is_shut_out(found: _PoolerScope, pool: Pool, alias: str) -> bool:
    listed = found.alias(alias if alias in _alias_names(found) else _ANY).get("users")
    return listed is not None and pool.user is not None and pool.user not in listed


def _forced(found: _PoolerScope, alias: str) -> str | None:
    user: str | None = found.alias(alias if alias in _alias_names(found) else _ANY).get("user")
    return user


def _aliases(found: _PoolerScope) -> tuple[Alias, ...]:
    """The aliases that clients can ask for.

    Behind `*` each database name is an alias of its own, with limits of its own.
    """
    names = _alias_names(found)
    asked = (*(pool.alias for pool in found.pools), found.layers.get("auth_dbname"))
    others = dict.fromkeys(name for name in asked if name is not None and name not in names)
    automatic = tuple(others) if _ANY in names else ()
    explicit = tuple(name for name in names if name != _ANY or not automatic)
    everything = (*explicit, *automatic)
    return tuple(_alias(found, name, found.alias(name if name in names else _ANY)) for name in everything)


def _alias(found: _PoolerScope, name: str, said: Layers) -> Alias:
    users = _users(found, name, said)
    limit = said.get("max_db_connections") or found.setting("max_db_connections") or None
    sizes = {_counted(found, said, name, user): _pool_size(found, said, user) for user in users}
    unknown = ""
    if not users and limit is not None:
        sizes = {counted_apart(ALL_USERS, name): limit}
    elif not users:
        unknown = f"nothing says who logs in to {name}, and each user has a pool: say its users"
    auth_user = said.get("auth_user") or found.layers.get("auth_user")
    if auth_user and auth_user not in sizes and found.layers.get("auth_dbname") in {None, name}:
        sizes[auth_user] = _pool_size(found, said, auth_user)
    server = _server(found, Layers((*said.layers, *found.layers.layers)), (*found.path, "databases", name))
    return Alias(name, server or "", sizes, limit, unknown)


def _counted(found: _PoolerScope, said: Layers, alias: str, user: str) -> str:
    """Under which name max_user_connections counts a pool.

    Before 1.24 PgBouncer keeps a forced user apart for each alias and looks at the global limit only
    (measured on 1.18; 1.24 and 1.26 count it by its name). Where no version is said, the larger number
    counts.
    """
    version = tuple(map(int, str(found.layers.get("version", "0.0")).split(".")))
    if said.get("user") is None or version >= _COUNTS_FORCED_USERS:
        return user
    return counted_apart(user, alias)


def _users(found: _PoolerScope, name: str, said: Layers) -> tuple[str, ...]:
    """Whose pools an alias has: a forced user's alone, else of everybody who may log in."""
    if (forced := said.get("user")) is not None:
        return (forced,)
    if (listed := said.get("users")) is not None:
        return tuple(dict.fromkeys(listed))
    clients = [pool for pool in found.pools if pool.user is not None]
    here = [pool.user for pool in clients if pool.alias in {None, name}]
    return tuple(dict.fromkeys(user for user in (*here, *found.layers.names("users")) if user is not None))


def _pool_size(found: _PoolerScope, alias: Layers, user: str) -> int:
    """pool_size and reserve_pool_size: the user's, else the database's, else the pooler's.

    A pool never has more server connections than there were clients at one time, in any pool_mode.
    """
    size = _first("pool_size", found.user(user), alias)
    reserve = _first("reserve_pool_size", found.user(user), alias)
    if size is None:
        size = found.setting("default_pool_size")
    if not size:
        found.scope.complain(_zero(found, alias, user), "pool_size is 0, which lets nobody through")
    size += found.setting("reserve_pool_size") if reserve is None else reserve
    return min(size, found.setting("max_client_conn"))


def _zero(found: _PoolerScope, alias: Layers, user: str) -> tuple[str, ...]:
    """Where a pool_size of 0 is said."""
    for group, key in ((found.user(user), "pool_size"), (alias, "pool_size")):
        if group.get(key) is not None:
            return group.path(key)
    return found.layers.path("default_pool_size")


def _first(key: str, *groups: Layers) -> int | None:
    return next((value for group in groups if (value := group.get(key)) is not None), None)


def _user_limit(found: _PoolerScope, user: str) -> int:
    return int(found.user(user).get("max_user_connections") or found.setting("max_user_connections"))


def _server(found: _PoolerScope, layers: Layers, path: tuple[str, ...]) -> str | None:
    known = found.scope.names("databases")
    named: str | None = layers.get("database")
    if named is not None and named not in known:
        found.scope.complain(layers.path("database"), f"no database {named}{suggest(named, known)}")
    if named is None and len(known) == 1:
        return known[0]
    if named is None and known:
        found.scope.complain(path, f"database is missing; known are {', '.join(known)}")
    return named
