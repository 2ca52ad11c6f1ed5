"""A rule is one file under a `rules` package, one folder under tests/cases, and one name in the README."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from kc_db.rulebook import Rule, describe_rules, load_rules

ROOT = Path(__file__).parents[2]
PACKAGES = ("kc_db.indexes.rules", "kc_db.budget.rules")


@pytest.fixture(scope="module")
def rules() -> list[Rule]:
    return [rule for package in PACKAGES for rule in load_rules(import_module(package))]


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_has_rules(package: str) -> None:
    assert load_rules(import_module(package))


@pytest.mark.parametrize("package", PACKAGES)
def test_what_is_read_of_a_rule_is_what_it_is(package: str) -> None:
    """explain-rule reads the modules, and imports none."""
    module = import_module(package)
    assert [(rule.name, rule.severity, rule.documentation) for rule in describe_rules(module)] == [
        (rule.name, rule.severity, rule.documentation) for rule in load_rules(module)
    ]


def test_names_are_unique_over_all_packages(rules: list[Rule]) -> None:
    names = [rule.name for rule in rules]
    assert sorted(names) == sorted(set(names))


def test_names_are_kebab_case_without_numbers(rules: list[Rule]) -> None:
    assert [rule.name for rule in rules if not re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.name)] == []


def test_documentation_starts_with_the_condition_in_one_sentence(rules: list[Rule]) -> None:
    """One line that ends with a full stop, then a blank line."""
    assert [rule.name for rule in rules if not re.match(r"[^\n]+\.(\n\n|\Z)", rule.documentation)] == []


@pytest.mark.parametrize("opening", ["If you leave it:", "To mend it:"])
def test_documentation_has_the_paragraph(rules: list[Rule], opening: str) -> None:
    paragraph = re.compile(rf"^\n{opening}\s+\S", re.MULTILINE)
    assert [rule.name for rule in rules if not paragraph.search(rule.documentation)] == []


def test_each_rule_has_a_folder_of_cases(rules: list[Rule]) -> None:
    cases = ROOT / "tests" / "cases"
    assert [
        rule.name for rule in rules if not any(path.is_file() for path in (cases / rule.name).rglob("*"))
    ] == []


def test_each_folder_of_cases_has_a_rule(rules: list[Rule]) -> None:
    folders = {path.name for path in (ROOT / "tests" / "cases").iterdir() if path.is_dir()}
    assert sorted(folders - {rule.name for rule in rules}) == []


def test_readme_lists_each_rule(rules: list[Rule]) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [rule.name for rule in rules if f"`{rule.name}`" not in readme] == []
