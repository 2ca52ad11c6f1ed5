"""The budget's figures: rows for people, the same numbers for machines."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import NamedTuple

from kc_db.budget.model import Database, Fleet, Service
from kc_db.budget.scenarios import Scenario, costliest, enforced_deploys, fits, scenarios, worst_enforced

Row = tuple[str, ...]

_SOURCES = {"declared": "the file", "live": "the server", "override": "--set"}


class Figures(NamedTuple):
    """A table for people."""

    title: str
    columns: Row
    rows: tuple[Row, ...]


def headline(fleets: Sequence[Fleet]) -> str:
    """How it went, in one line: for each database of each environment, named where there are several."""
    pairs = [(fleet, database) for fleet in fleets for database in fleet.databases]
    if len(pairs) == 1:
        return _verdict(*pairs[0])
    return "; ".join(f"{fleet.named(database)} {_verdict(fleet, database)}" for fleet, database in pairs)


def tables(fleets: Sequence[Fleet]) -> tuple[Figures, ...]:
    """What the databases grant, what each moment takes, who takes most."""
    return (
        _table("What the databases grant", _CAPACITY_COLUMNS, _capacity_rows, fleets),
        _table("What the fleet takes", _SCENARIO_COLUMNS, _scenario_rows, fleets),
        _table("Who takes most", _COST_COLUMNS, _cost_rows, fleets),
    )


def summary(file: str, fleets: Sequence[Fleet], overrides: Iterable[str]) -> Mapping[str, object]:
    """Every figure, as JSON types; part of the JSON contract, so keys are only ever added."""
    pairs = [(fleet, database) for fleet in fleets for database in fleet.databases]
    return {
        "file": file,
        "overrides": list(overrides),
        "databases": [_database(fleet, database) for fleet, database in pairs],
        "scenarios": [
            {"environment": fleet.environment, "database": database.name, **_scenario(scenario)}
            for fleet, database in pairs
            for scenario in scenarios(fleet, database)
        ],
        "services": [_service(fleet, service) for fleet in fleets for service in fleet.services],
    }


def _table(
    title: str, columns: Row, rows_of: Callable[[Fleet, Database], Iterator[Row]], fleets: Sequence[Fleet]
) -> Figures:
    pairs = [(fleet, database) for fleet in fleets for database in fleet.databases]
    # Where all rows would say the same, the column is left away.
    names = {
        "environment": [fleet.environment or "" for fleet, _ in pairs],
        "database": [database.name for _, database in pairs],
    }
    shown = [heading for heading, cells in names.items() if len(set(cells)) > 1]
    rows = [
        (*(names[heading][number] for heading in shown), *row)
        for number, (fleet, database) in enumerate(pairs)
        for row in rows_of(fleet, database)
    ]
    return Figures(title, (*shown, *columns), tuple(rows))


def _verdict(fleet: Fleet, database: Database) -> str:
    worst = worst_enforced(fleet, database)
    moment = "in the worst minute of a deploy" if worst.deploys else "in the steady state"
    return (
        f"{'fits' if worst.fits else 'does not fit'}: {worst.demand_connections} of "
        f"{worst.usable_connections} usable connections ({_percent(worst)}) {moment}"
    )


_CAPACITY_COLUMNS = ("limits from", "max_connections", "reserved", "kept free", "usable")


def _capacity_rows(_fleet: Fleet, database: Database) -> Iterator[Row]:
    yield (
        _SOURCES[database.source],
        str(database.limits.max_connections),
        str(database.limits.all_reserved_connections),
        str(database.headroom_connections),
        str(database.usable_connections),
    )


_SCENARIO_COLUMNS = ("scenario", "demand", "usable", "used", "verdict", "made of")


def _scenario_rows(fleet: Fleet, database: Database) -> Iterator[Row]:
    for scenario in scenarios(fleet, database):
        yield (
            scenario.title,
            str(scenario.demand_connections),
            str(scenario.usable_connections),
            _percent(scenario),
            _judgement(scenario),
            scenario.driver,
        )


_COST_COLUMNS = ("service", "pool", "processes", "instances", "steady", "deploy adds")


def _cost_rows(fleet: Fleet, database: Database) -> Iterator[Row]:
    named, others = costliest(fleet, database)
    for client in named:
        multiplied = (client.pool_size, client.processes, client.instances)
        costs = (client.steady_connections, client.deploy_connections)
        yield (client.name, *map(str, (*multiplied, *costs)))
    if others:
        sums = (sum(c.steady_connections for c in others), sum(c.deploy_connections for c in others))
        yield (f"{len(others)} others", "", "", "", *map(str, sums))


def _percent(scenario: Scenario) -> str:
    return "-" if scenario.percent is None else f"{scenario.percent} %"


def _judgement(scenario: Scenario) -> str:
    if scenario.fits:
        return "fits" if scenario.is_enforced else "would fit"
    return "does not fit" if scenario.is_enforced else "would not fit (not enforced)"


def _database(fleet: Fleet, database: Database) -> Mapping[str, object]:
    return {
        "environment": fleet.environment,
        "database": database.name,
        "source": database.source,
        **asdict(database.limits),
        "declared": dict(database.declared),
        "live": dict(database.live),
        "headroom_percent": database.headroom_percent,
        "headroom_connections": database.headroom_connections,
        "usable_connections": database.usable_connections,
        "fixed_sessions": dict(database.fixed_sessions),
        "deploys_at_once": enforced_deploys(fleet, database),
        "fits": fits(fleet, database),
    }


def _service(fleet: Fleet, service: Service) -> Mapping[str, object]:
    return {
        "environment": fleet.environment,
        "name": service.name,
        "kind": service.kind,
        "database": service.database,
        "pool_size": service.pool_size,
        "processes": service.processes,
        "instances": service.instances,
        "deploy": service.deploy,
        "maximum_percent": service.maximum_percent,
        "peak_tasks": service.peak_tasks,
        "steady_connections": service.steady_connections,
        "deploy_connections": service.deploy_connections,
    }


def _scenario(scenario: Scenario) -> Mapping[str, object]:
    return {
        "scenario": scenario.name,
        "title": scenario.title,
        "deploys": scenario.deploys,
        "demand_connections": scenario.demand_connections,
        "usable_connections": scenario.usable_connections,
        "percent": scenario.percent,
        "fits": scenario.fits,
        "enforced": scenario.is_enforced,
        "driver": scenario.driver,
    }
