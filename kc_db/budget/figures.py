"""The budget's figures for people: rows and bars."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from kc_db.budget.demand import Taker, Target, takers
from kc_db.budget.ledger import ledger
from kc_db.budget.model import Fleet, Pooler, Server
from kc_db.budget.scenarios import Scenario, scenarios, worst_enforced
from kc_db.budget.summary import opened, pairs_of, verdict_of_all

Row = tuple[str, ...]
_SOURCES = {
    "declared": "the file",
    "live": "the server",
    "override": "--set",
    "read": "a source",
    "bound": "its size, a bound",
}
_MOST_BARS = 24


class Figures(NamedTuple):
    """A table for people."""

    title: str
    columns: Row
    rows: tuple[Row, ...]


class Bar(NamedTuple):
    """One taker: what it takes at any time, what its deploy adds, and what that is made of."""

    name: str
    steady: int
    added: int
    made_of: str


class Chart(NamedTuple):
    """Bars against one limit (None if nobody knows); the last bar is the sum at the worst moment.

    `is_exact` says whether all numbers are known; else they are what is certain.
    """

    title: str
    limit: int | None
    bars: tuple[Bar, ...]
    subject: str
    is_exact: bool


def verdicts(fleets: Sequence[Fleet]) -> tuple[str, ...]:
    """How it went, for each target of each environment, named where there are several."""
    pairs = pairs_of(fleets)
    if len(pairs) == 1:
        return (_verdict(*pairs[0]),)
    return tuple(f"{fleet.named(target)} {_verdict(fleet, target)}" for fleet, target in pairs)


def tables(fleets: Sequence[Fleet]) -> tuple[Figures, ...]:
    """What the servers and poolers grant, and what each moment takes."""
    return (
        _table("What the databases grant", _CAPACITY_COLUMNS, _capacity_rows, fleets),
        *_pooler_table(fleets),
        _table("What the fleet takes", _SCENARIO_COLUMNS, _scenario_rows, fleets),
    )


def charts(fleets: Sequence[Fleet]) -> tuple[Chart, ...]:
    """A bar for each service against the limit, with what its deploy adds; the costliest first."""
    pairs = pairs_of(fleets)
    return tuple(_chart(fleet, target, is_only=len(pairs) == 1) for fleet, target in pairs)


def _table(
    title: str, columns: Row, rows_of: Callable[[Fleet, Target], Iterator[Row]], fleets: Sequence[Fleet]
) -> Figures:
    pairs = pairs_of(fleets)
    # Where all rows would say the same, the column is left away.
    heading = "target" if any(isinstance(target, Pooler) for _, target in pairs) else "database"
    names = {
        "environment": [fleet.environment or "" for fleet, _ in pairs],
        heading: [target.name for _, target in pairs],
    }
    shown = [name for name, cells in names.items() if len(set(cells)) > 1]
    rows = [
        (*(names[name][number] for name in shown), *row)
        for number, (fleet, target) in enumerate(pairs)
        for row in rows_of(fleet, target)
    ]
    return Figures(title, (*shown, *columns), tuple(rows))


def _verdict(fleet: Fleet, target: Target) -> str:
    worst = worst_enforced(fleet, target)
    moment = "in the worst minute of a deploy" if worst.deploys else f"in the worst case ({worst.title})"
    words = worst.verdict if worst.verdict != "fits" else verdict_of_all(fleet, target)
    least = "at least " if worst.unknown else ""
    if not worst.has_limit:
        return f"{words}: {least}{worst.demand_connections} connections, and nobody knows the limit"
    return (
        f"{words}: {least}{worst.demand_connections} of "
        f"{worst.usable_connections} usable connections ({_percent(worst)}) {moment}"
    )


_CAPACITY_COLUMNS = ("limits from", "max_connections", "reserved", "kept free", "usable")


def _capacity_rows(_fleet: Fleet, server: Target) -> Iterator[Row]:
    if isinstance(server, Pooler):
        return
    known = server.limits.max_connections > 0
    yield (
        _SOURCES[server.source] if known else "nobody",
        str(server.limits.max_connections) if known else "?",
        str(server.limits.all_reserved_connections),
        str(server.headroom_connections),
        str(server.usable_connections) if known else "?",
    )


_POOLER_COLUMNS = ("kind", "instances", "processes", "each opens", "clients of each")


def _pooler_table(fleets: Sequence[Fleet]) -> Iterator[Figures]:
    rows = []
    for fleet in fleets:
        for pooler in fleet.poolers:
            environment = (fleet.environment or "",) if len(fleets) > 1 else ()
            each = "; ".join(f"{name} {count}" for name, count in opened(fleet, pooler).items())
            rows.append(
                (
                    *environment,
                    pooler.name,
                    "PgBouncer" if pooler.proxied is None else "RDS Proxy",
                    str(pooler.rollout.instances),
                    str(pooler.processes),
                    each or "-",
                    str(pooler.max_client_conn) if pooler.max_client_conn else "-",
                )
            )
    if rows:
        heads = ("environment",) if len(fleets) > 1 else ()
        yield Figures("What the poolers open", (*heads, "pooler", *_POOLER_COLUMNS), tuple(rows))


_SCENARIO_COLUMNS = ("scenario", "demand", "usable", "used", "verdict", "made of")


def _scenario_rows(fleet: Fleet, target: Target) -> Iterator[Row]:
    for scenario in scenarios(fleet, target):
        yield (
            scenario.title,
            str(scenario.demand_connections),
            str(scenario.usable_connections) if scenario.has_limit else "?",
            _percent(scenario),
            _judgement(scenario),
            scenario.driver,
        )


def _chart(fleet: Fleet, target: Target, *, is_only: bool) -> Chart:
    found = sorted(takers(fleet, target), key=lambda taker: -taker.steady - taker.deploy_adds)
    named = found if len(found) <= _MOST_BARS + 1 else found[:_MOST_BARS]
    bars = [Bar(taker.name, taker.steady, taker.deploy_adds, _made_of(fleet, taker)) for taker in named]
    others = found[len(named) :]
    if others:
        adds = sum(taker.deploy_adds for taker in others)
        bars.append(Bar(f"{len(others)} others", sum(taker.steady for taker in others), adds, ""))
    if isinstance(target, Server) and target.fixed_connections:
        made_of = ", ".join(f"{purpose} {count}" for purpose, count in target.fixed_sessions.items())
        bars.append(Bar("fixed sessions", target.fixed_connections, 0, made_of))
    book, worst = ledger(fleet, target), worst_enforced(fleet, target)
    bars.append(Bar("worst minute", book.steady, max(0, worst.demand_connections - book.steady), worst.title))
    title = "Who takes how much" if is_only else f"Who takes how much: {fleet.named(target)}"
    limit = worst.usable_connections if worst.has_limit else None
    return Chart(title, limit, tuple(bars), target.name, is_exact=not worst.unknown)


def _made_of(fleet: Fleet, taker: Taker) -> str:
    if taker.kind == "poolers":
        return f"{taker.rollout.instances} x {taker.per_task}"
    service = next(known for known in fleet.services if known.name == taker.name)
    tasks = f"{taker.rollout.instances}+" if service.unknown else str(taker.rollout.instances)
    size = f"{taker.per_task // service.processes}{'+' if any(p.unknown for p in service.pools) else ''}"
    processes = (str(service.processes),) if service.processes > 1 else ()
    return " x ".join((tasks, *processes, size))


def _percent(scenario: Scenario) -> str:
    return "-" if scenario.percent is None else f"{scenario.percent} %"


def _judgement(scenario: Scenario) -> str:
    if scenario.verdict == "unproven":
        return "unproven" if scenario.is_enforced else "unproven (not judged)"
    if scenario.fits:
        return "fits" if scenario.is_enforced else "would fit"
    return "does not fit" if scenario.is_enforced else "would not fit (not judged)"
