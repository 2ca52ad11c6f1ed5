"""The report as JUnit XML, which every CI server shows as tests: a finding is a test that did not pass.

No specification exists; https://github.com/testmoapp/junitxml describes the common form. This keeps to
junit-10.xsd of Jenkins' xUnit plugin, the strictest schema that a server applies (so: no `file`, no `line`),
and to the characters of XML 1.0 (https://www.w3.org/TR/xml/#charsets), which no escape can extend.
"""

import re
from collections import Counter
from xml.etree import ElementTree as ET  # only for writing

from kc_db.findings import Finding, Severity
from kc_db.report import Report, explain

_OUTCOMES = {
    Severity.ERROR: "failure",
    Severity.WARNING: "failure",
    Severity.UNDETERMINED: "error",
    Severity.INFORMATION: "skipped",
}
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: Report) -> str:
    """One suite with a case per finding, or with one that passes: to some servers no tests are a failure."""
    outcomes = Counter(_OUTCOMES[finding.severity] for finding in report.findings)
    counts = {
        "tests": str(len(report.findings) or 1),
        "failures": str(outcomes["failure"]),
        "errors": str(outcomes["error"]),
    }
    root = ET.Element("testsuites", counts)
    suite = ET.SubElement(
        root,
        "testsuite",
        {"name": _clean(f"kc-db {report.command}"), **counts, "skipped": str(outcomes["skipped"])},
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in (
        ("version", report.version),
        ("target", report.target),
        ("correlation_id", report.correlation_id),
        ("headline", report.headline),
    ):
        ET.SubElement(properties, "property", name=name, value=_clean(value))
    for finding in report.findings:
        _add_case(suite, report.command, finding)
    if not report.findings:
        ET.SubElement(suite, "testcase", classname=_clean(report.command), name="no findings")
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode")


def _add_case(suite: ET.Element, command: str, finding: Finding) -> None:
    problem = finding.problem
    case = ET.SubElement(
        suite, "testcase", classname=_clean(f"{command}.{finding.rule}"), name=_clean(problem.where)
    )
    outcome = ET.SubElement(
        case, _OUTCOMES[finding.severity], type=str(finding.severity), message=_clean(problem.message)
    )
    outcome.text = _clean(explain(problem))


def _clean(text: str) -> str:
    return _NOT_XML.sub("", text)
