"""Sessions are open that the budget knows nothing of (seen with --live only).

Neither their role nor their application_name is one of the budget, and they are more than what it keeps for
others: the fixed sessions, a migration, and the services whose `role` the file doesn't say. kc-db's own
session doesn't count.

If you leave it: they take connections that the budget promised to the services, and "fits" proves less than
it says.

To mend it: if they are a service, put it into the file, or say the `role` of the service that it is; if they
are people, monitoring or jobs, count them in `fixed_sessions`; else end what nobody needs.
"""

from collections.abc import Iterator, Sequence

from kc_db.budget.activity import Sessions, certain
from kc_db.budget.model import Fleet
from kc_db.findings import Problem, Severity

severity = Severity.WARNING
needs_facts = True
_NAMED = 8


def check(fleet: Fleet) -> Iterator[Problem]:
    """A problem for each server with sessions that nothing explains."""
    from kc_db.budget.live.use import unexplained

    for server in fleet.servers:
        if server.activity is None:
            continue
        found = unexplained(fleet, server, server.activity)
        count = certain(found.ordinary)
        if found.is_exact and count > found.allowed:
            yield Problem(
                where=fleet.named(server),
                message=f"{count} sessions are open that the budget doesn't name, and it keeps "
                f"{found.allowed} for such ones:\n{_list(found.ordinary)}",
                remedy=("say the role of the service that they belong to, or count them in fixed_sessions",),
                file=fleet.file,
                line=fleet.line_of(("databases", server.name)),
            )


def _list(sessions: Sequence[Sessions]) -> str:
    ordered = sorted((one for one in sessions if one.count), key=lambda one: -one.count)
    lines = [
        f"- {one.count} of role {one.role}, application_name {one.application_name or '(none)'}"
        for one in ordered[:_NAMED]
    ]
    if others := ordered[_NAMED:]:
        lines.append(f"- {certain(others)} others")
    return "\n".join(lines)
