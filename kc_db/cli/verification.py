"""What verify-indexes and repair-indexes share: how they load and how they report."""

from collections.abc import Sequence
from pathlib import Path

from kc_db.cli.options import Run
from kc_db.database import Target
from kc_db.findings import Finding, Severity, count_by_severity
from kc_db.indexes.model import Spec
from kc_db.report import Report
from kc_db.rulebook import Rule


def load_rulebook_and_specs(folder: Path) -> tuple[tuple[Rule, ...], tuple[Spec, ...]]:
    """The verifier's rules and the specs of a folder.

    Raises:
        InputError: a spec file is wrong.
        NothingToCheckError: there is no spec.
    """
    from kc_db.indexes import rules
    from kc_db.indexes.load_specs import load_specs
    from kc_db.rulebook import load_rules

    rulebook = load_rules(rules)
    return rulebook, load_specs(folder, [rule.name for rule in rulebook])


def report_findings(
    run: Run, target: Target, specs: Sequence[Spec], findings: Sequence[Finding], rulebook: Sequence[Rule]
) -> Report:
    """The report of `verify-indexes`."""
    tables = len({spec.definition.table for spec in specs})
    counts = count_by_severity(findings)
    return Report(
        command="verify-indexes",
        target=target.label,
        correlation_id=run.correlation_id,
        summary={"tables": tables, "specs": len(specs), "findings": counts},
        findings=findings,
        headline=_headline(len(specs), tables, findings),
        documentation={rule.name: rule.documentation for rule in rulebook},
        source=str(Path(specs[0].file).parent),
    )


def _headline(specs: int, tables: int, findings: Sequence[Finding]) -> str:
    looked = f"{_count(specs, 'spec')} on {_count(tables, 'table')}"
    if all(finding.severity == Severity.INFORMATION for finding in findings):
        return f"{looked}, all as specified"
    counts = count_by_severity(findings)
    counted = [_count(counts[name], name) for name in ("error", "warning") if counts[name]]
    counted += [f"{counts[name]} {name}" for name in ("information", "undetermined") if counts[name]]
    return f"{looked}: {', '.join(counted)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
