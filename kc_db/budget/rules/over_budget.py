"""The fleet can ask for more connections than the database grants.

Judged are the moments that the policy says happen: the steady state with every service scaled out to its
maximum, and deploys of as many services at once as `policy.deploys_at_once` allows.

If you leave it: once the pools fill up, in the middle of a deploy or under load, PostgreSQL answers every
further connection with `FATAL: sorry, too many clients already` or `remaining connection slots are reserved
for roles with the SUPERUSER attribute`. New tasks fail their health checks, the deploy hangs or rolls back,
and the services that were running fail as soon as a pool has to reconnect.

To mend it: take one of the changes in the finding. Each is the smallest of its kind: the value fits, one step
less does not. Raising max_connections restarts the server (on RDS: a parameter group and a reboot) and costs
memory for each connection; smaller pools are usually enough.
"""

from collections.abc import Iterator
from textwrap import indent

from kc_db.budget.model import MAXIMUM_MAX_CONNECTIONS, Database, Fleet
from kc_db.budget.scenarios import Scenario, costliest, fits, worst_enforced
from kc_db.budget.solve import changes, demand_with_pools_of_one, more_connections, smaller_pools
from kc_db.budget.typed import typed
from kc_db.findings import Problem, Severity

severity = Severity.ERROR


def check(fleet: Fleet) -> Iterator[Problem]:
    """A problem for each database whose worst enforced moment doesn't fit."""
    for database in fleet.databases:
        if not fits(fleet, database):
            yield Problem(
                where=fleet.named(database),
                message=_message(fleet, database, worst_enforced(fleet, database)),
                remedy=tuple(_remedy(fleet, database)),
                file=fleet.file,
                line=fleet.line_of(("databases", database.name)),
            )


def _message(fleet: Fleet, database: Database, worst: Scenario) -> str:
    excess = worst.demand_connections - worst.usable_connections
    demand = f"{worst.demand_connections} connections are needed and {worst.usable_connections} are usable"
    sentences = [
        f"{worst.title}: {demand}, {excess} too many",
        f"most are taken by {', '.join(_costliest(fleet, database))}",
    ]
    if not smaller_pools(fleet, database):
        sentences.append(
            f"no pool size fits, even pools of 1 need {demand_with_pools_of_one(fleet, database)} connections"
        )
    if not more_connections(fleet, database):
        sentences.append(f"and PostgreSQL allows {MAXIMUM_MAX_CONNECTIONS} at most")
    return "; ".join(sentences)


def _costliest(fleet: Fleet, database: Database) -> Iterator[str]:
    named, others = costliest(fleet, database)
    for client in named:
        yield f"{client.name} {client.steady_connections}"
    if others:
        yield f"{len(others)} others {sum(client.steady_connections for client in others)}"
    if database.fixed_connections:
        yield f"fixed sessions {database.fixed_connections}"


def _remedy(fleet: Fleet, database: Database) -> Iterator[str]:
    options = list(changes(fleet, database))
    for number, change in enumerate(options):
        word = "or " if number else "either " if len(options) > 1 else ""
        yield f"{word}{change.advice}:"
        yield indent(typed(fleet, change.edits), "  ")
