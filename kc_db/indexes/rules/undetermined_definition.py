r"""Whether an index is the spec's can't be decided: an expression or a predicate is written in another way.

If you leave it: the index may be right or wrong; kc-db says neither, and ends with exit code 3.

To mend it: write the expression in the spec as the server gives it back (`have` in the report, or `\d
table` in psql).
"""

from collections.abc import Iterator
from dataclasses import replace

from kc_db.findings import Problem, Severity
from kc_db.indexes.verify import Subject, problem_of

severity = Severity.UNDETERMINED


def check(subject: Subject) -> Iterator[Problem]:
    """One problem for each spec whose comparison needs the server's own judgement."""
    for match in subject.matches:
        if match.undecided:
            attributes = ", ".join(difference.attribute for difference in match.undecided)
            message = f"kc-db can't decide whether these are the same: {attributes}"
            if match.unsure_because:
                message += f"; {match.unsure_because}"
            yield replace(problem_of(match, message), differences=match.undecided)
