"""What the environment variables of a task's containers say about its pools and processes.

Shared by the sources that know containers (Terraform, ECS, Kubernetes, compose). The names are conventions:
`pool_size_variables` and `processes_variables` of a source replace them.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from kc_db.budget.model import MAXIMUM_MAX_CONNECTIONS
from kc_db.budget.schema import SourceTable
from kc_db.budget.sources import Reading, Unknown
from kc_db.budget.sources._commands import processes_of

POOL_SIZE_VARIABLES = (
    "DB_POOL_MAX",
    "DB_POOL_SIZE",
    "DB_POOL",
    "DB_POOL_MAX_SIZE",
    "DB_MAX_POOL_SIZE",
    "DB_MAX_CONNECTIONS",
    "DB_MAX_CONNS",
    "DB_MAX_OPEN_CONNS",
    "DB_CONNECTION_LIMIT",
    "DATABASE_POOL",
    "DATABASE_POOL_SIZE",
    "DATABASE_POOL_MAX",
    "DATABASE_MAX_CONNECTIONS",
    "DATABASE_CONNECTION_LIMIT",
    "PGPOOL_MAX",
    "PGPOOL_SIZE",
    "PG_POOL_MAX",
    "PG_POOL_SIZE",
    "PG_MAX_CONNECTIONS",
    "POSTGRES_POOL_MAX",
    "POSTGRES_POOL_SIZE",
    "POSTGRES_MAX_CONNECTIONS",
    "POOL_MAX",
    "POOL_SIZE",
    "MAX_POOL_SIZE",
    "KNEX_POOL_MAX",
    "SEQUELIZE_POOL_MAX",
    "TYPEORM_POOL_SIZE",
    "SQLALCHEMY_POOL_SIZE",
    # Spring Boot drops the dashes of maximum-pool-size; it also takes them as underscores.
    "SPRING_DATASOURCE_HIKARI_MAXIMUMPOOLSIZE",
    "SPRING_DATASOURCE_HIKARI_MAXIMUM_POOL_SIZE",
    "QUARKUS_DATASOURCE_JDBC_MAX_SIZE",
    # Rails' own database.yml takes its pool from it, so it is the pool where nothing else says one.
    "RAILS_MAX_THREADS",
)
PROCESSES_VARIABLES = (
    "WEB_CONCURRENCY",  # gunicorn, uvicorn, Puma
    "GUNICORN_WORKERS",
    "UVICORN_WORKERS",
    "PUMA_WORKERS",
    "UWSGI_PROCESSES",
    "UWSGI_WORKERS",
    "PM2_INSTANCES",
)

_FALLBACKS = frozenset({"RAILS_MAX_THREADS"})
_SHOWN = 3
# Longer values, and those with other characters, might be passwords.
_HARMLESS = re.compile(r"[A-Za-z0-9]{1,8}")
# A URL of PostgreSQL, or keywords and values as libpq, pgx and Npgsql write them.
_CONNECTION_STRING = re.compile(
    r"(?:jdbc:|prisma\+|r2dbc:)?(?:postgres|postgresql|postgis|pgx|ecto)(?:\+\w+)?:"
    r"|.*\b(?:host|server|hostaddr)\s*=",
    re.IGNORECASE | re.DOTALL,
)
# connection_limit: Prisma; pool_max_conns: pgx; Maximum Pool Size: Npgsql; pool: Rails; pool_size: Ecto.
_SIZE_IN_STRING = re.compile(
    r"(?<=[?&;\s])(?:connection_limit|pool_max_conns|pool_size|pool|max(?:imum)? ?pool ?size)"
    r"\s*=\s*['\"]?([^&;\s'\"]*)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a task.

    Attributes:
        name: its name in the task; the name of its pool, where several containers have one.
        variables: its environment. An Unknown is the end of a sentence about the variable, whose name and
            container are put before it: Unknown("comes from a secret").
        origin: where the variables stand; ".DB_POOL_MAX" is put after it.
        hidden: what keeps further variables from being seen, as the end of a sentence: "envFrom of container
            app takes the secret app-env". Counts where no container says its pool size.
        command: its entry point and command.
    """

    name: str
    variables: Mapping[str, str | Unknown]
    origin: str
    hidden: str = ""
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Said:
    """What a container says about one thing."""

    container: Container
    value: int | Unknown
    origin: str


def pool_readings(service: str, containers: Sequence[Container], source: SourceTable) -> Iterator[Reading]:
    """Pool sizes and processes of a service, by its containers' variables; none if it has no containers.

    A container without such a variable is taken for a sidecar without a pool. If one container says its pool
    size, that is the service's; if several do, each is a pool of its own. Where their processes differ, each
    pool's size is that of all its container's processes.
    """
    sizes = [said for each in containers if (said := _pool_size(each, source))]
    path = ("services", service)
    if not containers:
        return
    if not sizes:
        yield Reading((*path, "pool_size"), _nothing_said(containers, source), containers[0].origin)
        yield from _shared_processes(path, [p for each in containers if (p := _processes(each, source))])
    elif len(sizes) == 1:
        yield Reading((*path, "pool_size"), sizes[0].value, sizes[0].origin)
        processes = _processes(sizes[0].container, source)
        yield from _shared_processes(path, [processes] if processes else [])
    else:
        yield from _several_pools(path, sizes, source)


def _several_pools(path: tuple[str, ...], sizes: Sequence[_Said], source: SourceTable) -> Iterator[Reading]:
    """A pool for each container; a container that says no number of processes has one."""
    processes = [_processes(said.container, source) for said in sizes]
    multiplied = len({each.value if each else 1 for each in processes}) > 1
    names = _unique([said.container.name for said in sizes])
    for name, said, each in zip(names, sizes, processes, strict=True):
        value = _product(said.value, each.value) if multiplied and each else said.value
        origin = f"{said.origin} x {each.origin}" if multiplied and each else said.origin
        yield Reading((*path, "pools", name, "pool_size"), value, origin)
    known = [each for each in processes if each]
    if multiplied:
        yield Reading((*path, "processes"), 1, f"{known[0].origin}, counted in pool_size")
    else:
        yield from _shared_processes(path, known)


def _shared_processes(path: tuple[str, ...], said: Sequence[_Said]) -> Iterator[Reading]:
    """The one number that all containers say, if any says one."""
    if not said:
        return
    value = said[0].value
    if any(each.value != value for each in said):
        names = " and ".join(each.container.name for each in said)
        value = Unknown(f"the containers {names} have different numbers of processes")
    yield Reading((*path, "processes"), value, said[0].origin)


def _pool_size(container: Container, source: SourceTable) -> _Said | None:
    """What its variables say, and Unknown if they contradict each other."""
    names = POOL_SIZE_VARIABLES if source.pool_size_variables is None else source.pool_size_variables
    said = dict(_named(container, names, least=1))
    said.update(_in_connection_strings(container))
    if source.pool_size_variables is None and not _FALLBACKS.issuperset(said):
        said = {name: value for name, value in said.items() if name not in _FALLBACKS}
    return _agreed(container, said)


def _processes(container: Container, source: SourceTable) -> _Said | None:
    names = PROCESSES_VARIABLES if source.processes_variables is None else source.processes_variables
    said = _agreed(container, dict(_named(container, names, least=0)))
    more = container.variables.get("GUNICORN_CMD_ARGS", "")
    is_gunicorn = any("gunicorn" in word for word in container.command)
    words = ("gunicorn", more) if is_gunicorn and isinstance(more, str) else ()
    # What the command line says counts before what the environment does.
    on_line = processes_of(container.command) or processes_of(words)
    if on_line is not None:
        option, value = on_line
        return _Said(container, value, f"{container.origin.removesuffix('.env')}: {option} of its command")
    if said and said.value == 0:  # Puma without workers: the one process that there is
        return _Said(container, 1, said.origin)
    return said


def _agreed(container: Container, said: Mapping[str, int | Unknown]) -> _Said | None:
    if not said:
        return None
    first, value = next(iter(said.items()))
    if any(other != value for other in said.values()):
        names = " and ".join(said)
        value = Unknown(
            f"{names} of container {container.name} say different things; name the one that counts"
        )
    return _Said(container, value, f"{container.origin}.{first}")


def _named(container: Container, names: Sequence[str], *, least: int) -> Iterator[tuple[str, int | Unknown]]:
    for name in names:
        value = container.variables.get(name)
        if value is None or value == "":  # an empty variable is how one is unset
            continue
        where = f"{name} of container {container.name}"
        if isinstance(value, Unknown):
            yield name, Unknown(f"{where} {value.why}")
        else:
            yield name, _number(value, where, least)


def _in_connection_strings(container: Container) -> Iterator[tuple[str, int | Unknown]]:
    """Sizes in connection strings. Different ones may be two pools, so they aren't taken for one."""
    found: dict[str, tuple[str, str]] = {}
    for name, text in container.variables.items():
        size = _size_in(text)
        if isinstance(text, str) and size is not None:
            found.setdefault(text, (name, size))
    names = " and ".join(name for name, _ in found.values())
    for name, size in found.values():
        if len(found) > 1:
            yield (
                name,
                Unknown(f"{names} of container {container.name} may be a pool each; name them as pools"),
            )
        else:
            yield name, _number(size, f"the size in {name} of container {container.name}", 1, secret=True)


def _size_in(text: str | Unknown) -> str | None:
    if isinstance(text, Unknown) or not _CONNECTION_STRING.match(text):
        return None
    sizes = _SIZE_IN_STRING.findall(text)
    return str(sizes[-1]) if sizes else None


def _number(text: str, where: str, least: int, *, secret: bool = False) -> int | Unknown:
    """A whole number that PostgreSQL could serve. What isn't one is shown only if it can't be a password."""
    digits = text.strip()
    number = int(digits) if re.fullmatch("[0-9]{1,9}", digits) else -1
    if least <= number <= MAXIMUM_MAX_CONNECTIONS:
        return number
    if number == 0:
        return Unknown(f"{where} is 0, and for some drivers that is without end")
    shown = f", {digits!r}," if _HARMLESS.fullmatch(digits) and not secret else ""
    return Unknown(f"{where}{shown} isn't a whole number up to {MAXIMUM_MAX_CONNECTIONS}")


def _nothing_said(containers: Sequence[Container], source: SourceTable) -> Unknown:
    hidden = [each.hidden for each in containers if each.hidden]
    if hidden:
        return Unknown(" and ".join(hidden))
    names = POOL_SIZE_VARIABLES if source.pool_size_variables is None else source.pool_size_variables
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    looked_for = ", ".join(names[:_SHOWN]) + rest
    return Unknown(f"no container of the task says its pool size (looked for {looked_for})", is_silence=True)


def _product(size: int | Unknown, processes: int | Unknown) -> int | Unknown:
    if isinstance(size, Unknown):
        return size
    return processes if isinstance(processes, Unknown) else size * processes


def _unique(names: Sequence[str]) -> list[str]:
    """The names as a budget file can say them; none stands there twice."""
    taken: list[str] = []
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9_-]", "-", name) or "pool"
        numbered = (f"{plain}-{number}" for number in count(2))
        taken.append(plain if plain not in taken else next(each for each in numbered if each not in taken))
    return taken
