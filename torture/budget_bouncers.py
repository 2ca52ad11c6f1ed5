"""Random PgBouncers for torture.budget: how each is configured, and what kc-db says of it."""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import NamedTuple

import tomli_w
from networkx import DiGraph, maximum_flow

from kc_db.budget.demand import takers
from kc_db.budget.load_budget import load_budget
from kc_db.budget.resolve import resolve

DATABASE, AUTH_USER, FORCED = "postgres", "auther", "owner"
USERS = ("u1", "u2", "u3")
_COUNTS_FORCED_USERS = (1, 24)
_HAS_POOL_SIZE_OF_USERS = (1, 24)
_ANY = "*"
_POOLER = "bouncer"
_MANY_CLIENTS = 200
# What the budget calls otherwise than [databases] of every version from 1.18 on.
_INI_NAMES = {"reserve_pool_size": "reserve_pool"}
_SLOW_AUTH_QUERY = "SELECT usename, passwd FROM pg_shadow WHERE usename = $1 AND pg_sleep(1.5) IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of [databases].

    Attributes:
        name: `*` is for all that no other entry names.
        asked: the names that clients ask for.
        users: who logs in.
        is_listed: whether the budget lists these users, or has a service for each.
        forced: the user that PgBouncer logs in as, whoever the client is.
        settings: sizes and limits, by the budget's names.
    """

    name: str
    asked: tuple[str, ...]
    users: tuple[str, ...]
    is_listed: bool
    forced: str | None
    settings: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Bouncer:
    """One configuration.

    Attributes:
        version: of the PgBouncer that it is for.
        pool_mode: session, transaction or statement.
        processes: of this configuration.
        settings: sizes and limits, by their names in both files.
        entries: [databases].
        users: [users], by name.
        has_auth_query: whether users are looked up in each database.
    """

    version: tuple[int, int]
    pool_mode: str
    processes: int
    settings: Mapping[str, int]
    entries: tuple[Entry, ...]
    users: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    has_auth_query: bool = False


class Room(NamedTuple):
    """One pool of one process: who fills it, how far it may grow, and what else limits it.

    Attributes:
        alias: the database that clients ask for.
        client: the user that they log in as; for the pool of auth_query nobody.
        size: pool_size and reserve_pool_size, or the number of clients that may be there.
        of_alias: most connections of the alias; None for no limit.
        counted: for whom connections are counted.
        of_user: most connections of those; None for no limit.
    """

    alias: str
    client: str | None
    size: int
    of_alias: int | None
    counted: str
    of_user: int | None


def generate(random: Random, version: tuple[int, int]) -> Bouncer:
    """A configuration for PgBouncer of a version."""
    has_auth_query = random.random() < 0.12
    has_limits = not has_auth_query
    settings = {
        "max_client_conn": _MANY_CLIENTS,
        "default_pool_size": random.randint(1, 3),
        "reserve_pool_size": random.choice((0, 0, 1, 2)),
    }
    if has_limits:
        settings["max_db_connections"] = random.choice((0, 0, 0, 2, 3, 4, 5))
        settings["max_user_connections"] = random.choice((0, 0, 0, 1, 2, 3, 4))
    pool_mode = random.choice(("session", "transaction", "transaction", "statement"))
    if has_limits and pool_mode != "statement" and random.random() < 0.3:
        settings["max_client_conn"] = random.randint(2, 4)
    names = ["a", "b", "c", "d"][: random.randint(1, 4 if has_limits else 2)]
    if random.random() < 0.25:
        names[-1] = _ANY
    users = random.sample(USERS, random.randint(1, len(USERS)))
    return Bouncer(
        version=version,
        pool_mode=pool_mode,
        processes=2 if random.random() < 0.15 else 1,
        settings=settings,
        entries=tuple(_entry(random, name, users, has_limits=has_limits) for name in names),
        users=_users(random, version, users) if has_limits else {},
        has_auth_query=has_auth_query,
    )


def _entry(random: Random, name: str, users: list[str], *, has_limits: bool) -> Entry:
    settings: dict[str, int] = {}
    if random.random() < 0.3:
        settings["pool_size"] = random.randint(1, 4)
    if random.random() < 0.25:
        settings["reserve_pool_size"] = random.randint(0, 2)
    if has_limits and random.random() < 0.35:
        settings["max_db_connections"] = random.randint(1, 6)
    return Entry(
        name=name,
        asked=("w1", "w2") if name == _ANY else (name,),
        users=tuple(random.sample(users, random.randint(1, len(users)))),
        is_listed=random.random() < 0.5,
        forced=random.choice((FORCED, *USERS)) if random.random() < 0.25 else None,
        settings=settings,
    )


def _users(random: Random, version: tuple[int, int], users: list[str]) -> Mapping[str, Mapping[str, int]]:
    limits: dict[str, Mapping[str, int]] = {}
    for user in (*users, FORCED):
        said = {}
        if random.random() < 0.4:
            said["max_user_connections"] = random.randint(1, 5)
        if random.random() < 0.25 and version >= _HAS_POOL_SIZE_OF_USERS:
            said["pool_size"] = random.randint(1, 3)
        if said:
            limits[user] = said
    return limits


def ini_text(bouncer: Bouncer, to: str, port: int, auth_file: Path) -> str:
    """The configuration as pgbouncer.ini.

    Args:
        bouncer: the configuration.
        to: where the server is, as `host=... port=...`.
        port: to listen on, at 127.0.0.1.
        auth_file: who may log in.
    """
    lines = ["[databases]"]
    for entry in bouncer.entries:
        said: dict[str, object] = {_INI_NAMES.get(key, key): value for key, value in entry.settings.items()}
        if entry.forced:
            said["user"] = entry.forced
        lines.append(f"{entry.name} = {to} dbname={DATABASE} {_pairs(said)}")
    if bouncer.users:
        lines += ["[users]", *(f"{user} = {_pairs(said)}" for user, said in bouncer.users.items())]
    lines += ["[pgbouncer]", "listen_addr = 127.0.0.1", f"listen_port = {port}", "unix_socket_dir ="]
    lines += [f"auth_file = {auth_file}", f"pool_mode = {bouncer.pool_mode}", "reserve_pool_timeout = 0.1"]
    lines += [f"{key} = {value}" for key, value in bouncer.settings.items()]
    auth = [f"auth_user = {AUTH_USER}", f"auth_query = {_SLOW_AUTH_QUERY}"] if bouncer.has_auth_query else []
    return "\n".join([*lines, f"auth_type = {'md5' if auth else 'trust'}", *auth, ""])


def _pairs(said: Mapping[str, object]) -> str:
    return " ".join(f"{key}={value}" for key, value in said.items())


def budget_text(bouncer: Bouncer) -> str:
    """The configuration as pool_budget.toml."""
    services: dict[str, object] = {"proxied-by-nobody": {"pool_size": 0, "instances": 1}}
    databases: dict[str, object] = {}
    for entry in bouncer.entries:
        said: dict[str, object] = dict(entry.settings)
        if entry.forced is not None:
            said["user"] = entry.forced
        elif entry.is_listed:
            said["users"] = list(entry.users)
        databases[entry.name] = said
        for alias in entry.asked:
            for user in entry.users:
                client = {"pooler": _POOLER, "alias": alias, "user": user, "pool_size": 1, "instances": 1}
                services[f"{alias}-{user}"] = client
    pooler = {
        "version": ".".join(map(str, bouncer.version)),
        "pool_mode": bouncer.pool_mode,
        "processes": bouncer.processes,
        **bouncer.settings,
        **({"auth_user": AUTH_USER} if bouncer.has_auth_query else {}),
        "databases": databases,
        "users": {user: dict(said) for user, said in bouncer.users.items()},
    }
    primary = {"primary": {"max_connections": 1000}}
    return tomli_w.dumps({"databases": primary, "poolers": {_POOLER: pooler}, "services": services})


def budgeted(bouncer: Bouncer) -> int:
    """What kc-db says that its processes open to the server."""
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(budget_text(bouncer))
        file.flush()
        budget = load_budget(file.name)
        (fleet,) = resolve(budget, budget.environments())
    return sum(taker.steady for taker in takers(fleet, fleet.servers[0]))


def rooms(bouncer: Bouncer) -> Iterator[Room]:
    """The pools of one process, read from PgBouncer's manual and not from kc-db."""
    for entry in bouncer.entries:
        of_alias = entry.settings.get("max_db_connections") or bouncer.settings.get("max_db_connections")
        for alias in entry.asked:
            for client in _clients(bouncer, entry):
                counted, of_user = _counted(bouncer, entry, alias, client)
                size = _size(bouncer, entry, entry.forced or client)
                yield Room(alias, client, size, of_alias or None, counted, of_user)
            if bouncer.has_auth_query:
                yield Room(alias, None, _size(bouncer, entry, AUTH_USER), None, AUTH_USER, None)


def _clients(bouncer: Bouncer, entry: Entry) -> tuple[str, ...]:
    """Who logs in, one for each pool; where the budget lists nobody, users with own limits do so too."""
    if entry.forced:
        return entry.users[:1]
    return entry.users if entry.is_listed else tuple(dict.fromkeys((*entry.users, *bouncer.users)))


def _counted(bouncer: Bouncer, entry: Entry, alias: str, client: str) -> tuple[str, int | None]:
    everybodys = bouncer.settings.get("max_user_connections") or None
    if entry.forced and bouncer.version < _COUNTS_FORCED_USERS:
        return f"{entry.forced} forced by {alias}", everybodys
    user = entry.forced or client
    return user, bouncer.users.get(user, {}).get("max_user_connections") or everybodys


def _size(bouncer: Bouncer, entry: Entry, user: str) -> int:
    of_user = bouncer.users.get(user, {})
    size = of_user.get("pool_size", entry.settings.get("pool_size", bouncer.settings["default_pool_size"]))
    size += entry.settings.get("reserve_pool_size", bouncer.settings["reserve_pool_size"])
    return min(size, bouncer.settings["max_client_conn"])


def fullest(found: list[Room]) -> list[tuple[Room, int]]:
    """How many connections each pool has where all of them together have most."""
    network: DiGraph[object] = DiGraph()
    for number, room in enumerate(found):
        alias, user = ("alias", room.alias), ("user", room.counted)
        network.add_edge("source", alias, **_capacity(room.of_alias))
        network.add_edge(alias, ("pool", number), capacity=room.size)
        network.add_edge(("pool", number), user)
        network.add_edge(user, "sink", **_capacity(room.of_user))
    _, flow = maximum_flow(network, "source", "sink")
    return [(room, flow["alias", room.alias]["pool", number]) for number, room in enumerate(found)]


def _capacity(limit: int | None) -> dict[str, int]:
    return {} if limit is None else {"capacity": limit}
