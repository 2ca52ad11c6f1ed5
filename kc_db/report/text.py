"""The report for people: figures first, then what is wrong, the worst first; the verdict stands last.

Findings that belong to a table stand under its name, the worst table first.
"""

import re
from collections.abc import Iterator, Sequence
from textwrap import indent

import click

from kc_db.findings import Difference, Finding, Problem, Severity, count_by_severity, count_in_words
from kc_db.report import Report, Table, explain, purpose_lines, remedy_lines, source_lines
from kc_db.report.charts import Chart, rows
from kc_db.report.fold import fold
from kc_db.report.marks import Span, marked, marks_under

_COLOURS = {
    Severity.ERROR: "red",
    Severity.WARNING: "yellow",
    Severity.UNDETERMINED: "magenta",
    Severity.INFORMATION: "cyan",
}
_FIGURE = re.compile(r"[-+~]?\d[\d.,]*( ?(%|ms|s|kB|MB|GB))?")
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}


def render(report: Report, *, colour: bool = False) -> str:
    """Plain text that pastes into a ticket; coloured only where asked for."""
    blocks = [_table(table) for table in (*report.tables, *map(_bars, report.charts))]
    shown = [finding for finding in report.findings if not (report.script and finding.problem.remedy)]
    for name, group in _groups(fold(shown, report.schemas)):
        blocks += [_heading(name, group)] if name else []
        blocks += [_finding(finding) for finding in group]
    if report.script:
        blocks.append(_visible("\n".join(report.script)))
    if report.verdicts:
        blocks.append(_table(Table("Each database", ("database", "verdict"), tuple(report.verdicts.items()))))
    blocks.append(_visible(_last_line(report)))
    text = "\n\n".join(blocks)
    return text if colour else click.unstyle(text)


def _last_line(report: Report) -> str:
    """The verdict; of many things a line for each."""
    whole = f"{report.command} ({report.target}): {report.headline}"
    if len(report.clauses) <= 1:
        return whole
    return f"{report.command} ({report.target}):\n" + "\n".join(f"    {one}" for one in report.clauses)


def _bars(chart: Chart) -> Table:
    return Table(chart.title, ("who", "made of", "steady", "adds", "of the limit"), tuple(rows(chart)))


def _groups(findings: Sequence[Finding]) -> list[tuple[str, list[Finding]]]:
    """The findings by what they belong to; those that belong to nothing come first, under no name."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        name = " ".join(filter(None, (finding.target, finding.problem.group)))
        groups.setdefault(_line(name), []).append(finding)
    return sorted(groups.items(), key=_by_badness)


def _by_badness(group: tuple[str, Sequence[Finding]]) -> tuple[bool, list[int], str]:
    name, findings = group
    return bool(name), [-count for count in count_by_severity(findings).values()], name


def _heading(name: str, findings: Sequence[Finding]) -> str:
    heading = f"{name}: {count_in_words(findings)}"
    return f"{click.style(heading, bold=True)}\n{'=' * len(heading)}"


def _finding(finding: Finding) -> str:
    severity = click.style(str(finding.severity), fg=_COLOURS[finding.severity], bold=True)
    headline = f"{severity} {click.style(finding.rule, bold=True)}: {_line(finding.problem.where)}"
    problem = finding.problem
    text = "\n".join(_lines(problem)) if problem.group else _visible(explain(problem))
    return f"{headline}\n{indent(text, '    ')}"


def _lines(problem: Problem) -> Iterator[str]:
    yield _visible(problem.message)
    yield from map(_visible, purpose_lines(problem))
    visible = (
        Difference(*map(_visible, (difference.attribute, difference.want, difference.have)))
        for difference in problem.differences
    )
    for line, spans in marked(visible):
        yield _coloured(line, spans)
        if spans:
            yield click.style(marks_under(line, spans), fg="red")
    yield from map(_visible, source_lines(problem))
    yield from map(_visible, remedy_lines(problem))


def _coloured(line: str, spans: Sequence[Span]) -> str:
    parts, done = [], 0
    for begin, end in spans:
        parts += [line[done:begin], click.style(line[begin:end], fg="red")]
        done = end
    return "".join([*parts, line[done:]])


def _table(table: Table) -> str:
    head, *rows = (tuple(map(_line, row)) for row in (table.columns, *table.rows))
    columns = list(zip(head, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    sides = [">" if index and _holds_figures(cells) else "<" for index, (_, *cells) in enumerate(columns)]
    lines = [
        "  ".join(
            f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True)
        ).rstrip()
        for row in (head, ["-" * width for width in widths], *rows)
    ]
    return "\n".join([click.style(_line(table.title), bold=True), *lines])


def _holds_figures(cells: list[str]) -> bool:
    return any(cells) and all(_FIGURE.fullmatch(cell) for cell in cells if cell)


def _visible(text: str) -> str:
    """The text with control characters spelled out, so that a name in a catalog can't steer a terminal."""
    return text.translate(_CONTROLS)


def _line(text: str) -> str:
    return _visible(text).replace("\n", "\\n")
