"""The report for people: figures first, then what is wrong, the worst first; the verdict stands last."""

import re
from textwrap import indent

import click

from kc_db.findings import Finding, Severity
from kc_db.report import Report, Table, explain

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
    blocks = [_table(table) for table in report.tables]
    shown = [finding for finding in report.findings if not (report.script and finding.problem.remedy)]
    blocks += [_finding(finding) for finding in shown]
    if report.script:
        blocks.append(_visible("\n".join(report.script)))
    blocks.append(_visible(f"{report.command} ({report.target}): {report.headline}"))
    text = "\n\n".join(blocks)
    return text if colour else click.unstyle(text)


def _finding(finding: Finding) -> str:
    severity = click.style(str(finding.severity), fg=_COLOURS[finding.severity], bold=True)
    headline = f"{severity} {click.style(finding.rule, bold=True)}: {_line(finding.problem.where)}"
    return f"{headline}\n{indent(_visible(explain(finding.problem)), '    ')}"


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
