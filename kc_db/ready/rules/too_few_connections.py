"""Fewer connections are left than `--free-connections` asks for: of the role's, database's or server's.

If you leave it: the services that start now may be refused: `remaining connection slots are reserved`, `too
many connections for role`, `too many connections for database`.

To mend it: look in pg_stat_activity for who holds them; `kc-db check-pool-budget` adds up who may. The limit
that is named is the tightest: `ALTER ROLE ... CONNECTION LIMIT`, `ALTER DATABASE ... CONNECTION LIMIT`, or
max_connections less what is reserved. Sessions of other roles that hide what they are count as clients';
GRANT pg_read_all_stats shows them.
"""

from collections.abc import Iterator

from kc_db.findings import Problem, Severity
from kc_db.ready.model import Room, Subject

severity = Severity.ERROR


def check(subject: Subject) -> Iterator[Problem]:
    """One problem, about the tightest limit."""
    room = subject.look.value
    if not isinstance(room, Room):
        return
    limit, least = room.tightest, subject.wanted.free_connections
    if limit.free < least:
        hidden = f"; what {limit.hidden} of them are isn't visible to this role" if limit.hidden else ""
        yield Problem(
            limit.whose,
            f"connections left: {limit.free}, wanted: {least}; {limit.setting} grants {limit.granted}, "
            f"taken: {limit.taken}{hidden}",
        )
