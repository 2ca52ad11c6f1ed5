"""Connection limits as the server has them now."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kc_db.budget.capacity import SETTINGS
from kc_db.budget.sources import Reading
from kc_db.sql import load_sql

if TYPE_CHECKING:
    from kc_db.database import Connection


def read_limits(connection: "Connection", database: str, label: str) -> Iterator[Reading]:
    """The settings that the server knows; one that it doesn't know is left out.

    Args:
        connection: to the server.
        database: its name in the budget file.
        label: its name for people, without secrets.

    Raises:
        psycopg.Error: the query fails; database.connect turns it into a ServerError.
    """
    row = connection.execute(load_sql("kc_db.budget.live", "connection_limits")).fetchone() or ()
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for name, value in zip(SETTINGS, row, strict=False):
        if isinstance(value, int):
            yield Reading(("databases", database, name), value, f"{label}: {name} at {now}")
