"""The moments that a database has to survive, and how many connections each one takes."""

from collections.abc import Iterator
from dataclasses import dataclass

from kc_db.budget.model import PERCENT, Database, Fleet, Service

_NAMED = 3


@dataclass(frozen=True, slots=True)
class Scenario:
    """One moment of one database.

    Attributes:
        name: for machines: `steady`, `deploy-1`, `deploy-<n>`, `deploy-all`.
        title: for people.
        deploys: how many services are being deployed.
        demand_connections: what the fleet takes then, every pool full.
        usable_connections: what it may take.
        is_enforced: whether the policy says that this happens; others are shown, not judged.
        driver: what the demand consists of.
    """

    name: str
    title: str
    deploys: int
    demand_connections: int
    usable_connections: int
    is_enforced: bool
    driver: str

    @property
    def fits(self) -> bool:
        """Whether the demand is covered."""
        return self.demand_connections <= self.usable_connections

    @property
    def percent(self) -> int | None:
        """Share of the usable connections, rounded up: 100 or less always fits; None if none is usable."""
        if not self.usable_connections:
            return None
        return -(-self.demand_connections * PERCENT // self.usable_connections)


def demand_connections(fleet: Fleet, database: Database, deploys: int) -> int:
    """What a database has to carry while the `deploys` costliest services are deployed at the same time.

    Source of the formula: each task of an ECS service runs `processes` processes, each opens up to
    `pool_size` connections; a deploy adds tasks (see Service.peak_tasks); the sessions of no service are
    there at any time.
    """
    clients = fleet.clients(database)
    costliest = sorted((client.deploy_connections for client in clients), reverse=True)[:deploys]
    return database.fixed_connections + sum(client.steady_connections for client in clients) + sum(costliest)


def deployable(fleet: Fleet, database: Database) -> int:
    """How many services of this database take more connections while they are deployed."""
    return sum(1 for client in fleet.clients(database) if client.deploy_connections)


def enforced_deploys(fleet: Fleet, database: Database) -> int:
    """How many of them the policy lets happen at once."""
    everyone = deployable(fleet, database)
    return everyone if fleet.deploys_at_once is None else min(fleet.deploys_at_once, everyone)


def fits(fleet: Fleet, database: Database) -> bool:
    """Whether the worst moment that the policy allows is covered."""
    return (
        demand_connections(fleet, database, enforced_deploys(fleet, database)) <= database.usable_connections
    )


def scenarios(fleet: Fleet, database: Database) -> tuple[Scenario, ...]:
    """Steady state, one deploy, as many as the policy allows, all of them; the mildest first."""
    everyone, enforced = deployable(fleet, database), enforced_deploys(fleet, database)
    counts = sorted({0, min(1, everyone), enforced, everyone})
    return tuple(_scenario(fleet, database, deploys, everyone, enforced) for deploys in counts)


def worst_enforced(fleet: Fleet, database: Database) -> Scenario:
    """The worst moment that the policy allows."""
    return max(
        (scenario for scenario in scenarios(fleet, database) if scenario.is_enforced),
        key=lambda scenario: (scenario.demand_connections, scenario.deploys),
    )


def costliest(fleet: Fleet, database: Database) -> tuple[tuple[Service, ...], tuple[Service, ...]]:
    """The services worth naming, the costliest first, and all others (none or several, never one)."""
    clients = tuple(sorted(fleet.clients(database), key=lambda client: -client.steady_connections))
    named = _NAMED + 1 if len(clients) == _NAMED + 1 else _NAMED
    return clients[:named], clients[named:]


def _scenario(fleet: Fleet, database: Database, deploys: int, everyone: int, enforced: int) -> Scenario:
    name, title = _titles(deploys, everyone)
    return Scenario(
        name=name,
        title=title,
        deploys=deploys,
        demand_connections=demand_connections(fleet, database, deploys),
        usable_connections=database.usable_connections,
        is_enforced=deploys <= enforced,
        driver=", ".join(_drivers(fleet, database, deploys)),
    )


def _titles(deploys: int, everyone: int) -> tuple[str, str]:
    if deploys == 0:
        return "steady", "steady state"
    if deploys == 1:
        return "deploy-1", "deploy, one service at a time"
    if deploys == everyone:
        return "deploy-all", f"deploy, all {everyone} at once"
    return f"deploy-{deploys}", f"deploy, {deploys} at once"


def _drivers(fleet: Fleet, database: Database, deploys: int) -> Iterator[str]:
    clients = fleet.clients(database)
    if deploys == 0:
        for kind in ("services", "workers"):
            members = [client for client in clients if client.kind == kind]
            if members:
                noun = kind if len(members) > 1 else kind.removesuffix("s")
                yield f"{len(members)} {noun} {sum(member.steady_connections for member in members)}"
        for purpose, sessions in database.fixed_sessions.items():
            yield f"{purpose} {sessions}"
        return
    costliest = sorted(clients, key=lambda client: -client.deploy_connections)[:deploys]
    added = sum(client.deploy_connections for client in costliest)
    who = costliest[0].name if deploys == 1 else f"{deploys} services"
    yield f"steady state + new tasks of {who} {added}"
