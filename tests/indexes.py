"""Specs and live indexes for tests: written as SQL, compared as kc-db does it."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kc_db.findings import Finding
from kc_db.indexes import rules
from kc_db.indexes.load_catalog import load_catalog
from kc_db.indexes.load_facts import Standby, with_facts
from kc_db.indexes.load_specs import load_specs
from kc_db.indexes.match import TableMatch, match_tables
from kc_db.indexes.model import Spec
from kc_db.indexes.verify import verify
from kc_db.rulebook import load_rules
from tests.conftest import Connection
from tests.servers import Server

RULEBOOK = load_rules(rules)
RULE_NAMES = tuple(rule.name for rule in RULEBOOK)


def write_specs(folder: Path, **tables: str) -> Path:
    """A folder of specs, a file per table."""
    folder.mkdir(exist_ok=True)
    for table, text in tables.items():
        (folder / f"{table}.sql").write_text(text, encoding="utf-8")
    return folder


def make_specs(folder: Path, **tables: str) -> tuple[Spec, ...]:
    """The specs of such a folder."""
    return load_specs(write_specs(folder, **tables), RULE_NAMES)


def match(connection: Connection, specs: Sequence[Spec]) -> tuple[TableMatch, ...]:
    """What the server has for the specs."""
    return match_tables(specs, load_catalog(connection, [spec.definition for spec in specs]))


def find(connection: Connection, specs: Sequence[Spec]) -> list[Finding]:
    """What the verifier says."""
    return verify(specs, load_catalog(connection, [spec.definition for spec in specs]), RULEBOOK)


def find_with_facts(
    connection: Connection, specs: Sequence[Spec], standbys: Sequence[Standby] = ()
) -> list[Finding]:
    """What verify-indexes says: as `find`, and what needs statistics and the like."""
    catalog = load_catalog(connection, [spec.definition for spec in specs])
    return verify(specs, with_facts(connection, catalog, standbys), RULEBOOK)


def rules_of(findings: Sequence[Finding]) -> list[str]:
    """The rules that found something, the worst first."""
    return [finding.rule for finding in findings]


def index_names(connection: Connection) -> set[str]:
    """Every index outside of the catalog, whatever its state."""
    rows = connection.execute(
        "SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace "
        "WHERE relkind IN ('i', 'I') AND nspname !~ '^pg_'"
    )
    return {str(row[0]) for row in rows}


@contextmanager
def fresh_database(server: Server) -> Iterator[str]:
    """The URL of a database that many tests share: making one takes longer than most of them."""
    name = f"kc_test_{uuid.uuid4().hex[:12]}"
    server.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    try:
        yield server.url(name)
    finally:
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")
