"""What does a build of ours cost beside the bare CREATE INDEX CONCURRENTLY, on the same table?

Whole `alembic upgrade head` counts less one that finds the index there, which is Python and Alembic at work;
what that costs beyond an upgrade with nothing to do is shown: it doesn't grow with the table.
A unique index has its rows searched for duplicates first; that is shown and has no limit.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psycopg
from timing import fresh_database

from kc_db.indexes.parse import index_from_text
from kc_db.online.index_build import ensure

ROWS, ROUNDS, LIMIT = 1_000_000, 7, 1.05
PLAIN = "CREATE INDEX CONCURRENTLY in psycopg"
OURS = "op.ensure_index's own function"
ALEMBIC = "alembic upgrade head"
FOUND = f"{ALEMBIC}, which finds the index there"
EMPTY = f"{ALEMBIC}, nothing to do"
PLAIN_UNIQUE = "CREATE UNIQUE INDEX CONCURRENTLY in psycopg"
OURS_UNIQUE = "op.ensure_index's own function, unique"
INDEX = "CREATE INDEX payments_by_student ON payments (student_id, status, created_at)"
UNIQUE = "CREATE UNIQUE INDEX payments_by_student ON payments (provider_payment_id)"
TABLE = """
CREATE TABLE payments AS
SELECT md5((n % 20000)::text)::uuid AS student_id,
       (ARRAY['pending', 'captured', 'failed'])[n % 3 + 1] AS status,
       'pay_' || md5(n::text) AS provider_payment_id, now() - n * interval '1 second' AS created_at
FROM generate_series(1, {}) AS n
"""
ENVIRONMENT = "from kc_db.online.environment import run_migrations\n\nrun_migrations()\n"
REVISION = f"""
from alembic import op

revision = "1"
down_revision = None


def upgrade():
    op.ensure_index({INDEX!r})
"""


def main() -> None:
    """Prints the medians, their ratios, and the limit."""
    with (
        tempfile.TemporaryDirectory() as folder,
        fresh_database("bench_build") as url,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        connection.execute(TABLE.format(ROWS).encode())
        connection.execute("VACUUM (ANALYZE) payments")
        times = timed(connection, sides(connection, url, Path(folder)))
    print(
        f"one index on {ROWS:,} rows, medians of {ROUNDS} rounds in turn, "
        f"load average {os.getloadavg()[0]:.1f}:"
    )
    median, fastest = ({name: of(taken) for name, taken in times.items()} for of in (statistics.median, min))
    for name in times:
        print(f"  {name}: {median[name] * 1000:.0f} ms, the fastest {fastest[name] * 1000:.0f} ms")
    for label, of in (("medians", median), ("fastest", fastest)):
        print(f"  ratios of the {label} to {PLAIN} (limit {LIMIT}):", end=" ")
        print(f"{OURS} {of[OURS] / of[PLAIN]:.3f};", end=" ")
        print(
            f"{ALEMBIC}, less finding the index there {(of[ALEMBIC] - of[FOUND]) / of[PLAIN]:.3f};", end=" "
        )
        print(f"unique, with looking for duplicates {of[OURS_UNIQUE] / of[PLAIN_UNIQUE]:.3f} (no limit)")
    print(f"  finding the index there, less nothing to do: {(median[FOUND] - median[EMPTY]) * 1000:.0f} ms")


def sides(connection: psycopg.Connection, url: str, project: Path) -> Mapping[str, Callable[[], None]]:
    """What takes turns; FOUND and EMPTY come right after ALEMBIC, whose index they find."""
    (project / "versions").mkdir()
    (project / "versions" / "1.py").write_text(REVISION)
    (project / "env.py").write_text(ENVIRONMENT)
    (project / "alembic.ini").write_text(f"[alembic]\nscript_location = {project}\n")
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "dbname": "PGDATABASE"}
    parameters = psycopg.conninfo.conninfo_to_dict(url)
    environment = {
        **os.environ,
        **{names[key]: str(value) for key, value in parameters.items() if key in names},
    }
    environment.pop("DATABASE_URL", None)

    def upgrade() -> None:
        command = [sys.executable, "-m", "alembic", "-c", str(project / "alembic.ini"), "upgrade", "head"]
        subprocess.run(command, env=environment, check=True, capture_output=True)

    def plain(text: str) -> None:
        connection.execute(text.replace("INDEX", "INDEX CONCURRENTLY", 1).encode())

    return {
        PLAIN: lambda: plain(INDEX),
        OURS: lambda: ensure(connection, index_from_text(INDEX)),
        ALEMBIC: upgrade,
        FOUND: upgrade,
        EMPTY: upgrade,
        PLAIN_UNIQUE: lambda: plain(UNIQUE),
        OURS_UNIQUE: lambda: ensure(connection, index_from_text(UNIQUE)),
    }


def timed(connection: psycopg.Connection, sides: Mapping[str, Callable[[], None]]) -> dict[str, list[float]]:
    """The wall times of each side, in seconds; every build starts without the index."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(ROUNDS + 1):
        for name, side in sides.items():
            if name not in {FOUND, EMPTY}:
                connection.execute("DROP INDEX IF EXISTS payments_by_student")
            if name != EMPTY:
                connection.execute("DROP TABLE IF EXISTS alembic_version")
            connection.execute("CHECKPOINT")
            started = time.perf_counter()
            side()
            if turn:  # the first round fills caches
                times[name].append(time.perf_counter() - started)
    return times


if __name__ == "__main__":
    main()
