"""Whether a role has more sessions open than its peak can't be told (seen with --live only).

What kc-db's role is certain of is within the budget. But without pg_read_all_stats it can't tell the client
backends of other roles from their parallel workers, and counted as sessions, all of them would be too many.

If you leave it: kc-db exits with 3, and nobody knows whether the fleet keeps to its budget.

To mend it: let kc-db's role see what these are; pg_read_all_stats shows statistics and no data.
"""

from collections.abc import Iterator

from kc_db.budget.model import Fleet
from kc_db.findings import Problem, Severity

severity = Severity.UNDETERMINED
needs_facts = True


def check(fleet: Fleet) -> Iterator[Problem]:
    """A problem for each role and each service that may have more sessions than its peak."""
    from kc_db.budget.live.use import uses

    for server in fleet.servers:
        for use in uses(fleet, server):
            if use.is_exact and use.sessions <= use.peak < use.most_sessions:
                yield Problem(
                    where=f"{fleet.named(server)}, {use.who}",
                    message=f"can't be told: {use.most_sessions} sessions or parallel workers are there, "
                    f"and its peak in the budget is {use.peak}",
                    remedy=("GRANT pg_read_all_stats TO the role that kc-db connects as",),
                    file=fleet.file,
                    line=fleet.line_of(use.path),
                )
