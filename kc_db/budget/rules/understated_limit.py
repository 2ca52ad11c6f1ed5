"""The server grants more connections than the budget file says (seen with --live only).

A declared max_connections is lower than the server's, or a declared reserve is larger.

If you leave it: nothing breaks, but checks without --live refuse fleets that would fit, and somebody makes
pools smaller that needn't be.

To mend it: write the server's values into the file; or, if somebody raised the limit by hand for a day, set
it back.
"""

from collections.abc import Iterator

from kc_db.budget.drift import drift_problems
from kc_db.budget.model import Fleet
from kc_db.findings import Problem, Severity

severity = Severity.WARNING


def check(fleet: Fleet) -> Iterator[Problem]:
    """A problem for each database whose declared settings are too modest."""
    yield from drift_problems(fleet, server_grants_fewer=False)
