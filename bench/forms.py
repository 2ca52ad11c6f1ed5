"""How long does it take to have 500 specs with expressions and predicates canonicalised by the server?

Every spec is written otherwise than the server writes it. Beside it, in the same rounds: making the same 500
indexes on temporary tables by hand, one statement each, and reading them with pg_get_indexdef().
"""

import tempfile
from dataclasses import replace
from pathlib import Path

import psycopg
from psycopg import sql
from timing import fresh_database, timed

from kc_db.findings import Severity
from kc_db.indexes import rules
from kc_db.indexes.load_catalog import load_catalog
from kc_db.indexes.load_forms import with_forms
from kc_db.indexes.load_specs import load_specs
from kc_db.indexes.model import Forms
from kc_db.indexes.verify import verify
from kc_db.rulebook import load_rules

TABLES, INDEXES_PER_TABLE, ROUNDS = 50, 10, 7
LIMIT_MS = 300
COLUMNS = "id uuid, status varchar(20), name text, created_at timestamptz, amount numeric, note text"
KEYS = ("lower(t.name)", "(amount * 2)", "timezone('UTC', created_at)", "coalesce(note, name)", "id")
PREDICATE = "status IN ('open', 'paid') AND amount BETWEEN 1 AND {}"


def main() -> None:
    """Prints the medians and their ratio."""
    with (
        tempfile.TemporaryDirectory() as folder,
        fresh_database("bench_forms") as conninfo,
        psycopg.connect(conninfo, autocommit=True) as connection,
    ):
        measure(connection, Path(folder), make(connection, Path(folder)))


def make(connection: psycopg.Connection, folder: Path) -> list[str]:
    """Makes the tables with their indexes, and the specs; returns the CREATE INDEX statements."""
    made = []
    for table in range(TABLES):
        name = f"t_{table}"
        statements = [
            f"CREATE INDEX {name}_{n}_idx ON {name} ({KEYS[n % len(KEYS)].replace('t.', name + '.')}) "
            f"WHERE {PREDICATE.format(n)}"
            for n in range(INDEXES_PER_TABLE)
        ]
        connection.execute(";".join([f"CREATE TABLE {name} ({COLUMNS})", *statements]).encode())
        (folder / f"{name}.sql").write_text(";\n".join([*statements, ""]))
        made += statements
    return made


def measure(connection: psycopg.Connection, folder: Path, statements: list[str]) -> None:
    """Times both sides in turn."""
    rulebook = load_rules(rules)
    specs = load_specs(folder, [rule.name for rule in rulebook])
    definitions = [spec.definition for spec in specs]

    there = replace(load_catalog(connection, definitions), forms=Forms())

    def canonicalised() -> None:
        assert len(with_forms(connection, definitions, there).forms.canonical) >= len(specs)

    def verified() -> None:
        found = verify(specs, load_catalog(connection, definitions), rulebook)
        assert {finding.severity for finding in found} <= {Severity.INFORMATION}

    def by_hand() -> None:
        with connection.transaction(force_rollback=True):
            for table in range(TABLES):
                name = sql.Identifier(f"t_{table}")
                connection.execute(sql.SQL("CREATE TEMP TABLE {} (LIKE public.{})").format(name, name))
            for statement in statements:
                connection.execute(statement.encode())
            query = "SELECT pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class ON oid = indrelid "
            found = connection.execute(query + "WHERE relnamespace = pg_my_temp_schema()").fetchall()
            assert len(found) == len(statements)

    times = timed({"canonicalise": canonicalised, "verify": verified, "by hand": by_hand}, ROUNDS)
    times = {name: seconds * 1000 for name, seconds in times.items()}
    print(f"{len(specs)} specs with expressions, on {TABLES} tables, medians of {ROUNDS} rounds in turn:")
    print(f"  kc-db: have them canonicalised: {times['canonicalise']:.0f} ms (limit {LIMIT_MS})")
    print(f"  kc-db: the same, with reading the catalog and verifying: {times['verify']:.0f} ms")
    print(f"  the same indexes on temporary tables, one statement each: {times['by hand']:.0f} ms")
    print(f"  ratio of the first to the last: {times['canonicalise'] / times['by hand']:.2f}")


if __name__ == "__main__":
    main()
