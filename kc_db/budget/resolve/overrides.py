"""`--set NAME.KEY=VALUE`: what if? Says it before the file does, without changing the file."""

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from pydantic import ValidationError

from kc_db.budget.resolve.layers import Scope
from kc_db.budget.resolve.service_layers import has_pool, service_layers
from kc_db.budget.schema import FleetTable, known_keys, table_at
from kc_db.errors import InputError
from kc_db.toml.complaints import explain, key_path, suggest

Path = tuple[str, ...]
_EXAMPLE = "write it as NAME.KEY=VALUE, like payment.instances=3 or '*.pool_size=5'"
_KINDS = ("services", "workers", "databases", "poolers")
_NOUNS = {
    "services": "service",
    "workers": "worker",
    "databases": "database",
    "poolers": "pooler",
}
_POLICY, _DEFAULTS = "policy", "defaults"


class Override(NamedTuple):
    """One --set: which names (a shell pattern), which key inside, which value."""

    pattern: str
    keys: Path
    value: Any
    text: str


def parse_override(text: str) -> Override:
    """Reads one --set.

    Raises:
        InputError: it has another form, an unknown key, or a value that the file couldn't have either.
    """
    if "://" in text:
        raise InputError(f"--set: that is a URL; {_EXAMPLE}")  # which may hold a password
    place, equals, given = text.partition("=")
    pattern, *keys = (part.strip() for part in place.split("."))
    if not (equals and pattern and keys and all(keys)):
        raise InputError(f"--set {text}: {_EXAMPLE}")
    override = Override(pattern, tuple(keys), _value(given), text)
    kinds = _kinds(override)
    if not kinds:
        _refuse_key(override)
    _table(override, kinds[0], "any")
    return override


def expand(scope: Scope, overrides: Sequence[Override]) -> Scope:
    """The scope with what each --set says before everything else; the last one counts first.

    A pattern (with *, ? or []) leaves services without a pool alone: '*.pool_size=5' gives them none.

    Raises:
        InputError: an override matches nothing.
    """
    for override in overrides:
        tables = [_table(override, kind, name) for kind, name in _matches(scope, override)]
        said = [(f"--set {override.text}", table) for table in tables]
        scope = replace(scope, overrides=(*said, *scope.overrides))
    return scope


def _value(given: str) -> Any:
    """TOML's own reading; what is none, is a text: deploy=blue-green needs no quotes."""
    try:
        return tomllib.loads(f"value = {given}")["value"]
    except (ValueError, RecursionError):
        return given.strip()


def _kinds(override: Override) -> list[str]:
    """The kinds of table that have such a key."""
    if override.pattern == _DEFAULTS and _has("services", override.keys):
        return [_DEFAULTS]
    if override.keys[0] in known_keys((_POLICY,)):
        return [_POLICY]
    return [kind for kind in _KINDS if _has(kind, override.keys)]


def _has(kind: str, keys: Path) -> bool:
    for length, key in enumerate(keys):
        around = (kind, "any", *keys[:length])
        table = table_at(around)
        if table is not None and key not in table.model_fields:
            return False
        if table is None and length and not _holds_names(around):
            return False
    return True


def _holds_names(path: Path) -> bool:
    """Whether a key holds things by name: tables, or numbers of sessions."""
    return table_at((*path, "any")) is not None or path[-1].endswith("_sessions")


def _refuse_key(override: Override) -> None:
    first = override.keys[0]
    known = list(dict.fromkeys(key for kind in (*_KINDS, _POLICY) for key in _keys_of(kind)))
    if first not in known:
        raise InputError(f"--set {override.text}: unknown key {first}{suggest(first, known)}")
    for kind in _KINDS:
        for length in range(1, len(override.keys)):
            inner = known_keys((kind, "any", *override.keys[:length]))
            if inner and override.keys[length] not in inner:
                key = override.keys[length]
                raise InputError(f"--set {override.text}: unknown key {key}{suggest(key, inner)}")
    raise InputError(f"--set {override.text}: {first} holds a value, not keys; {_EXAMPLE}")


def _keys_of(kind: str) -> tuple[str, ...]:
    return known_keys((_POLICY,)) if kind == _POLICY else known_keys((kind, "any"))


def _table(override: Override, kind: str, name: str) -> FleetTable:
    value: Any = override.value
    for key in reversed(override.keys):
        value = {key: value}
    document = {kind: value} if kind in {_POLICY, _DEFAULTS} else {kind: {name: value}}
    try:
        return FleetTable.model_validate(document)
    except ValidationError as error:
        detail = error.errors()[0]
        message = explain(detail, lambda _: ())
        if detail["type"] == "missing":  # of a table that needs several keys
            *table, key = key_path(detail)
            message = f"{key} {message}; say the whole table: NAME.{table[-1]}={{ ... }}"
        raise InputError(f"--set {override.text}: {message}") from None


def _matches(scope: Scope, override: Override) -> Iterable[tuple[str, str]]:
    kinds = _kinds(override)
    if kinds == [_DEFAULTS]:
        return [(_DEFAULTS, "")]
    if kinds == [_POLICY]:
        if override.pattern != _POLICY:
            key = override.keys[0]
            raise InputError(f"--set {override.text}: {key} belongs to policy: policy.{key}=...")
        return [(_POLICY, "")]
    is_pattern = any(character in override.pattern for character in "*?[")
    if is_pattern and "services" in kinds:
        kinds = ["services", "workers"]  # '*.instances=2' is about tasks, not about their poolers
    names = [(kind, name) for kind in kinds for name in scope.names(kind)]
    found = [(kind, name) for kind, name in names if fnmatchcase(name, override.pattern)]
    if not found:
        nouns = " or ".join(_NOUNS[kind] for kind in kinds if kind != "poolers" or scope.names("poolers"))
        raise InputError(
            f"--set {override.text}: no {nouns} {override.pattern}"
            f"{suggest(override.pattern, [name for _, name in names])}"
        )
    if not is_pattern:
        return found
    pooled = {layers.path for layers in service_layers(scope) if has_pool(scope, layers)}
    return [
        (kind, name) for kind, name in found if kind not in {"services", "workers"} or (kind, name) in pooled
    ]
