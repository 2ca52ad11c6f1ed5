"""Writes at a steady rate, as an application does, until stdin is closed; then prints what it saw.

The writes are scheduled beforehand, and the latency of each counts from its scheduled time: a stall delays
the writes behind it too, and what they wait is counted (a stalled writer would measure one slow write).
"""

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psycopg

NAME = "torture writer"
RESERVED_ROWS = 1_000  # the first ones belong to the transactions that hold locks on rows
_INSERT = (
    "INSERT INTO payments (student_id, status, provider_payment_id, amount_minor) "
    "VALUES (%(student)s, 'pending', %(provider_payment_id)s, %(amount)s)"
)
_UPDATE = "UPDATE payments SET status = 'refunded', created_at = now() WHERE id = %(id)s"
_DELETE = "DELETE FROM payments WHERE id = %(id)s"


@dataclass(frozen=True, slots=True)
class Load:
    """What is written, and how fast.

    Attributes:
        rows: how many the table has.
        rate: writes per second, of all connections together.
        connections: how many write; each one at a time.
        timeout_ms: statement_timeout of a write, as a service has one.
        seed: of what is written.
    """

    rows: int
    rate: float = 200.0
    connections: int = 16
    timeout_ms: int = 5_000
    seed: str = "1"


@dataclass(frozen=True, slots=True)
class Write:
    """One write.

    Attributes:
        at: when it was due (time.monotonic(), which all processes share).
        took_ms: from then until it was done, or had failed.
        error: the SQLSTATE and first line of what it failed with.
    """

    at: float
    took_ms: float
    error: str | None = None


@dataclass(slots=True)
class Writers:
    """The running writers' process; `writes` is filled when it has ended."""

    writes: list[Write] = field(default_factory=list)


@contextmanager
def writing(url: str, load: Load) -> Iterator[Writers]:
    """Another process writes while the block runs."""
    arguments = json.dumps({"url": url, **asdict(load)})
    with subprocess.Popen(
        [sys.executable, "-m", "torture.writers", arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    ) as process:
        try:
            _await_start(process)
            writers = Writers()
            yield writers
            said, _ = process.communicate(timeout=120)
            writers.writes += [Write(*write) for write in json.loads(said)]
        except BaseException:
            process.kill()
            raise


def _await_start(process: subprocess.Popen[str]) -> None:
    if not process.stdout or process.stdout.readline() != "ready\n":
        raise RuntimeError("the writers didn't start; what they said stands above")


def _write(url: str, load: Load, number: int, due: Callable[[int], float | None]) -> Iterator[Write]:
    """Each write of one connection, as long as there is one that is due."""
    chance = random.Random(f"{load.seed} {number}")
    connection = _connect(url, load)
    for turn in range(number, sys.maxsize, load.connections):
        at = due(turn)
        if at is None:
            return
        query, parameters = _next(chance, load.rows)
        error = None
        try:
            if connection.closed:
                connection = _connect(url, load)
            connection.execute(query, parameters)
        except psycopg.Error as failure:
            error = f"{failure.sqlstate} {str(failure).partition(chr(10))[0]}"
        yield Write(at, (time.monotonic() - at) * 1000, error)


def _connect(url: str, load: Load) -> psycopg.Connection:
    options = f"-c statement_timeout={load.timeout_ms}"
    return psycopg.connect(url, autocommit=True, application_name=NAME, options=options)


def _next(chance: random.Random, rows: int) -> tuple[str, dict[str, object]]:
    parameters = {
        "student": f"{chance.getrandbits(128):032x}",
        "provider_payment_id": f"pay_{chance.getrandbits(96):024x}",
        "amount": chance.randrange(1, 10_000_000),
        "id": chance.randrange(RESERVED_ROWS + 1, rows + 1),
    }
    return chance.choices((_INSERT, _UPDATE, _DELETE), (50, 45, 5))[0], parameters


def main() -> None:
    """Writes until stdin is closed."""
    arguments = json.loads(sys.argv[1])
    url = arguments.pop("url")
    load = Load(**arguments)
    psycopg.connect(url).close()
    closed_at: list[float] = []
    begin = time.monotonic() + 0.5

    def due(turn: int) -> float | None:
        """Waits for the scheduled time; None where that is after the end. What is overdue is still done."""
        at = begin + turn / load.rate
        time.sleep(max(0.0, at - time.monotonic()))
        return None if closed_at and at > closed_at[0] else at

    seen: list[list[Write]] = [[] for _ in range(load.connections)]
    threads = [
        threading.Thread(target=lambda n=number: seen[n].extend(_write(url, load, n, due)))
        for number in range(load.connections)
    ]
    for thread in threads:
        thread.start()
    print("ready", flush=True)
    sys.stdin.read()
    closed_at.append(time.monotonic())
    for thread in threads:
        thread.join()
    writes = sorted((write.at, write.took_ms, write.error) for part in seen for write in part)
    print(json.dumps(writes))


if __name__ == "__main__":
    main()
