"""The moments that a server or a pooler has to survive, and how many connections each one takes."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from kc_db.budget.demand import Taker, Target, readers, takers
from kc_db.budget.ledger import ByIdentity, Ledger, ledger
from kc_db.budget.model import PERCENT, Fleet, Pooler, Server

Verdict = Literal["fits", "does not fit", "unproven"]
_NAMED = 3
_LEAST = 1e-6  # of what grants nothing, the largest demand is the worst


@dataclass(frozen=True, slots=True)
class Scenario:
    """One moment of one target.

    Attributes:
        name: for machines: `steady`, `scaled-out`, `deploy-1`, `deploy-<n>`, `deploy-all`, `blue-green-all`,
            `second-deploy`, `bouncer-lost`, `replica-lost`, `migration`.
        title: for people.
        deploys: how many services are being deployed.
        demand_connections: what the fleet takes then, every pool full; a lower bound if there is something
        unknown. usable_connections: what it may take; an upper bound if that is unknown.
        is_enforced: whether the policy says that this happens; others are shown, not judged.
        driver: what the demand consists of.
        unknown: why the one or the other can't be told exactly.
        has_limit: whether anything is known of what it may take.
    """

    name: str
    title: str
    deploys: int
    demand_connections: int
    usable_connections: int
    is_enforced: bool
    driver: str
    unknown: tuple[str, ...] = ()
    has_limit: bool = True

    @property
    def verdict(self) -> Verdict:
        """Whether the demand is covered; certain, or unproven."""
        if self.demand_connections > self.usable_connections and self.has_limit:
            return "does not fit"
        return "unproven" if self.unknown else "fits"

    @property
    def fits(self) -> bool:
        """Whether the demand is certainly covered."""
        return self.verdict == "fits"

    @property
    def percent(self) -> int | None:
        """Share of the usable connections, rounded up: 100 or less always fits; None if none is usable."""
        if not self.usable_connections:
            return None
        return -(-self.demand_connections * PERCENT // self.usable_connections)


def demand_connections(fleet: Fleet, target: Target, deploys: int) -> int:
    """What a target has to carry while the `deploys` costliest services are deployed at the same time.

    Source of the formula: each task runs `processes` processes, each opens up to the sum of its pools; a
    deploy adds tasks (see deploys.peak_tasks); the sessions of no service are there at any time.
    """
    return ledger(fleet, target).deploying(deploys)


def deployable(fleet: Fleet, target: Target) -> int:
    """How many services of this target take more connections while they are deployed."""
    return ledger(fleet, target).everyone


def enforced_deploys(fleet: Fleet, target: Target) -> int:
    """How many of them the policy lets happen at once."""
    return ledger(fleet, target).enforced_deploys


def fits(fleet: Fleet, target: Target) -> bool:
    """Whether no moment that the policy judges is certain to exceed what the target grants."""
    return all(
        scenario.verdict != "does not fit" for scenario in scenarios(fleet, target) if scenario.is_enforced
    )


def fits_everywhere(fleet: Fleet) -> bool:
    """Whether that is so for every target of the fleet."""
    return all(fits(fleet, target) for target in fleet.targets)


def scenarios(fleet: Fleet, target: Target) -> tuple[Scenario, ...]:
    """Every moment of a target, the ordinary ones first."""
    return _scenarios(ByIdentity(fleet, target))


@lru_cache(maxsize=64)
def _scenarios(key: ByIdentity) -> tuple[Scenario, ...]:
    book = ledger(key.fleet, key.target)
    return tuple(_all(book))


def worst_enforced(fleet: Fleet, target: Target) -> Scenario:
    """The worst moment that the policy judges: the one that takes most of what is usable then."""
    return max(
        (scenario for scenario in scenarios(fleet, target) if scenario.is_enforced),
        key=lambda one: (
            one.demand_connections / (one.usable_connections or _LEAST),
            one.demand_connections,
            one.deploys,
        ),
    )


def costliest(fleet: Fleet, target: Target) -> tuple[tuple[Taker, ...], tuple[Taker, ...]]:
    """The services worth naming, the costliest first, and all others (none or several, never one)."""
    clients = tuple(sorted(takers(fleet, target), key=lambda client: -client.steady))
    named = _NAMED + 1 if len(clients) == _NAMED + 1 else _NAMED
    return clients[:named], clients[named:]


def _all(book: Ledger) -> Iterator[Scenario]:
    usual = book.fixed + sum(taker.usual for taker in book.takers)
    everyone = _members(book, usual=True)
    yield _scenario(book, "steady", "steady state", usual, everyone, is_enforced=book.judges("steady"))
    everyone, is_judged = _members(book, usual=False), book.judges("scaled-out")
    yield _scenario(book, "scaled-out", "scaled out", book.steady, everyone, is_enforced=is_judged)
    yield from _deploys(book)
    yield _blue_green(book)
    yield from _second_deploy(book)
    if isinstance(book.target, Pooler):
        yield from _bouncer_lost(book, book.target)
    else:
        yield from _replica_lost(book, book.target)
        if book.target.replica_of is None or book.target.migration_sessions:
            yield _migration(book, book.target)


def _scenario(  # noqa: PLR0913 - what a row of the report has
    book: Ledger,
    name: str,
    title: str,
    demand: int,
    driver: str,
    *,
    is_enforced: bool,
    deploys: int = 0,
    usable: int | None = None,
) -> Scenario:
    return Scenario(
        name=name,
        title=title,
        deploys=deploys,
        demand_connections=demand,
        usable_connections=book.usable if usable is None else usable,
        is_enforced=is_enforced,
        driver=driver,
        unknown=book.unknown,
        has_limit=isinstance(book.target, Pooler) or bool(book.target.limits.max_connections),
    )


def _deploys(book: Ledger) -> Iterator[Scenario]:
    for deploys in sorted({min(1, book.everyone), book.enforced_deploys, book.everyone} - {0}):
        name, title = _deploy_titles(deploys, book.everyone)
        within = deploys <= book.enforced_deploys and book.judges("deploy")
        is_all = deploys == book.everyone
        if is_all and name != "deploy-1":
            within = book.judges("deploy-all", by_default=within)
        every = is_all and book.judges("deploy-all", by_default=False)
        added = sum(taker.deploy_adds for taker in book.adds[:deploys])
        who = book.adds[0].name if deploys == 1 else f"{deploys} services"
        driver = f"scaled out + new tasks of {who} {added}"
        yield _scenario(
            book, name, title, book.steady + added, driver, deploys=deploys, is_enforced=within or every
        )


def _deploy_titles(deploys: int, everyone: int) -> tuple[str, str]:
    if deploys == 1:
        return "deploy-1", "deploy, one service at a time"
    if deploys == everyone:
        return "deploy-all", f"deploy, all {everyone} at once"
    return f"deploy-{deploys}", f"deploy, {deploys} at once"


def _blue_green(book: Ledger) -> Scenario:
    added = sum(taker.blue_green_adds for taker in book.takers)
    driver = f"scaled out + a second full set {added}"
    is_judged = book.judges("blue-green-all", by_default=False)
    title = "blue/green of all"
    return _scenario(book, "blue-green-all", title, book.steady + added, driver, is_enforced=is_judged)


def _second_deploy(book: Ledger) -> Iterator[Scenario]:
    """The policy's deploys, whose stopped tasks drain for long, and one of these services deployed again.

    A deploy of `maximum_percent = 150` or with a small surge stops and starts in batches: as long as
    stopped tasks drain, it reaches two full sets, too.
    """
    slow = [taker for taker in book.takers if taker.drain_adds]
    if not slow:
        return
    everyone = sorted((taker for taker in book.takers if _slow(taker)), key=_slow, reverse=True)
    deploys = min(book.fleet.deploys_at_once or len(everyone), len(everyone))
    top = everyone[:deploys]
    sum_of_top = sum(taker.slow_deploy_adds for taker in top)
    chosen = {id(taker) for taker in top}

    def added(again: Taker) -> int:
        left_out = again if id(again) in chosen else top[-1]
        others = sum_of_top - left_out.slow_deploy_adds
        return others + again.slow_deploy_adds + again.second_deploy_adds

    again = max(slow, key=added)
    yield _scenario(
        book,
        "second-deploy",
        "second deploy while draining",
        book.steady + added(again),
        _second_deploy_words(again, deploys, added(again)),
        deploys=deploys,
        is_enforced=book.judges("second-deploy"),
    )


def _slow(taker: Taker) -> int:
    return taker.slow_deploy_adds


def _second_deploy_words(again: Taker, deploys: int, added: int) -> str:
    if deploys == 1:
        new, draining = again.deploy_adds, again.drain_adds
        return f"scaled out + new tasks of {again.name} {new} + its draining ones {draining}"
    others = added - again.second_deploy_adds
    return (
        f"scaled out + new or draining tasks of {deploys} services {others} "
        f"+ a second deploy of {again.name} {again.second_deploy_adds}"
    )


def _bouncer_lost(book: Ledger, pooler: Pooler) -> Iterator[Scenario]:
    """All clients on the bouncers that are left; a single one has nobody to take its clients."""
    bouncers = pooler.rollout.fewest_tasks
    survivors = bouncers - 1
    if survivors < 1:
        return
    driver = f"scaled out, on {survivors} of {bouncers}"
    usable = (pooler.max_client_conn or 0) * pooler.processes * survivors
    is_judged = book.judges("bouncer-lost")
    title = "one bouncer lost"
    yield _scenario(book, "bouncer-lost", title, book.steady, driver, usable=usable, is_enforced=is_judged)


def _replica_lost(book: Ledger, primary: Server) -> Iterator[Scenario]:
    """The replica with the most readers is lost, and they come to the primary."""
    replicas = book.fleet.replicas(primary)
    if replicas:
        lost = [(readers(book.fleet, primary, replica), replica.name) for replica in replicas]
        count, name = max(lost, key=lambda pair: pair[0])
        unknown = (why for one in replicas for taker in takers(book.fleet, one) for why in taker.unknown)
        driver = f"scaled out + readers of {name} {count}"
        with_unknown = book._replace(unknown=tuple(dict.fromkeys((*book.unknown, *unknown))))
        is_judged, title = book.judges("replica-lost"), "replica lost"
        yield _scenario(
            with_unknown, "replica-lost", title, book.steady + count, driver, is_enforced=is_judged
        )


def _migration(book: Ledger, server: Server) -> Scenario:
    sessions = {**server.migration_sessions, **server.fixed_sessions}
    added = sum(server.migration_sessions.values())
    people = ", ".join(f"{purpose} {count}" for purpose, count in sessions.items())
    driver = f"services scaled out {book.steady - book.fixed}" + (f" + {people}" if people else "")
    is_judged = book.judges("migration")
    return _scenario(book, "migration", "migration", book.steady + added, driver, is_enforced=is_judged)


def _members(book: Ledger, *, usual: bool) -> str:
    return ", ".join(_member_words(book, usual=usual))


def _member_words(book: Ledger, *, usual: bool) -> Iterator[str]:
    for kind in ("services", "workers", "poolers"):
        members = [taker for taker in book.takers if taker.kind == kind]
        if members:
            noun = kind if len(members) > 1 else kind.removesuffix("s")
            yield f"{len(members)} {noun} {sum(one.usual if usual else one.steady for one in members)}"
    if isinstance(book.target, Server):
        for purpose, sessions in book.target.fixed_sessions.items():
            yield f"{purpose} {sessions}"
