"""Connection limits as the server has them now."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from kc_db.budget.model import Fleet
from kc_db.budget.sources.declared import SETTINGS
from kc_db.sql import load_sql

if TYPE_CHECKING:
    from kc_db.database import Connection


def read_limits(connection: "Connection") -> dict[str, int]:
    """The settings that the server knows, by their names in Limits; one that it doesn't know is left out.

    Raises:
        psycopg.Error: the query fails; database.connect turns it into a ServerError.
    """
    row = connection.execute(load_sql("kc_db.budget", "connection_limits")).fetchone() or ()
    return {name: value for name, value in zip(SETTINGS, row, strict=True) if isinstance(value, int)}


def with_live_limits(fleet: Fleet, database: str, settings: Mapping[str, int]) -> Fleet:
    """The fleet on the server as it is: what was read counts, what was declared stays for comparison."""
    changed = next(known for known in fleet.databases if known.name == database)
    limits = replace(changed.limits, **settings)
    return fleet.with_database(replace(changed, limits=limits, live=settings, source="live"))
