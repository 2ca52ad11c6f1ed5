"""What the benchmarks share: a database of their own, and sides that take turns."""

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg

from kc_db.embedded import running


@contextmanager
def fresh_database(name: str) -> Iterator[str]:
    """The conninfo of an empty database on the local server."""
    with running(Path(".kc-db/bench")) as conninfo:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name}".encode())
            connection.execute(f"CREATE DATABASE {name}".encode())
        yield psycopg.conninfo.make_conninfo(conninfo, dbname=name)


def timed(sides: Mapping[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """The median wall time of each side, in seconds; they take turns, so that a noisy minute hits all."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            gc.collect()
            gc.disable()  # as the kc-db command does; the same for every side
            started = time.perf_counter()
            side()
            times[name].append(time.perf_counter() - started)
            gc.enable()
    return {name: statistics.median(taken) for name, taken in times.items()}
