"""The spec's index exists under another name.

If you leave it: it serves its queries and holds its promise, but whoever looks for it by name misses it,
and `CREATE INDEX IF NOT EXISTS` would build it twice.

To mend it: rename it (`kc-db repair-indexes --apply`; a rename blocks nothing and takes milliseconds), or
take the live name into the spec.
"""

from collections.abc import Iterator

from kc_db.findings import Problem, Severity
from kc_db.indexes.verify import Subject, problem_of

severity = Severity.WARNING


def check(subject: Subject) -> Iterator[Problem]:
    """One problem for each spec whose index is called otherwise."""
    for match in subject.matches:
        index = match.satisfied_by
        if index and index.name != match.want.name:
            backing = (
                f", behind constraint {index.constraint} (one renames the other)" if index.constraint else ""
            )
            yield problem_of(match, f"the index exists, named {index.name}{backing}")
