"""How much sooner are four tables mended with --jobs 4 than one after the other?

Interleaved, on one server; on two cores two builds at a time are what can be had, and less where a build's
own parallel workers take the second one already.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
from timing import fresh_database

TABLES = 4
ROWS = 300_000
ROUNDS = 5
KC_DB = Path(sys.executable).parent / "kc-db"
SPEC = "CREATE INDEX {0}_b_idx ON {0} (b, a);\nCREATE UNIQUE INDEX {0}_a_key ON {0} (a);\n"


def main() -> None:
    """Prints both medians and their ratio."""
    with fresh_database("bench_jobs") as conninfo, tempfile.TemporaryDirectory() as specs:
        parameters = psycopg.conninfo.conninfo_to_dict(conninfo)
        names = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGDATABASE": "dbname"}
        environment = {**os.environ, **{name: str(parameters[key]) for name, key in names.items()}}
        environment.pop("DATABASE_URL", None)
        times: dict[int, list[float]] = {1: [], TABLES: []}
        with psycopg.connect(conninfo, autocommit=True) as connection:
            make(connection, Path(specs))
            for _ in range(ROUNDS):
                for jobs, measured in times.items():
                    measured.append(run(connection, specs, jobs, environment))
    one, many = (statistics.median(measured) for measured in times.values())
    print(
        f"kc-db repair-indexes --apply, {TABLES} tables of {ROWS:,} rows, two indexes each, whole process, "
        f"median of {ROUNDS} on {os.cpu_count()} cores: one after the other {one:.2f} s, "
        f"--jobs {TABLES} {many:.2f} s, {one / many:.2f} times as fast"
    )


def make(connection: psycopg.Connection, specs: Path) -> None:
    """Makes the tables and their specs."""
    for number in range(1, TABLES + 1):
        name = f"t{number}"
        connection.execute(f"CREATE TABLE {name} (a int, b text)".encode())
        rows = f"INSERT INTO {name} SELECT n, md5(n::text) FROM generate_series(1, {ROWS}) AS n"
        connection.execute(rows.encode())
        (specs / f"{name}.sql").write_text(SPEC.format(name), encoding="utf-8")
    connection.execute("VACUUM ANALYZE")


def run(connection: psycopg.Connection, specs: str, jobs: int, environment: dict[str, str]) -> float:
    """The wall time of a run that builds all indexes, in seconds."""
    for number in range(1, TABLES + 1):
        connection.execute(f"DROP INDEX IF EXISTS t{number}_b_idx, t{number}_a_key".encode())
    connection.execute("CHECKPOINT")
    command = [str(KC_DB), "repair-indexes", "--apply", "--jobs", str(jobs), "--specs", specs]
    started = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
