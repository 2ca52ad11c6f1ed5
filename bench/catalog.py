"""How long does it take to verify 10,000 indexes on 1,000 tables?

Beside it, in the same rounds: fetching pg_get_indexdef() of them all, and Alembic's compare_metadata(), whose
metadata are as ready as our specs. The kc-db command turns Python's garbage collector off; it is off for
every side but one, which shows Alembic as its own command runs.
"""

import contextlib
import gc
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import psycopg
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from timing import fresh_database, timed

from kc_db.indexes import rules
from kc_db.indexes.load_catalog import load_catalog
from kc_db.indexes.load_facts import with_facts
from kc_db.indexes.load_specs import load_specs
from kc_db.indexes.verify import verify
from kc_db.rulebook import load_rules

TABLES, INDEXES_PER_TABLE = 1_000, 10
ROUNDS = 7
BIN = Path(sys.executable).parent
LIMIT, ALEMBIC_LIMIT = 1.5, 10
FETCH, LOAD = "fetch pg_get_indexdef of all", "kc-db: load the specs"
VERIFY = "kc-db: load the catalog, compare, apply all rules"
ALEMBIC = "Alembic's compare_metadata"
ALEMBIC_AS_IT_RUNS = f"{ALEMBIC}, with the garbage collector on"
COMMAND = "kc-db verify-indexes"
DEFINITIONS = "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid::regclass::text LIKE 't\\_%'"


def main() -> None:
    """Prints the medians and their ratios."""
    with tempfile.TemporaryDirectory() as folder, fresh_database("bench") as url:
        with psycopg.connect(url, autocommit=True) as connection:
            specs = make(connection, Path(folder))
        measure(url, specs)


def make(connection: psycopg.Connection, folder: Path) -> Path:
    """Makes the tables, their indexes, and a spec of each."""
    columns = ", ".join(f"c{number} integer NOT NULL" for number in range(6))
    for table in range(TABLES):
        statements = [
            f"CREATE {'UNIQUE ' if n == 0 else ''}INDEX t_{table}_{n}_idx "
            f"ON t_{table} (c{n % 6}, c{(n * n + n + 1) % 6}{' DESC' if n % 3 == 0 else ''}, c{n // 2 % 6})"
            for n in range(INDEXES_PER_TABLE)
        ]
        script = ";\n".join([f"CREATE TABLE t_{table} ({columns})", *statements])
        connection.execute(script.encode())
        (folder / f"t_{table}.sql").write_text(
            "".join(f"-- Why.\n{statement};\n" for statement in statements)
        )
    return folder


def measure(url: str, folder: Path) -> None:
    """Times all sides in turn."""
    rulebook = load_rules(rules)
    environment = {**os.environ, **_libpq_variables(url)}
    environment.pop("DATABASE_URL", None)

    def definitions() -> None:
        with psycopg.connect(url) as connection:
            assert len(connection.execute(DEFINITIONS).fetchall()) == TABLES * INDEXES_PER_TABLE

    specs = load_specs(folder, [rule.name for rule in rulebook])

    def loaded() -> None:
        assert len(load_specs(folder, [rule.name for rule in rulebook])) == len(specs)

    def verified() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            catalog = load_catalog(connection, [spec.definition for spec in specs])
            assert verify(specs, with_facts(connection, catalog), rulebook) == []

    def process(*command: object) -> Callable[[], None]:
        words = [str(word) for word in command]
        return lambda: void(subprocess.run(words, check=True, env=environment, stdout=subprocess.DEVNULL))

    script = f"import psycopg; psycopg.connect('').execute({DEFINITIONS!r}).fetchall()"
    alembic = alembic_side(url)
    times = timed(
        {
            FETCH: definitions,
            VERIFY: verified,
            LOAD: loaded,
            ALEMBIC: alembic,
            ALEMBIC_AS_IT_RUNS: collecting_garbage(alembic),
            f"{FETCH}, whole process": process(sys.executable, "-c", script),
            f"{COMMAND}, whole process": process(BIN / "kc-db", "verify-indexes", "--specs", folder),
        },
        ROUNDS,
    )
    print(f"{TABLES * INDEXES_PER_TABLE:,} indexes on {TABLES:,} tables, medians of {ROUNDS} rounds in turn:")
    for name, median in times.items():
        print(f"  {name}: {median * 1000:.0f} ms")
    whole = times[f"{COMMAND}, whole process"] / times[f"{FETCH}, whole process"]
    print(f"  verifying / fetching: {times[VERIFY] / times[FETCH]:.2f} (limit {LIMIT})", end="; ")
    print(f"with loading the specs: {(times[VERIFY] + times[LOAD]) / times[FETCH]:.2f}", end="; ")
    print(f"whole processes: {whole:.2f}")
    print(
        f"  Alembic / verifying, each as its command runs: {times[ALEMBIC_AS_IT_RUNS] / times[VERIFY]:.1f}",
        end="; ",
    )
    print(f"both without garbage collection: {times[ALEMBIC] / times[VERIFY]:.1f} (limit {ALEMBIC_LIMIT})")


def collecting_garbage(side: Callable[[], None]) -> Callable[[], None]:
    """The side with Python's garbage collector on, as it is unless a program turns it off."""

    def collecting() -> None:
        gc.enable()
        side()

    return collecting


def void(_: object) -> None:
    """Nothing of it."""


def alembic_side(url: str) -> Callable[[], None]:
    """Alembic's comparison of the same indexes with the metadata that describes them."""
    engine = sa.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url))
    metadata = sa.MetaData()
    with engine.connect() as connection:
        metadata.reflect(connection)

    def compare() -> None:
        with engine.connect() as connection, contextlib.closing(connection):
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []

    return compare


def _libpq_variables(url: str) -> dict[str, str]:
    parameters = psycopg.conninfo.conninfo_to_dict(url)
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "dbname": "PGDATABASE"}
    return {variable: str(parameters[name]) for name, variable in names.items()}


if __name__ == "__main__":
    main()
