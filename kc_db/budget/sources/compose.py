"""A compose file (docker-compose.yml): services, and by their images PostgreSQL servers and PgBouncers.

Sources: https://docs.docker.com/reference/compose-file/deploy/ for `replicas` and `order`; the docker CLI
(cli/compose/convert/service.go, convertUpdateConfig) for `parallelism`, which is 1 by default. What images
make of their environments: the entrypoints in edoburu/docker-pgbouncer and bitnami/containers, and
001_timescaledb_tune.sh in timescale/timescaledb-docker.
"""

import re
import shlex
from collections.abc import Iterator, Sequence

from kc_db.budget.model import MAXIMUM_MAX_CONNECTIONS
from kc_db.budget.schema import SourceTable
from kc_db.budget.sources import Reading, Unknown
from kc_db.budget.sources._compose.images import is_bitnami, is_timescale, role
from kc_db.budget.sources._compose.services import Service, origin, services
from kc_db.budget.sources._compose.values import Variables, count_of, dotenv_beside, interpolated, text_of
from kc_db.budget.sources._containers import Container, pool_readings
from kc_db.budget.sources._yaml import Field, dotted, shown
from kc_db.errors import InputError

_SETTINGS = ("max_connections", "superuser_reserved_connections", "reserved_connections")
_DEFAULT_MAX_CONNECTIONS = 100  # PostgreSQL manual, runtime-config-connection
_SETTING = re.compile(r"(?:-c|--)?(?P<name>[A-Za-z_-]+)=(?P<value>.*)", re.DOTALL)
_SHELLS = frozenset({"sh", "bash", "/bin/sh", "/bin/bash"})
_MAX_CONNECTIONS_VARIABLES = ("POSTGRESQL_MAX_CONNECTIONS", "TS_TUNE_MAX_CONNS")
_SERVER_CONFIGURATION = re.compile(r"postgresql[\w.-]*\.conf|/bitnami/postgresql/conf")

_POOLER_SETTINGS = (
    "max_client_conn",
    "default_pool_size",
    "reserve_pool_size",
    "max_db_connections",
    "max_user_connections",
    "pool_mode",
)
_POSITIVE = frozenset({"max_connections", "max_client_conn"})
_ESSENTIAL = frozenset({"max_client_conn", "default_pool_size"})
_POOL_MODES = frozenset({"session", "transaction", "statement"})
_POOLER_CONFIGURATION = re.compile(r"pgbouncer\.ini|/bitnami/pgbouncer/conf/?(?::|$)|/etc/pgbouncer/?(?::|$)")


def read(source: SourceTable) -> Iterator[Reading]:
    """Services, databases and poolers; what a service is, its image says.

    Raises:
        InputError: no such file, no YAML, no compose file, or a value that compose would refuse.
    """
    if source.file is None:
        raise InputError('a source of kind "compose" needs file = "<compose file>"')
    with dotenv_beside(source.file):
        yield from list(_read(source, source.file))


def _read(source: SourceTable, file: str) -> Iterator[Reading]:
    for service in services(file):
        image = _image(service)
        match role(image, is_built=service.at("build").value is not None):
            case "database":
                yield from _database(service, image)
            case "pooler":
                yield from _rollout("poolers", service)
                yield from _pooler(service, image)
            case "no pool":
                yield from _rollout("services", service)
                path = ("services", service.name, "pool_size")
                where = f"{origin(service.at('image'))} ({image} has no PostgreSQL pool)"
                yield Reading(path, 0, where)
            case "service":
                yield from _rollout("services", service)
                variables, hidden = service.variables()
                words = (*_words(service.at("entrypoint")), *_words(service.at("command")))
                where = service.variables_origin()
                container = Container(service.name, variables, where, hidden, tuple(words))
                yield from pool_readings(service.name, [container], source)


def _image(service: Service) -> str:
    """Its image; as it is written, if a part of it can't be told: that is the tag, mostly."""
    field = service.at("image")
    image = text_of(field)
    return image if isinstance(image, str) else field.text() or ""


def _rollout(kind: str, service: Service) -> Iterator[Reading]:
    """Instances, and how a deploy replaces them."""
    value, where = _instances(service)
    for key in ("desired", "max") if isinstance(value, int) else ("max",):
        yield Reading((kind, service.name, "instances", key), value, where)
    field = service.at("deploy", "update_config", "order")
    order = text_of(field)
    if order is not None and not isinstance(order, Unknown) and order not in {"start-first", "stop-first"}:
        raise field.error(f"must be start-first or stop-first, not {shown(order)}")
    yield Reading(
        (kind, service.name, "deploy"), _or_default(service, field, order, "stop-first"), _place(field)
    )
    if order == "start-first":
        field = service.at("deploy", "update_config", "parallelism")
        value = _or_default(service, field, count_of(field), 1)
        yield Reading((kind, service.name, "parallelism"), value, _place(field))


def _instances(service: Service) -> tuple[object, str]:
    """How many containers, and where that stands; the larger, where scale and replicas differ."""
    mode = service.at("deploy", "mode")
    if text_of(mode) in {"global", "global-job"}:
        why = (
            f"{service.name} runs a container on each node, and the file doesn't say how many nodes there are"
        )
        return Unknown(why), origin(mode)
    replicas = service.at("deploy", "replicas")
    stated = [(count_of(field), field) for field in (replicas, service.at("scale"))]
    known = [(count, field) for count, field in stated if count is not None]
    if not known:
        return _or_default(service, replicas, None, 1), _place(replicas)
    count, field = max(
        known, key=lambda each: MAXIMUM_MAX_CONNECTIONS + 1 if isinstance(each[0], Unknown) else each[0]
    )
    return _or_default(service, field, count, 1), _place(field)


def _or_default(service: Service, field: Field, value: object, default: object) -> object:
    """What stands there; the default only if nothing unseen could say it."""
    if isinstance(value, Unknown):
        return Unknown(f"{dotted(field.steps)} {value.why}")
    if value is None:
        return Unknown(service.missing) if service.missing else default
    return value


def _place(field: Field) -> str:
    return origin(field) if field.value is not None else f"{origin(field)} (not stated: the default)"


def _database(service: Service, image: str) -> Iterator[Reading]:
    """The server's settings: what its command line says, else its environment, else its image's default."""
    variables, hidden = service.variables()
    command = _settings(_words(service.at("command")))
    initial = variables.get("POSTGRES_INITDB_ARGS")
    at_first = _settings(_split(initial)) if isinstance(initial, str) else {}
    for setting in _SETTINGS:
        path = ("databases", service.name, setting)
        if setting in command:
            where = origin(service.at("command"))
            yield Reading(path, _setting(setting, f"{setting} of {service.name}", command[setting]), where)
        elif setting in at_first:
            where = f"{service.variables_origin()}.POSTGRES_INITDB_ARGS"
            yield Reading(path, _setting(setting, f"{setting} of {service.name}", at_first[setting]), where)
        elif setting == "max_connections":
            why = hidden or _unseen(service, image, command, variables)
            yield _max_connections(service, variables, why)


def _max_connections(service: Service, variables: Variables, why: str) -> Reading:
    """From the image's variables, if they say it; Unknown if something may that can't be seen."""
    path = ("databases", service.name, "max_connections")
    for name in _MAX_CONNECTIONS_VARIABLES:
        if variables.get(name):
            where = f"{service.variables_origin()}.{name}"
            return Reading(
                path, _setting("max_connections", f"{name} of {service.name}", variables[name]), where
            )
    if why:
        return Reading(path, Unknown(why), origin(service.layers[0]))
    where = f"{origin(service.at('command'))} (max_connections not stated: the default)"
    return Reading(path, _DEFAULT_MAX_CONNECTIONS, where)


def _unseen(service: Service, image: str, command: dict[str, str | Unknown], variables: Variables) -> str:
    """Why max_connections may be another than the default; empty if nothing makes it so."""
    if "config_file" in command or _is_mounted(service, _SERVER_CONFIGURATION):
        return f"{service.name} has a postgresql.conf of its own, which isn't read here"
    if is_timescale(image) and not variables.get("NO_TS_TUNE"):
        return f"{service.name} sets max_connections by the memory that it finds; state TS_TUNE_MAX_CONNS"
    return ""


def _is_mounted(service: Service, pattern: re.Pattern[str]) -> bool:
    entries = [
        entry
        for layer in service.layers
        for key in ("volumes", "configs")
        for entry in layer.at(key).sequence()
    ]
    places = (entry.at("target") if isinstance(entry.value, dict) else entry for entry in entries)
    return any(pattern.search(place.text() or "") for place in places)


def _words(field: Field) -> list[str]:
    """A command line, as a list or as one text; not yet interpolated. The script of `sh -c` is part of it."""
    if isinstance(field.value, list):
        words = [member.text() or "" for member in field.sequence()]
    else:
        words = _split(field.text() or "")
    if words[:1] and words[0] in _SHELLS and "-c" in words:
        script = words[words.index("-c") + 1 :]
        return [word for part in script for word in _split(part)]
    return words


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # a quote that isn't closed
        return text.split()


def _settings(words: Sequence[str]) -> dict[str, str | Unknown]:
    """What `-c name=value`, `--name=value` and `-N number` set for postgres and initdb; the last counts."""
    found: dict[str, str | Unknown] = {}
    for word, following in zip(words, [*words, ""][1:], strict=True):
        if word in {"-N", "--max-connections", "--max_connections"}:
            found["max_connections"] = interpolated(following)
        elif match := re.fullmatch(r"-N(\d+)", word):
            found["max_connections"] = match[1]
        elif match := _SETTING.fullmatch(word):
            found[match["name"].lstrip("-").replace("-", "_").lower()] = interpolated(match["value"])
    return found


def _setting(setting: str, name: str, value: str | Unknown) -> int | Unknown:
    """A number of connections; Unknown where it is none. `name` is what the sentence calls it."""
    least = 1 if setting in _POSITIVE else 0
    if isinstance(value, Unknown):
        return Unknown(f"{name} {value.why}")
    digits = value.strip().strip("'\"")
    number = int(digits) if re.fullmatch("[0-9]{1,9}", digits) else -1
    if least <= number <= MAXIMUM_MAX_CONNECTIONS:
        return number
    return Unknown(f"{name} isn't a whole number from {least} to {MAXIMUM_MAX_CONNECTIONS}")


def _pooler(service: Service, image: str) -> Iterator[Reading]:
    """PgBouncer's settings that its environment states; a pgbouncer.ini that is mounted counts instead."""
    variables, hidden = service.variables()
    if _is_mounted(service, _POOLER_CONFIGURATION):
        variables, hidden = (
            {},
            f"{service.name} has a pgbouncer.ini of its own; read it with a source of its own",
        )
    where = service.variables_origin()
    for setting in _POOLER_SETTINGS:
        path = ("poolers", service.name, setting)
        name = next((each for each in _names(setting, image) if variables.get(each)), None)
        if name is not None:
            yield Reading(
                path,
                _pooler_setting(setting, f"{name} of {service.name}", variables[name]),
                f"{where}.{name}",
            )
        elif hidden and setting in _ESSENTIAL:
            yield Reading(path, Unknown(hidden), origin(service.layers[0]))


def _names(setting: str, image: str) -> tuple[str, ...]:
    """The variables that set it. Bitnami's entrypoint takes prefixed ones only, and not this one at all."""
    plain, prefixed = setting.upper(), f"PGBOUNCER_{setting.upper()}"
    if not is_bitnami(image):
        return (plain, prefixed)
    return () if setting == "max_user_connections" else (prefixed,)


def _pooler_setting(setting: str, name: str, value: str | Unknown) -> object:
    if setting != "pool_mode" or isinstance(value, Unknown):
        return _setting(setting, name, value)
    if value.strip() in _POOL_MODES:
        return value.strip()
    return Unknown(f"{name} is none of {', '.join(sorted(_POOL_MODES))}")
