"""How fast do commands start? Both sides of each claim, in turn, in one run; medians, and their ratio."""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import psycopg

from kc_db.embedded import running

ROUNDS = 15
BIN = Path(sys.executable).parent


def main() -> None:
    """Prints a line per claim."""
    kc_db, alembic = str(BIN / "kc-db"), str(BIN / "alembic")
    compare(
        "kc-db --help",
        [kc_db, "--help"],
        "python -c 'import click'",
        [sys.executable, "-c", "import click"],
        2.5,
    )
    with running(Path(".kc-db/bench")) as conninfo:
        parameters = psycopg.conninfo.conninfo_to_dict(conninfo)
        names = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGDATABASE": "dbname"}
        os.environ.update({variable: str(parameters[name]) for variable, name in names.items()})
        os.environ.pop("DATABASE_URL", None)
        run([alembic, "upgrade", "head"])
        compare(
            "kc-db verify-indexes", [kc_db, "verify-indexes"], "alembic current", [alembic, "current"], 1.0
        )


def compare(name: str, command: list[str], yardstick_name: str, yardstick: list[str], limit: float) -> None:
    """Times both commands in turn and prints the ratio of their medians beside the limit."""
    run(command)
    run(yardstick)
    pairs = [(run(command), run(yardstick)) for _ in range(ROUNDS)]
    ours, theirs = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(
        f"{name}: {ours * 1000:.0f} ms; {yardstick_name}: {theirs * 1000:.0f} ms; "
        f"ratio {ours / theirs:.2f} (limit {limit})"
    )


def run(command: list[str]) -> float:
    """The wall time of a whole process, in seconds."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
