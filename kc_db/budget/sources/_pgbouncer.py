"""What a PgBouncer's configuration and its admin console have in common."""

from kc_db.budget.model import MAXIMUM_MAX_CONNECTIONS
from kc_db.budget.schema import SourceTable
from kc_db.budget.sources import Path

CONSOLE = "pgbouncer"  # the database and the user that are PgBouncer itself

# PgBouncer's manual, "Generic settings".
NUMBERS = {
    "max_client_conn": 100,
    "default_pool_size": 20,
    "reserve_pool_size": 0,
    "max_db_connections": 0,
    "max_user_connections": 0,
}
DEFAULT_POOL_MODE = "session"
# Of these, 0 and less is none, as tried on 1.18, 1.24 and 1.26; other numbers below 0 mean nothing.
LIMITS = frozenset({"reserve_pool_size", "max_db_connections", "max_user_connections"})
NO_RESERVE = "reserve_pool_timeout"


def pooler_path(source: SourceTable) -> Path:
    """The pooler that a source describes."""
    return ("poolers", source.pooler or "pgbouncer")


def bounded(key: str, number: int) -> int:
    """A number as a budget file would say it.

    PgBouncer takes a million to mean "without end"; no server has more than the budget file's largest.
    """
    return min(max(number, 0) if key in LIMITS else number, MAXIMUM_MAX_CONNECTIONS)


def is_zero(seconds: str) -> bool:
    """Whether a setting of a time is 0: a reserve pool is never used with reserve_pool_timeout = 0."""
    try:
        return float(seconds) == 0
    except ValueError:
        return False
