"""`kc-db enforce-pool-budget`."""

from typing import TYPE_CHECKING

import click

from kc_db.cli.budget_options import budget_options
from kc_db.cli.budget_question import Question, load, load_live
from kc_db.cli.options import Run, common_options
from kc_db.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kc_db.budget.enforce.limits import Enforcement, RoleLimit
    from kc_db.budget.model import Fleet
    from kc_db.report import Report

_COMMAND = "enforce-pool-budget"


@click.command(
    short_help="Have PostgreSQL hold each role to the budget.",
    epilog="""\b
Examples:
  kc-db enforce-pool-budget --environment production            print the SQL, run nothing
  kc-db enforce-pool-budget --environment production --live     only what the server has otherwise
  kc-db enforce-pool-budget --environment production --apply    run it
""",
)
@click.option("--apply", is_flag=True, help="Run the SQL, after a look at the roles (as --live).")
@budget_options
@common_options
def enforce_pool_budget(  # noqa: PLR0913 - one parameter per option
    run: Run,
    *,
    question: Question,
    apply: bool,
    live: bool,
    database: str | None,
    database_url: str | None,
) -> None:
    """Give each service's role the CONNECTION LIMIT that the budget says it needs.

    A limit is the role's peak in the worst moment that the policy judges, its own deploys included. If the
    limits add up to more than the server may give out, nothing is set and the smallest changes are named.

    A limit is looked at when a session begins: sessions that are open stay. Superusers have none.
    Without --live and --apply no server is asked. Running it again is safe.
    """
    from kc_db.budget.enforce.report import check_names
    from kc_db.budget.enforce.statements import to_set

    looked = live or apply
    fleets = load_live(run, question, database_url, database, _COMMAND) if looked else load(question)
    found = _wanted(_only(fleets), database, looked=looked)
    check_names(found)
    can_be_set = all(one.verdict == "fits" for one in found)
    pending = {one.primary.name: to_set(one) for one in found} if can_be_set else {}
    if apply and any(pending.values()):
        _apply(run, found[0], pending[found[0].primary.name], database_url)
    run.finish(_report(run, question, found, pending, applied=apply, looked=looked))


def _only(fleets: "Sequence[Fleet]") -> "Fleet":
    if len(fleets) > 1:
        named = " or ".join(str(fleet.environment) for fleet in fleets)
        raise InputError(f"limits are those of one environment: say which, with --environment {named}")
    return fleets[0]


def _wanted(fleet: "Fleet", database: str | None, *, looked: bool) -> "list[Enforcement]":
    """The cluster that was asked about, or all of them."""
    from kc_db.budget.enforce.limits import enforcement_of, enforcements

    seen = next((server.name for server in fleet.servers if server.activity), None)
    name = seen if looked else database
    if name is None:
        return list(enforcements(fleet))
    if name not in {server.name for server in fleet.servers}:
        raise InputError(f"--database: no database {name} in the file", file=fleet.file)
    found = enforcement_of(fleet, name)
    if looked and found.primary.name != name:
        raise InputError(
            f"{name} is a replica: roles are those of its primary; use --database {found.primary.name}"
        )
    return [found]


def _apply(run: Run, found: "Enforcement", limits: "Sequence[RoleLimit]", url: str | None) -> None:
    from kc_db.budget.enforce.statements import apply, refuse_crowded
    from kc_db.database import connect, find_target

    if found.primary.activity is not None:
        refuse_crowded(limits, found.primary.activity)
    with connect(find_target(url), _COMMAND, run.correlation_id) as connection:
        apply(connection, limits)


def _report(  # noqa: PLR0913 - what the run knows
    run: Run,
    question: Question,
    found: "Sequence[Enforcement]",
    pending: "dict[str, list[RoleLimit]]",
    *,
    applied: bool,
    looked: bool,
) -> "Report":
    from kc_db.budget.enforce import limits
    from kc_db.budget.enforce import report as enforce_report
    from kc_db.budget.enforce.statements import script
    from kc_db.budget.rules import unproven_budget
    from kc_db.findings import Severity
    from kc_db.report import Report

    sets = [one for one in found if pending.get(one.primary.name)]
    steps = [step for one in sets for step in script(one, pending[one.primary.name])]
    count = sum(map(len, pending.values()))
    fleet = found[0].fleet
    named = (question.file, fleet.environment, *question.overrides)
    return Report(
        command=_COMMAND,
        target=", ".join(filter(None, named)),
        correlation_id=run.correlation_id,
        summary={
            "file": question.file,
            "overrides": list(question.overrides),
            "environment": fleet.environment,
            **enforce_report.summary(found, applied=applied and count > 0, script=steps),
        },
        findings=enforce_report.findings(found),
        headline=enforce_report.headline(found, count, applied=applied, looked=looked),
        script=steps,
        source=question.file,
        documentation={
            limits.UNENFORCEABLE: limits.UNENFORCEABLE_DOCUMENTATION,
            enforce_report.UNPROVEN: (unproven_budget.__doc__ or "").strip(),
        },
        severities={
            limits.UNENFORCEABLE: Severity.ERROR,
            enforce_report.UNPROVEN: unproven_budget.severity,
        },
    )
