"""A running PgBouncer: what its admin console shows of pool sizes, limits, aliases and users.

`url` leads to the console, like postgresql://kc:${PGBOUNCER_PASSWORD}@pgbouncer:6432; its user must be one of
PgBouncer's stats_users or admin_users. The pooler that it describes is `pooler`, or pgbouncer.

What the console doesn't show, as tried on 1.18, 1.24 and 1.26, nobody can read there:

- the alias `*`: only databases that somebody asked for are listed; say `[poolers.<name>.databases."*"]`
- an alias's own auth_user and auth_dbname; who has a pool is shown, and counted as a user
- before 1.23, the limits of single users. They may be higher than max_user_connections, which is therefore
  Unknown there, unless it is no limit at all; the source pgbouncer-ini, or the budget file, says it
- from 1.23 to 1.25, whether a user has a pool_size: one that has none is shown that of the user before.
  In doubt, the larger number counts.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kc_db.budget.schema import SourceTable
from kc_db.budget.sources import Path, Reading, Unknown
from kc_db.budget.sources._pgbouncer import CONSOLE, NO_RESERVE, NUMBERS, bounded, is_zero, pooler_path
from kc_db.database import Target, connect
from kc_db.errors import InputError, ServerError
from kc_db.targets import find_targets

if TYPE_CHECKING:
    from typing import LiteralString

    from kc_db.database import Connection

_VERSION = re.compile(r"PgBouncer (?P<version>\d+\.\d+(?:\.\d+)?)")
_SHOWS_EACH_USER = (1, 26)
_NOT_ALLOWED = "not allowed"
_LIMIT = "max_user_connections"
_RESERVE = "reserve_pool_size"

# Of SHOW DATABASES; the second name of each is that before 1.24.
_COLUMNS = {"pool_size": ("pool_size",), _RESERVE: (_RESERVE, "reserve_pool")}

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Console:
    """What one PgBouncer said.

    Attributes:
        pooler: where its readings belong.
        at: when it had said everything, in UTC.
        version: like 1.24.1.
        config: settings and their values.
        databases: the aliases, without the console.
        users: everybody it knows.
        pools: pairs of a database and a user that have been in use, without the console.
    """

    pooler: Path
    at: datetime
    version: str
    config: Mapping[str, object]
    databases: list[Row]
    users: list[Row]
    pools: list[Row]

    def origin(self, show: str, what: str) -> str:
        return f"PgBouncer SHOW {show} {what} at {self.at:%Y-%m-%dT%H:%M:%SZ}"

    @property
    def has_reserve(self) -> bool:
        return not is_zero(str(self.config.get(NO_RESERVE)))


def read(source: SourceTable) -> Iterator[Reading]:
    """One pooler, its aliases and its users.

    Raises:
        InputError: the URL isn't one, or leads somewhere else.
        ServerError: nobody answers, it isn't PgBouncer, or it refuses to tell.
    """
    target = _target(source.url)
    try:
        readings = list(_readings(_ask(target, pooler_path(source))))
    except LookupError as error:
        raise ServerError(f"{target.label}: its console's answers lack the column {error}") from None
    yield from readings


def _readings(found: _Console) -> Iterator[Reading]:
    yield Reading((*found.pooler, "kind"), "pgbouncer", found.origin("VERSION", "version"))
    yield Reading((*found.pooler, "version"), found.version, found.origin("VERSION", "version"))
    yield from _settings(found)
    for row in found.databases:
        yield from _alias(found, row)
    yield from _users(found)


def _target(url: str | None) -> Target:
    """The console that a URL names, whose database is pgbouncer if it names none.

    Raises:
        InputError: it names no PostgreSQL server, or another database.
    """
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    if url is None:
        raise InputError('a source of kind "pgbouncer-live" needs url = "postgresql://user@host:6432"')
    try:
        (target,) = find_targets((url,), ())
    except InputError as error:  # it names the option that it was made for
        raise _misled(str(error).removeprefix("--target: ")) from None
    if target.embedded_folder is not None:
        raise _misled("embedded: is no PgBouncer; name one, postgresql://user@host:6432")
    if conninfo_to_dict(target.conninfo).get("dbname") not in {CONSOLE, None}:
        raise _misled(f"PgBouncer's console is the database {CONSOLE}; write .../{CONSOLE}")
    label = f"{target.label}{CONSOLE}" if target.label.endswith("/") else target.label
    return replace(target, label=label, conninfo=make_conninfo(target.conninfo, dbname=CONSOLE))


def _misled(message: str) -> InputError:
    return InputError(f"url of pgbouncer-live: {message}")


def _ask(target: Target, pooler: Path) -> _Console:
    identity = os.environ.get("CORRELATION_ID") or "pgbouncer-live"
    try:
        with connect(target, "check-pool-budget", identity) as connection:
            version = _version(_rows(connection, "SHOW VERSION"), target.label)
            return _Console(
                pooler=pooler,
                version=version,
                config={row["key"]: row["value"] for row in _rows(connection, "SHOW CONFIG")},
                databases=[row for row in _rows(connection, "SHOW DATABASES") if row["name"] != CONSOLE],
                users=_rows(connection, "SHOW USERS"),
                pools=[row for row in _rows(connection, "SHOW POOLS") if row["database"] != CONSOLE],
                at=datetime.now(UTC),
            )
    except ServerError as error:
        if _NOT_ALLOWED not in str(error):
            raise
        advice = "add its user to stats_users in PgBouncer's configuration, and RELOAD"
        raise ServerError(f"{target.label}: the console is not for this user; {advice}") from None


def _rows(connection: "Connection", command: "LiteralString") -> list[Row]:
    """What a command shows: columns differ in number and order from version to version."""
    cursor = connection.execute(command)
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor] if names else []


def _version(rows: list[Row], label: str) -> str:
    said = str(next(iter(rows[0].values()))) if rows else ""
    found = _VERSION.match(said)
    if not found:
        raise ServerError(f"{label}: doesn't say that it is PgBouncer 1.12 or later; name its admin console")
    return found["version"]


def _settings(found: _Console) -> Iterator[Reading]:
    for key in NUMBERS:
        number = _number(found.config, key)
        if number is not None:
            yield _setting(found, key, number)
    for key in ("pool_mode", "auth_user", "auth_dbname"):
        if text := found.config.get(key):
            yield Reading((*found.pooler, key), text, found.origin("CONFIG", key))


def _setting(found: _Console, key: str, number: int) -> Reading:
    value: object = bounded(key, number)
    if key == _RESERVE and not found.has_reserve:
        value = 0
    if key == _LIMIT and value and found.users and not any(_LIMIT in row for row in found.users):
        value = Unknown(
            f"PgBouncer {found.version} doesn't show the limits of single users, which count before "
            f"{_LIMIT}; read its configuration too, as pgbouncer-ini"
        )
    return Reading((*found.pooler, key), value, found.origin("CONFIG", key))


def _alias(found: _Console, row: Row) -> Iterator[Reading]:
    """The console shows what counts: an alias's own number, else the pooler's."""
    path = (*found.pooler, "databases", str(row["name"]))
    values = {
        "user": row["force_user"],
        "pool_mode": row.get("pool_mode"),
        "pool_size": _number(row, "pool_size"),
        _RESERVE: _number(row, _RESERVE, "reserve_pool")
        if found.has_reserve
        else 0,  # the latter before 1.24
        "max_db_connections": _number(row, "max_connections"),
    }
    for key, value in values.items():
        if value is not None:
            said = bounded(key, value) if isinstance(value, int) else value
            yield Reading((*path, key), said, found.origin("DATABASES", f"{row['name']}.{key}"))


def _users(found: _Console) -> Iterator[Reading]:
    """Everybody who may log in, or has a pool of their own."""
    pooled = _pooled(found)
    listed: set[str] = set()
    for before, row in zip([{}, *found.users], found.users, strict=False):
        name = str(row["name"])
        listed.add(name)
        if name != CONSOLE or name in pooled:
            yield from _user(found, row, before)
    for name in sorted(pooled - listed):
        yield Reading((*found.pooler, "users", name, _LIMIT), 0, found.origin("POOLS", name))


def _pooled(found: _Console) -> set[str]:
    """Whose pools there are, without those of forced users, and of auth_user where it has its pools."""
    forced = {str(row["name"]) for row in found.databases if row["force_user"] is not None}
    auth_user, auth_database = found.config.get("auth_user"), found.config.get("auth_dbname")
    return {
        str(row["user"])
        for row in found.pools
        if row["database"] not in forced
        and not (row["user"] == auth_user and auth_database in {None, "", row["database"]})
    }


def _user(found: _Console, row: Row, before: Row) -> Iterator[Reading]:
    name = str(row["name"])
    path = (*found.pooler, "users", name)
    for key in ("pool_size", _RESERVE):
        size = _number(row, key)
        if size is None or (key == _RESERVE and not found.has_reserve):
            continue
        origin = found.origin("USERS", f"{name}.{key}")
        if _is_doubtful(found, key, row, before):
            size, origin = (
                max(size, _largest(found, key)),
                f"{origin} (at most: {found.version} may be wrong)",
            )
        yield Reading((*path, key), bounded(key, size), origin)
    limit = bounded(_LIMIT, _number(row, _LIMIT) or 0)
    yield Reading((*path, _LIMIT), limit, found.origin("USERS", f"{name}.{_LIMIT}"))


def _is_doubtful(found: _Console, key: str, row: Row, before: Row) -> bool:
    """Whether it may be the number of the user before, shown for one who has none (PgBouncer #1489)."""
    version = tuple(map(int, found.version.split(".")))
    return version < _SHOWS_EACH_USER and row[key] == before.get(key)


def _largest(found: _Console, key: str) -> int:
    """The size of a user without one, where it is largest."""
    default = _number(found.config, "default_pool_size" if key == "pool_size" else key)
    sizes = [default, *(_number(row, *_COLUMNS[key]) for row in found.databases)]
    return max(size or 0 for size in sizes)


def _number(row: Row | Mapping[str, object], *names: str) -> int | None:
    """A number, under the first of these names that is there; None if it is blank, or there is none."""
    text = next((str(row[name]).strip() for name in names if row.get(name) is not None), "")
    return int(text) if text.removeprefix("-").isdecimal() else None
