"""How long does it take to verify 1,000 tenant schemas (4,000 tables, 9,000 indexes) against nine specs?"""

import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

import psycopg
from psycopg import sql

from kc_db.embedded import running

SCHEMAS = 1_000
ROUNDS = 5
LIMIT_S = 10.0
BIN = Path(sys.executable).parent
DATABASE = "bench_tenants"


def main() -> None:
    """Prints the median beside the limit."""
    with running(Path(".kc-db/bench")) as conninfo:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
            connection.execute(f"CREATE DATABASE {DATABASE}")
        parameters = psycopg.conninfo.conninfo_to_dict(conninfo, dbname=DATABASE)
        names = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGDATABASE": "dbname"}
        environment = {**os.environ, **{name: str(parameters[key]) for name, key in names.items()}}
        environment.pop("DATABASE_URL", None)
        with psycopg.connect(psycopg.conninfo.make_conninfo(conninfo, dbname=DATABASE)) as connection:
            make(connection, environment)
            median = statistics.median(run(environment) for _ in range(ROUNDS))
            connection.execute("DROP INDEX tenant_0500.sessions_trainer_id_scheduled_date_idx")
            connection.commit()
            assert (
                subprocess.run(command(), env=environment, capture_output=True, check=False).returncode == 1
            )
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {DATABASE}")
    print(
        f"kc-db verify-indexes --schemas 'tenant_*', {SCHEMAS:,} schemas, whole process, "
        f"median of {ROUNDS}: {median:.1f} s (limit {LIMIT_S:.0f} s)"
    )


def make(connection: psycopg.Connection, environment: dict[str, str]) -> None:
    """Makes the schemas with what the migrations make."""
    script = migrations(environment)
    for number in range(1, SCHEMAS + 1):
        schema = sql.Identifier(f"tenant_{number:04}")
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
        connection.execute(sql.SQL("SET LOCAL search_path = {}").format(schema))
        connection.execute(script.encode())
        connection.commit()
    connection.execute("ANALYZE pg_catalog.pg_class, pg_catalog.pg_index, pg_catalog.pg_attribute")
    connection.commit()


def migrations(environment: dict[str, str]) -> str:
    """The statements of `alembic upgrade head --sql` that make tables and indexes."""
    done = subprocess.run(
        [BIN / "alembic", "upgrade", "head", "--sql"],
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    statements = re.findall(
        r"^CREATE (?:TABLE|(?:UNIQUE )?INDEX) .*?;$", done.stdout, re.DOTALL | re.MULTILINE
    )
    mine = [one.replace(" CONCURRENTLY", "") for one in statements if "alembic_version" not in one]
    assert len(mine) == 4 + 9, mine
    return "\n".join(mine)


def command() -> list[str]:
    """What is timed."""
    return [str(BIN / "kc-db"), "verify-indexes", "--schemas", "tenant_*"]


def run(environment: dict[str, str]) -> float:
    """The wall time of the whole process, in seconds."""
    started = time.perf_counter()
    subprocess.run(command(), env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
