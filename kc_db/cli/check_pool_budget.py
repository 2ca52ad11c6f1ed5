"""`kc-db check-pool-budget`."""

from typing import TYPE_CHECKING

import click

from kc_db.cli.budget_options import budget_options
from kc_db.cli.budget_question import Question, load, load_live
from kc_db.cli.options import Run, common_options
from kc_db.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kc_db.budget.model import Fleet
    from kc_db.findings import Finding
    from kc_db.report import Report
    from kc_db.rulebook import Rule


def _print_schema(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        from kc_db.budget.json_schema import json_schema

        click.echo(json_schema())
        context.exit()


@click.command(short_help="Prove that the fleet fits max_connections.")
@budget_options
@click.option("--solve", is_flag=True, help="Show how far the fleet can go, and what makes it fit.")
@click.option(
    "--json-schema",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_schema,
    help="Print the JSON schema of FILE, for editors, and stop.",
)
@common_options
def check_pool_budget(  # noqa: PLR0913 - one parameter per option
    run: Run,
    *,
    question: Question,
    live: bool,
    database: str | None,
    solve: bool,
    database_url: str | None,
) -> None:
    """Prove that every pool of the fleet, in the worst minute of a deploy, fits max_connections.

    FILE says which services connect, with which pools, to which database [default: pool_budget.toml].

    \b
    Examples:
      kc-db check-pool-budget
      kc-db check-pool-budget --environment production
      kc-db check-pool-budget --set payment.instances.max=3 --set '*-worker.pool_size=5'
      kc-db check-pool-budget --set policy.deploys_at_once=all --solve
      kc-db check-pool-budget --source terraform-plan=plan.json --output svg=budget.svg
      kc-db check-pool-budget --environment production --live --database-url postgresql://kc@db/app
    """  # noqa: D301 - click reads \b, a raw docstring would print it
    if database and not live:
        raise InputError("--database says which server --live reads; add --live or leave it away")
    from kc_db.cli.rules import rules_of

    known = [rule for rule in rules_of("check-pool-budget") if live or not rule.needs_facts]
    fleets = load_live(run, question, database_url, database) if live else load(question)
    run.finish(_report(run, question, fleets, known, solve=solve))


def _report(
    run: Run, question: "Question", fleets: "Sequence[Fleet]", known: "Sequence[Rule]", *, solve: bool
) -> "Report":
    from kc_db.budget import figures
    from kc_db.budget.summary import summary as summarised
    from kc_db.report import Report, Table
    from kc_db.report.charts import Bar, Chart
    from kc_db.rulebook import apply_rules

    named = [fleet.environment for fleet in fleets if fleet.environment]
    findings: list[Finding] = [finding for fleet in fleets for finding in apply_rules(known, fleet)]
    clauses = (*figures.verdicts(fleets), *_beside(findings))
    summary, tables = summarised(question.file, fleets, question.overrides), figures.tables(fleets)
    if solve:
        from kc_db.budget.solve import answers

        found = [answers.answers(fleet) for fleet in fleets]
        summary = {**summary, "solve": answers.summary(found)}
        tables = (*tables, *(figures.Figures(*table) for table in answers.tables(found)))
    if any(server.activity for fleet in fleets for server in fleet.servers):
        from kc_db.budget.live.figures import live_summary, live_tables

        summary, tables = {**summary, **live_summary(fleets)}, (*tables, *live_tables(fleets))
    return Report(
        command="check-pool-budget",
        target=", ".join((question.file, *named, *question.overrides)),
        correlation_id=run.correlation_id,
        summary=summary,
        findings=sorted(findings, key=lambda finding: -finding.severity),
        headline="; ".join(clauses),
        clauses=clauses,
        tables=[Table(*figure) for figure in tables],
        charts=[
            Chart(title, limit, tuple(Bar(*bar) for bar in bars), subject, is_exact=is_exact)
            for title, limit, bars, subject, is_exact in figures.charts(fleets)
        ],
        source=question.file,
        documentation={rule.name: rule.documentation for rule in known},
        severities={rule.name: rule.severity for rule in known},
    )


def _beside(findings: "Sequence[Finding]") -> "tuple[str, ...]":
    """What was found beside the verdicts."""
    from kc_db.findings import Severity, count_in_words

    told = {"over-budget", "unproven-budget"}
    others = [one for one in findings if one.rule not in told and one.severity > Severity.INFORMATION]
    return (f"{count_in_words(others)} beside that",) if others else ()
