"""A role may have fewer sessions than the budget says it needs (seen with --live only).

Its CONNECTION LIMIT on the server is below its peak in the worst moment that the policy judges.

If you leave it: in that moment, usually a deploy, PostgreSQL answers with `FATAL: too many connections for
role`. New tasks fail their health checks, although the server has connections to give.

To mend it: `kc-db enforce-pool-budget` prints the limits that fit, and sets them with --apply. Or make the
role's pools smaller, so that its peak is what the limit allows.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kc_db.budget.activity import UNLIMITED
from kc_db.budget.model import Fleet, Server
from kc_db.findings import Difference, Problem, Severity

if TYPE_CHECKING:
    from kc_db.budget.enforce.limits import RoleLimit

severity = Severity.ERROR
needs_facts = True


def check(fleet: Fleet) -> Iterator[Problem]:
    """A problem for each role whose limit is below its peak."""
    from kc_db.budget.enforce.limits import enforcement_of

    for server in fleet.servers:
        if server.activity is None:
            continue
        for limit in enforcement_of(fleet, server.name).limits:
            state = server.activity.role_states.get(limit.role)
            if state and not state.is_superuser and UNLIMITED < state.connection_limit < limit.limit:
                yield _problem(fleet, server, limit, state.connection_limit)


def _problem(fleet: Fleet, server: Server, limit: "RoleLimit", live: int) -> Problem:
    lacking = limit.limit - live
    return Problem(
        where=f"{fleet.named(server)}, role {limit.role}",
        message=f"the role needs {limit.limit} sessions ({limit.made_of}); its CONNECTION LIMIT refuses "
        f"{lacking} of them",
        differences=(Difference("CONNECTION LIMIT", str(limit.limit), str(live)),),
        remedy=("kc-db enforce-pool-budget --apply, which sets the limits if they fit together",),
        file=fleet.file,
        line=fleet.line_of(("databases", server.name)),
    )
