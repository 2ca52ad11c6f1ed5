"""What a pool budget is about, as plain values: servers that grant connections, services that take them.

A connection is a server process of PostgreSQL; every number here counts those, per server, at one
moment. What can't be known is never a number: it is a sentence in `unknown`, and the numbers beside it are
what is certain, a lower bound.
"""

from kc_db.budget.model.fleet import Fleet
from kc_db.budget.model.names import (
    MAXIMUM_MAX_CONNECTIONS,
    PERCENT,
    Deploy,
    DriverName,
    Kind,
    LimitSource,
    Path,
    PoolMode,
    Provider,
    ScenarioName,
)
from kc_db.budget.model.poolers import ALL_USERS, Alias, Pooler, counted_apart
from kc_db.budget.model.servers import Limits, Server
from kc_db.budget.model.services import UNSAID_TASKS, Drift, Load, Pool, Rollout, Service

__all__ = [
    "ALL_USERS",
    "MAXIMUM_MAX_CONNECTIONS",
    "PERCENT",
    "UNSAID_TASKS",
    "Alias",
    "Deploy",
    "Drift",
    "DriverName",
    "Fleet",
    "Kind",
    "LimitSource",
    "Limits",
    "Load",
    "Path",
    "Pool",
    "PoolMode",
    "Pooler",
    "Provider",
    "Rollout",
    "ScenarioName",
    "Server",
    "Service",
    "counted_apart",
]
