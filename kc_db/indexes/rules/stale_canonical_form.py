"""The lock file says nothing, or something of the past, about a spec's expressions.

If you leave it: where the server can't be asked (a standby, a role that may not make temporary tables), the
spec's index is undetermined, and kc-db ends with exit code 3.

To mend it: run `kc-db lock-specs` against a primary of the same major version, and commit the lock file.
"""

from collections.abc import Iterator

from kc_db.findings import Problem, Severity
from kc_db.indexes.verify import Subject

severity = Severity.WARNING


def check(subject: Subject) -> Iterator[Problem]:
    """One problem for each entry that is stale, and each that is missing."""
    for form in subject.stale_forms:
        yield Problem(
            where=form.index,
            message=f"the recorded canonical form is stale: {form.why}",
            remedy=("-- kc-db lock-specs",),
            file=form.file,
            group=form.index.rpartition(".")[0],
        )
