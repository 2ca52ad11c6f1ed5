"""PgBouncer's configuration file: pool sizes, limits, aliases and users.

`file` is the one that PgBouncer is started with; %include is followed. The pooler that it describes is
`pooler`, or pgbouncer. Which server an alias leads to, only the budget file can say, by its own names
(`poolers.<name>.database`, or that of the alias); the origin shows the address.

Users are those of [users] and, where it can be read, of auth_file: each of them may log in to each alias,
which then has a pool for them. Where the list is a secret that isn't there, or auth_query finds users, the
users are those of [users] and of the budget file. Where an alias has an auth_dbname of its own, none is
handed on, and kc-db counts a pool of auth_user in each alias.

Source: PgBouncer's manual (https://www.pgbouncer.org/config.html), and three versions that were tried.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import get_args

from kc_db.budget.model import PoolMode
from kc_db.budget.schema import SourceTable
from kc_db.budget.sources import Path, Reading
from kc_db.budget.sources._ini import MAIN, Lines, Text, find_file, load_sections, user_names
from kc_db.budget.sources._pgbouncer import (
    CONSOLE,
    DEFAULT_POOL_MODE,
    NO_RESERVE,
    NUMBERS,
    bounded,
    is_zero,
    pooler_path,
)
from kc_db.errors import InputError
from kc_db.toml.complaints import printable

_RESERVE = "reserve_pool_size"
_POOL_SIZES = ("pool_size", _RESERVE)
_OLD_NAMES = {"reserve_pool": _RESERVE}  # still right in 1.26, and the only one before 1.24
_LIMITS = ("max_db_connections", "max_user_connections")
_READ = {"host", "port", "dbname", "user", "auth_user", "pool_mode", *_POOL_SIZES, *_LIMITS}
_ANY = "*"
_POSTGRESQL_PORT = "5432"

Pairs = dict[str, Text]


@dataclass(frozen=True, slots=True)
class _Configuration:
    """One configuration.

    Attributes:
        file: that PgBouncer is started with.
        pooler: where its readings belong.
        settings: of [pgbouncer].
        databases: the aliases.
        users: of [users].
    """

    file: str
    pooler: Path
    settings: Pairs
    databases: dict[str, Pairs]
    users: dict[str, Pairs]

    @property
    def has_reserve(self) -> bool:
        """Whether reserve pools are ever used; tried on a server, too: with a timeout of 0 they aren't."""
        return NO_RESERVE not in self.settings or not is_zero(self.settings[NO_RESERVE].text)


def read(source: SourceTable) -> Iterator[Reading]:
    """One pooler, its aliases and its users.

    Raises:
        InputError: no such file, or one that PgBouncer would refuse, or misread.
    """
    if source.file is None:
        raise InputError('a source of kind "pgbouncer-ini" needs file = "<pgbouncer.ini>"')
    sections = load_sections(source.file)
    found = _Configuration(
        file=source.file,
        pooler=pooler_path(source),
        settings=dict(sections[MAIN]),
        databases=_databases(sections.get("databases", [])),
        users={name: _pairs(text, f"users.{name}") for name, text in sections.get("users", [])},
    )
    yield Reading((*found.pooler, "kind"), "pgbouncer", source.file)
    yield from _settings(found)
    for alias, pairs in found.databases.items():
        yield from _alias(found, alias, pairs)
    yield from _users(found)


def _databases(lines: Lines) -> dict[str, Pairs]:
    """The aliases; the last line of a name counts, but keeps the user that an earlier one forces."""
    found: dict[str, Pairs] = {}
    for name, text in lines:
        if name == CONSOLE:
            raise text.error(f"the database {CONSOLE} is PgBouncer's own console; give this one another name")
        pairs = _pairs(text, f"databases.{name}")
        earlier = found.get(name, {})
        if "user" in earlier and name != _ANY:
            pairs.setdefault("user", earlier["user"])
        found[name] = pairs
    return found


def _pairs(text: Text, name: str) -> Pairs:
    """The pairs of a line, under the names that count today.

    Raises:
        InputError: it has no pairs, or PgBouncer takes what follows a value for a part of it. Such a part
            may be a password.
    """
    pairs = {_OLD_NAMES.get(key, key): value for key, value in text.pairs(name).items()}
    for key in sorted(_READ & pairs.keys()):
        if "=" in pairs[key].text:
            message = f"{name}.{key} has a = in it; give it a value, and put spaces between pairs, not tabs"
            raise text.error(message)
    return pairs


def _settings(found: _Configuration) -> Iterator[Reading]:
    for key, default in NUMBERS.items():
        text = found.settings.get(key)
        value = default if text is None else _at_least_zero(text, key, bounded(key, text.setting(key)))
        origin = (
            f"{found.file}: {key} (not set: PgBouncer's default)" if text is None else f"{text.file}: {key}"
        )
        if key == _RESERVE and value and not found.has_reserve:
            value, origin = 0, f"{found.settings[NO_RESERVE].file}: {NO_RESERVE} (0: no reserve is used)"
        yield Reading((*found.pooler, key), value, origin)
    if (mode := found.settings.get("pool_mode")) is None:
        origin = f"{found.file}: pool_mode (not set: PgBouncer's default)"
        yield Reading((*found.pooler, "pool_mode"), DEFAULT_POOL_MODE, origin)
    else:
        yield Reading((*found.pooler, "pool_mode"), _pool_mode(mode, "pool_mode"), f"{mode.file}: pool_mode")
    yield from _auth(found)


def _auth(found: _Configuration) -> Iterator[Reading]:
    for key in ("auth_user", "auth_dbname"):
        text = found.settings.get(key)
        elsewhere = any(key in pairs for pairs in found.databases.values()) and key == "auth_dbname"
        if text is not None and text.text and not elsewhere:
            yield Reading((*found.pooler, key), printable(text.text), f"{text.file}: {key}")


def _alias(found: _Configuration, alias: str, pairs: Pairs) -> Iterator[Reading]:
    path, name = (*found.pooler, "databases", alias), f"databases.{alias}"

    def reading(key: str, value: object) -> Reading:
        stated = "" if key in pairs else "not set, "
        file = pairs[key].file if key in pairs else found.file
        return Reading(
            (*path, key), value, f"{file}: {name}.{key} ({stated}{alias} leads to {_address(alias, pairs)})"
        )

    for key in ("user", "auth_user"):
        if key in pairs:
            yield reading(key, printable(pairs[key].text))
    if "pool_mode" in pairs:
        yield reading("pool_mode", _pool_mode(pairs["pool_mode"], f"{name}.pool_mode"))
    for key, size in _sizes(found, pairs, name):
        yield reading(key, size)
    yield reading("max_db_connections", _limit(pairs, "max_db_connections", name))  # 0 if it says none


def _address(alias: str, pairs: Pairs) -> str:
    host = pairs["host"].text if "host" in pairs else "a Unix socket"
    port = pairs["port"].text if "port" in pairs else _POSTGRESQL_PORT
    database = pairs["dbname"].text if "dbname" in pairs else alias
    return printable(f"{host}:{port}/{database}")


def _users(found: _Configuration) -> Iterator[Reading]:
    """Those of [users], with their limits, and those of auth_file: 0 is the pooler's limit."""
    for user, pairs in found.users.items():
        name, path = f"users.{user}", (*found.pooler, "users", user)
        for key, size in _sizes(found, pairs, name):
            yield Reading((*path, key), size, f"{pairs[key].file}: {name}.{key}")
        key = "max_user_connections"
        stated = (
            f"{pairs[key].file}: {name}.{key}" if key in pairs else f"{found.file}: {name}.{key} (not set)"
        )
        yield Reading((*path, key), _limit(pairs, key, name), stated)
    listed = found.settings.get("auth_file")
    file = find_file(listed.text, FilePath(found.file).parent) if listed else None
    for user in dict.fromkeys(_readable_names(file)):
        if user not in found.users:
            path = (*found.pooler, "users", printable(user), "max_user_connections")
            yield Reading(path, 0, f"{file}: {printable(user)} (no limit of its own)")


def _readable_names(file: FilePath | None) -> Iterator[str]:
    """The users of an auth_file; none if it can't be read, as it often belongs to PgBouncer alone."""
    if file is None:
        return
    try:
        file.open("rb").close()
    except OSError:
        return
    yield from user_names(file)


def _sizes(found: _Configuration, pairs: Pairs, name: str) -> Iterator[tuple[str, int]]:
    """pool_size and reserve_pool_size, where they are stated: what is below 0 isn't."""
    for key in _POOL_SIZES:
        size = pairs[key].leading(f"{name}.{key}") if key in pairs else -1
        if size >= 0 and (key != _RESERVE or found.has_reserve):
            yield key, bounded(key, size)


def _limit(pairs: Pairs, key: str, name: str) -> int:
    return bounded(key, pairs[key].leading(f"{name}.{key}")) if key in pairs else 0


def _at_least_zero(text: Text, key: str, number: int) -> int:
    if number < 0:
        raise text.error(f"{key} must be at least 0; write how many connections there may be")
    return number


def _pool_mode(text: Text, name: str) -> str:
    modes = get_args(PoolMode)
    mode = text.text.lower()
    if mode not in modes:
        raise text.error(f"{name} must be one of {', '.join(modes)}; PgBouncer knows no other")
    return mode
