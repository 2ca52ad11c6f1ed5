"""A database lets in fewer sessions than its services need (seen with --live only).

Its CONNECTION LIMIT is below the peak of the services that are connected to it; those of which no session is
open are taken to use the database that kc-db is connected to. Fixed sessions come on top, as they are.

If you leave it: PostgreSQL answers with `FATAL: too many connections for database`, although the server and
the roles have connections left.

To mend it: raise the limit, or take it away: roles with limits of their own (`kc-db enforce-pool-budget`)
hold the fleet to its budget, and one service can't use up another one's part.
"""

from collections.abc import Iterator

from kc_db.budget.activity import Activity, DatabaseLimit
from kc_db.budget.model import Fleet, Server
from kc_db.budget.owners import Owner, alone, members, roles_on, worst_moment
from kc_db.budget.scenarios import Scenario
from kc_db.findings import Difference, Problem, Severity

severity = Severity.ERROR
needs_facts = True


def check(fleet: Fleet) -> Iterator[Problem]:
    """A problem for each database whose limit is below the need of its services."""
    for server in fleet.servers:
        if server.activity is None:
            continue
        for database in server.activity.databases:
            worst = worst_moment(_part(fleet, server, server.activity, database), server)
            if worst.demand_connections > database.connection_limit:
                yield _problem(fleet, server, database, worst)


def _problem(fleet: Fleet, server: Server, database: DatabaseLimit, worst: Scenario) -> Problem:
    needed = worst.demand_connections
    limit = Difference("CONNECTION LIMIT", f"{needed} or more", str(database.connection_limit))
    return Problem(
        where=f"{fleet.named(server)}, database {database.name} on the server",
        message=f"its services need {needed} sessions ({worst.title})",
        differences=(limit,),
        remedy=(f"ALTER DATABASE {database.quoted} CONNECTION LIMIT -1;",),
        file=fleet.file,
        line=fleet.line_of(("databases", server.name)),
    )


def _part(fleet: Fleet, server: Server, activity: Activity, database: DatabaseLimit) -> Fleet:
    """The fleet of those that use a database."""
    from kc_db.budget.live.use import where_connected

    known = members(fleet)
    candidates: tuple[Owner, ...] = (None, *roles_on(fleet, server, known))
    owners = []
    for owner in candidates:
        there = where_connected(activity, owner, known.get(owner, ()))
        if database.name in there or (not there and database.is_current):
            owners.append(owner)
    return alone(fleet, owners, known)
