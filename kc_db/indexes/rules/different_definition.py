"""An index has the spec's name and another definition.

If you leave it: everybody who reads its name believes that the spec's index is there. The queries that the
spec is for may not use it, and a unique one holds another promise.

To mend it: `kc-db repair-indexes --apply` builds the wanted one under a passing name, drops the wrong one
and takes its name, all CONCURRENTLY; if the live one is right, correct the spec.
"""

from collections.abc import Iterator
from dataclasses import replace

from kc_db.findings import Problem, Severity
from kc_db.indexes.verify import Subject, problem_of

severity = Severity.ERROR


def check(subject: Subject) -> Iterator[Problem]:
    """One problem for each index of a spec's name that is certainly not the spec's."""
    for match in subject.matches:
        if match.differences:
            attributes = ", ".join(difference.attribute for difference in match.differences)
            message = f"the live index differs from its spec in {attributes}"
            yield replace(problem_of(match, message), differences=match.differences)
