"""A baseline entry accepts nothing: what it is for is mended, or has changed.

If you leave it: the day the finding comes back, for another reason, nobody hears of it.

To mend it: delete the entry, or let `kc-db verify-indexes --write-baseline --reason TEXT` do it; where the
finding has changed, decide anew whether it is acceptable.
"""

from collections.abc import Iterator

from kc_db.findings import Problem, Severity
from kc_db.indexes.verify import Subject

severity = Severity.WARNING


def check(subject: Subject) -> Iterator[Problem]:
    """One problem for each entry that no finding matches, expired or not."""
    for entry, changed in subject.unused_entries:
        why = "it is found otherwise now" if changed else "it isn't found any more"
        yield Problem(
            where=f"{entry.where} ({entry.rule})",
            message=f"the entry accepts nothing ({entry.reason}): {why}",
            remedy=(f"-- delete the entry in {entry.place}",),
            file=entry.file,
            line=entry.line,
            group=entry.file,
        )
