"""What verify-indexes and repair-indexes share: how they load and how they report."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from kc_db.cli.options import Run
from kc_db.findings import Finding, Severity, count_by_severity, count_in_words
from kc_db.indexes.inspect import Inspection
from kc_db.indexes.load_facts import Standby
from kc_db.indexes.model import Spec
from kc_db.report import Report
from kc_db.rulebook import Rule

_AS_SPECIFIED = "all as specified"


def load_rulebook_and_specs(folder: Path) -> tuple[tuple[Rule, ...], tuple[Spec, ...]]:
    """The verifier's rules and the specs of a folder.

    Raises:
        InputError: a spec file is wrong, or what pyproject.toml says of rules.
        NothingToCheckError: there is no spec.
    """
    from kc_db.cli.rules import names_of, rules_of
    from kc_db.indexes.load_specs import allowing, load_specs

    rulebook = rules_of("verify-indexes")
    names = names_of("verify-indexes")
    off = set(names) - {rule.name for rule in rulebook}
    return rulebook, tuple(allowing(spec, off) for spec in load_specs(folder, names))


def standbys_at(run: Run, urls: Sequence[str]) -> tuple[Standby, ...]:
    """The standbys that the URLs name; none is connected to yet.

    Raises:
        InputError: one is no URL.
    """
    from kc_db.database import connect, find_target

    targets = [find_target(url, {}) for url in urls]
    return tuple(
        Standby(target.label, partial(connect, target, "verify-indexes", run.correlation_id))
        for target in targets
    )


def report_findings(
    run: Run, inspection: Inspection, findings: Sequence[Finding], rulebook: Sequence[Rule], source: Path
) -> Report:
    """The report on one database."""
    return Report(
        command="verify-indexes",
        target=inspection.target,
        correlation_id=run.correlation_id,
        summary=figures(inspection, findings),
        findings=findings,
        headline=headline(_looked(inspection), findings, inspection.accepted),
        documentation={rule.name: rule.documentation for rule in rulebook},
        severities={rule.name: rule.severity for rule in rulebook},
        source=str(source),
        schemas=inspection.schemas,
    )


def figures(inspection: Inspection, findings: Sequence[Finding]) -> dict[str, object]:
    """What JSON says of one database."""
    schemas = {"schemas": len(inspection.schemas)} if inspection.schemas else {}
    counts = count_by_severity(findings)
    looked = {"tables": inspection.tables, "specs": inspection.specs, **schemas}
    return {**looked, "findings": counts, "accepted": inspection.accepted}


def _looked(inspection: Inspection) -> str:
    text = f"{count(inspection.specs, 'spec')} on {count(inspection.tables, 'table')}"
    return f"{text} in {count(len(inspection.schemas), 'schema')}" if inspection.schemas else text


def headline(looked: str, findings: Sequence[Finding], accepted: int) -> str:
    """What was looked at, and how it went."""
    result = outcome(findings, accepted)
    return f"{looked}, {result}" if result == _AS_SPECIFIED else f"{looked}: {result}"


def outcome(findings: Sequence[Finding], accepted: int) -> str:
    """How it went, in a few words."""
    told = f"{accepted} accepted by the baseline"
    if any(finding.severity != Severity.INFORMATION for finding in findings):
        counted = count_in_words(findings)
        return f"{counted}; {told}" if accepted else counted
    building = sum(finding.rule == "building-index" and bool(finding.problem.file) for finding in findings)
    if building:
        result = f"as specified but for {building} that is being built"
        return f"{result}; {told}" if accepted else result
    return told if accepted else _AS_SPECIFIED


def count(number: int, noun: str) -> str:
    """So many of them."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
