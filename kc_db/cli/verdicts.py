"""Several databases in one run: how they are looked at, and the report on them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kc_db.cli.options import Run
from kc_db.cli.progress import shown_progress
from kc_db.cli.verification import count, figures, headline, outcome
from kc_db.database import Connection, Target, connect
from kc_db.findings import Finding, Severity, count_by_severity, exit_code
from kc_db.indexes.inspect import Inspection, inspect_targets
from kc_db.indexes.unverified import UNVERIFIED, UNVERIFIED_DOCUMENTATION
from kc_db.report import Report

if TYPE_CHECKING:
    from kc_db.rulebook import Rule

Look = Callable[[Connection, str], Inspection]
_VERDICTS = {0: "clean", 1: "findings", 3: "undetermined"}


def look_at_one(run: Run, target: Target, look: Look) -> Inspection:
    """Looks at the only database.

    Raises:
        KcDbError: it can't be looked at.
    """
    with (
        shown_progress(None, bar=run.log_format == "text"),
        connect(target, "verify-indexes", run.correlation_id) as connection,
    ):
        return look(connection, target.label)


def look_at_all(run: Run, targets: Sequence[Target], look: Look, connections: int) -> list[Inspection]:
    """Looks at several databases at the same time; the ones that can't be looked at say why."""

    def look_at(target: Target) -> Inspection:
        with connect(target, "verify-indexes", run.correlation_id) as connection:
            return look(connection, target.label)

    with shown_progress(len(targets), bar=run.log_format == "text") as advance:
        return inspect_targets(
            targets,
            look_at,
            connections=connections,
            done=lambda one: advance(f"{one.target}: {one.error or _verdict(one, one.findings)}"),
        )


def report_targets(
    run: Run,
    inspections: Sequence[Inspection],
    findings: Sequence[Finding],
    rulebook: "Sequence[Rule]",
    source: Path,
) -> Report:
    """The report on several databases: a verdict on each, and one on all."""
    of = {
        one.target: [finding for finding in findings if finding.target == one.target] for one in inspections
    }
    rules = {rule.name: rule.documentation for rule in rulebook}
    return Report(
        command="verify-indexes",
        target=count(len(inspections), "database"),
        correlation_id=run.correlation_id,
        summary={
            "findings": count_by_severity(findings),
            "accepted": sum(one.accepted for one in inspections),
            "targets": [_summary(one, of[one.target], run.fail_on) for one in inspections],
        },
        findings=findings,
        headline=_headline(inspections, findings),
        documentation={**rules, UNVERIFIED: UNVERIFIED_DOCUMENTATION},
        severities={**{rule.name: rule.severity for rule in rulebook}, UNVERIFIED: Severity.UNDETERMINED},
        source=str(source),
        schemas=tuple(dict.fromkeys(schema for one in inspections for schema in one.schemas)),
        verdicts={one.target: _verdict(one, of[one.target]) for one in inspections},
    )


def _summary(inspection: Inspection, findings: Sequence[Finding], fail_on: Severity) -> dict[str, object]:
    verdict = "unverified" if inspection.error else _VERDICTS[exit_code(findings, fail_on)]
    error = str(inspection.error) if inspection.error else None
    return {"target": inspection.target, "verdict": verdict, **figures(inspection, findings), "error": error}


def _verdict(inspection: Inspection, findings: Sequence[Finding]) -> str:
    return "not looked at" if inspection.error else outcome(findings, inspection.accepted)


def _headline(inspections: Sequence[Inspection], findings: Sequence[Finding]) -> str:
    looked = [one for one in inspections if not one.error]
    missed = f"{count(len(inspections) - len(looked), 'database')} not looked at"
    if not looked:
        return missed
    decided = [finding for finding in findings if finding.rule != UNVERIFIED]
    told = headline(count(looked[0].specs, "spec"), decided, sum(one.accepted for one in inspections))
    return told if len(looked) == len(inspections) else f"{told}; {missed}"
