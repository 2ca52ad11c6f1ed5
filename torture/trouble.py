"""What others do while an index is built: long snapshots, and locks that are held while nothing happens."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psycopg

from torture.writers import RESERVED_ROWS

NAME = "torture trouble"
_SNAPSHOT = "SELECT count(*) FROM (SELECT FROM payments LIMIT 1000) AS part"
_HOLDERS = (  # one kind per session
    "UPDATE payments SET amount_minor = amount_minor + 1 WHERE id = {}",
    "LOCK TABLE payments IN SHARE UPDATE EXCLUSIVE MODE",  # as VACUUM and ANALYZE do
    "SELECT FROM payments WHERE id = {} FOR UPDATE",
    "SELECT FROM payments WHERE id = {} FOR KEY SHARE",
)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What others do meanwhile.

    Attributes:
        snapshots: how many sessions hold REPEATABLE READ snapshots, one after the other.
        holders: how many sessions hold locks on rows or on the table.
        longest_s: how long each transaction lasts at most.
        pause_s: how long a session pauses between two transactions at most.
        seed: of all that is random here.
    """

    snapshots: int = 2
    holders: int = 4
    longest_s: float = 6.0
    pause_s: float = 3.0
    seed: str = "1"


@contextmanager
def made(url: str, trouble: Trouble) -> Iterator[list[str]]:
    """Trouble while the block runs; gives the errors that its sessions met."""
    finished = threading.Event()
    errors: list[str] = []
    threads = [
        threading.Thread(target=_hold, args=(url, trouble, number, finished, errors))
        for number in range(trouble.snapshots + trouble.holders)
    ]
    for thread in threads:
        thread.start()
    try:
        yield errors
    finally:
        finished.set()
        for thread in threads:
            thread.join()


def _hold(url: str, trouble: Trouble, number: int, finished: threading.Event, errors: list[str]) -> None:
    chance = random.Random(f"{trouble.seed} {number}")
    statement = _SNAPSHOT if number < trouble.snapshots else _HOLDERS[number % len(_HOLDERS)]
    try:
        with psycopg.connect(url, autocommit=True, application_name=NAME) as connection:
            connection.execute("SET lock_timeout = '500ms'")  # a build holds the table's lock for longer
            while not finished.is_set():
                _transaction(connection, trouble, chance, finished, statement=statement)
                finished.wait(chance.uniform(0, trouble.pause_s))
    except psycopg.Error as error:
        errors.append(str(error).partition("\n")[0])


def _transaction(
    connection: psycopg.Connection,
    trouble: Trouble,
    chance: random.Random,
    finished: threading.Event,
    *,
    statement: str,
) -> None:
    row = chance.randrange(1, RESERVED_ROWS + 1)
    hold_s = chance.uniform(trouble.longest_s / 4, trouble.longest_s)
    with suppress(psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected), connection.transaction():
        if statement == _SNAPSHOT:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.execute(statement.format(row).encode())
        finished.wait(hold_s)
