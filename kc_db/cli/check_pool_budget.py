"""`kc-db check-pool-budget`."""

from typing import TYPE_CHECKING

import click

from kc_db.cli.options import Run, common_options, database_option
from kc_db.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kc_db.budget.model import Fleet
    from kc_db.findings import Finding
    from kc_db.report import Report
    from kc_db.rulebook import Rule


@click.command(short_help="Prove that the fleet fits max_connections.")
@click.argument("file", default="pool_budget.toml", metavar="[FILE]")
@click.option(
    "--environment",
    metavar="NAME",
    help="One environment of the file. [default: all of them]",
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="NAME.KEY=VALUE",
    help="What if? Changes a value without changing the file; NAME may be a pattern. May be repeated.",
)
@click.option("--live", is_flag=True, help="Read the limits from the server, and compare the file with them.")
@click.option("--database", metavar="NAME", help="With --live: which database of the file that server is.")
@database_option
@common_options
def check_pool_budget(  # noqa: PLR0913 - one parameter per option
    run: Run,
    *,
    file: str,
    environment: str | None,
    overrides: tuple[str, ...],
    live: bool,
    database: str | None,
    database_url: str | None,
) -> None:
    """Prove that every pool of the fleet, in the worst minute of a deploy, fits max_connections.

    FILE says which services connect, with which pools, to which database [default: pool_budget.toml].

    \b
    Examples:
      kc-db check-pool-budget
      kc-db check-pool-budget --environment production
      kc-db check-pool-budget --set payment.instances=3 --set '*-worker.pool_size=5'
      kc-db check-pool-budget --set policy.deploys_at_once=all
      kc-db check-pool-budget --environment production --live --database-url postgresql://kc@db/app
    """  # noqa: D301 - click reads \b, a raw docstring would print it
    if database and not live:
        raise InputError("--database says which server --live reads; add --live or leave it away")
    from kc_db.cli.rules import rules_of

    known = rules_of("check-pool-budget")
    fleets = _load(run, file, environment, overrides, (database_url, database) if live else None)
    run.finish(_report(run, file, fleets, overrides, known))


def _load(
    run: Run,
    file: str,
    environment: str | None,
    overrides: tuple[str, ...],
    server: tuple[str | None, str | None] | None,
) -> "list[Fleet]":
    from kc_db.budget.load_budget import load_budget
    from kc_db.budget.overrides import apply_overrides, parse_override
    from kc_db.budget.resolve import resolve

    changes = [parse_override(text) for text in overrides]
    budget = load_budget(file)
    environments = budget.environments(environment)
    if server is None:
        return [apply_overrides(fleet, changes) for fleet in resolve(budget, environments)]
    if len(environments) > 1:
        raise InputError(
            f"--live reads one server: say whose, with --environment {' or '.join(map(str, environments))}"
        )
    url, database = server
    live_database = budget.database(database)
    (fleet,) = resolve(budget, environments, live_database=live_database)
    return [apply_overrides(_read_live(run, fleet, live_database, url), changes)]


def _read_live(run: Run, fleet: "Fleet", live_database: str, url: str | None) -> "Fleet":
    from kc_db.budget.sources.live import read_limits, with_live_limits
    from kc_db.database import connect, find_target

    with connect(find_target(url), "check-pool-budget", run.correlation_id) as connection:
        return with_live_limits(fleet, live_database, read_limits(connection))


def _report(
    run: Run, file: str, fleets: "Sequence[Fleet]", overrides: tuple[str, ...], known: "Sequence[Rule]"
) -> "Report":
    from kc_db.budget import figures
    from kc_db.report import Report, Table
    from kc_db.rulebook import apply_rules

    named = [fleet.environment for fleet in fleets if fleet.environment]
    findings: list[Finding] = [finding for fleet in fleets for finding in apply_rules(known, fleet)]
    return Report(
        command="check-pool-budget",
        target=", ".join((file, *named, *overrides)),
        correlation_id=run.correlation_id,
        summary=figures.summary(file, fleets, overrides),
        findings=sorted(findings, key=lambda finding: -finding.severity),
        headline=figures.headline(fleets),
        tables=[Table(*figure) for figure in figures.tables(fleets)],
        source=file,
        documentation={rule.name: rule.documentation for rule in known},
        severities={rule.name: rule.severity for rule in known},
    )
