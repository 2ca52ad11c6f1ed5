"""The budget file says a smaller number than its source: fewer instances, a smaller pool, fewer processes.

What was read counts, so that the verdict is right. But whoever reads the file, or checks it without its
sources, sees a fleet that is smaller than the real one.

If you leave it: a check without the sources lets a fleet through that runs out of connections.

To mend it: take the number out of the file, so that it is read and not copied; or correct whichever is wrong.
"""

from collections.abc import Iterator

from kc_db.budget.drift import number_problems
from kc_db.budget.model import Fleet
from kc_db.findings import Problem, Severity

severity = Severity.ERROR


def check(fleet: Fleet) -> Iterator[Problem]:
    """A problem for each service of which the file says too little."""
    yield from number_problems(fleet, file_says_less=True)
