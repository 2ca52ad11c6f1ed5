"""One small report, whole, in every format."""

import json
import re
from dataclasses import replace
from hashlib import sha256

import pytest

from kc_db.findings import Difference, Finding, Problem, Severity
from kc_db.report import FORMATS, Report, Table, render

DIFFERENT = Finding(
    "different-definition",
    Severity.ERROR,
    Problem(
        where="public.sessions.sessions_slot_idx",
        message="The index is not the one that the spec asks for.",
        remedy=(
            "DROP INDEX CONCURRENTLY public.sessions_slot_idx;",
            "CREATE INDEX CONCURRENTLY sessions_slot_idx\n    ON sessions (student_id, scheduled_date);",
        ),
        purpose="A student's upcoming sessions,\nsoonest first.",
        differences=(
            Difference("keys", "student_id, scheduled_date", "student_id"),
            Difference("predicate", "", "status = 'open'"),
        ),
        file="index_specs/sessions.sql",
        line=2,
    ),
)
UNMANAGED = Finding(
    "unmanaged-index",
    Severity.INFORMATION,
    Problem("public.payments.old_idx", "No spec asks for it."),
)
UNDECIDED = Finding(
    "different-predicate",
    Severity.UNDETERMINED,
    Problem("public.payments.a_idx", "A standby can't tell."),
)
REPORT = Report(
    command="verify-indexes",
    target="kc at db.internal:5432",
    correlation_id="deploy-42",
    summary={"specs": 9, "satisfied": 8},
    findings=(DIFFERENT, UNMANAGED, UNDECIDED),
    headline="1 error, 1 undetermined",
    documentation={"different-definition": "An index differs from its spec.\n\nIf you leave it: slow."},
    source="index_specs",
)
CLEAN = Report("verify-indexes", "kc at db.internal:5432", "deploy-42", {"specs": 9}, (), "all 9 are there")


@pytest.fixture(autouse=True)
def _version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Report, "version", property(lambda _: "1.2.3"))


def test_text() -> None:
    assert (
        render(REPORT, "text")
        == """\
error different-definition: public.sessions.sessions_slot_idx
    The index is not the one that the spec asks for.
        keys       want  student_id, scheduled_date
                   have  student_id
        predicate  want  (nothing)
                   have  status = 'open'
    purpose: A student's upcoming sessions,
             soonest first.
    stated in: index_specs/sessions.sql:2
    mend it with:
        DROP INDEX CONCURRENTLY public.sessions_slot_idx;
        CREATE INDEX CONCURRENTLY sessions_slot_idx
            ON sessions (student_id, scheduled_date);

information unmanaged-index: public.payments.old_idx
    No spec asks for it.

undetermined different-predicate: public.payments.a_idx
    A standby can't tell.

verify-indexes (kc at db.internal:5432): 1 error, 1 undetermined"""
    )


def in_group(finding: Finding, group: str | None, target: str | None = None) -> Finding:
    return replace(finding, target=target, problem=replace(finding.problem, group=group))


def test_text_groups_findings_by_table_the_worst_first_and_marks_what_differs() -> None:
    findings = (
        in_group(UNMANAGED, "public.payments"),
        in_group(UNDECIDED, "public.payments"),
        in_group(replace(UNDECIDED, severity=Severity.WARNING), None),
        in_group(DIFFERENT, "public.sessions"),
        in_group(UNMANAGED, "public.sessions"),
        in_group(UNMANAGED, "public.sessions"),
    )
    assert render(replace(CLEAN, findings=findings), "text") == (
        """\
warning different-predicate: public.payments.a_idx
    A standby can't tell.

public.sessions: 1 error, 2 information
=======================================

error different-definition: public.sessions.sessions_slot_idx
    The index is not the one that the spec asks for.
    purpose: A student's upcoming sessions,
             soonest first.
        keys       want  student_id, scheduled_date
                                   ^^^^^^^^^^^^^^^^
                   have  student_id
        predicate  want  (nothing)
                   have  status = 'open'
                         ^^^^^^^^^^^^^^^
    stated in: index_specs/sessions.sql:2
    mend it with:
        DROP INDEX CONCURRENTLY public.sessions_slot_idx;
        CREATE INDEX CONCURRENTLY sessions_slot_idx
            ON sessions (student_id, scheduled_date);

information unmanaged-index: public.payments.old_idx
    No spec asks for it.

information unmanaged-index: public.payments.old_idx
    No spec asks for it.

public.payments: 1 information, 1 undetermined
==============================================

information unmanaged-index: public.payments.old_idx
    No spec asks for it.

undetermined different-predicate: public.payments.a_idx
    A standby can't tell.

verify-indexes (kc at db.internal:5432): all 9 are there"""
    )


def test_text_in_colour_has_the_same_marks() -> None:
    report = replace(CLEAN, findings=[in_group(DIFFERENT, "public.sessions")])
    coloured = render(report, "text", colour=True)
    assert "student_id\x1b[31m, scheduled_date\x1b[0m" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == render(report, "text")


def test_groups_change_nothing_in_what_machines_read() -> None:
    grouped = replace(REPORT, findings=[in_group(finding, "public.t") for finding in REPORT.findings])
    for format_name in FORMATS[1:]:
        assert render(grouped, format_name) == render(REPORT, format_name)


def test_text_without_findings_is_one_line() -> None:
    assert render(CLEAN, "text") == "verify-indexes (kc at db.internal:5432): all 9 are there"


def test_text_has_colours_only_where_asked_for() -> None:
    coloured = render(REPORT, "text", colour=True)
    assert "\x1b[31m\x1b[1merror\x1b[0m" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == render(REPORT, "text")


def test_text_shows_tables_above_findings_with_figures_to_the_right() -> None:
    table = Table(
        "Connections at the worst minute",
        ("service", "instances", "at most", "of it", "note"),
        (
            ("student-auth", "2", "1,020", "12 %", "pool of 10"),
            ("api-gateway", "12", "", "", ""),
            ("all", "", "~1,020", "100 %", "7"),
        ),
    )
    report = Report("check-pool-budget", "pool_budget.toml", "x", {}, (), "the fleet fits", (table,))
    assert (
        render(report, "text")
        == """\
Connections at the worst minute
service       instances  at most  of it  note
------------  ---------  -------  -----  ----------
student-auth          2    1,020   12 %  pool of 10
api-gateway          12
all                       ~1,020  100 %  7

check-pool-budget (pool_budget.toml): the fleet fits"""
    )


def test_text_shows_a_table_without_rows() -> None:
    report = Report("c", "t", "x", {}, (), "h", (Table("Nothing", ("a", "bc"), ()),))
    assert render(report, "text") == "Nothing\na  bc\n-  --\n\nc (t): h"


def test_json() -> None:
    assert json.loads(render(REPORT, "json")) == {
        "command": "verify-indexes",
        "version": "1.2.3",
        "correlation_id": "deploy-42",
        "target": "kc at db.internal:5432",
        "summary": {"specs": 9, "satisfied": 8},
        "findings": [
            {
                "rule": "different-definition",
                "severity": "error",
                "where": "public.sessions.sessions_slot_idx",
                "message": "The index is not the one that the spec asks for.",
                "remedy": "DROP INDEX CONCURRENTLY public.sessions_slot_idx;\n"
                "CREATE INDEX CONCURRENTLY sessions_slot_idx\n    ON sessions (student_id, scheduled_date);",
                "purpose": "A student's upcoming sessions,\nsoonest first.",
                "differences": [
                    {"attribute": "keys", "want": "student_id, scheduled_date", "have": "student_id"},
                    {"attribute": "predicate", "want": "", "have": "status = 'open'"},
                ],
                "file": "index_specs/sessions.sql",
                "line": 2,
            },
            {
                "rule": "unmanaged-index",
                "severity": "information",
                "where": "public.payments.old_idx",
                "message": "No spec asks for it.",
                "remedy": "",
                "purpose": "",
                "differences": [],
                "file": None,
                "line": None,
            },
            {
                "rule": "different-predicate",
                "severity": "undetermined",
                "where": "public.payments.a_idx",
                "message": "A standby can't tell.",
                "remedy": "",
                "purpose": "",
                "differences": [],
                "file": None,
                "line": None,
            },
        ],
    }


@pytest.mark.parametrize("report", [REPORT, CLEAN])
def test_json_keeps_the_contract_of_the_design(report: Report) -> None:
    document = json.loads(render(report, "json"))
    assert document.keys() >= {"command", "version", "target", "summary", "findings", "correlation_id"}
    for finding in document["findings"]:
        assert finding.keys() >= {"rule", "severity", "where", "message", "remedy"}
        assert isinstance(finding["remedy"], str)


def test_json_without_findings() -> None:
    assert (
        render(CLEAN, "json")
        == """\
{
  "command": "verify-indexes",
  "version": "1.2.3",
  "correlation_id": "deploy-42",
  "target": "kc at db.internal:5432",
  "summary": {
    "specs": 9
  },
  "findings": []
}"""
    )


def test_github() -> None:
    assert render(REPORT, "github").split("\n") == [
        (
            "::error file=index_specs/sessions.sql,line=2,title=different-definition::"
            "public.sessions.sessions_slot_idx: The index is not the one that the spec asks for.%0A"
            "    keys       want  student_id, scheduled_date%0A"
            "               have  student_id%0A"
            "    predicate  want  (nothing)%0A"
            "               have  status = 'open'%0A"
            "purpose: A student's upcoming sessions,%0A"
            "         soonest first.%0A"
            "stated in: index_specs/sessions.sql:2%0A"
            "mend it with:%0A"
            "    DROP INDEX CONCURRENTLY public.sessions_slot_idx;%0A"
            "    CREATE INDEX CONCURRENTLY sessions_slot_idx%0A"
            "        ON sessions (student_id, scheduled_date);"
        ),
        "::notice title=unmanaged-index::public.payments.old_idx: No spec asks for it.",
        "::warning title=undetermined%3A different-predicate::public.payments.a_idx: A standby can't tell.",
    ]


def test_github_without_findings_is_one_notice() -> None:
    assert render(CLEAN, "github") == "::notice title=kc-db verify-indexes::all 9 are there"


def test_junit() -> None:
    assert (
        render(REPORT, "junit")
        == """\
<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="3" failures="1" errors="1">
  <testsuite name="kc-db verify-indexes" tests="3" failures="1" errors="1" skipped="1">
    <properties>
      <property name="version" value="1.2.3" />
      <property name="target" value="kc at db.internal:5432" />
      <property name="correlation_id" value="deploy-42" />
      <property name="headline" value="1 error, 1 undetermined" />
    </properties>
    <testcase classname="verify-indexes.different-definition" name="public.sessions.sessions_slot_idx">
      <failure type="error" message="The index is not the one that the spec asks for.">\
The index is not the one that the spec asks for.
    keys       want  student_id, scheduled_date
               have  student_id
    predicate  want  (nothing)
               have  status = 'open'
purpose: A student's upcoming sessions,
         soonest first.
stated in: index_specs/sessions.sql:2
mend it with:
    DROP INDEX CONCURRENTLY public.sessions_slot_idx;
    CREATE INDEX CONCURRENTLY sessions_slot_idx
        ON sessions (student_id, scheduled_date);</failure>
    </testcase>
    <testcase classname="verify-indexes.unmanaged-index" name="public.payments.old_idx">
      <skipped type="information" message="No spec asks for it.">No spec asks for it.</skipped>
    </testcase>
    <testcase classname="verify-indexes.different-predicate" name="public.payments.a_idx">
      <error type="undetermined" message="A standby can't tell.">A standby can't tell.</error>
    </testcase>
  </testsuite>
</testsuites>"""
    )


def test_junit_without_findings_is_one_test_that_passes() -> None:
    assert render(CLEAN, "junit").endswith(
        '    <testcase classname="verify-indexes" name="no findings" />\n  </testsuite>\n</testsuites>'
    )
    assert '<testsuite name="kc-db verify-indexes" tests="1" failures="0" errors="0" skipped="0">' in render(
        CLEAN, "junit"
    )


def test_sarif() -> None:
    document = json.loads(render(REPORT, "sarif"))
    assert document == {
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "kc-db",
                        "version": "1.2.3",
                        "rules": [
                            sarif_rule(
                                "different-definition",
                                "error",
                                "An index differs from its spec.",
                                "An index differs from its spec.\n\nIf you leave it: slow.",
                            ),
                            sarif_rule("different-predicate", "none"),
                            sarif_rule("unmanaged-index", "note"),
                        ],
                    }
                },
                "automationDetails": {"id": "kc-db/verify-indexes/deploy-42"},
                "results": [
                    {
                        "ruleId": "different-definition",
                        "kind": "fail",
                        "level": "error",
                        "message": {
                            "text": "public.sessions.sessions_slot_idx: "
                            "The index is not the one that the spec asks for.\n"
                            "    keys       want  student_id, scheduled_date\n"
                            "               have  student_id\n"
                            "    predicate  want  (nothing)\n"
                            "               have  status = 'open'\n"
                            "purpose: A student's upcoming sessions,\n"
                            "         soonest first.\n"
                            "stated in: index_specs/sessions.sql:2\n"
                            "mend it with:\n"
                            "    DROP INDEX CONCURRENTLY public.sessions_slot_idx;\n"
                            "    CREATE INDEX CONCURRENTLY sessions_slot_idx\n"
                            "        ON sessions (student_id, scheduled_date);"
                        },
                        "locations": [
                            {
                                "physicalLocation": {
                                    "artifactLocation": {"uri": "index_specs/sessions.sql"},
                                    "region": {"startLine": 2},
                                },
                                "logicalLocations": [
                                    {"fullyQualifiedName": "public.sessions.sessions_slot_idx"}
                                ],
                            }
                        ],
                        "partialFingerprints": {
                            "primaryLocationLineHash": (
                                "7b59274e7af6a71767eb29ab49cb35f086e70c94f86ab19d9702cad5a744f4fb"
                            )
                        },
                    },
                    sarif_result(UNMANAGED, "fail", "note"),
                    sarif_result(UNDECIDED, "open", "none"),
                ],
                "properties": {
                    "target": "kc at db.internal:5432",
                    "correlation_id": "deploy-42",
                    "headline": "1 error, 1 undetermined",
                    "summary": {"specs": 9, "satisfied": 8},
                },
            }
        ],
    }


def sarif_rule(name: str, level: str, summary: str = "", documentation: str = "") -> dict[str, object]:
    return {
        "id": name,
        "shortDescription": {"text": summary or name},
        "fullDescription": {"text": documentation or name},
        "help": {"text": documentation or name},
        "defaultConfiguration": {"level": level},
    }


def sarif_result(finding: Finding, kind: str, level: str) -> dict[str, object]:
    problem = finding.problem
    return {
        "ruleId": finding.rule,
        "kind": kind,
        "level": level,
        "message": {"text": f"{problem.where}: {problem.message}"},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": "index_specs"}},
                "logicalLocations": [{"fullyQualifiedName": problem.where}],
            }
        ],
        "partialFingerprints": {
            "primaryLocationLineHash": sha256(f"{finding.rule}\0{problem.where}".encode()).hexdigest()
        },
    }


def test_sarif_rules_have_the_severity_that_the_project_sets() -> None:
    severities = {"b": Severity.ERROR, "different-definition": Severity.WARNING}
    documented = replace(
        REPORT, severities=severities, documentation={"b": "B.", **(REPORT.documentation or {})}
    )
    (run,) = json.loads(render(documented, "sarif"))["runs"]
    levels = {rule["id"]: rule["defaultConfiguration"]["level"] for rule in run["tool"]["driver"]["rules"]}
    assert levels == {
        "b": "error",
        "different-definition": "warning",
        "different-predicate": "none",
        "unmanaged-index": "note",
    }


def test_sarif_without_findings_has_an_empty_list_of_results() -> None:
    (run,) = json.loads(render(CLEAN, "sarif"))["runs"]
    assert run["results"] == []
    assert run["tool"]["driver"]["rules"] == []


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("./index_specs/sessions.sql", "index_specs/sessions.sql"),
        ("my specs/a%b#c.sql", "my%20specs/a%25b%23c.sql"),
        ("a:b.sql", "a%3Ab.sql"),
        ("/srv/my specs/a.sql", "file:///srv/my%20specs/a.sql"),
    ],
)
def test_sarif_addresses_are_uris(file: str, uri: str) -> None:
    finding = Finding("r", Severity.WARNING, Problem("w", "m", file=file))
    (run,) = json.loads(render(Report("c", "t", "x", {}, [finding], "h"), "sarif"))["runs"]
    (location,) = run["results"][0]["locations"]
    assert location["physicalLocation"] == {"artifactLocation": {"uri": uri}}


def test_sarif_category_is_the_command_whatever_the_correlation_id_holds() -> None:
    (run,) = json.loads(render(Report("c", "t", "deploy/7", {}, [], "h"), "sarif"))["runs"]
    assert run["automationDetails"]["id"].rpartition("/")[0] == "kc-db/c"
    assert run["properties"]["correlation_id"] == "deploy/7"


def test_sarif_rule_has_the_level_of_its_worst_finding() -> None:
    findings = [
        Finding("r", Severity.ERROR, Problem("a", "m")),
        Finding("r", Severity.UNDETERMINED, Problem("b", "m")),
    ]
    (run,) = json.loads(render(Report("c", "t", "x", {}, findings, "h"), "sarif"))["runs"]
    assert run["tool"]["driver"]["rules"] == [sarif_rule("r", "error")]


@pytest.mark.parametrize("format_name", FORMATS)
def test_no_format_ends_with_a_newline(format_name: str) -> None:
    assert not render(REPORT, format_name).endswith("\n")
