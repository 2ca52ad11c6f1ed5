"""A role, or a service by its application_name, has more sessions open than its peak (seen with --live only).

Counted are client backends, and the peak is the worst moment that the policy judges: scaled out, in a deploy,
in a second one while the first one's tasks drain.

If you leave it: the budget is wrong about this service, so that "fits" proves nothing. It has more tasks,
more processes or larger pools than the file says, or somebody else logs in with its role.

To mend it: find out which of these it is (the statement in the finding says from where they come), and mend
the service, or the number in the file; and see whether the fleet still fits. `kc-db enforce-pool-budget` has
PostgreSQL hold the role to its peak.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kc_db.budget.model import Fleet, Server
from kc_db.findings import Problem, Severity

if TYPE_CHECKING:
    from kc_db.budget.live.use import Use

severity = Severity.ERROR
needs_facts = True
_WHO = (
    "see who they are: SELECT client_addr, application_name, usename, count(*) FROM pg_stat_activity "
    "WHERE backend_type = 'client backend' GROUP BY 1, 2, 3 ORDER BY 4 DESC;"
)


def check(fleet: Fleet) -> Iterator[Problem]:
    """A problem for each role and each service with more sessions than its peak."""
    from kc_db.budget.live.use import uses

    for server in fleet.servers:
        for use in uses(fleet, server):
            if use.is_exact and use.sessions > use.peak:
                yield _problem(fleet, server, use)


def _problem(fleet: Fleet, server: Server, use: "Use") -> Problem:
    names = ", ".join(use.members)
    return Problem(
        where=f"{fleet.named(server)}, {use.who}",
        message=f"{use.sessions} sessions are open, {use.sessions - use.peak} more than its peak in the "
        f"budget, {use.peak} ({use.peak_title})",
        remedy=(_WHO, f"then mend {names}, or what the file says: instances, processes, pool_size"),
        file=fleet.file,
        line=fleet.line_of(use.path),
    )
