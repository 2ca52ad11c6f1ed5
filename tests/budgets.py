"""Fleets for the tests of the pool budget."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from kc_db.budget.gather import gather
from kc_db.budget.load_budget import load_budget
from kc_db.budget.model import Fleet, Limits, Pool, Rollout, Server, Service
from kc_db.budget.resolve import resolve
from kc_db.budget.resolve.layers import Read
from kc_db.budget.resolve.overrides import parse_override
from kc_db.budget.sources import Reading

ROLLOUT = ("instances", "desired", "deploy", "maximum_percent", "max_surge", "parallelism")


def service(name: str, **changes: Any) -> Service:
    """A service with a pool of 10 to the database `primary`, in one task."""
    kind = changes.pop("kind", "services")
    pool = Pool(
        "pool",
        changes.pop("database", "primary"),
        changes.pop("pool_size", 10),
        path=(kind, name),
        has_own_size=changes.pop("has_own_size", True),
    )
    rollout = Rollout(**{"instances": 1, **{key: changes.pop(key) for key in ROLLOUT if key in changes}})
    pools = changes.pop("pools", (pool,) if pool.size else ())
    return Service(name=name, kind=kind, rollout=rollout, pools=pools, **changes)


def make_fleet(
    *services: Service,
    max_connections: int = 100,
    headroom_percent: int = 0,
    fixed: int = 0,
    deploys_at_once: int | None = None,
    second_deploy: bool = False,
    **changes: Any,
) -> Fleet:
    """Services on one database, of which PostgreSQL reserves 3 connections; a second deploy is shown only."""
    server = Server("primary", Limits(max_connections), headroom_percent, {"people": fixed} if fixed else {})
    judged = {} if second_deploy else {"second-deploy": False}
    return Fleet(None, (server,), services, deploys_at_once=deploys_at_once, **{"judged": judged, **changes})


def with_sizes(fleet: Fleet, size: Any) -> Fleet:
    """The fleet with each pool's size changed by a function of the pool."""
    return fleet.with_services(
        lambda known: replace(known, pools=tuple(replace(pool, size=size(pool)) for pool in known.pools))
    )


def with_rollout(known: Service, **changes: Any) -> Service:
    """The service with other tasks."""
    return replace(known, rollout=replace(known.rollout, **changes))


def load_fleet(  # noqa: PLR0913 - what a command takes
    file: Path | str,
    content: str | None = None,
    *,
    environment: str | None = None,
    overrides: tuple[str, ...] = (),
    read: tuple[Reading, ...] = (),
    live_database: str | None = None,
) -> Fleet:
    """The fleet of one environment of a budget file, as the command loads it."""
    if content is not None:
        Path(file).write_text(content, encoding="utf-8")
    budget = load_budget(str(file))
    found = gather(budget, (), read) if read else Read()
    (fleet,) = resolve(
        budget,
        budget.environments(environment),
        overrides=[parse_override(text) for text in overrides],
        read={environment: found},
        live_database=live_database,
    )
    return fleet
