import sys
from collections.abc import Iterator
from importlib import import_module, invalidate_caches
from pathlib import Path
from types import ModuleType

import pytest

from kc_db.findings import Finding, Problem, Severity
from kc_db.rulebook import apply_rules, describe_rules, load_rules, rule_names

LOST_KEY = '''\
"""A key is lost.

If you leave it: nobody gets in.
"""

from kc_db.findings import Problem, Severity

severity = Severity.WARNING


def check(subject):
    return [Problem(name, "is lost") for name in subject]
'''
BROKEN_DOOR = """\
from kc_db.findings import Problem, Severity

severity = Severity.ERROR


def check(subject):
    yield Problem(subject[-1], "is broken")
"""


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    package = tmp_path / "a_house_of_rules"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "lost_key.py").write_text(LOST_KEY)
    (package / "broken_door.py").write_text(BROKEN_DOOR)
    monkeypatch.syspath_prepend(tmp_path)
    yield package
    for name in [name for name in sys.modules if name.startswith("a_house_of_rules")]:
        del sys.modules[name]


def imported(package: Path) -> ModuleType:
    invalidate_caches()
    return import_module(package.name)


def test_each_module_is_a_rule_named_after_its_file(house: Path) -> None:
    rules = load_rules(imported(house))
    assert [(rule.name, rule.severity) for rule in rules] == [
        ("broken-door", Severity.ERROR),
        ("lost-key", Severity.WARNING),
    ]
    assert [rule.documentation for rule in rules] == [
        "",
        "A key is lost.\n\nIf you leave it: nobody gets in.",
    ]


def test_findings_are_stamped_and_come_worst_first_then_by_place(house: Path) -> None:
    assert apply_rules(load_rules(imported(house)), ["z", "a", "m"]) == [
        Finding("broken-door", Severity.ERROR, Problem("m", "is broken")),
        Finding("lost-key", Severity.WARNING, Problem("a", "is lost")),
        Finding("lost-key", Severity.WARNING, Problem("m", "is lost")),
        Finding("lost-key", Severity.WARNING, Problem("z", "is lost")),
    ]


def test_findings_of_one_severity_at_one_place_come_by_rule(house: Path) -> None:
    (house / "broken_door.py").write_text(BROKEN_DOOR.replace("ERROR", "WARNING"))
    found = apply_rules(reversed(load_rules(imported(house))), ["a"])
    assert [finding.rule for finding in found] == ["broken-door", "lost-key"]


@pytest.mark.parametrize("missing", ["severity", "check"])
def test_a_module_that_is_no_rule_is_told_at_once(house: Path, missing: str) -> None:
    (house / "lost_key.py").write_text(LOST_KEY.replace(missing, "something_else"))
    with pytest.raises(AttributeError, match=missing):
        load_rules(imported(house))


def test_an_empty_package_has_no_rules(house: Path) -> None:
    for file in house.glob("*_*y.py"):
        file.unlink()
    (house / "broken_door.py").unlink()
    assert load_rules(imported(house)) == ()
    assert apply_rules((), "anything") == []


def test_rules_say_of_themselves_what_they_are_without_being_imported(house: Path) -> None:
    package = imported(house)
    described = describe_rules(package)
    assert rule_names(package) == ("broken-door", "lost-key")
    assert not [name for name in sys.modules if name.startswith(f"{package.__name__}.")]
    assert [(rule.name, rule.severity, rule.documentation) for rule in described] == [
        (rule.name, rule.severity, rule.documentation) for rule in load_rules(package)
    ]
