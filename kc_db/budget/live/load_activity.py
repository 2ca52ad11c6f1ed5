"""Reads what a server looks like now: sessions, limits of roles and databases, settings that wait."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kc_db.budget.activity import Activity, DatabaseLimit, PendingSetting, RoleState, Sessions
from kc_db.sql import load_sql

if TYPE_CHECKING:
    from kc_db.database import Connection


def read_activity(connection: "Connection") -> Activity:
    """A few reads of catalogs and statistics that every role may make; what it may not see is left unknown.

    Raises:
        psycopg.Error: a query fails; database.connect turns it into a ServerError.
    """
    return Activity(
        at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        sessions=tuple(Sessions(*row) for row in _rows(connection, "sessions")),
        roles=read_roles(connection),
        databases=tuple(DatabaseLimit(*row) for row in _rows(connection, "database_limits")),
        pending=tuple(_pending(connection)),
    )


def read_roles(connection: "Connection") -> tuple[RoleState, ...]:
    """The roles and their limits.

    Raises:
        psycopg.Error: the query fails.
    """
    return tuple(RoleState(*row) for row in _rows(connection, "roles"))


def _pending(connection: "Connection") -> Iterator[PendingSetting]:
    for name, running, may_ask in _rows(connection, "pending_settings"):
        configured = _configured(connection, name) if may_ask else None
        yield PendingSetting(name, running, configured)


def _configured(connection: "Connection", name: str) -> str | None:
    row = connection.execute(load_sql("kc_db.budget.live", "configured_setting"), {"name": name}).fetchone()
    return row[0] if row else None


def _rows(connection: "Connection", question: str) -> list[tuple[Any, ...]]:
    return connection.execute(load_sql("kc_db.budget.live", question)).fetchall()
