"""A changed setting of connections waits for a restart of the server (seen with --live only).

max_connections, superuser_reserved_connections and reserved_connections take effect when the server starts.
kc-db counts what it runs with.

If you leave it: nothing until the next restart, which comes when nobody thinks of it (a failover, a minor
upgrade); then the fleet has the other number.

To mend it: restart the server when it suits you, or take the change back. See before that whether the fleet
fits the new value, as in the finding.
"""

import shlex
from collections.abc import Iterator

from kc_db.budget.activity import PendingSetting
from kc_db.budget.model import Fleet, Server
from kc_db.findings import Difference, Problem, Severity

severity = Severity.WARNING
needs_facts = True
_UNREADABLE = "another value, which kc-db's role may not read (pg_file_settings)"


def check(fleet: Fleet) -> Iterator[Problem]:
    """A problem for each server with such a setting."""
    for server in fleet.servers:
        pending = server.activity.pending if server.activity else ()
        if pending:
            yield Problem(
                where=fleet.named(server),
                message="changed in the configuration, and not in effect before a restart; what runs counts",
                differences=tuple(_difference(setting) for setting in pending),
                remedy=tuple(_remedy(fleet, server, pending)),
                file=fleet.file,
                line=fleet.line_of(("databases", server.name, pending[0].name)),
            )


def _difference(setting: PendingSetting) -> Difference:
    return Difference(setting.name, setting.configured or _UNREADABLE, setting.running)


def _remedy(fleet: Fleet, server: Server, pending: tuple[PendingSetting, ...]) -> Iterator[str]:
    known = [setting for setting in pending if setting.configured]
    if known:
        file = () if fleet.file is None else (fleet.file,)
        environment = () if fleet.environment is None else ("--environment", fleet.environment)
        changes = (f"--set={server.name}.{one.name}={one.configured}" for one in known)
        command = shlex.join(("kc-db", "check-pool-budget", *file, *environment, *changes))
        yield f"see whether the fleet fits: {command}"
    yield f"{'then ' if known else ''}restart the server, or take the change back"
