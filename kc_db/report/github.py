"""The report as GitHub Actions workflow commands: annotations on the pull request's lines.

`::error file=F,line=N,title=T::message`, one command per line. The form is documented at
https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands, the escaping is that of
`escapeData` and `escapeProperty` in https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts.
GitHub shows the first ten errors and the first ten warnings of a step as annotations; the log shows all.
What is true in many schemas or databases is therefore said once.
"""

from kc_db.findings import Finding, Severity
from kc_db.report import Report, explain
from kc_db.report.fold import fold

_COMMANDS = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.UNDETERMINED: "warning",
    Severity.INFORMATION: "notice",
}
_IN_MESSAGE = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_IN_PROPERTY = _IN_MESSAGE | str.maketrans({":": "%3A", ",": "%2C"})


def render(report: Report) -> str:
    """One command per finding; one notice with the headline if there is none."""
    if not report.findings:
        return _command("notice", report.headline, title=f"kc-db {report.command}")
    return "\n".join(map(_finding, fold(report.findings, report.schemas)))


def _finding(finding: Finding) -> str:
    problem = finding.problem
    undetermined = "undetermined: " if finding.severity is Severity.UNDETERMINED else ""
    place = {"file": problem.file, "line": problem.line} if problem.file else {}
    return _command(
        _COMMANDS[finding.severity],
        f"{finding.place}: {explain(problem)}",
        **place,
        title=undetermined + finding.rule,
    )


def _command(name: str, message: str, **properties: object) -> str:
    given = ",".join(
        f"{key}={str(value).translate(_IN_PROPERTY)}" for key, value in properties.items() if value
    )
    return f"::{name} {given}::{message.translate(_IN_MESSAGE)}"
