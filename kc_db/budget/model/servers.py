"""What grants connections: a PostgreSQL server, and what it keeps for itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kc_db.budget.model.names import PERCENT, LimitSource

if TYPE_CHECKING:
    from kc_db.budget.activity import Activity


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections a server grants, and how many of them services can't have.

    PostgreSQL refuses an ordinary role once no more than the reserved slots are free, whoever holds the
    others (src/backend/utils/init/postinit.c): a superuser's session takes a slot from ordinary roles too,
    even while the reserved ones are free. Walsenders, autovacuum and parallel workers have slots of their
    own.

    Sources: PostgreSQL manual, "Connection Settings" (runtime-config-connection) for the first three and
    their defaults; AWS Knowledge Center, rds-postgresql-error-connection-slots, for the fourth
    (`rds.rds_superuser_reserved_connections`).

    Attributes:
        max_connections: all slots of the server; 0 if nobody knows.
        superuser_reserved_connections: the last slots, for superusers only.
        reserved_connections: slots for roles with `pg_use_reserved_connections` (PostgreSQL 16 and later).
        vendor_reserved_connections: slots that the provider keeps beside these.
        superuser_sessions: sessions of superusers, and of roles with `pg_use_reserved_connections`.
    """

    max_connections: int
    superuser_reserved_connections: int = 3
    reserved_connections: int = 0
    vendor_reserved_connections: int = 0
    superuser_sessions: int = 0

    @property
    def all_reserved_connections(self) -> int:
        """Slots that an ordinary role never gets."""
        return (
            self.superuser_reserved_connections
            + self.reserved_connections
            + self.vendor_reserved_connections
            + self.superuser_sessions
        )


@dataclass(frozen=True, slots=True)
class Server:
    """One PostgreSQL server, a primary or a replica; `[databases.<name>]` in the file.

    Attributes:
        name: its name in the budget file.
        limits: what counts: what --set says, else what was read, else what the file declares.
        headroom_percent: share of the grantable connections that must stay free, for what nobody planned.
        fixed_sessions: sessions that come with no service (monitoring, people), by purpose; always there.
        migration_sessions: sessions that are there while a migration runs, by purpose.
        replica_of: the primary, whose services' readers come back to it when this one is lost.
        declared: the settings that the budget file states, by their names in Limits.
        live: the settings that were read, from the server or a source, by their names in Limits.
        source: where `limits.max_connections` comes from.
        unknown: why the limits can't be told, or are only a bound; empty if they are known.
        origins: where settings were read, by their names in Limits.
        activity: who is connected and what roles may hold, if the server was looked at.
    """

    name: str
    limits: Limits
    headroom_percent: int = 0
    fixed_sessions: Mapping[str, int] = field(default_factory=dict)
    migration_sessions: Mapping[str, int] = field(default_factory=dict)
    replica_of: str | None = None
    declared: Mapping[str, int] = field(default_factory=dict)
    live: Mapping[str, int] = field(default_factory=dict)
    source: LimitSource = "declared"
    unknown: str = ""
    origins: Mapping[str, str] = field(default_factory=dict, compare=False)
    activity: "Activity | None" = field(default=None, repr=False)

    @property
    def grantable_connections(self) -> int:
        """What ordinary roles can get: max_connections less every reserve (sources: see Limits)."""
        return max(0, self.limits.max_connections - self.limits.all_reserved_connections)

    @property
    def headroom_connections(self) -> int:
        """What is kept free: the percentage of the grantable connections, rounded up in favour of safety."""
        return -(-self.grantable_connections * self.headroom_percent // PERCENT)

    @property
    def usable_connections(self) -> int:
        """What the fleet may take."""
        return self.grantable_connections - self.headroom_connections

    @property
    def fixed_connections(self) -> int:
        """What is taken whatever the services do."""
        return sum(self.fixed_sessions.values())
