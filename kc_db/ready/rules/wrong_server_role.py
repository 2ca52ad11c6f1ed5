"""The server is a standby where a primary is wanted, or a primary where a standby is wanted.

If you leave it: services that write fail on a standby; services that were to read from a standby load the
primary.

To mend it: after a failover the name may still lead to the old server: wait (`--wait`), or correct
DATABASE_URL. `--standby` says that a standby is wanted.
"""

from collections.abc import Iterator

from kc_db.findings import Problem, Severity
from kc_db.ready.model import Role, Subject

severity = Severity.ERROR


def check(subject: Subject) -> Iterator[Problem]:
    """One problem if the server is the other one."""
    role = subject.look.value
    if isinstance(role, Role) and role.standby != subject.wanted.standby:
        have, want = ("standby", "primary") if role.standby else ("primary", "standby")
        yield Problem(subject.label, f"the server is a {have}, and a {want} is wanted")
