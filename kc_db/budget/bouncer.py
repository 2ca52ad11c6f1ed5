"""How many connections one PgBouncer process opens to its servers, at most.

Source: PgBouncer's manual, "Connection settings" and "Section [databases]"; tried on a real one in
tests/postgres/test_bouncer_flow.py. It is the largest flow through this network:

    source --max_db_connections--> alias --pool_size + reserve_pool_size--> user --max_user_connections-->
    sink

Each alias counts for itself, also where two lead to one database. Idle server connections stay: with
max_client_conn = 4 in session mode, four clients after the other filled four pools of four, 16
connections. So the number of clients limits each pool, in every pool_mode, and never their sum.
"""

from collections.abc import Mapping, Sequence
from math import inf

from kc_db.budget.model import Alias, Pooler


def pooler_connections(pooler: Pooler, servers: frozenset[str]) -> int:
    """What one process of a PgBouncer opens to these servers, all of its pools full."""
    aliases = [alias for alias in pooler.aliases if alias.server in servers]
    return max_flow(aliases, pooler.max_user_connections)


def max_flow(aliases: Sequence[Alias], max_user_connections: Mapping[str, int]) -> int:
    """The largest flow through the network above.

    Where at most one of its two outer layers has limits, each part of the other is on its own, and the
    flow is a sum of minima; networkx, which takes a while to import, is for the rest.
    """
    bounded = {name for alias in aliases for name in alias.pool_sizes if name in max_user_connections}
    if not bounded:
        return sum(_through(alias) for alias in aliases)
    if len(aliases) == 1:
        (alias,) = aliases
        users = (min(size, max_user_connections.get(user, size)) for user, size in alias.pool_sizes.items())
        return min(sum(users), _limit(alias))
    if all(alias.max_db_connections is None for alias in aliases):
        return _by_user(aliases, max_user_connections)
    return _by_network(aliases, max_user_connections)


def _limit(alias: Alias) -> int:
    pools = sum(alias.pool_sizes.values())
    return pools if alias.max_db_connections is None else alias.max_db_connections


def _through(alias: Alias) -> int:
    return min(sum(alias.pool_sizes.values()), _limit(alias))


def _by_user(aliases: Sequence[Alias], max_user_connections: Mapping[str, int]) -> int:
    pools: dict[str, int] = {}
    for alias in aliases:
        for user, size in alias.pool_sizes.items():
            pools[user] = pools.get(user, 0) + size
    return sum(min(size, max_user_connections.get(user, size)) for user, size in pools.items())


def _by_network(aliases: Sequence[Alias], max_user_connections: Mapping[str, int]) -> int:
    from networkx import DiGraph, maximum_flow_value

    network: DiGraph[object] = DiGraph()
    for number, alias in enumerate(aliases):
        network.add_edge("source", ("alias", number), capacity=_limit(alias))
        for user, size in alias.pool_sizes.items():
            network.add_edge(("alias", number), ("user", user), capacity=size)
            network.add_edge(("user", user), "sink", capacity=max_user_connections.get(user, inf))
    return int(maximum_flow_value(network, "source", "sink"))
