"""More superuser sessions are open than the budget counts (seen with --live only).

So are sessions of roles with pg_use_reserved_connections. They take slots from ordinary roles, also while
the reserved ones are free, and no CONNECTION LIMIT holds a superuser. What the file counts in
`fixed_sessions` and nobody else has taken is left to them too; fewer sessions are no finding.

If you leave it: ordinary roles are refused that many connections earlier than the budget says.

To mend it: count them in the file, as in the finding, if they belong there (an agent of the provider, a
monitoring that needs it); let people and services connect as ordinary roles.
"""

from collections.abc import Iterator
from textwrap import indent

from kc_db.budget.activity import certain
from kc_db.budget.model import Fleet, Server
from kc_db.budget.solve.edits import Edit
from kc_db.findings import Problem, Severity

severity = Severity.WARNING
needs_facts = True


def check(fleet: Fleet) -> Iterator[Problem]:
    """A problem for each server with more such sessions than the budget counts."""
    from kc_db.budget.live.use import unexplained

    for server in fleet.servers:
        if server.activity is None:
            continue
        found = unexplained(fleet, server, server.activity)
        count = certain(found.privileged)
        if found.is_exact and count > found.allowed_privileged:
            excess = count - found.allowed_privileged
            roles = dict.fromkeys(one.role for one in found.privileged)
            yield Problem(
                where=fleet.named(server),
                message=f"{count} sessions of superusers or of roles with reserved slots are open "
                f"({', '.join(roles)}), {excess} more than the budget counts",
                remedy=tuple(_remedy(fleet, server, server.limits.superuser_sessions + excess)),
                file=fleet.file,
                line=fleet.line_of(("databases", server.name, "superuser_sessions")),
            )


def _remedy(fleet: Fleet, server: Server, needed: int) -> Iterator[str]:
    from kc_db.budget.typed import typed

    yield "connect as ordinary roles, or count them:"
    yield indent(typed(fleet, [Edit(("databases", server.name), "superuser_sessions", needed)]), "  ")
