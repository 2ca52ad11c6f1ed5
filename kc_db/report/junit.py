"""The report as JUnit XML, which every CI server shows as tests: a finding is a test that did not pass.

No specification exists; https://github.com/testmoapp/junitxml describes the common form. This keeps to
junit-10.xsd of Jenkins' xUnit plugin, the strictest schema that a server applies (so: no `file`, no `line`),
and to the characters of XML 1.0 (https://www.w3.org/TR/xml/#charsets), which no escape can extend.
"""

import re
from collections import Counter
from collections.abc import Sequence
from xml.etree import ElementTree as ET  # only for writing

from kc_db.findings import Finding, Severity
from kc_db.report import Report, explain

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: Report) -> str:
    """A suite per database, a case per finding, or one that passes: to some servers no test is a failure."""
    suites = _suites(report)
    total = sum((_counts(report, findings) for _, _, findings in suites), Counter())
    root = ET.Element("testsuites", {key: str(total[key]) for key in ("tests", "failures", "errors")})
    for name, headline, findings in suites:
        _add_suite(root, report, (name, headline), findings)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode")


def _suites(report: Report) -> list[tuple[str, str, list[Finding]]]:
    """Database, verdict and findings of each suite; of several databases, what is no one's comes last."""
    of: dict[str, list[Finding]] = {target: [] for target in report.verdicts}
    for finding in report.findings:
        of.setdefault((report.verdicts and finding.target) or report.target, []).append(finding)
    of = of or {report.target: []}
    return [(name, report.verdicts.get(name, report.headline), findings) for name, findings in of.items()]


def _outcome(report: Report, severity: Severity) -> str:
    """What is below --fail-on doesn't fail the command, and no test either."""
    if severity is Severity.UNDETERMINED:
        return "error"
    return "failure" if severity >= report.fail_on else "skipped"


def _counts(report: Report, findings: Sequence[Finding]) -> Counter[str]:
    outcomes = Counter(_outcome(report, finding.severity) for finding in findings)
    return Counter(
        tests=len(findings) or 1,
        failures=outcomes["failure"],
        errors=outcomes["error"],
        skipped=outcomes["skipped"],
    )


def _add_suite(root: ET.Element, report: Report, title: tuple[str, str], findings: Sequence[Finding]) -> None:
    target, headline = title
    name = f"kc-db {report.command}" + (f" {target}" if report.verdicts else "")
    counts = {key: str(count) for key, count in _counts(report, findings).items()}
    suite = ET.SubElement(root, "testsuite", {"name": _clean(name), **counts})
    properties = ET.SubElement(suite, "properties")
    for key, value in (
        ("version", report.version),
        ("target", target),
        ("correlation_id", report.correlation_id),
        ("headline", headline),
    ):
        ET.SubElement(properties, "property", name=key, value=_clean(value))
    for finding in findings:
        _add_case(suite, report, finding)
    if not findings:
        ET.SubElement(suite, "testcase", classname=_clean(report.command), name="no findings")


def _add_case(suite: ET.Element, report: Report, finding: Finding) -> None:
    problem = finding.problem
    case = ET.SubElement(
        suite, "testcase", classname=_clean(f"{report.command}.{finding.rule}"), name=_clean(problem.where)
    )
    outcome = ET.SubElement(
        case, _outcome(report, finding.severity), type=str(finding.severity), message=_clean(problem.message)
    )
    outcome.text = _clean(explain(problem))


def _clean(text: str) -> str:
    return _NOT_XML.sub("", text)
