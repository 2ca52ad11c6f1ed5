"""The JSON report: a contract. Keys are added, never changed."""

import json
from collections.abc import Mapping

from kc_db.findings import Finding
from kc_db.report import Report


def render(report: Report) -> str:
    """One JSON object, indented, keys in a fixed order."""
    return json.dumps(
        {
            "command": report.command,
            "version": report.version,
            "correlation_id": report.correlation_id,
            "target": report.target,
            "summary": dict(report.summary),
            "findings": [_finding(finding) for finding in report.findings],
        },
        indent=2,
        ensure_ascii=False,
    )


def _finding(finding: Finding) -> Mapping[str, object]:
    problem = finding.problem
    target = {"target": finding.target} if finding.target else {}
    return {
        **target,
        "rule": finding.rule,
        "severity": str(finding.severity),
        "where": problem.where,
        "message": problem.message,
        "remedy": "\n".join(problem.remedy),
        "purpose": problem.purpose,
        "differences": [
            {"attribute": difference.attribute, "want": difference.want, "have": difference.have}
            for difference in problem.differences
        ],
        "file": problem.file,
        "line": problem.line,
    }
