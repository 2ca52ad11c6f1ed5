"""Each rule against the smallest file that trips it, and one that doesn't: tests/cases/<rule>/."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kc_db.budget import rules
from kc_db.budget.load_budget import load_budget
from kc_db.budget.resolve import resolve
from kc_db.budget.rules import crowded_deploy, over_budget
from kc_db.budget.scenarios import fits
from kc_db.budget.solve.changes import changes
from kc_db.budget.sources import Reading
from kc_db.findings import Finding
from kc_db.report import explain
from kc_db.rulebook import apply_rules, load_rules
from tests.activities import seen_as_in
from tests.budgets import load_fleet, make_fleet, service

CASES = Path(__file__).parents[1] / "cases"
RULES = load_rules(rules)
FOLDERS = [folder.parent for folder in sorted(CASES.glob("*/bad.toml"))]
FOLDER_NAMES = [folder.name for folder in FOLDERS]


def readings(file: Path) -> Iterator[Reading]:
    """What a source of the case says: values by dotted path."""
    said = json.loads(file.read_text()) if file.exists() else {}
    for path, value in said.items():
        yield Reading(tuple(path.split(".")), value, f"plan.json: {path}")


def find(file: Path, monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    monkeypatch.chdir(file.parent)
    live = file.parent / "live.json"
    settings = json.loads(live.read_text()) if live.exists() else {}
    read = [Reading(("databases", "primary", key), value, f"live: {key}") for key, value in settings.items()]
    fleet = load_fleet(
        file.name,
        read=(*read, *readings(file.parent / "read.json")),
        live_database="primary" if read else None,
    )
    return apply_rules(RULES, seen_as_in(fleet, file))


def test_each_rule_has_a_case() -> None:
    assert [rule.name for rule in RULES] == FOLDER_NAMES


@pytest.mark.parametrize("folder", FOLDERS, ids=FOLDER_NAMES)
def test_the_bad_file_trips_this_rule_and_no_other(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (finding,) = find(folder / "bad.toml", monkeypatch)
    text = f"{finding.severity} {finding.rule}: {finding.problem.where}\n{explain(finding.problem)}\n"
    assert finding.rule == folder.name
    assert text == (folder / "expected.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("folder", FOLDERS, ids=FOLDER_NAMES)
def test_the_good_file_trips_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find(folder / "good.toml", monkeypatch) == []


def apply_remedy(file: Path, typed: str) -> str:
    """The file with the typed keys merged in, as JSON-like TOML is written by hand."""

    def merge(into: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
        for key, value in new.items():
            into[key] = merge(into.get(key, {}), value) if isinstance(value, dict) else value
        return into

    def write(table: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[str]:
        if path:
            yield f"[{'.'.join(path)}]"
        yield from (f"{key} = {json.dumps(v)}" for key, v in table.items() if not isinstance(v, dict))
        for key, value in table.items():
            if isinstance(value, dict):
                yield from write(value, (*path, key))

    return "\n".join(write(merge(tomllib.loads(file.read_text()), tomllib.loads(typed))))


TWO_DATABASES = """
[policy]
deploys_at_once = 3
headroom_percent = 7
[databases.main]
max_connections = 120
[databases.reports]
max_connections = 30
[defaults]
database = "main"
pool_size = 9
instances = 2
[services.course]
[services.student]
processes = 2
[services.analytics]
database = "reports"
pool_size = 30
[workers.cache-worker]
pool_size = 12
instances = { min = 1, desired = 2, max = 5 }
deploy = "blue-green"
[environments.production]
[environments.development.defaults]
pool_size = 20
"""
ONE_DATABASE = TWO_DATABASES.replace('"reports"', '"main"').replace(
    "[databases.reports]\nmax_connections = 30", ""
)


@pytest.mark.parametrize("text", [TWO_DATABASES, ONE_DATABASE], ids=["two databases", "one"])
@pytest.mark.parametrize("environment", ["production", "development"])
def test_each_remedy_can_be_typed_and_then_fits(text: str, environment: str, tmp_path: Path) -> None:
    file = tmp_path / "budget.toml"
    file.write_text(text)
    (fleet,) = resolve(load_budget(str(file)), [environment])
    tried = 0
    for problem in over_budget.check(fleet):
        name = problem.where.rpartition(" ")[2]
        for typed in problem.remedy[1::2]:
            mended = tmp_path / "mended.toml"
            mended.write_text(apply_remedy(file, typed))
            (after,) = resolve(load_budget(str(mended)), [environment])
            assert fits(after, next(known for known in after.servers if known.name == name)), typed
            tried += 1
    assert tried >= len(fleet.servers)


def test_a_remedy_leaves_other_environments_alone(tmp_path: Path) -> None:
    file = tmp_path / "budget.toml"
    file.write_text(ONE_DATABASE)
    before = resolve(load_budget(str(file)), ["development"])
    (fleet,) = resolve(load_budget(str(file)), ["production"])
    (problem,) = over_budget.check(fleet)
    for typed in problem.remedy[1::2]:
        file.write_text(apply_remedy(file, typed))
        assert resolve(load_budget(str(file)), ["development"]) == before
        file.write_text(ONE_DATABASE)


def test_says_when_no_pool_is_small_enough() -> None:
    fleet = make_fleet(service("many", pool_size=5, instances=50), max_connections=60)
    (problem,) = over_budget.check(fleet)
    assert problem.message.endswith("no pool size fits, even pools of 1 need 100 connections")
    advice, typed = problem.remedy
    assert advice.startswith("raise max_connections from 60 to 503 (502 does not fit), ")
    assert typed == "  [databases.primary]\n  max_connections = 503"


def test_says_when_nothing_helps() -> None:
    fleet = make_fleet(service("many", pool_size=5, instances=200_000), max_connections=60)
    (problem,) = over_budget.check(fleet)
    assert problem.message.endswith("400000 connections; and PostgreSQL allows 262143 at most")
    assert problem.remedy == ()


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({"a": 3, "b": 9, "c": 1, "d": 7, "e": 5}, "b 9, d 7, e 5, 2 others 4"),
        ({"a": 3, "b": 9, "d": 7, "e": 5}, "b 9, d 7, e 5, a 3"),
        ({"b": 30, "d": 7}, "b 30, d 7"),
    ],
)
def test_names_those_that_cost_most(sizes: dict[str, int], expected: str) -> None:
    members = (service(name, pool_size=size) for name, size in sizes.items())
    fleet = make_fleet(*members, max_connections=20)
    (problem,) = over_budget.check(fleet)
    assert f"; most are taken by {expected};" in f"{problem.message};"


def test_one_large_pool_is_advised_once() -> None:
    fleet = make_fleet(service("only", pool_size=40), max_connections=60)
    database = fleet.servers[0]
    assert [change.edits[0].key for change in changes(fleet, database)] == ["pool_size", "max_connections"]


def test_a_fleet_that_does_not_fit_gets_no_remark_about_crowds() -> None:
    fleet = make_fleet(
        service("a", pool_size=50), service("b", pool_size=50), max_connections=60, deploys_at_once=1
    )
    assert list(crowded_deploy.check(fleet)) == []
