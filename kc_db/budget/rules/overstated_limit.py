"""The budget file promises more connections than the server grants (seen with --live only).

A declared max_connections is higher than the server's, or a declared reserve is smaller.

If you leave it: checks without --live, like those of a pull request, count connections that do not exist, and
let a fleet through that breaks in production.

To mend it: write the server's values into the file, and see whether the fleet still fits; or change the
server, which restarts it.
"""

from collections.abc import Iterator

from kc_db.budget.drift import drift_problems
from kc_db.budget.model import Fleet
from kc_db.findings import Problem, Severity

severity = Severity.ERROR


def check(fleet: Fleet) -> Iterator[Problem]:
    """A problem for each database whose declared settings are too good."""
    yield from drift_problems(fleet, server_grants_fewer=True)
