"""The fleet fits only because its services are deployed in turns: all of them at once would not.

`policy.deploys_at_once` says how many services the pipeline deploys at the same time. kc-db can't see whether
the pipeline keeps to it.

If you leave it: nothing happens while it is true. The day that somebody deploys everything at once (a change
of a shared library, a rotated password, a redeploy by hand), the database runs out of connections.

To mend it: make sure that the pipeline keeps to the number in the finding (in GitHub Actions, `max-parallel`
of the matrix that deploys, and a `concurrency` group). Or make it true for all at once: set `deploys_at_once
= "all"`, and kc-db names the change that fits.
"""

from collections.abc import Iterator

from kc_db.budget.ledger import ledger
from kc_db.budget.model import Fleet
from kc_db.budget.scenarios import demand_connections, deployable, enforced_deploys, fits
from kc_db.findings import Problem, Severity

severity = Severity.INFORMATION


def check(fleet: Fleet) -> Iterator[Problem]:
    """A problem for each target that fits, but wouldn't if everything were deployed at once."""
    for target in fleet.targets:
        everyone, enforced = deployable(fleet, target), enforced_deploys(fleet, target)
        demand, usable = demand_connections(fleet, target, everyone), ledger(fleet, target).usable
        if demand <= usable or not fits(fleet, target) or ledger(fleet, target).unknown:
            continue
        from kc_db.budget.solve.changes import most_deploys_at_once

        most = most_deploys_at_once(fleet, target)
        yield Problem(
            where=fleet.named(target),
            message=f"all {everyone} services deployed at once would need {demand} connections and "
            f"{usable} are usable; up to {most} at once fit, the policy says {enforced}",
            file=fleet.file,
            line=fleet.line_of(("policy", "deploys_at_once")),
        )
