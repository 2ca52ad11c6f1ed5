"""A role of the budget is not on the server, or may not log in (seen with --live only).

If you leave it: the service connects as another role than the file says, so that kc-db counts its sessions as
nobody's, and `kc-db enforce-pool-budget` refuses to set limits; or it can't connect at all.

To mend it: write the role that the service really logs in as, or create the role.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kc_db.budget.model import Fleet
from kc_db.findings import Problem, Severity

if TYPE_CHECKING:
    from kc_db.budget.enforce.limits import RoleLimit

severity = Severity.WARNING
needs_facts = True


def check(fleet: Fleet) -> Iterator[Problem]:
    """A problem for each role that is missing, or can't log in."""
    from kc_db.budget.enforce.limits import enforcement_of

    for server in fleet.servers:
        if server.activity is None:
            continue
        for limit in enforcement_of(fleet, server.name).limits:
            state = server.activity.role_states.get(limit.role)
            if state is None or not state.can_login:
                said = "is not on the server" if state is None else "may not log in"
                yield Problem(
                    where=f"{fleet.named(server)}, role {limit.role}",
                    message=f"the role {said}; the budget has it for {', '.join(limit.members)}",
                    remedy=("say the role that it logs in as, or make the role",),
                    file=fleet.file,
                    line=_line(fleet, limit),
                )


def _line(fleet: Fleet, limit: "RoleLimit") -> int | None:
    kinds = {service.name: service.kind for service in fleet.services}
    name = limit.members[0] if limit.members else ""
    return fleet.line_of((kinds.get(name, "poolers"), name, "role"))
