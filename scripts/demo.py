"""kc-db's job on a real PostgreSQL: migrate, verify, budget; then break four indexes, find and mend them.

`make demo` runs it. Every command is one that a user types; the exit codes are checked as they come.
The database stays under .kc-db/postgres, where DATABASE_URL=embedded: finds it again.
"""

import os
import subprocess
import sys
from pathlib import Path

import psycopg

from kc_db.database import find_target, served

URL = "embedded:"
BIN = Path(sys.executable).parent


def main() -> None:
    """Runs the demo.

    Raises:
        SystemExit: a command ended otherwise than it should.
    """
    os.environ["DATABASE_URL"] = URL
    os.environ["PATH"] = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    say("A PostgreSQL from pip starts; the first time it makes its files under .kc-db/postgres.")
    print(f"$ export DATABASE_URL={URL}", flush=True)
    with served(find_target(URL)) as conninfo, psycopg.connect(conninfo, autocommit=True) as connection:
        start_afresh(connection)
        say("The deploy: tables first, then nine indexes, each CONCURRENTLY.")
        run("alembic upgrade head")
        say("After the deploy: does the live catalog equal the specs in index_specs/?")
        run("kc-db verify-indexes")
        say("In CI: does the fleet in pool_budget.toml fit max_connections in the worst minute of a deploy?")
        run("kc-db check-pool-budget")
        say("Now four indexes go wrong: one dropped, one half built, one rebuilt wrongly, one renamed.")
        break_four(connection)
        say("The verifier finds all four (exit code 1; the renamed one is only a warning).")
        run("kc-db verify-indexes", expected=1)
        say("They are mended, without blocking a write.")
        run("kc-db repair-indexes --apply")
        run("kc-db verify-indexes")
    say("That was it: the server is stopped, its files stay. Go on with: export DATABASE_URL=embedded:")


def start_afresh(connection: psycopg.Connection) -> None:
    """Takes an earlier demo's tables away; downgrading refuses to drop tables that hold rows."""
    if connection.execute("SELECT to_regclass('alembic_version')").fetchone() != (None,):
        subprocess.run(["alembic", "downgrade", "base"], check=True, stderr=subprocess.DEVNULL)


def break_four(connection: psycopg.Connection) -> None:
    """Does to the live database what people and interrupted builds do."""
    execute(connection, "DROP INDEX sessions_trainer_id_scheduled_date_idx")
    execute(connection, "DROP INDEX payments_provider_payment_id_key")
    execute(
        connection,
        "INSERT INTO payments (student_id, provider, provider_payment_id, amount_minor, currency)\n"
        "     SELECT gen_random_uuid(), 'razorpay', 'pay_replayed', 99900, 'INR' FROM generate_series(1, 2)",
    )
    execute(
        connection,
        "CREATE UNIQUE INDEX CONCURRENTLY payments_provider_payment_id_key ON payments (provider_payment_id)",
    )
    execute(connection, "DELETE FROM payments WHERE provider_payment_id = 'pay_replayed'")
    execute(connection, "DROP INDEX allocations_student_id_course_id_status_idx")
    execute(
        connection,
        "CREATE INDEX allocations_student_id_course_id_status_idx\n"
        "         ON allocations (course_id, student_id, status)",
    )
    execute(connection, "ALTER INDEX purchases_student_id_created_at_idx RENAME TO idx_purchases_by_time")


def execute(connection: psycopg.Connection, statement: str) -> None:
    """Runs and shows a statement, and what the server says against it."""
    print(f"sql> {statement};", flush=True)
    try:
        connection.execute(statement.encode())
    except psycopg.errors.UniqueViolation as error:
        print(f"     ERROR: {error.diag.message_primary} (the half-built index stays, INVALID)", flush=True)


def run(command: str, *, expected: int = 0) -> None:
    """Runs a command as a user types it.

    Raises:
        SystemExit: its exit code isn't the expected one.
    """
    print(f"$ {command}", flush=True)
    code = subprocess.run(command.split(), check=False).returncode
    print(f"(exit code {code})", flush=True)
    if code != expected:
        sys.exit(f"the demo failed: {command!r} ended with {code}, not with {expected}")


def say(text: str) -> None:
    """A remark between two commands."""
    print(f"\n# {text}", flush=True)


if __name__ == "__main__":
    main()
