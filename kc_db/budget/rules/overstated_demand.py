"""The budget file says a larger number than its source: more instances, a larger pool, more processes.

What was read counts.

If you leave it: nothing breaks, but checks without the sources refuse fleets that would fit.

To mend it: take the number out of the file, so that it is read and not copied; or correct whichever is wrong.
"""

from collections.abc import Iterator

from kc_db.budget.drift import number_problems
from kc_db.budget.model import Fleet
from kc_db.findings import Problem, Severity

severity = Severity.WARNING


def check(fleet: Fleet) -> Iterator[Problem]:
    """A problem for each service of which the file says too much."""
    yield from number_problems(fleet, file_says_less=False)
