"""Findings in, text out: one module per format, each with `render(report) -> str`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from textwrap import indent

from kc_db.findings import Finding, Problem, Severity
from kc_db.report.charts import Chart

FORMATS = ("text", "json", "sarif", "junit", "github", "svg")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that text output shows above the findings; machine formats carry the same figures in `summary`."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What a command found.

    Attributes:
        command: the verb-noun that was typed.
        target: what was looked at, without secrets.
        correlation_id: what follows this run through every log.
        summary: figures, JSON types only.
        findings: the worst first.
        headline: one line that says how it went.
        clauses: its parts, where it is about many things at once; text gives each a line.
        tables: figures for people.
        charts: bars for people.
        documentation: each rule's docstring, for the formats that carry it.
        severities: each rule's severity, for the same.
        script: what was, or would be, run; text shows it instead of each finding's own remedy.
        source: the file or folder that says what is wanted; findings without a file of their own point there.
        schemas: those that all have to match one set of specs; text says once what is true in many of them.
        verdicts: of several databases, how each one did.
        fail_on: the mildest severity that fails the command.
    """

    command: str
    target: str
    correlation_id: str
    summary: Mapping[str, object]
    findings: Sequence[Finding]
    headline: str
    tables: Sequence[Table] = ()
    charts: Sequence[Chart] = ()
    documentation: Mapping[str, str] | None = None
    source: str | None = None
    script: Sequence[str] = ()
    severities: Mapping[str, Severity] | None = None
    schemas: Sequence[str] = ()
    verdicts: Mapping[str, str] = field(default_factory=dict)
    fail_on: Severity = Severity.ERROR
    clauses: Sequence[str] = ()

    @property
    def version(self) -> str:
        """kc-db's own version."""
        from kc_db import __version__

        return __version__


def render(report: Report, format_name: str, *, colour: bool = False) -> str:
    """The report in one of FORMATS, without a trailing newline; any file can hold it as UTF-8."""
    options = {"colour": colour} if format_name == "text" else {}
    text: str = import_module(f"kc_db.report.{format_name}").render(report, **options)
    return text.encode(errors="replace").decode()


def explain(problem: Problem) -> str:
    """All that is known of a problem, as plain lines: the same words in every format."""
    return "\n".join(_explain(problem))


def _explain(problem: Problem) -> Iterator[str]:
    yield problem.message
    width = max((len(difference.attribute) for difference in problem.differences), default=0)
    for difference in problem.differences:
        yield _hang(f"    {difference.attribute:{width}}  want  ", difference.want or "(nothing)")
        yield _hang(f"    {'':{width}}  have  ", difference.have or "(nothing)")
    yield from purpose_lines(problem)
    yield from source_lines(problem)
    yield from remedy_lines(problem)


def purpose_lines(problem: Problem) -> Iterator[str]:
    """Why the object must exist, if somebody wrote it down."""
    if problem.purpose:
        yield _hang("purpose: ", problem.purpose)


def source_lines(problem: Problem) -> Iterator[str]:
    """Where the want is written down, if it is."""
    if problem.file:
        yield f"stated in: {problem.file}" + (f":{problem.line}" if problem.line else "")


def remedy_lines(problem: Problem) -> Iterator[str]:
    """What mends it, if anything is known."""
    if problem.remedy:
        yield "mend it with:"
        yield from (indent(step, "    ") for step in problem.remedy)


def _hang(label: str, text: str) -> str:
    return label + text.replace("\n", "\n" + " " * len(label))
