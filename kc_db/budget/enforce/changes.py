"""The smallest change of each kind with which the limits of a cluster's roles fit: one step less doesn't."""

from collections.abc import Iterator

from kc_db.budget.enforce.limits import Enforcement, Share, enforcement_of
from kc_db.budget.model import MAXIMUM_MAX_CONNECTIONS, Fleet, Pool
from kc_db.budget.solve.edits import (
    Change,
    Edit,
    gift,
    pool_edits,
    pools_of,
    short,
    with_max_connections,
    with_pool,
    with_pools_capped,
)
from kc_db.budget.solve.search import largest, smallest

_MOST_TIMES = 2  # a pool's gift counts on its own server, and on a primary that its replica was lost to


def limit_changes(found: Enforcement) -> Iterator[Change]:
    """Each kind of change that alone makes the limits fit, the least intrusive first."""
    seen = set()
    for solve in (_one_smaller_pool, _smaller_pools, _more_connections):
        change = solve(found)
        if change and change.edits not in seen:
            seen.add(change.edits)
            yield change


def _fits(fleet: Fleet, found: Enforcement) -> bool:
    return enforcement_of(fleet, found.primary.name).verdict != "does not fit"


def _names(found: Enforcement) -> frozenset[str]:
    return frozenset(server.name for server in found.servers)


def _one_smaller_pool(found: Enforcement) -> Change | None:
    """The pool that gives up the smallest part of itself, if one is enough."""
    excess = max(share.limits - share.capacity for share in found.shares if not share.fits)
    options = []
    for name in _names(found):
        for service, pool in pools_of(found.fleet, name):
            if _MOST_TIMES * gift(service, pool, 1) < excess:
                continue
            size = _largest_pool(found, pool)
            if size is not None:
                options.append((size / pool.size, short(service, pool), pool, size))
    if not options:
        return None
    _, name, pool, size = max(options, key=lambda option: option[:2])
    return Change(
        f"lower one pool, {name}, from {pool.size} to {size} ({size + 1} does not fit)",
        tuple(pool_edits(pool, size)),
        with_pool(found.fleet, pool, size),
    )


def _largest_pool(found: Enforcement, pool: Pool) -> int | None:
    return largest(lambda size: _fits(with_pool(found.fleet, pool, size), found), 1, pool.size)


def _smaller_pools(found: Enforcement) -> Change | None:
    """The largest size to which every larger pool of the cluster can be lowered."""
    names = _names(found)
    pools = [pool for name in sorted(names) for _, pool in pools_of(found.fleet, name)]

    def capped(size: int) -> Fleet:
        return with_pools_capped(found.fleet, size, lambda pool: pool.target in names)

    high = max((pool.size for pool in pools), default=0)
    size = largest(lambda size: _fits(capped(size), found), 1, high)
    if size is None:
        return None
    edits = (edit for pool in pools if pool.size > size for edit in pool_edits(pool, size))
    return Change(f"lower every pool to {size} at most ({size + 1} does not fit)", tuple(edits), capped(size))


def _more_connections(found: Enforcement) -> Change | None:
    """The smallest max_connections that fit, on each server that lacks some."""
    fleet, words, edits = found.fleet, [], []
    for share in found.shares:
        if share.fits:
            continue
        needed = _needed(fleet, share)
        if needed is None:
            return None
        now = share.server.limits.max_connections
        words.append(
            f"raise max_connections of {share.server.name} from {now} to {needed} ({needed - 1} does not fit)"
        )
        edits.append(Edit(("databases", share.server.name), "max_connections", needed))
        fleet = fleet.with_server(with_max_connections(share.server, needed))
    advice = f"{' and '.join(words)}, on the server (it restarts, and needs the memory) and here"
    return Change(advice, tuple(edits), fleet)


def _needed(fleet: Fleet, share: Share) -> int | None:
    def fits(value: int) -> bool:
        changed = fleet.with_server(with_max_connections(share.server, value))
        shares = enforcement_of(changed, share.server.name).shares
        return next(one.fits for one in shares if one.server.name == share.server.name)

    return smallest(fits, share.server.limits.max_connections + 1, MAXIMUM_MAX_CONNECTIONS)
