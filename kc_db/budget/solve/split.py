"""The budget split by need: each pool as large as its load asks for, and no larger."""

from dataclasses import replace
from typing import NamedTuple

from kc_db.budget.model import Fleet, Service
from kc_db.budget.queueing import connections_needed, wait_probability
from kc_db.budget.scenarios import fits_everywhere
from kc_db.budget.solve.search import smallest

_STEPS = 100  # of a percent
_MOST_STEPS = 99 * _STEPS


class Need(NamedTuple):
    """What one service needs.

    Attributes:
        name: the service's.
        erlangs: offered load of one process: rate x seconds per query / (tasks x processes).
        now: its pool.
        needed: the smallest pool with which few enough queries wait.
        wait_percent_now: how many queries wait for a connection now, in percent.
        wait_percent: the same with the needed pool.
    """

    name: str
    erlangs: float
    now: int
    needed: int
    wait_percent_now: float
    wait_percent: float


class Split(NamedTuple):
    """The pools that a wait probability asks for.

    Attributes:
        wait_percent: the policy's: how many queries may wait at most.
        needs: of each service that says its load.
        fits: whether the fleet fits with these pools, the others as they are.
        best_percent: the smallest wait that fits, in steps of 0.01; None if not even 99 % does.
        after: the fleet with these pools.
    """

    wait_percent: float
    needs: tuple[Need, ...]
    fits: bool
    best_percent: float | None
    after: Fleet


def split(fleet: Fleet) -> Split | None:
    """The split by need; None if no service says its load.

    A process has its own pool, so that each carries its part of the load alone: as many tasks as there are on
    an ordinary day, because autoscaling need not have begun when the load comes. queueing has the formula.
    """
    loaded = [service for service in fleet.services if _load_of_process(service) is not None]
    if not loaded:
        return None
    after = _sized(fleet, fleet.wait_percent)
    best = smallest(lambda steps: fits_everywhere(_sized(fleet, steps / _STEPS)), 1, _MOST_STEPS)
    return Split(
        fleet.wait_percent,
        tuple(_need(service, fleet.wait_percent) for service in loaded),
        fits_everywhere(after),
        None if best is None else best / _STEPS,
        after,
    )


def _load_of_process(service: Service) -> float | None:
    """Offered load of one process; None where nobody says it, or where not one pool alone carries it."""
    processes = service.rollout.usual_tasks * service.processes
    if service.load is None or len(service.pools) != 1 or not processes:
        return None
    return service.load.erlangs / processes


def _sized(fleet: Fleet, wait_percent: float) -> Fleet:
    def change(service: Service) -> Service:
        erlangs = _load_of_process(service)
        if erlangs is None:
            return service
        (pool,) = service.pools
        return replace(service, pools=(replace(pool, size=connections_needed(erlangs, wait_percent)),))

    return fleet.with_services(change)


def _need(service: Service, wait_percent: float) -> Need:
    erlangs = _load_of_process(service) or 0.0
    (pool,) = service.pools
    needed = connections_needed(erlangs, wait_percent)
    now, then = (100 * wait_probability(size, erlangs) for size in (pool.size, needed))
    return Need(service.name, erlangs, pool.size, needed, now, then)
