"""Texts that no author of a report foresees: each format stays what it says it is."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kc_db.findings import Difference, Finding, Problem, Severity
from kc_db.report import FORMATS, Report, Table, render

# From the npm package @microsoft/jest-sarif 1.0.0-beta.0 (MIT), lib/schemas/.
SARIF_SCHEMA = Path(__file__).parents[1] / "data" / "sarif-2.1.0-rtm.5.json"

AWKWARD = (
    "two\nlines\r\nand a return\r",
    "100 % of %0A, %25",
    "::error::not mine",
    "a: b, c=d; [e](1) {0}",
    "\"double\" 'single' `tick` <tag> & ]]>",
    "elephant 🐘, umlaut ü, right-to-left \u202e",
    "nul \x00, bell \x07, escape \x1b[31m, delete \x7f, \x9b, \ufffe",
    "surrogate \udc80",
    "",
)
RULES = st.sampled_from(("missing-index", "over-budget"))  # Python module names, so never awkward
any_text = st.text(st.characters(exclude_categories=())) | st.sampled_from(AWKWARD)


def problems(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Problem]:
    return st.builds(
        Problem,
        where=texts,
        message=texts,
        remedy=st.lists(texts, max_size=2).map(tuple),
        purpose=texts,
        differences=st.lists(st.builds(Difference, texts, texts, texts), max_size=2).map(tuple),
        file=st.none() | st.text(),
        line=st.none() | st.integers(1, 10_000),
        group=st.none() | texts,
    )


def reports(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Report]:
    return st.builds(
        Report,
        command=texts,
        target=texts,
        correlation_id=texts,
        summary=st.dictionaries(texts, texts, max_size=2),
        findings=st.lists(st.builds(Finding, RULES, st.sampled_from(Severity), problems(texts)), max_size=3),
        headline=texts,
        tables=st.lists(
            st.builds(
                Table,
                texts,
                st.tuples(texts, texts),
                st.lists(st.tuples(texts, texts), max_size=2).map(tuple),
            ),
            max_size=1,
        ),
        documentation=st.none() | st.dictionaries(texts, texts, max_size=2),
        source=st.none() | st.text(),
        severities=st.none() | st.dictionaries(RULES, st.sampled_from(Severity)),
    )


def awkward_report(text: str) -> Report:
    difference = Difference(text, text, text)
    problem = Problem(text, text, (text,), text, (difference,), text, 1)
    return Report(text, text, text, {text: text}, [Finding(text, Severity.ERROR, problem)], text)


@pytest.mark.parametrize("text", AWKWARD)
@pytest.mark.parametrize("format_name", FORMATS)
def test_every_format_can_be_written_as_utf_8(format_name: str, text: str) -> None:
    assert render(awkward_report(text), format_name).encode("utf-8")


@settings(deadline=None)  # a busy CI machine is no finding
@given(reports(any_text), st.booleans())
def test_text_holds_no_control_characters_but_its_own_colours(report: Report, colour: bool) -> None:
    text = render(report, "text", colour=colour)
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[31m", "\x1b[33m", "\x1b[35m", "\x1b[36m") if colour else ():
        text = text.replace(code, "")
    assert not [character for character in text if ord(character) < 32 and character not in "\n\t"]
    assert "\x7f" not in text
    assert "\x9b" not in text


def test_text_spells_control_characters_out_and_keeps_a_name_on_its_line() -> None:
    finding = Finding("r", Severity.WARNING, Problem("public.a\x1b[31m\nb", "rings \x07"))
    assert render(Report("c", "t", "x", {}, [finding], "h"), "text") == (
        "warning r: public.a\\x1b[31m\\nb\n    rings \\x07\n\nc (t): h"
    )


@settings(deadline=None)  # a busy CI machine is no finding
@given(reports(st.text()))
def test_json_round_trips(report: Report) -> None:
    document = json.loads(render(report, "json"))
    assert document["summary"] == report.summary
    assert [document["command"], document["target"]] == [report.command, report.target]
    for found, finding in zip(document["findings"], report.findings, strict=True):
        problem = finding.problem
        assert Severity[found["severity"].upper()] is finding.severity
        assert (found["rule"], found["where"], found["message"]) == (
            finding.rule,
            problem.where,
            problem.message,
        )
        assert (found["file"], found["line"], found["purpose"]) == (
            problem.file,
            problem.line,
            problem.purpose,
        )
        assert found["remedy"] == "\n".join(problem.remedy)
        assert tuple(Difference(**difference) for difference in found["differences"]) == problem.differences


@settings(deadline=None)  # a busy CI machine is no finding
@given(reports(any_text))
def test_junit_always_parses_and_counts_right(report: Report) -> None:
    root = ET.fromstring(render(report, "junit"))
    (suite,) = root
    cases = suite.findall("testcase")
    assert int(suite.attrib["tests"]) == len(cases) == max(1, len(report.findings))
    for attribute, element in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(suite.attrib[attribute]) == len(suite.findall(f"testcase/{element}"))


def test_junit_keeps_what_xml_can_hold() -> None:
    (failure,) = ET.fromstring(render(awkward_report('a\x00 <b> & "c"\n🐘 ]]>'), "junit")).iter("failure")
    assert failure.attrib["message"] == 'a <b> & "c"\n🐘 ]]>'


@settings(deadline=None)  # a busy CI machine is no finding
@given(reports(any_text))
def test_github_says_one_command_per_line_and_no_more(report: Report) -> None:
    lines = render(report, "github").split("\n")
    assert len(lines) == max(1, len(report.findings))
    for line in lines:
        assert "\r" not in line
        _, command, message = line.split("::", 2)
        name, _, properties = command.partition(" ")
        assert name in {"error", "warning", "notice"}
        assert {pair.partition("=")[0] for pair in properties.split(",")} <= {"", "file", "line", "title"}
        assert "%" not in message.replace("%25", "").replace("%0A", "").replace("%0D", "")


@pytest.mark.parametrize("text", AWKWARD[:-2])
def test_github_escapes_what_its_runner_unescapes(text: str) -> None:
    problem = Problem("w", text, file=text, line=7)
    report = Report("c", "t", "x", {}, [Finding(f"r {text}", Severity.ERROR, problem)], "h")
    _, command, message = render(report, "github").split("::", 2)
    properties = dict(pair.split("=", 1) for pair in command.removeprefix("error ").split(","))
    assert {name: unescape(value) for name, value in properties.items()} == {
        "file": text,
        "line": "7",
        "title": f"r {text}",
    }
    assert unescape(message).startswith(f"w: {text}")


def unescape(value: str) -> str:
    """As in the runner's ActionCommand.cs: the percent sign comes last."""
    for escaped, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        value = value.replace(escaped, character)
    return value


@settings(deadline=None)  # a busy CI machine is no finding
@given(reports(any_text))
def test_sarif_has_what_the_standard_requires(report: Report) -> None:
    log = json.loads(render(report, "sarif"))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(rules) == len(set(rules))
    for result, finding in zip(run["results"], report.findings, strict=True):
        assert result["message"]["text"]
        assert result["ruleId"] in rules
        assert (result["level"] == "none") is (result["kind"] == "open")
        assert (result["kind"] == "open") is (finding.severity is Severity.UNDETERMINED)
        (location,) = result["locations"]
        if uri := location.get("physicalLocation", {}).get("artifactLocation", {}).get("uri"):
            assert uri.isascii()
            assert not set(uri) & set(' \\"<>\n')


@settings(deadline=None)  # a busy CI machine is no finding
@given(reports(any_text))
def test_sarif_is_valid_by_its_schema(report: Report) -> None:
    assert not list(sarif_validator().iter_errors(json.loads(render(report, "sarif"))))


def sarif_validator() -> Any:
    jsonschema = pytest.importorskip("jsonschema", reason="the SARIF schema needs `pip install jsonschema`")
    schema = json.loads(SARIF_SCHEMA.read_text(encoding="utf-8"))
    return jsonschema.Draft4Validator(schema, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER)


def test_sarif_fingerprint_outlives_an_edited_file_and_tells_objects_apart() -> None:
    def fingerprint(where: str, line: int) -> str:
        finding = Finding("r", Severity.ERROR, Problem(where, f"message {line}", file="a.sql", line=line))
        (run,) = json.loads(render(Report("c", "t", "x", {}, [finding], "h"), "sarif"))["runs"]
        fingerprint: str = run["results"][0]["partialFingerprints"]["primaryLocationLineHash"]
        return fingerprint

    assert fingerprint("a", 1) == fingerprint("a", 2)
    assert fingerprint("a", 1) != fingerprint("b", 1)
