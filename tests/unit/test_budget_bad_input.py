"""Every key of a budget file, wrong in every way: one clear error with its place, never a traceback."""

import json
import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kc_db.budget.json_schema import json_schema
from kc_db.budget.load_budget import load_budget
from kc_db.budget.model import Fleet
from kc_db.budget.resolve import resolve
from kc_db.budget.rules import over_budget
from kc_db.budget.schema import BudgetFile, Table, table_at
from kc_db.errors import InputError

ROOT = Path(__file__).parents[2]
COMPLETE = (ROOT / "tests" / "data" / "budget_with_every_key.toml").read_text(encoding="utf-8")
DOCUMENT = tomllib.loads(COMPLETE)
Keys = tuple[str, ...]
PLACED = re.compile(r"b\.toml:\d+:\d+: \S")
ODD = (
    True,
    -1,
    10**30,
    1.5,
    float("nan"),
    float("inf"),
    "",
    "x",
    "1",
    "é\x00\n",
    [],
    [1],
    {},
    {"a": 1},
    date(2030, 1, 2),
    time(1, 2),
    datetime(2030, 1, 2, tzinfo=UTC),
)


def leaves(table: dict[str, Any], path: Keys = ()) -> Iterator[Keys]:
    for key, value in table.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key)


LEAVES = [path for path in leaves(DOCUMENT) if path[:1] != ("environments",)]


def changed(path: Keys, value: object) -> str:
    document = tomllib.loads(COMPLETE)
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return tomli_w.dumps(document)


def load(text: str) -> tuple[Fleet, ...]:
    Path("b.toml").write_text(text, encoding="utf-8")
    budget = load_budget("b.toml")
    return resolve(budget, budget.environments())


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_file_has_every_key_and_is_right() -> None:
    (fleet,) = load(COMPLETE)
    assert list(over_budget.check(fleet)) == []
    said: dict[str, set[str]] = {}
    for leaf in leaves(DOCUMENT):
        for length in range(1, len(leaf) + 1):
            table = table_at(leaf[: length - 1])
            if table is not None:
                said.setdefault(table.__name__, set()).add(leaf[length - 1])
    lacking = {
        model.__name__: set(model.model_fields) - said.get(model.__name__, set())
        for model in (BudgetFile, *subclasses(Table))
        if model.__name__ in json.loads(json_schema())["$defs"] or model is BudgetFile
    }
    assert {name: keys for name, keys in lacking.items() if keys and name != "FleetTable"} == {}


def subclasses(model: type[Table]) -> Iterator[type[Table]]:
    for one in model.__subclasses__():
        yield one
        yield from subclasses(one)


@pytest.mark.parametrize("path", LEAVES, ids=map(".".join, LEAVES))
def test_a_wrong_value_is_told_with_its_place(path: Keys) -> None:
    """What is of another type than the value that is right is refused, whatever it is."""
    right = tomllib.loads(COMPLETE)
    for key in path:
        right = right[key]
    for wrong in ODD:
        if type(wrong) is type(right) or (isinstance(right, float) and type(wrong) is int):
            continue
        if right_in_another_type(path, wrong):
            continue
        with pytest.raises(InputError) as caught:
            load(changed(path, wrong))
        lines = str(caught.value).splitlines()
        assert all(PLACED.match(line) for line in lines), (wrong, lines)
        assert any(path[-1] in line for line in lines), (wrong, lines)


def right_in_another_type(path: Keys, value: object) -> bool:
    """The keys that take more than one type."""
    if path[-1] == "max_surge":
        return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**6
    return path[-1] in {"rename", "users", "only"} and value in ({}, [])


@pytest.mark.parametrize("path", LEAVES, ids=map(".".join, LEAVES))
def test_an_odd_value_of_the_right_type_never_ends_in_a_traceback(path: Keys) -> None:
    for odd in (-1, 0, 1, 10**9, 10**30, 0.0, -0.5, 1e300, "", "x", " ", "a" * 9999, "\x1b[31m", [""], ["x"]):
        try:
            (fleet,) = load(changed(path, odd))
        except InputError as error:
            assert all(PLACED.match(line) for line in str(error).splitlines()), str(error)  # noqa: PT017
        else:
            list(over_budget.check(fleet))


@pytest.mark.parametrize("path", LEAVES, ids=map(".".join, LEAVES))
def test_a_misspelt_key_is_told(path: Keys) -> None:
    if table_at(path[:-1]) is None:
        return  # a name that people choose
    document = tomllib.loads(COMPLETE)
    place = document
    for key in path[:-1]:
        place = place[key]
    place[f"{path[-1]}z"] = place.pop(path[-1])
    with pytest.raises(InputError, match=rf"{path[-1]}z: unknown key; did you mean"):
        load(tomli_w.dumps(document))


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats()
    | st.text(max_size=8)
    | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
).filter(lambda value: value is not None)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(LEAVES), values), min_size=1, max_size=4), st.data())
def test_several_mistakes_at_random(changes: list[tuple[Keys, object]], data: st.DataObject) -> None:
    document = tomllib.loads(COMPLETE)
    for path, value in changes:
        place = document
        depth = data.draw(st.integers(1, len(path)))
        for key in path[: depth - 1]:
            place = place.get(key, {}) if isinstance(place, dict) else {}
        if isinstance(place, dict):
            place[path[depth - 1]] = value
    try:
        text = tomli_w.dumps(document)
    except (TypeError, ValueError):
        return  # no TOML
    try:
        fleets = load(text)
    except InputError as error:
        assert all(re.match(r"b\.toml(:\d+:\d+)?: \S", line) for line in str(error).splitlines())  # noqa: PT017
    else:
        assert all(list(over_budget.check(fleet)) is not None for fleet in fleets)


def test_the_committed_schema_is_the_code_s() -> None:
    assert (ROOT / "docs" / "pool_budget.schema.json").read_text(encoding="utf-8") == json_schema() + "\n"


def test_the_schema_agrees_with_the_code() -> None:
    schema = json.loads(json_schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(DOCUMENT)
    validator.validate(tomllib.loads((ROOT / "pool_budget.toml").read_text(encoding="utf-8")))
    accepted = [
        ".".join(path)
        for path in LEAVES
        for wrong in (True, "x\x00", -1, [1], {"zz": 1})
        if validator.is_valid(json.loads(json.dumps(with_value(path, wrong)))) != loads(path, wrong)
    ]
    assert accepted == []


def with_value(path: Keys, value: object) -> dict[str, Any]:
    return tomllib.loads(changed(path, value))


def loads(path: Keys, value: object) -> bool:
    """Whether the shape is accepted; what refers to nothing is another question."""
    try:
        BudgetFile.model_validate(with_value(path, value))
    except ValueError:
        return False
    return True
