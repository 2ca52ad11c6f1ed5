"""The options of every command on a pool budget: which file, environment, changes, sources and server."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from kc_db.cli.budget_question import Question
from kc_db.cli.options import database_option


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
        function(*args, question=Question(file, environment, overrides, given_sources), **options)

    for option in reversed((*_OPTIONS, database_option)):
        command = option(command)
    return command


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
