"""Finds the rules of a package. One module is one rule; there is no list to edit.

A rule module has a docstring (its documentation), `severity`, and `check(subject)` which yields Problems.
Its name in kebab-case is the rule's name.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from kc_db.findings import Finding, Problem, Severity


@dataclass(frozen=True, slots=True)
class Rule:
    """A check with a name, a severity and its documentation."""

    name: str
    severity: Severity
    documentation: str
    check: Callable[[Any], Iterable[Problem]]


def load_rules(package: ModuleType) -> tuple[Rule, ...]:
    """All rules of a package, by name.

    Raises:
        AttributeError: a module of the package lacks `severity` or `check`.
    """
    names = sorted(module.name for module in iter_modules(package.__path__))
    return tuple(_rule(import_module(f"{package.__name__}.{name}")) for name in names)


def apply_rules(rules: Iterable[Rule], subject: object) -> list[Finding]:
    """What the rules find in the subject, the worst first, then by place."""
    findings = [
        Finding(rule.name, rule.severity, problem) for rule in rules for problem in rule.check(subject)
    ]
    return sorted(findings, key=lambda finding: (-finding.severity, finding.problem.where, finding.rule))


def _rule(module: ModuleType) -> Rule:
    name = module.__name__.rpartition(".")[2].replace("_", "-")
    return Rule(name, module.severity, (module.__doc__ or "").strip(), module.check)
