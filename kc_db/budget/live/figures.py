"""Who is connected to the server that was looked at: rows for people, the same numbers for machines."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from kc_db.budget.activity import UNLIMITED, Activity, certain
from kc_db.budget.figures import Figures
from kc_db.budget.live.use import Use, unexplained, uses
from kc_db.budget.model import Fleet, Server

_COLUMNS = ("who", "open now", "peak in the budget", "limit of the role")


def live_tables(fleets: Sequence[Fleet]) -> Iterator[Figures]:
    """Each role and service of the budget, and who else is there."""
    for fleet in fleets:
        for server in fleet.servers:
            if server.activity is not None:
                rows = tuple(_rows(fleet, server, server.activity))
                yield Figures(f"Who is connected to {server.name} ({server.activity.at})", _COLUMNS, rows)


def live_summary(fleets: Sequence[Fleet]) -> Mapping[str, object]:
    """What was seen, as JSON types; part of the JSON contract, so keys are only ever added."""
    seen = [
        {
            "environment": fleet.environment,
            "database": server.name,
            **asdict(server.activity),
            "uses": [asdict(use) for use in uses(fleet, server)],
        }
        for fleet in fleets
        for server in fleet.servers
        if server.activity is not None
    ]
    return {"activity": seen} if seen else {}


def _rows(fleet: Fleet, server: Server, activity: Activity) -> Iterator[tuple[str, ...]]:
    for use in uses(fleet, server):
        yield (use.who, _count(use), str(use.peak), _limit(activity, use.role))
    found = unexplained(fleet, server, activity)
    yield ("superusers", str(certain(found.privileged)), str(found.allowed_privileged), "")
    yield ("others", str(certain(found.ordinary)), str(found.allowed), "")


def _count(use: Use) -> str:
    exact = use.sessions == use.most_sessions
    return str(use.sessions) if exact else f"{use.sessions} to {use.most_sessions}"


def _limit(activity: Activity, role: str | None) -> str:
    state = activity.role_states.get(role) if role is not None else None
    if state is None:
        return ""
    return (
        "none" if state.is_superuser or state.connection_limit == UNLIMITED else str(state.connection_limit)
    )
