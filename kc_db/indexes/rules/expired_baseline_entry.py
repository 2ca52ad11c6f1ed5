"""A baseline entry has expired, and what it accepted is still there.

If you leave it: the finding is reported again, at its own severity, until somebody decides about it.

To mend it: mend what it accepted; or accept it anew, with `kc-db verify-indexes --write-baseline --reason
TEXT` or by a later date in `expires`.
"""

from collections.abc import Iterator

from kc_db.findings import Problem, Severity
from kc_db.indexes.verify import Subject

severity = Severity.WARNING


def check(subject: Subject) -> Iterator[Problem]:
    """One problem for each entry that would accept a finding, had it not expired."""
    for entry in subject.expired_entries:
        yield Problem(
            where=f"{entry.where} ({entry.rule})",
            message=f"it was accepted until {entry.expires} ({entry.reason})",
            remedy=(f"-- mend it, or write a later date in {entry.place}",),
            file=entry.file,
            line=entry.line,
            group=entry.file,
        )
