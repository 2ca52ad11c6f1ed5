"""How many connections a load needs, so that few queries wait: Erlang's C formula.

Source: A. K. Erlang, "Solution of some problems in the theory of probabilities of significance in automatic
telephone exchanges" (1917); for arrivals at random and queries of exponential length, c connections busy with
an offered load of a = rate x seconds per query (a < c) make an arriving query wait with probability
C(c, a) = B / (1 - (a / c) (1 - B)), where B is the loss probability of Erlang's B formula.
"""


def wait_probability(connections: int, erlangs: float) -> float:
    """The probability that a query finds all connections busy; 1 where they can't keep up.

    Args:
        connections: connections of the pool.
        erlangs: offered load, 0 or more.
    """
    if connections <= erlangs:
        return 1.0 if erlangs else 0.0
    loss = 1.0
    for count in range(
        1, connections + 1
    ):  # B(c, a) = a B(c-1, a) / (c + a B(c-1, a)), which never overflows
        loss = erlangs * loss / (count + erlangs * loss)
    return loss / (1 - erlangs / connections * (1 - loss))


def connections_needed(erlangs: float, wait_percent: float) -> int:
    """The fewest connections with which at most `wait_percent` of all queries wait; at least 1.

    Args:
        erlangs: offered load, 0 or more.
        wait_percent: above 0, below 100.
    """
    wanted, loss, count = wait_percent / 100, 1.0, 0
    while True:
        count += 1
        loss = erlangs * loss / (count + erlangs * loss)
        if count > erlangs and loss / (1 - erlangs / count * (1 - loss)) <= wanted:
            return count
