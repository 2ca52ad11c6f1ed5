"""YAML documents with a random place changed, and what every reading of a source has to be."""

import copy
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from kc_db.budget.model import MAXIMUM_MAX_CONNECTIONS
from kc_db.budget.schema import DatabaseTable, PoolerTable, ServiceTable, SourceTable, Table
from kc_db.budget.sources import Reading, Unknown
from kc_db.errors import InputError

_TABLES: dict[str, type[Table]] = {
    "services": ServiceTable,
    "databases": DatabaseTable,
    "poolers": PoolerTable,
}
# Where a value can't be told, anything that the schema allows does.
_ANYTHING = {"max": MAXIMUM_MAX_CONNECTIONS}
_WORDS = ["", "5", "-1", "25%", "101%", "$", "${", "${X", "${X:-", "${X:-3}", "$(", "$(A)", "a b", "Recreate"]
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-2, 4)
    | st.sampled_from([MAXIMUM_MAX_CONNECTIONS, MAXIMUM_MAX_CONNECTIONS + 1, 10**30])
    | st.floats()
    | st.sampled_from(_WORDS)
    | st.text(max_size=8)
    | st.dates()
    | st.binary(max_size=4)
)
_JUNK = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_SCALARS, inner, max_size=3),
    max_leaves=6,
)


def documents(file: Path) -> list[Any]:
    """What stands in a file."""
    return list(yaml.load_all(file.read_text(), yaml.CSafeLoader))


@st.composite
def mutated(draw: st.DrawFn, originals: list[Any]) -> list[Any]:
    """The documents with up to three values replaced, taken away, doubled, or put elsewhere."""
    changed = copy.deepcopy(originals)
    for _ in range(draw(st.integers(1, 3))):
        parent, key = draw(st.sampled_from(list(_places(changed))))
        action = draw(st.sampled_from(["replace", "remove", "double", "swap"]))
        if action == "remove":
            parent[key] = None
        elif action == "double":
            parent[key] = [parent[key], parent[key]]
        elif action == "swap":
            other, other_key = draw(st.sampled_from(list(_places(changed))))
            parent[key] = copy.deepcopy(other[other_key])
        else:
            parent[key] = draw(_JUNK)
    return changed


def _places(value: Any) -> Iterable[tuple[Any, Any]]:
    keys = range(len(value)) if isinstance(value, list) else list(value) if isinstance(value, dict) else []
    for key in keys:
        yield value, key
        yield from _places(value[key])


def dump(file: Path, changed: list[Any]) -> None:
    """Writes documents into a file."""
    file.write_text(yaml.dump_all(changed, Dumper=yaml.CSafeDumper, allow_unicode=True), encoding="utf-8")


def outcome(
    read: Callable[[SourceTable], Iterable[Reading]], source: SourceTable
) -> list[Reading] | InputError:
    """What reading a source comes to; any other exception is a bug."""
    try:
        return list(read(source))
    except InputError as error:
        return error


def assert_valid(readings: Sequence[Reading]) -> None:
    """Each value fits the budget file, each is there once, and each has an origin."""
    assert readings
    tables: dict[tuple[str, str], dict[str, Any]] = defaultdict(dict)
    seen = set()
    for reading in readings:
        kind, name, *keys = reading.path
        assert reading.path not in seen
        seen.add(reading.path)
        assert reading.origin
        assert not isinstance(reading.value, Unknown) or reading.value.why
        table = tables[kind, name]
        for key in keys[:-1]:
            table = table.setdefault(key, {})
        if not isinstance(reading.value, Unknown):
            table[keys[-1]] = reading.value
        elif keys[-1] in _ANYTHING:
            table[keys[-1]] = _ANYTHING[keys[-1]]
    for (kind, _), table in tables.items():
        _TABLES[kind].model_validate(table)
