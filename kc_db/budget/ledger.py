"""What one target has to carry, added up once."""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from kc_db.budget.demand import Taker, Target, takers
from kc_db.budget.model import Fleet, ScenarioName, Server


class Ledger(NamedTuple):
    """What one target has to carry.

    Attributes:
        fleet: the fleet.
        target: the target.
        takers: everybody who takes something from it.
        usable: what they may take; an upper bound if that is unknown.
        fixed: sessions of no service.
        steady: all of them scaled out, with the fixed sessions.
        unknown: why the one or the other can't be told exactly.
        adds: those that a deploy makes larger, the costliest first.
    """

    fleet: Fleet
    target: Target
    takers: tuple[Taker, ...]
    usable: int
    fixed: int
    steady: int
    unknown: tuple[str, ...]
    adds: tuple[Taker, ...]

    @property
    def everyone(self) -> int:
        """How many a deploy makes larger."""
        return len(self.adds)

    @property
    def enforced_deploys(self) -> int:
        """How many of them the policy lets happen at once."""
        limit = self.fleet.deploys_at_once
        return self.everyone if limit is None else min(limit, self.everyone)

    def deploying(self, deploys: int) -> int:
        """The demand while the costliest of them are deployed."""
        return self.steady + sum(taker.deploy_adds for taker in self.adds[:deploys])

    def judges(self, name: ScenarioName, *, by_default: bool = True) -> bool:
        """Whether the policy says that a scenario has to fit."""
        return self.fleet.judged.get(name, by_default)


@lru_cache(maxsize=64)
def _ledger(key: "ByIdentity") -> Ledger:
    fleet, target = key.fleet, key.target
    found = takers(fleet, target)
    fixed = target.fixed_connections if isinstance(target, Server) else 0
    limits = (f"{target.name}: {target.unknown}",) if target.unknown else ()
    return Ledger(
        fleet=fleet,
        target=target,
        takers=found,
        usable=_usable(target),
        fixed=fixed,
        steady=fixed + sum(taker.steady for taker in found),
        unknown=(*limits, *dict.fromkeys(why for taker in found for why in taker.unknown)),
        adds=tuple(
            sorted((taker for taker in found if taker.deploy_adds), key=lambda taker: -taker.deploy_adds)
        ),
    )


@dataclass(frozen=True, slots=True, eq=False)
class ByIdentity:
    """A fleet and a target as a key: comparing them by value would take longer than counting again."""

    fleet: Fleet
    target: Target

    def __hash__(self) -> int:
        return hash((id(self.fleet), id(self.target)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ByIdentity) and self.fleet is other.fleet and self.target is other.target


def ledger(fleet: Fleet, target: Target) -> Ledger:
    """What a target has to carry; the same fleet and target are added up once."""
    return _ledger(ByIdentity(fleet, target))


def _usable(target: Target) -> int:
    if isinstance(target, Server):
        return target.usable_connections
    return (target.max_client_conn or 0) * target.processes * target.rollout.fewest_tasks
