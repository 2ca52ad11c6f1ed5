"""`--set NAME.KEY=VALUE`: what if? Changes a fleet without changing its file."""

from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from kc_db.budget.model import Database, Fleet, Service
from kc_db.budget.resolve import RESERVES_EVERYTHING
from kc_db.budget.schema import DatabaseTable, PolicyTable, ServiceTable
from kc_db.errors import InputError
from kc_db.toml.complaints import explain, suggest

_EXAMPLE = "write it as NAME.KEY=VALUE, like payment.instances=3 or '*.pool_size=5'"
_SCHEMAS: tuple[type[BaseModel], ...] = (ServiceTable, DatabaseTable, PolicyTable)
_NOT_SETTABLE = {"fixed_sessions"}


class Override(NamedTuple):
    """One checked --set: which names (a shell pattern), which key, which value."""

    pattern: str
    key: str
    value: Any
    schema: type[BaseModel]
    text: str


def parse_override(text: str) -> Override:
    """Reads one --set.

    Raises:
        InputError: it has another form, an unknown key, or a value that the file couldn't have either.
    """
    place, equals, given = text.partition("=")
    pattern, dot, key = place.strip().rpartition(".")
    if not (equals and dot and pattern and key):
        raise InputError(f"--set {text}: {_EXAMPLE}")
    schema = next((known for known in _SCHEMAS if key in known.model_fields), None)
    if schema is None or key in _NOT_SETTABLE:
        keys = [name for known in _SCHEMAS for name in known.model_fields if name not in _NOT_SETTABLE]
        raise InputError(f"--set {text}: unknown key {key}{suggest(key, keys)}")
    try:
        value: Any = int(given)
    except ValueError:
        value = given.strip()
    try:
        table = schema.model_validate({key: value})
    except ValidationError as error:
        raise InputError(f"--set {text}: {explain(error.errors()[0], lambda _: ())}") from None
    return Override(pattern, key, getattr(table, key), schema, text)


def apply_overrides(fleet: Fleet, overrides: Iterable[Override]) -> Fleet:
    """The fleet with each override made, in their order.

    A pattern (with *, ? or []) leaves services without a pool alone: '*.pool_size=5' gives them none.

    Raises:
        InputError: an override matches nothing.
    """
    for override in overrides:
        if override.schema is PolicyTable:
            fleet = _with_policy(fleet, override)
        elif override.schema is DatabaseTable:
            fleet = _with_databases(fleet, override)
        else:
            fleet = _with_services(fleet, override)
    return fleet


def _with_policy(fleet: Fleet, override: Override) -> Fleet:
    if override.pattern != "policy":
        raise InputError(
            f"--set {override.text}: {override.key} belongs to policy: policy.{override.key}=..."
        )
    if override.key == "headroom_percent":
        return replace(
            fleet,
            databases=tuple(replace(known, headroom_percent=override.value) for known in fleet.databases),
        )
    return replace(fleet, deploys_at_once=None if override.value == "all" else override.value)


def _with_databases(fleet: Fleet, override: Override) -> Fleet:
    _require_match(override, "database", [database.name for database in fleet.databases])

    def change(database: Database) -> Database:
        if not fnmatchcase(database.name, override.pattern):
            return database
        limits = replace(database.limits, **{override.key: override.value})
        if limits.all_reserved_connections >= limits.max_connections:
            raise InputError(
                f"--set {override.text}: max_connections {RESERVES_EVERYTHING.format(limits=limits)}"
            )
        return replace(database, limits=limits, source="override")

    return replace(fleet, databases=tuple(map(change, fleet.databases)))


def _with_services(fleet: Fleet, override: Override) -> Fleet:
    _require_match(override, "service or worker", [service.name for service in fleet.services])
    if override.key == "database" and override.value not in (
        names := [known.name for known in fleet.databases]
    ):
        raise InputError(
            f"--set {override.text}: no database {override.value}{suggest(override.value, names)}"
        )
    is_pattern = any(character in override.pattern for character in "*?[")

    def change(service: Service) -> Service:
        if not fnmatchcase(service.name, override.pattern) or (is_pattern and not service.pool_size):
            return service
        changed = replace(service, **{override.key: override.value})
        if override.key != "pool_size":
            return changed
        if changed.pool_size and changed.database is None:
            raise InputError(
                f"--set {override.text}: {service.name} has no database; write one into the file first"
            )
        return replace(changed, has_own_pool_size=True)

    return fleet.with_services(change)


def _require_match(override: Override, what: str, names: list[str]) -> None:
    if not any(fnmatchcase(name, override.pattern) for name in names):
        raise InputError(
            f"--set {override.text}: no {what} {override.pattern}{suggest(override.pattern, names)}"
        )
