"""The fleet can ask for more connections than the database grants.

Judged are the moments that the policy says happen: the steady state with every service scaled out to its
maximum, deploys of as many services at once as `policy.deploys_at_once` allows, a second deploy while the
tasks of the last one drain, a lost replica whose readers come to the primary, a lost bouncer whose clients
go to the others, and a migration. `[policy.judged]` takes one out, or puts `blue-green-all` and
`deploy-all` in.

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

from kc_db.budget.demand import Target
from kc_db.budget.model import MAXIMUM_MAX_CONNECTIONS, Fleet, Server
from kc_db.budget.scenarios import Scenario, costliest, fits, worst_enforced
from kc_db.findings import Problem, Severity

severity = Severity.ERROR


def check(fleet: Fleet) -> Iterator[Problem]:
    """A problem for each target whose worst enforced moment doesn't fit."""
    for target in fleet.targets:
        if not fits(fleet, target):
            table = "databases" if isinstance(target, Server) else "poolers"
            yield Problem(
                where=fleet.named(target),
                message=_message(fleet, target, worst_enforced(fleet, target)),
                remedy=tuple(_remedy(fleet, target)),
                file=fleet.file,
                line=fleet.line_of((table, target.name)),
            )


def _message(fleet: Fleet, target: Target, worst: Scenario) -> str:
    from kc_db.budget.solve.changes import demand_with_pools_of_one, more_connections, smaller_pools

    excess = worst.demand_connections - worst.usable_connections
    what = "connections" if isinstance(target, Server) else "client connections"
    least = "at least " if worst.unknown and worst.demand_connections else ""
    demand = f"{least}{worst.demand_connections} {what} are needed and {worst.usable_connections} are usable"
    sentences = [
        f"{worst.title}: {demand}, {excess} too many",
        f"most are taken by {', '.join(_costliest(fleet, target))}",
    ]
    if not smaller_pools(fleet, target):
        sentences.append(
            f"no pool size fits, even pools of 1 need {demand_with_pools_of_one(fleet, target)} connections"
        )
    is_proxied = any(pooler.proxied == target.name for pooler in fleet.poolers)
    if isinstance(target, Server) and not is_proxied and not more_connections(fleet, target):
        sentences.append(f"and PostgreSQL allows {MAXIMUM_MAX_CONNECTIONS} at most")
    return "; ".join(sentences)


def _costliest(fleet: Fleet, target: Target) -> Iterator[str]:
    named, others = costliest(fleet, target)
    for client in named:
        yield f"{client.name} {client.steady}"
    if others:
        yield f"{len(others)} others {sum(client.steady for client in others)}"
    if isinstance(target, Server) and target.fixed_connections:
        yield f"fixed sessions {target.fixed_connections}"


def _remedy(fleet: Fleet, target: Target) -> Iterator[str]:
    from kc_db.budget.solve.changes import changes
    from kc_db.budget.typed import typed

    options = list(changes(fleet, target))
    for number, change in enumerate(options):
        word = "or " if number else "either " if len(options) > 1 else ""
        yield f"{word}{change.advice}:"
        yield indent(typed(fleet, change.edits), "  ")
