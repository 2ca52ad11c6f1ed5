"""PostgreSQL doesn't hold roles to the budget: their limits are higher, or none (seen with --live only).

What `kc-db enforce-pool-budget` would set is lower than the CONNECTION LIMIT that these roles have. Roles
whose limits can't be set, because they don't fit together, are left out; a limit that is too low is
low-role-limit.

If you leave it: nothing, as long as every service keeps to its pools. One that doesn't takes the connections
of all others.

To mend it: `kc-db enforce-pool-budget` prints the limits, and sets them with --apply. A superuser has no
limit: give the service a role that is none.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kc_db.budget.activity import UNLIMITED, Activity, RoleState
from kc_db.budget.model import Fleet
from kc_db.findings import Difference, Problem, Severity

if TYPE_CHECKING:
    from kc_db.budget.enforce.limits import Enforcement

severity = Severity.INFORMATION
needs_facts = True


def check(fleet: Fleet) -> Iterator[Problem]:
    """A problem for each server on which a role has more than it needs."""
    from kc_db.budget.enforce.limits import enforcement_of

    for server in fleet.servers:
        if server.activity is None:
            continue
        found = enforcement_of(fleet, server.name)
        loose = tuple(_loose(found, server.activity))
        if found.verdict == "fits" and loose:
            yield Problem(
                where=fleet.named(server),
                message="PostgreSQL doesn't hold these roles to the budget",
                differences=loose,
                remedy=("kc-db enforce-pool-budget prints the limits, --apply sets them",),
                file=fleet.file,
                line=fleet.line_of(("databases", server.name)),
            )


def _loose(found: "Enforcement", activity: Activity) -> Iterator[Difference]:
    for limit in found.limits:
        state = activity.role_states.get(limit.role)
        if state and (_is_unlimited(state) or state.connection_limit > limit.limit):
            yield Difference(f"role {limit.role}", str(limit.limit), _words(state))


def _is_unlimited(state: RoleState) -> bool:
    return state.is_superuser or state.connection_limit == UNLIMITED


def _words(state: RoleState) -> str:
    if state.is_superuser:
        return "no limit (a superuser)"
    return "no limit" if _is_unlimited(state) else str(state.connection_limit)
