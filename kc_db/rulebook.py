"""Finds the rules of a package. One module is one rule; there is no list to edit.

A rule module has a docstring (its documentation), `severity`, and `check(subject)` which yields Problems.
Its name in kebab-case is the rule's name.
"""

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from kc_db.findings import Finding, Problem, Severity


@dataclass(frozen=True, slots=True)
class Description:
    """What a rule says of itself."""

    name: str
    severity: Severity
    documentation: str


@dataclass(frozen=True, slots=True)
class Rule(Description):
    """A check with a name, a severity and its documentation.

    Attributes:
        check: yields what it finds in the subject.
        needs_facts: it looks at what isn't always loaded (`needs_facts = True` in its module).
    """

    check: Callable[[Any], Iterable[Problem]]
    needs_facts: bool = False


def load_rules(package: ModuleType) -> tuple[Rule, ...]:
    """All rules of a package, by name.

    Raises:
        AttributeError: a module of the package lacks `severity` or `check`.
    """
    return tuple(_rule(import_module(f"{package.__name__}.{name}")) for name in _modules(package))


def rule_names(package: ModuleType) -> tuple[str, ...]:
    """The names of a package's rules; imports none of them."""
    return tuple(map(_kebab, _modules(package)))


def describe_rules(package: ModuleType) -> tuple[Description, ...]:
    """What the rules of a package say of themselves, by name; read, not imported, which is much faster.

    Raises:
        StopIteration: a module of the package doesn't say `severity = Severity.X`.
    """
    (folder,) = package.__path__
    return tuple(_description(name, Path(folder, f"{name}.py")) for name in _modules(package))


def with_severities(rules: Iterable[Rule], severities: Mapping[str, Severity | None]) -> tuple[Rule, ...]:
    """The rules with other severities, by rule name; None takes a rule out."""
    given = [(rule, severities.get(rule.name, rule.severity)) for rule in rules]
    return tuple(replace(rule, severity=severity) for rule, severity in given if severity is not None)


def apply_rules(rules: Iterable[Rule], subject: object) -> list[Finding]:
    """What the rules find in the subject, the worst first, then by place."""
    findings = [
        Finding(rule.name, rule.severity, problem) for rule in rules for problem in rule.check(subject)
    ]
    return worst_first(findings)


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """The findings in the order in which reports show them: the worst first, then by place."""
    return sorted(findings, key=lambda finding: (-finding.severity, finding.problem.where, finding.rule))


def _modules(package: ModuleType) -> list[str]:
    return sorted(module.name for module in iter_modules(package.__path__))


def _rule(module: ModuleType) -> Rule:
    name = module.__name__.rpartition(".")[2]
    needs_facts = getattr(module, "needs_facts", False)
    return Rule(_kebab(name), module.severity, (module.__doc__ or "").strip(), module.check, needs_facts)


def _description(name: str, file: Path) -> Description:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    severity = next(
        Severity[node.value.attr]
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Attribute)
        and [ast.unparse(target) for target in node.targets] == ["severity"]
    )
    return Description(_kebab(name), severity, (ast.get_docstring(tree, clean=False) or "").strip())


def _kebab(name: str) -> str:
    return name.replace("_", "-")
