"""What --live saw, for the tests of the pool budget; as values, and from a case's JSON."""

from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter

from kc_db.budget.activity import Activity
from kc_db.budget.model import Fleet

_ACTIVITY = TypeAdapter(Activity)


def seen(fleet: Fleet, activity: Activity, name: str = "primary") -> Fleet:
    """The fleet after a look at one of its servers."""
    server = next(server for server in fleet.servers if server.name == name)
    return fleet.with_server(replace(server, activity=activity))


def seen_as_in(fleet: Fleet, budget: Path) -> Fleet:
    """The same, with what stands beside a case's budget, if it does: bad_activity.json beside bad.toml."""
    file = budget.with_name(f"{budget.stem}_activity.json")
    return seen(fleet, _ACTIVITY.validate_json(file.read_text(encoding="utf-8"))) if file.exists() else fleet
