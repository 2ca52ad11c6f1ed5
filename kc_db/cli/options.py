"""What every command takes, and how every command ends."""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kc_db.findings import Severity, exit_code
from kc_db.logs import configure_logs, correlation_id
from kc_db.report import FORMATS

if TYPE_CHECKING:
    from kc_db.report import Report

_DRAWN = ("check-pool-budget",)  # the commands whose reports have charts
_FAIL_ON = tuple(str(severity) for severity in Severity if severity is not Severity.UNDETERMINED)


@dataclass(frozen=True, slots=True)
class Run:
    """How this run was asked to speak."""

    correlation_id: str
    format: str
    outputs: tuple[tuple[str, str], ...]
    fail_on: Severity
    log_format: str

    def finish(self, report: "Report") -> None:
        """Writes the report everywhere it was asked for, and ends the command with its exit code."""
        from kc_db.report import render

        report = replace(report, fail_on=self.fail_on)
        for format_name, file in self.outputs:
            _write(file, render(report, format_name) + "\n")
        colour = self.format == "text" and sys.stdout.isatty()
        click.echo(render(report, self.format, colour=colour), color=colour)
        sys.exit(exit_code(report.findings, self.fail_on))


def common_options(function: Callable[..., None]) -> Callable[..., None]:
    """Adds the options of every command; the command gets them as its first argument, a Run."""

    @wraps(function)
    def command(
        *args: Any,
        format_name: str,
        outputs: tuple[tuple[str, str], ...],
        fail_on: str,
        given_id: str | None,
        log_format: str,
        **options: Any,
    ) -> None:
        run_id = correlation_id(given_id)
        configure_logs(log_format, run_id)
        function(Run(run_id, format_name, outputs, Severity[fail_on.upper()], log_format), *args, **options)

    for option in reversed(_COMMON):
        command = option(command)
    return command


def database_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --database-url."""
    return click.option(
        "--database-url",
        envvar="DATABASE_URL",
        metavar="URL",
        help="postgresql://user@host/database, or `embedded:` for a local server from pip. "
        "[default: DATABASE_URL, else libpq's PG* variables]",
    )(function)


def specs_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --specs."""
    return click.option(
        "--specs",
        type=click.Path(path_type=Path),
        default="index_specs",
        show_default=True,
        metavar="FOLDER",
        help="The folder of index specs, <table>.sql each.",
    )(function)


def schemas_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --schemas."""
    return click.option(
        "--schemas",
        multiple=True,
        metavar="PATTERN",
        help="Look for specs that name no schema in each schema of that name, or pattern ('tenant_*'). "
        "May be repeated. [default: the first of the search_path that has the table]",
    )(function)


def targets_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --target, --targets and --connections; the command gets the databases, or none, as `targets`."""

    @wraps(function)
    def command(*args: Any, given: tuple[str, ...], files: tuple[Path, ...], **options: Any) -> Any:
        return function(*args, targets=_targets(given, files), **options)

    for option in reversed(_TARGETS):
        command = option(command)
    return command


def _targets(given: Sequence[str], files: Sequence[Path]) -> tuple[Any, ...]:
    if not given and not files:
        return ()
    from kc_db.errors import InputError
    from kc_db.targets import find_targets

    source = click.get_current_context().get_parameter_source("database_url")
    if source is click.core.ParameterSource.COMMANDLINE:
        raise InputError("--database-url names the only database; take it out, or make it a --target")
    return find_targets(given, files)


def _parse_format(context: click.Context, _parameter: click.Parameter, format_name: str) -> str:
    if format_name == "svg" and context.command.name not in _DRAWN:
        raise click.BadParameter(
            f"svg draws what {' or '.join(_DRAWN)} found; {context.command.name} has nothing to draw"
        )
    return format_name


def _parse_outputs(
    context: click.Context, parameter: click.Parameter, values: Sequence[str]
) -> tuple[tuple[str, str], ...]:
    pairs = []
    for value in values:
        format_name, equals, file = value.partition("=")
        if format_name not in FORMATS or not equals or not file:
            raise click.BadParameter(f"{value!r} is not FORMAT=FILE with FORMAT one of {', '.join(FORMATS)}")
        _parse_format(context, parameter, format_name)
        if Path(file).is_dir() or not os.access(Path(file).parent, os.W_OK):
            raise click.BadParameter(
                f"{file} can't be written; name a file in a folder that you may write to"
            )
        pairs.append((format_name, file))
    return tuple(pairs)


def _write(file: str, text: str) -> None:
    from kc_db.errors import InputError

    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"the report can't be written: {error.strerror}; name a file that --output may make", file=file
        ) from None


_TARGETS = (
    click.option(
        "--target",
        "given",
        multiple=True,
        metavar="[NAME=]URL",
        help="One of several databases; may be repeated.",
    ),
    click.option(
        "--targets",
        "files",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Several databases: [NAME =] URL per line, with # comments and ${VARIABLES}.",
    ),
    click.option(
        "--connections",
        type=click.IntRange(min=1),
        default=8,
        show_default=True,
        metavar="N",
        help="At most so many of them at the same time.",
    ),
)
_COMMON = (
    click.option(
        "--format",
        "format_name",
        type=click.Choice(FORMATS),
        default="text",
        show_default=True,
        callback=_parse_format,
        help="What to print on stdout; svg is a picture, of a pool budget only.",
    ),
    click.option(
        "--output",
        "outputs",
        multiple=True,
        metavar="FORMAT=FILE",
        callback=_parse_outputs,
        help="Write another format to a file as well; may be repeated.",
    ),
    click.option(
        "--fail-on",
        type=click.Choice(_FAIL_ON),
        default="error",
        show_default=True,
        help="Exit 1 if a finding is at least this severe.",
    ),
    click.option(
        "--correlation-id",
        "given_id",
        metavar="ID",
        help="Stands in JSON, log lines and application_name. [default: CORRELATION_ID, else made]",
    ),
    click.option(
        "--log-format",
        type=click.Choice(("text", "json")),
        default="text",
        envvar="KC_DB_LOG_FORMAT",
        show_default=True,
        help="Remarks on stderr: for people, or one JSON object per line.",
    ),
)
