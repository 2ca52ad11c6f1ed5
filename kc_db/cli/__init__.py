"""The command line: one module per command."""

import gc
import sys

import click

from kc_db.cli.check_pool_budget import check_pool_budget
from kc_db.cli.repair_indexes import repair_indexes
from kc_db.cli.verify_indexes import verify_indexes
from kc_db.errors import KcDbError


def _print_version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        click.echo(f"kc-db {version('kc-db')}")
        context.exit()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version and stop.",
)
def commands() -> None:
    """Keep a PostgreSQL fleet's indexes and connections right.

    \b
    Exit codes, of every command:
      0  looked, and all is well
      1  looked, and there are findings at or above --fail-on
      2  bad usage or bad input: nothing was looked at
      3  could not look, or could not decide
    """  # noqa: D301 - click reads \b, a raw docstring would print it


for command in (verify_indexes, repair_indexes, check_pool_budget):
    commands.add_command(command)


def main() -> None:
    """Entry point of the console script: errors become one line and their exit code."""
    gc.disable()  # a command's objects live as long as it does; collecting them took a fifth of the time
    try:
        commands(prog_name="kc-db")
    except KcDbError as error:
        click.echo(f"{click.style('error', fg='red', bold=True)}: {error}", err=True)
        sys.exit(error.exit_code)
