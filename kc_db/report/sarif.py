"""The report as SARIF 2.1.0, for code scanning and editors.

The format: https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/sarif-v2.1.0-errata01-os-complete.html
What GitHub reads: https://docs.github.com/code-security/reference/code-scanning/sarif-support-for-code-scanning

- Undetermined is `kind` "open" (3.27.9), which demands `level` "none" (3.27.10); GitHub shows it anyway.
- GitHub refuses a file in which one result lacks a physical location (github/codeql-action#2459), hence
  `Report.source`.
- `primaryLocationLineHash` is the fingerprint that GitHub reads. Ours is made of rule and object, so that an
  alert survives edits of the file, and two findings on one line stay apart.
- To GitHub `automationDetails.id` is the analysis's category up to the last slash; the rest is the run.
"""

import json
from hashlib import sha256
from pathlib import PurePath
from urllib.parse import quote

from kc_db.findings import Finding, Severity
from kc_db.report import Report, explain

_LEVELS = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFORMATION: "note",
    Severity.UNDETERMINED: "none",
}


def render(report: Report) -> str:
    """One SARIF log with one run."""
    run = {
        "tool": {"driver": {"name": "kc-db", "version": report.version, "rules": _rules(report)}},
        "automationDetails": {
            "id": f"kc-db/{report.command}/{quote(report.correlation_id, safe='', errors='replace')}"
        },
        "results": [_result(finding, report.source) for finding in report.findings],
        "properties": {
            "target": report.target,
            "correlation_id": report.correlation_id,
            "headline": report.headline,
            "summary": dict(report.summary),
        },
    }
    log = {
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    return json.dumps(log, indent=2, ensure_ascii=False)


def _rules(report: Report) -> list[dict[str, object]]:
    documentation = report.documentation or {}
    found = {finding.rule: finding.severity for finding in reversed(report.findings)}
    levels = {name: _LEVELS[severity] for name, severity in (found | dict(report.severities or {})).items()}
    return [
        _rule(name, documentation.get(name) or name, levels.get(name))
        for name in sorted(documentation.keys() | levels.keys())
    ]


def _rule(name: str, documentation: str, level: str | None) -> dict[str, object]:
    rule: dict[str, object] = {
        "id": name,
        "shortDescription": {"text": documentation.partition("\n")[0]},
        "fullDescription": {"text": documentation},
        "help": {"text": documentation},
    }
    return rule | ({"defaultConfiguration": {"level": level}} if level else {})


def _result(finding: Finding, source: str | None) -> dict[str, object]:
    problem = finding.problem
    location: dict[str, object] = {"logicalLocations": [{"fullyQualifiedName": finding.place}]}
    if file := problem.file or source:
        region = {"region": {"startLine": problem.line}} if problem.file and problem.line else {}
        location = {"physicalLocation": {"artifactLocation": {"uri": _uri(file)}} | region} | location
    return {
        "ruleId": finding.rule,
        "kind": "open" if finding.severity is Severity.UNDETERMINED else "fail",
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{finding.place}: {explain(problem)}"},
        "locations": [location],
        "partialFingerprints": {"primaryLocationLineHash": _fingerprint(finding)},
    }


def _uri(file: str) -> str:
    path = PurePath(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix(), errors="replace")


def _fingerprint(finding: Finding) -> str:
    return sha256(f"{finding.rule}\0{finding.place}".encode(errors="replace")).hexdigest()
