"""The cheapest set of pools to make smaller: none loses much, as few as possible, each as large as fits."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from math import comb
from typing import NamedTuple

from kc_db.budget.demand import Target
from kc_db.budget.model import Fleet, Pool, Service
from kc_db.budget.scenarios import fits, worst_enforced
from kc_db.budget.solve.edits import Edit, concerned, gift, pool_edits, short
from kc_db.budget.solve.search import largest

_MOST_TRIED = 2_000
_SHARES = (2, 4, None)


class Cheapest(NamedTuple):
    """Pools to make smaller, so that a target fits.

    Attributes:
        sizes: the pools by name, with what they have and what they get; any of them one larger doesn't fit.
        edits: what to type.
        after: the fleet with them.
        share: how much each keeps at least: a half, a quarter, or (None) one connection.
        is_fewest: whether it is proved that no smaller set of pools is enough.
    """

    sizes: tuple[tuple[str, int, int], ...]
    edits: tuple[Edit, ...]
    after: Fleet
    share: int | None
    is_fewest: bool


def cheapest(fleet: Fleet, target: Target) -> Cheapest | None:
    """The fewest pools whose sizes make a target fit; None if it fits, or if not even pools of 1 do.

    If it can be done so that each pool keeps half of its size it is done so, else a quarter, else 1. Pools
    are tried in the order of what each gives back at most. That no smaller set is enough is proved by a
    bound (the largest gifts together don't cover what lacks), or by trying each smaller set.
    """
    if fits(fleet, target):
        return None
    found = (_with_share(fleet, target, share) for share in _SHARES)
    return next((one for one in found if one is not None), None)


def _with_share(fleet: Fleet, target: Target, share: int | None) -> Cheapest | None:
    pools = sorted(
        (_Owned(service, pool, _least(pool, share)) for service, pool in concerned(fleet, target)),
        key=lambda owned: owned.gift,
        reverse=True,
    )
    counts = range(1, len(pools) + 1)
    chosen = next((pools[:count] for count in counts if _enough(fleet, target, pools[:count])), None)
    if chosen is None:
        return None
    smaller = _smaller_set(fleet, target, pools, len(chosen))
    sizes, after = _fill(fleet, target, chosen if smaller is None else smaller)
    return Cheapest(
        tuple((short(owned.service, owned.pool), owned.pool.size, size) for owned, size in sizes),
        tuple(edit for owned, size in sizes for edit in pool_edits(owned.pool, size)),
        after,
        share,
        smaller is not None or _is_proved(fleet, target, pools, len(chosen)),
    )


class _Owned(NamedTuple):
    """A pool, whose it is, and how small it may become."""

    service: Service
    pool: Pool
    least: int

    @property
    def gift(self) -> int:
        """What it gives back at most."""
        return gift(self.service, self.pool, self.least)


def _least(pool: Pool, share: int | None) -> int:
    return 1 if share is None else max(1, -(-pool.size // share))


def _enough(fleet: Fleet, target: Target, pools: Iterable[_Owned]) -> bool:
    return fits(_sized(fleet, {id(owned.pool): owned.least for owned in pools}), target)


def _sized(fleet: Fleet, sizes: Mapping[int, int]) -> Fleet:
    """The fleet with pools of other sizes, by their identity."""

    def change(service: Service) -> Service:
        if not any(id(pool) in sizes for pool in service.pools):
            return service
        pools = (replace(pool, size=sizes.get(id(pool), pool.size)) for pool in service.pools)
        return replace(service, pools=tuple(pools))

    return fleet.with_services(change)


def _tries(pools: Sequence[_Owned], count: int) -> int:
    return comb(len(pools), count - 1)


def _smaller_set(
    fleet: Fleet, target: Target, pools: Sequence[_Owned], count: int
) -> Sequence[_Owned] | None:
    """A set of one pool fewer that is enough too, if trying them all is possible and one is."""
    if count == 1 or _bound(fleet, target, pools) >= count or _tries(pools, count) > _MOST_TRIED:
        return None
    return next((few for few in combinations(pools, count - 1) if _enough(fleet, target, few)), None)


def _is_proved(fleet: Fleet, target: Target, pools: Sequence[_Owned], count: int) -> bool:
    return count == 1 or _bound(fleet, target, pools) >= count or _tries(pools, count) <= _MOST_TRIED


def _bound(fleet: Fleet, target: Target, pools: Sequence[_Owned]) -> int:
    """How many pools there must be at least, if each gave all that it can."""
    worst = worst_enforced(fleet, target)
    lacking = worst.demand_connections - worst.usable_connections
    for count, owned in enumerate(pools, start=1):
        lacking -= owned.gift
        if lacking <= 0:
            return count
    return len(pools) + 1


def _fill(fleet: Fleet, target: Target, chosen: Sequence[_Owned]) -> tuple[list[tuple[_Owned, int]], Fleet]:
    """The largest common size, then one more for each pool in turn, until none can have one more."""

    def capped(size: int) -> dict[int, int]:
        return {id(one.pool): min(one.pool.size, max(size, one.least)) for one in chosen}

    common = largest(
        lambda size: fits(_sized(fleet, capped(size)), target), 1, max(one.pool.size for one in chosen)
    )
    sizes, open_ones = capped(common or 1), list(chosen)
    while open_ones:
        open_ones = [one for one in open_ones if _raised(fleet, target, one.pool, sizes)]
    return [(one, sizes[id(one.pool)]) for one in chosen], _sized(fleet, sizes)


def _raised(fleet: Fleet, target: Target, pool: Pool, sizes: dict[int, int]) -> bool:
    """Whether a pool could have one more; it has then."""
    more = {**sizes, id(pool): sizes[id(pool)] + 1}
    if more[id(pool)] > pool.size or not fits(_sized(fleet, more), target):
        return False
    sizes.update(more)
    return True
