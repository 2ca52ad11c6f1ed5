"""The rules of every tool, as commands name them and as the project sets them."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from kc_db.findings import Severity
from kc_db.indexes.unverified import UNVERIFIED, UNVERIFIED_DOCUMENTATION
from kc_db.rulebook import Description, Rule, describe_rules, load_rules, rule_names, with_severities

PACKAGES = {
    "verify-indexes": "kc_db.indexes.rules",
    "check-pool-budget": "kc_db.budget.rules",
    "check-ready": "kc_db.ready.rules",
}
"""Where each tool's rules stand, by the command that applies them."""


def all_descriptions() -> Mapping[str, Description]:
    """What every rule says of itself, by name."""
    return {rule.name: rule for command in PACKAGES for rule in describe_tool(command)}


def names_of(command: str) -> tuple[str, ...]:
    """The names of one tool's rules, also of those that the project turns off."""
    return rule_names(import_module(PACKAGES[command]))


def describe_tool(command: str) -> tuple[Description, ...]:
    """What one tool's rules say of themselves; and what its one finding does that no rule makes."""
    described = describe_rules(import_module(PACKAGES[command]))
    others = {"verify-indexes": _unverified, "check-pool-budget": _unenforceable}
    if command not in others:
        return described
    return tuple(sorted((*described, others[command]()), key=lambda rule: rule.name))


def _unverified() -> Description:
    return Description(UNVERIFIED, Severity.UNDETERMINED, UNVERIFIED_DOCUMENTATION.strip())


def _unenforceable() -> Description:
    from kc_db.budget.enforce.limits import UNENFORCEABLE, UNENFORCEABLE_DOCUMENTATION

    return Description(UNENFORCEABLE, Severity.ERROR, UNENFORCEABLE_DOCUMENTATION.strip())


def rules_of(command: str) -> tuple[Rule, ...]:
    """One tool's rules, as pyproject.toml sets them.

    Raises:
        InputError: what pyproject.toml says to kc-db is wrong.
    """
    from kc_db.settings import load_settings

    settings = load_settings(Path.cwd(), all_descriptions)
    return with_severities(load_rules(import_module(PACKAGES[command])), settings.severities)
