"""Where a server or a service differs from what the budget file declares about it."""

from collections.abc import Iterator
from textwrap import indent
from typing import NamedTuple

from kc_db.budget.model import Drift as NumberDrift
from kc_db.budget.model import Fleet, Path, Server
from kc_db.budget.solve.edits import Edit
from kc_db.findings import Difference, Problem


class Drift(NamedTuple):
    """One setting that the file declares and the server has otherwise."""

    setting: str
    declared: int
    live: int

    @property
    def server_grants_fewer(self) -> bool:
        """Whether the difference takes connections away: a lower limit, or a larger reserve."""
        return (self.live < self.declared) == (self.setting == "max_connections")


def drifts(database: Server) -> tuple[Drift, ...]:
    """Every declared setting that the server has otherwise; none unless the server was read."""
    both = ((name, declared, database.live.get(name)) for name, declared in database.declared.items())
    return tuple(
        Drift(name, declared, live) for name, declared, live in both if live is not None and live != declared
    )


def _who(server: Server, drift: Drift) -> str:
    """Who says what it grants: the server itself, or a source."""
    return "the server" if server.source == "live" else server.origins.get(drift.setting, "the source")


def drift_problems(fleet: Fleet, *, server_grants_fewer: bool) -> Iterator[Problem]:
    """A problem for each database that differs in the given direction."""
    from kc_db.budget.typed import typed

    for database in fleet.servers:
        found = [drift for drift in drifts(database) if drift.server_grants_fewer is server_grants_fewer]
        if not found:
            continue
        table = ("databases", database.name)
        direction = "fewer" if server_grants_fewer else "more"
        yield Problem(
            where=fleet.named(database),
            message=f"{_who(database, found[0])} grants {direction} connections than the file says; "
            f"{_who(database, found[0])} counts",
            differences=tuple(
                Difference(drift.setting, str(drift.declared), str(drift.live)) for drift in found
            ),
            remedy=(
                "either set the server to what the file says (it restarts), or write what the server has:",
                indent(typed(fleet, [Edit(table, drift.setting, drift.live) for drift in found]), "  "),
            ),
            file=fleet.file,
            line=fleet.line_of((*table, found[0].setting)),
        )


def number_problems(fleet: Fleet, *, file_says_less: bool) -> Iterator[Problem]:
    """A problem for each service and pooler of which a source says other numbers, in the given direction.

    Args:
        fleet: the fleet.
        file_says_less: whether the file sees less demand than there is.
    """
    for where, table, drifts_of in _compared(fleet):
        found = [drift for drift in drifts_of if drift.hides_demand is file_says_less]
        if not found:
            continue
        which = "less" if file_says_less else "more"
        sources = "; ".join(dict.fromkeys(drift.origin for drift in found))
        yield Problem(
            where=where,
            message=f"the file (want) says {which} than was read (have); what was read counts ({sources})",
            differences=tuple(
                Difference(".".join(drift.keys), str(drift.declared), str(drift.read)) for drift in found
            ),
            remedy=(f"take {', '.join('.'.join(drift.keys) for drift in found)} out of the file",),
            file=fleet.file,
            line=fleet.line_of((*table, *found[0].keys)),
        )


def _compared(fleet: Fleet) -> Iterator[tuple[str, Path, tuple[NumberDrift, ...]]]:
    for service in fleet.services:
        yield fleet.named_service(service), (service.kind, service.name), service.drifts
    for pooler in fleet.poolers:
        yield fleet.named(pooler), ("poolers", pooler.name), pooler.drifts
