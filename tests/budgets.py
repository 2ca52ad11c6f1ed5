"""Fleets for the tests of the pool budget."""

from kc_db.budget.model import Database, Fleet, Limits, Service


def service(name: str, **changes: object) -> Service:
    """A service with a pool of 10 in one task."""
    values: dict[str, object] = {
        "kind": "services",
        "database": "primary",
        "pool_size": 10,
        "instances": 1,
        **changes,
    }
    return Service(name=name, **values)  # type: ignore[arg-type]


def make_fleet(
    *services: Service,
    max_connections: int = 100,
    headroom_percent: int = 0,
    fixed: int = 0,
    deploys_at_once: int | None = None,
) -> Fleet:
    """Services on one database, of which PostgreSQL reserves 3 connections."""
    database = Database(
        "primary", Limits(max_connections), headroom_percent, {"people": fixed} if fixed else {}
    )
    return Fleet(None, (database,), services, deploys_at_once)
