"""The options of every command on a pool budget: which file, environment, changes, sources and server."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from kc_db.cli.budget_question import Question
from kc_db.cli.options import database_option
from kc_db.errors import InputError


def budget_options(function: Callable[..., None]) -> Callable[..., None]:
    """Adds FILE and these options; the command gets `question`, and `live`, `database`, `database_url`."""

    @wraps(function)
    def command(
        *args: Any,
        file: str,
        environment: str | None,
        overrides: tuple[str, ...],
        given_sources: tuple[str, ...],
        **options: Any,
    ) -> None:
        if not options["live"] and not options.get("apply"):
            _refuse_url()
        function(*args, question=Question(file, environment, overrides, given_sources), **options)

    for option in reversed((*_OPTIONS, database_option)):
        command = option(command)
    return command


def _refuse_url() -> None:
    """A URL that is typed and not used is a mistake; one in the environment is there for others, too."""
    source = click.get_current_context().get_parameter_source("database_url")
    if source is click.core.ParameterSource.COMMANDLINE:
        raise InputError("--database-url says which server --live reads; add --live or leave it away")


_OPTIONS = (
    click.argument("file", default="pool_budget.toml", metavar="[FILE]"),
    click.option(
        "--environment",
        metavar="NAME",
        help="One environment of the file. [default: all of them]",
    ),
    click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="NAME.KEY=VALUE",
        help="What if? Changes a value without changing the file; NAME may be a pattern. May be repeated.",
    ),
    click.option(
        "--source",
        "given_sources",
        multiple=True,
        metavar="KIND=WHAT",
        help="Read numbers instead of copying them: terraform-plan=FILE, kubernetes=FILE, compose=FILE, "
        "pgbouncer-ini=FILE, javascript=FOLDER, ecs=CLUSTER, rds=REGION, pgbouncer-live=URL. "
        "May be repeated.",
    ),
    click.option(
        "--live",
        is_flag=True,
        help="Read limits, roles and sessions from the server, and compare the file with them.",
    ),
    click.option(
        "--database", metavar="NAME", help="With --live: which database of the file that server is."
    ),
)
