"""What stands between services and servers: PgBouncer, or an RDS Proxy."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kc_db.budget.model.names import PoolMode
from kc_db.budget.model.services import Drift, Rollout

ALL_USERS = "(all users)"
"""The pools of an alias whose users nobody names, but whose sum is limited."""


def counted_apart(user: str, alias: str) -> str:
    """How pool_sizes names a forced user of PgBouncer before 1.24, which is another one in each alias."""
    return f"{user} of {alias}"


@dataclass(frozen=True, slots=True)
class Alias:
    """One entry of PgBouncer's [databases].

    Attributes:
        name: what clients ask for.
        server: the server that it leads to.
        pool_sizes: per user who has a pool: a forced user alone, else whoever may log in; pool_size and
            reserve_pool_size together.
        max_db_connections: None for no limit.
        unknown: why its pools can't be told; empty if they are known.
    """

    name: str
    server: str
    pool_sizes: Mapping[str, int]
    max_db_connections: int | None = None
    unknown: str = ""

    def role_of(self, user: str) -> str:
        """The role behind a user of pool_sizes."""
        return user.removesuffix(counted_apart("", self.name))


@dataclass(frozen=True, slots=True)
class Pooler:
    """PgBouncer, or an RDS Proxy: what stands between services and servers.

    Attributes:
        name: its name in the budget file.
        rollout: its instances, and how a deploy replaces them.
        processes: processes per instance, each with its own pools.
        aliases: PgBouncer's databases.
        max_user_connections: limits per user; a user who isn't there has none.
        max_client_conn: clients of one process; None for an RDS Proxy, which has no setting for it.
        pool_mode: when a server connection is given to another client.
        proxied: an RDS Proxy's server, and None for PgBouncer.
        max_connections_percent: RDS Proxy: its share of max_connections.
        drifts: numbers that the file states, and a source has otherwise.
        unknown: why its instances or limits can't be told; empty if they are known.
    """

    name: str
    rollout: Rollout
    processes: int = 1
    aliases: tuple[Alias, ...] = ()
    max_user_connections: Mapping[str, int] = field(default_factory=dict)
    max_client_conn: int | None = 100
    pool_mode: PoolMode = "session"
    proxied: str | None = None
    max_connections_percent: int = 100
    drifts: tuple[Drift, ...] = ()
    unknown: str = ""

    def unknowns(self, server: str) -> tuple[str, ...]:
        """Why what it opens to a server can't be told."""
        aliases = (alias.unknown for alias in self.aliases if alias.server == server)
        return tuple(dict.fromkeys(why for why in (self.unknown, *aliases) if why))

    @property
    def servers(self) -> tuple[str, ...]:
        """The servers that it opens connections to."""
        if self.proxied is not None:
            return (self.proxied,)
        return tuple(dict.fromkeys(alias.server for alias in self.aliases))
