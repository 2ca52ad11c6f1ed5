"""Reads an environment's sources, and says what they found as a budget file would say it."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, TypeVar

from pydantic import ValidationError

from kc_db.budget import sources
from kc_db.budget.load_budget import Budget
from kc_db.budget.model import UNSAID_TASKS
from kc_db.budget.resolve.layers import Read
from kc_db.budget.schema import FleetTable, SourceTable
from kc_db.budget.sources import Reading, Unknown
from kc_db.errors import InputError
from kc_db.toml.complaints import explain, key_path, suggest

_Value = TypeVar("_Value")
_NO_NAME = re.compile(r"[^A-Za-z0-9_-]+")
_WORD = re.compile(r"\w+")
_NAMED_INSIDE = "pools"
_ENDLESS_AT_ZERO = {"max_db_connections", "max_user_connections"}  # of PgBouncer
_NAMING = {"replica_of", "database", "pooler"}  # keys whose values are names


@dataclass(frozen=True, slots=True)
class Source:
    """One source of one environment.

    Attributes:
        name: how errors call it.
        table: what the file, or --source, says of it; its file can be opened as it stands.
    """

    name: str
    table: SourceTable


def kinds() -> tuple[str, ...]:
    """The kinds of source there are: each a module."""
    return tuple(
        sorted(
            module.name.replace("_", "-")
            for module in iter_modules(sources.__path__)
            if not module.name.startswith("_")
        )
    )


def parse_source(text: str) -> Source:
    """Reads one `--source KIND=WHAT`; WHAT is a file, a folder, a cluster, a region or a URL.

    Raises:
        InputError: it has another form, or there is no such kind.
    """
    kind, equals, what = text.partition("=")
    if not equals or not what or _NO_NAME.search(kind):  # whatever stands there may be a URL with a password
        raise InputError("--source: write it as KIND=WHAT, like terraform-plan=plan.json")
    _check_kind(kind, "--source")
    key = {"ecs": "cluster", "rds": "region", "pgbouncer-live": "url"}.get(kind, "file")
    if key == "file" and "://" in what:
        raise InputError(f"--source {kind}: that is a URL, and {kind} reads a file or a folder")
    return Source(f"--source {kind}", SourceTable.model_validate({"kind": kind, key: what}))


def sources_of(budget: Budget, environment: str | None) -> tuple[Source, ...]:
    """The sources that a file names for an environment; what an environment says counts before the top.

    Raises:
        InputError: there is no such kind.
    """
    top = budget.tables.sources
    own = budget.tables.environments[environment].sources if environment is not None else {}
    found = []
    for name in dict.fromkeys((*top, *own)):
        said = [table for table in (top.get(name), own.get(name)) if table is not None]
        values = {key: value for table in said for key, value in table.model_dump(exclude_unset=True).items()}
        table = SourceTable.model_validate(values)
        _check_kind(table.kind or "", f"{budget.file}: sources.{name}.kind")
        if table.file is not None:
            table = table.model_copy(update={"file": str(Path(budget.file).parent / table.file)})
        found.append(Source(f"sources.{name}", table))
    return tuple(found)


def gather(budget: Budget, found: Iterable[Source], live: Iterable[Reading] = ()) -> Read:
    """What the sources say, under the names that the file has for them.

    Where two say the same thing, the number that leaves less room counts. What one of them has and can't tell
    stays unknown, unless another one read just that.

    Args:
        budget: the file.
        found: the sources, read in this order.
        live: readings that have their names already.

    Raises:
        InputError: a source can't be read, or holds something else.
        ServerError: a server or an API refuses, or can't be reached.
    """
    known: dict[tuple[str, ...], Reading] = {}
    unknown: dict[tuple[str, ...], Unknown] = {}
    for reading in (*_all_readings(found), *live):
        if isinstance(reading.value, Unknown):
            if reading.path not in unknown or unknown[reading.path].is_silence:
                unknown[reading.path] = reading.value
        elif reading.path not in known or _leaves_less(reading, known[reading.path]):
            known[reading.path] = reading
    known, asked = _apart(known), _apart(unknown)
    unknown = {path: why for path, why in asked.items() if not _is_answered(why, path, known)}
    _complete(budget, known, unknown)
    return Read(
        tables=_tables(known, (*asked, *unknown)),
        origins={path: reading.origin for path, reading in known.items()},
        unknowns=unknown,
    )


def _check_kind(kind: str, where: str) -> None:
    if not kind:
        raise InputError(f"{where} is missing; known are {', '.join(kinds())}")
    if kind not in kinds():
        raise InputError(f"{where}: no source {kind}{suggest(kind, kinds())}")


def _read(source: Source) -> Iterator[Reading]:
    name = (source.table.kind or "").replace("-", "_")
    module = import_module(f"kc_db.budget.sources.{name}")
    before: dict[tuple[str, ...], str] = {}
    for reading in module.read(source.table):
        named = _named(reading, source.table)
        if named is None:
            continue
        raw = before.setdefault(named.path[:2], reading.path[1])
        if raw != reading.path[1]:
            raise InputError(
                f"{source.name}: {raw} and {reading.path[1]} would both be {named.path[1]} here; tell them "
                "apart with `rename` in [sources]"
            )
        yield named


def _all_readings(found: Iterable[Source]) -> Iterator[Reading]:
    """The readings of all sources; two of one kind that run one service would hide each other's tasks."""
    runs: dict[tuple[str | None, str], Source] = {}
    for source in found:
        for reading in _read(source):
            kind, name, key, *_ = reading.path
            if kind == "services" and key == "instances":
                other = runs.setdefault((source.table.kind, name), source)
                if other is not source:
                    raise InputError(
                        f"{other.name} and {source.name} both run {name}: tell them apart with `rename` in "
                        "[sources], and say both in the file if they share a database"
                    )
            yield reading


def _named(reading: Reading, source: SourceTable) -> Reading | None:
    """The reading under the names that this file uses; None if the source's options leave it out."""
    kind, name, *rest = reading.path
    renamed = _renamed(name, source)
    if (
        kind == "services"
        and source.only is not None
        and not any(fnmatchcase(one, pattern) for pattern in source.only for one in (name, renamed))
    ):
        return None
    if rest[:1] == [_NAMED_INSIDE]:
        rest[1] = _NO_NAME.sub("-", rest[1]).strip("-")
    value = reading.value
    if rest[-1] in _NAMING and isinstance(value, str):
        value = _renamed(value, source)
    return replace(reading, path=(kind, renamed, *rest), value=value)


def _renamed(name: str, source: SourceTable) -> str:
    given = source.rename.get(name)
    return given or _NO_NAME.sub("-", name.removeprefix(source.name_prefix or "")).strip("-")


def _is_answered(unknown: Unknown, path: tuple[str, ...], known: Mapping[tuple[str, ...], Reading]) -> bool:
    """Whether another source's number is the one that this source can't tell.

    What a container says of its variable is the service's, and so that of the pool which takes it.
    """
    if unknown.is_silence and path in known:
        return True
    found = (known.get(path), known.get((*path[:2], path[-1])))
    words = {word for reading in found if reading for word in _WORD.findall(reading.origin)}
    return unknown.variable in words


def _apart(values: Mapping[tuple[str, ...], _Value]) -> dict[tuple[str, ...], _Value]:
    """The same values, a pooler that is named like a database under a name of its own."""
    databases = {path[1] for path in values if path[0] == "databases"}

    def path_of(path: tuple[str, ...]) -> tuple[str, ...]:
        clashes = path[0] == "poolers" and path[1] in databases
        return (path[0], f"{path[1]}-pooler", *path[2:]) if clashes else path

    return {path_of(path): value for path, value in values.items()}


def _leaves_less(new: Reading, old: Reading) -> bool:
    if not (isinstance(new.value, int) and isinstance(old.value, int)):
        return False
    key = new.path[-1]
    if key in _ENDLESS_AT_ZERO and 0 in {new.value, old.value}:
        return new.value == 0
    is_limit = key in {"max_connections", "max_client_conn"}
    return new.value < old.value if is_limit else new.value > old.value


def _complete(
    budget: Budget,
    known: Mapping[tuple[str, ...], Reading],
    unknown: dict[tuple[str, ...], Unknown],
) -> None:
    """What a service that only a source knows lacks, nobody knows."""
    found: dict[tuple[str, ...], set[str]] = {}
    for path in (*known, *unknown):
        found.setdefault(path[:2], set()).add(path[2])
    for (kind, name), keys in found.items():
        if kind != "services" or name in budget.tables.services or name in budget.tables.workers:
            continue
        if "instances" not in keys:
            unknown[kind, name, "instances"] = Unknown(UNSAID_TASKS)
        if not keys & {"pool_size", "pools", "driver"}:
            unknown[kind, name, "pool_size"] = Unknown("nothing says its pool size")


def _tables(known: Mapping[tuple[str, ...], Reading], unknown: Iterable[tuple[str, ...]]) -> FleetTable:
    document: dict[str, Any] = {}
    for kind, name, *rest in unknown:  # what can't be told is there all the same
        thing = document.setdefault(kind, {}).setdefault(name, {})
        if rest[0] == _NAMED_INSIDE:
            thing.setdefault(_NAMED_INSIDE, {}).setdefault(rest[1], {})
    for path, reading in known.items():
        place = document
        for key in path[:-1]:
            place = place.setdefault(key, {})
        place[path[-1]] = reading.value
    try:
        return FleetTable.model_validate(document)
    except ValidationError as error:
        detail = error.errors()[0]
        path = key_path(detail)
        origin = _origin(known, path)
        raise InputError(f"{origin}: {'.'.join(path)}: {explain(detail, lambda _: ())}") from None


def _origin(known: Mapping[tuple[str, ...], Reading], path: Sequence[str]) -> str:
    about = [reading.origin for place, reading in known.items() if place[: len(path)] == tuple(path)]
    return about[0] if about else "a source"
