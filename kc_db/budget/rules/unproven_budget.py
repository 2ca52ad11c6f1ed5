"""Nobody can tell whether the fleet fits, because a number isn't known.

Nothing that is known exceeds what is granted. But the size of a pool or the number of its tasks comes from
where kc-db can't look (a secret, a value that is set at run time, a pool without end), or max_connections
is only a bound from the memory of the instance, which the server's own default is below.

If you leave it: kc-db says "unproven" and exits with 3, never "fits".

To mend it: say the number in the budget file, where the finding names it; or let a source or `--live` read
it. A service that uses no database of the file says `pool_size = 0`.
"""

from collections.abc import Iterator

from kc_db.budget.model import Fleet, Server
from kc_db.budget.scenarios import Scenario, scenarios
from kc_db.findings import Problem, Severity

severity = Severity.UNDETERMINED


def check(fleet: Fleet) -> Iterator[Problem]:
    """A problem for each target of which an enforced moment is unproven."""
    for target in fleet.targets:
        unproven = [
            scenario
            for scenario in scenarios(fleet, target)
            if scenario.is_enforced and scenario.verdict == "unproven"
        ]
        if unproven:
            table = "databases" if isinstance(target, Server) else "poolers"
            yield Problem(
                where=fleet.named(target),
                message=_message(max(unproven, key=lambda scenario: scenario.demand_connections)),
                remedy=("say these numbers in the budget file, or have them read (a source, or --live)",),
                file=fleet.file,
                line=fleet.line_of((table, target.name)),
            )


def _message(worst: Scenario) -> str:
    known = (
        f"{worst.demand_connections} connections are certain and {worst.usable_connections} usable at most"
        if worst.has_limit
        else f"{worst.demand_connections} connections are certain"
    )
    return f"{worst.title}: can't be told: {known}; not known is\n" + "\n".join(
        f"- {why}" for why in worst.unknown
    )
