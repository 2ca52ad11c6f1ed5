"""The server can't be reached, or gave no answer to a question in time.

If you leave it: nothing is known, neither that the database is ready nor that it isn't: exit code 3.

To mend it: the message says what the server or libpq said. Check host, port, user, network and the role's
rights; `--timeout` gives a slow server longer, `--wait` asks again.
"""

from collections.abc import Iterator

from kc_db.findings import Problem, Severity
from kc_db.ready.model import Subject

severity = Severity.UNDETERMINED


def check(subject: Subject) -> Iterator[Problem]:
    """One problem for a question without an answer."""
    if subject.look.error:
        yield Problem(f"{subject.look.check} of {subject.label}", subject.look.error)
