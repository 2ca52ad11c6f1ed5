"""The truth table on a real server: what the planner and the constraints do with either index alone."""

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest

from kc_db.indexes.load_catalog import load_catalog
from kc_db.indexes.match import TableMatch
from kc_db.indexes.model import IndexDef, LiveTable, TableName
from kc_db.indexes.redundancy import why_redundant
from kc_db.indexes.rules.redundant_index import check
from kc_db.indexes.verify import Subject
from tests.conftest import Connection
from tests.indexes import fresh_database
from tests.redundant_pairs import PAIRS, ROWS, TABLE, Pair, statement
from tests.servers import Server

PROVED = sorted(
    (pair for pair in PAIRS if pair.proofs),
    key=lambda pair: any(
        proof.startswith("INSERT") for proof in pair.proofs
    ),  # what is rolled back stays in pages
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a statement ends: its SQLSTATE and rows, or what the planner expects to pay and whom it asks."""

    state: str
    cost: float = 0
    plan: str = ""


@pytest.fixture(scope="module")
def rows(server: Server) -> Iterator[Connection]:
    """A connection to a database with the table full of rows, all visible to index-only scans."""
    with fresh_database(server) as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLE.encode())
        connection.execute(
            "SET synchronous_commit = on"
        )  # VACUUM sets no page all-visible before its commit is on disk
        connection.execute(ROWS.encode())
        connection.execute("VACUUM (ANALYZE) t")
        yield connection


@pytest.fixture(scope="module")
def verdicts(server: Server) -> dict[Pair, tuple[LiveTable, bool]]:
    """Every pair's table as the catalog has it, and whether one index of it is redundant beside the other."""
    tables = {
        TableName(f"pair_{number}", "t"): pair
        for number, pair in enumerate(PAIRS)
        if pair.since <= server.major_version
    }
    with fresh_database(server) as url, psycopg.connect(url, autocommit=True) as connection:
        with connection.transaction():
            for table, pair in tables.items():
                connection.execute(
                    f"CREATE SCHEMA {table.schema}; SET LOCAL search_path = {table.schema}".encode()
                )
                for text in (TABLE, statement("i", pair.index), statement("k", pair.keeper)):
                    connection.execute(text.encode())
        catalog = load_catalog(connection, [IndexDef(table, "i", ()) for table in tables])
    live = {pair: catalog.tables[table] for table, pair in tables.items()}
    return {pair: (table, _is_redundant(table)) for pair, table in live.items()}


def _is_redundant(table: LiveTable) -> bool:
    index, keeper = table.indexes
    return why_redundant(index, keeper, table.columns) is not None


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_the_catalog_gives_the_same_verdict(
    pair: Pair, verdicts: dict[Pair, tuple[LiveTable, bool]], server: Server
) -> None:
    skip_if_too_old(pair, server)
    table, is_redundant = verdicts[pair]
    assert is_redundant == pair.redundant, pair.why
    reported = {problem.where for problem in check(Subject((TableMatch(table.name, (), table),)))}
    assert len(reported) <= 1
    if pair.redundant:
        assert reported
    else:
        assert f"{table.name}.i" not in reported


@pytest.mark.parametrize("pair", PROVED, ids=str)
def test_either_index_alone(pair: Pair, rows: Connection, server: Server) -> None:
    """If the index is redundant, nothing changes without it; if not, something gets lost."""
    skip_if_too_old(pair, server)
    before, after = outcomes(rows, "i", pair.index, pair), outcomes(rows, "k", pair.keeper, pair)
    same = [_is_as_good(one, other) for one, other in zip(before, after, strict=True)]
    if pair.redundant:
        assert all(same), (before, after)
    else:
        assert not all(same), (before, after)


def _is_as_good(one: Outcome, other: Outcome) -> bool:
    """A wider index may cost a little more to read; to search, sort or filter more costs a multiple."""
    assert not one.plan or " i" in one.plan, one.plan
    if not one.plan:
        return one == other
    return " k" in other.plan and "Sort" not in other.plan and other.cost < 1.6 * one.cost


def outcomes(connection: Connection, name: str, index: str, pair: Pair) -> list[Outcome]:
    with connection.transaction(force_rollback=True):
        connection.execute(statement(name, index).encode())
        return [outcome(connection, proof) for proof in pair.proofs]


def outcome(connection: Connection, proof: str) -> Outcome:
    if proof.startswith("SELECT"):
        plan = [str(line) for (line,) in connection.execute(f"EXPLAIN {proof}".encode())]
        return Outcome("", float(plan[0].split("..")[1].split(" ")[0]), "\n".join(plan))
    try:
        with connection.transaction(force_rollback=True):
            return Outcome(f"{connection.execute(proof.encode()).rowcount} rows")
    except psycopg.Error as error:
        return Outcome(str(error.sqlstate))


def skip_if_too_old(pair: Pair, server: Server) -> None:
    if pair.since > server.major_version:
        pytest.skip(f"PostgreSQL {pair.since} and later")
