"""What a server grants, from what is known of it: its settings, its provider, or only its size."""

from collections.abc import Mapping
from typing import NamedTuple

from kc_db.budget.model import Limits, LimitSource, Provider

# Beside superuser_reserved_connections. AWS Knowledge Center, rds-postgresql-error-connection-slots: 2, on
# RDS up to PostgreSQL 15 as rds.rds_superuser_reserved_connections, later as reserved_connections.
_RDS_RESERVE = 2
# In all. Microsoft Learn, "Limits in Azure Database for PostgreSQL": 15 for replication and monitoring.
# Neon, "Connection pooling": 7 for Neon's own superuser.
_RESERVES_IN_ALL: Mapping[Provider, int] = {"azure": 15, "neon": 7}

SETTINGS = tuple(Limits.__dataclass_fields__)


class Capacity(NamedTuple):
    """A server's limits, where max_connections comes from, and why it is only a bound or not known."""

    limits: Limits
    source: LimitSource
    unknown: str = ""


def vendor_reserve(provider: Provider | None, settings: Mapping[str, int]) -> int:
    """What the provider keeps beside superuser_reserved_connections and reserved_connections.

    A reserve that the settings state already isn't counted twice.
    """
    reserved = settings.get("reserved_connections", 0)
    if provider in {"rds", "aurora"}:
        return max(0, _RDS_RESERVE - reserved)
    in_all = _RESERVES_IN_ALL.get(provider, 0) if provider else 0
    superuser = settings.get("superuser_reserved_connections", Limits(0).superuser_reserved_connections)
    return max(0, in_all - superuser - reserved)


def capacity(
    settings: Mapping[str, int],
    *,
    provider: Provider | None = None,
    instance_class: str | None = None,
    memory_gib: float | None = None,
) -> Capacity:
    """A server's limits: PostgreSQL's and the provider's defaults for what the settings don't say.

    max_connections has no default. Where the settings don't state it, the instance's memory gives a bound
    that the server's own value doesn't exceed, and where that isn't known either it is 0 and says why.

    Args:
        settings: by their names in Limits.
        provider: who runs the server.
        instance_class: RDS or Aurora instance class.
        memory_gib: the instance's memory, which counts before its class.
    """
    values = {"vendor_reserved_connections": vendor_reserve(provider, settings), **settings}
    if "max_connections" in settings:
        return Capacity(Limits(**values), "declared")
    from kc_db.budget.instance_memory import max_connections_bound
    from kc_db.budget.instance_memory import memory_gib as memory_of

    memory = memory_gib or (memory_of(instance_class) if instance_class else None)
    if memory is None:
        size = f"its class {instance_class} has no known memory" if instance_class else "nothing states it"
        return Capacity(Limits(max_connections=0, **values), "declared", f"max_connections: {size}")
    bound = max_connections_bound(memory)
    size = f"{memory:g} GiB" if memory_gib else f"{instance_class}, {memory:g} GiB"
    return Capacity(
        Limits(max_connections=bound, **values),
        "bound",
        f"max_connections is {bound} at most, a bound from its size ({size}); "
        "the server's own default is lower",
    )
