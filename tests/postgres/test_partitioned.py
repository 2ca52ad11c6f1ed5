"""Partitioned tables: what the verifier says of each half-done state, and how repair completes it."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psycopg
import pytest

from kc_db.errors import RefusedError, ServerError
from kc_db.findings import Finding
from kc_db.indexes.model import Spec
from kc_db.indexes.parse import index_from_text
from kc_db.indexes.repair import plan_table
from kc_db.online.converge import Patience
from kc_db.online.index_build import drop, ensure, repair_table
from tests.conftest import Connection
from tests.deploys import listening
from tests.indexes import find, fresh_database, index_names, make_specs, match
from tests.servers import Server

# a --- p (by a) --- p1
#                |-- p2 (by b) --- p2a, p2b
#                `-- p3
TREE = """
CREATE TABLE p (a int, b int, c text) PARTITION BY RANGE (a);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (b);
CREATE TABLE p2a PARTITION OF p2 FOR VALUES FROM (0) TO (10);
CREATE TABLE p2b PARTITION OF p2 FOR VALUES FROM (10) TO (20);
CREATE TABLE p3 (c text, b int, a int);
ALTER TABLE p ATTACH PARTITION p3 FOR VALUES FROM (20) TO (30);
INSERT INTO p SELECT n, n % 20, 'c' FROM generate_series(0, 29) AS n
"""
FOREIGN = """
CREATE FOREIGN DATA WRAPPER nowhere; CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere;
CREATE FOREIGN TABLE pf PARTITION OF p FOR VALUES FROM (30) TO (40) SERVER nowhere
"""
X = "CREATE INDEX x ON p (c);"
UNIQUE = "CREATE UNIQUE INDEX u ON p (a, b);"
NOT_VALID = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{}'::regclass"
ONLY = "CREATE INDEX x ON ONLY p (c)"
P2 = "CREATE INDEX p2_x ON ONLY p2 (c); ALTER INDEX x ATTACH PARTITION p2_x"

HALF_DONE = {
    "nothing": ("", X),
    "a longest name": ("", f"CREATE INDEX {'x' * 63} ON p (c);"),
    "unique": ("", UNIQUE),
    "with everything": ("", "CREATE INDEX x ON p (a DESC, lower(c)) WITH (fillfactor=70) WHERE p.b > 1;"),
    "no partition": ("DROP TABLE p1, p2, p3", X),
    "only the parent": (ONLY, X),
    "an unattached leaf": (f"{ONLY}; CREATE INDEX p1_x ON p1 (c)", X),
    "an attached leaf": (f"{ONLY}; CREATE INDEX p1_x ON p1 (c); ALTER INDEX x ATTACH PARTITION p1_x", X),
    "unattached leaves and no parent": ("CREATE INDEX p1_x ON p1 (c); CREATE INDEX p2a_x ON p2a (c)", X),
    "an equal one on a level below": ("CREATE INDEX p2_x ON p2 (c)", X),
    "an unfinished one on a level below": ("CREATE INDEX p2_x ON ONLY p2 (c)", X),
    "an attached level without its own": (f"{ONLY}; {P2}", X),
    "a level whose leaves are unattached": (f"{ONLY}; {P2}; CREATE INDEX p2a_x ON p2a (c)", X),
    "an invalid leaf, unattached": (f"{ONLY}; CREATE INDEX p1_x ON p1 (c); {NOT_VALID.format('p1_x')}", X),
    "an invalid leaf, attached": (
        f"{ONLY}; CREATE INDEX p1_x ON p1 (c); ALTER INDEX x ATTACH PARTITION p1_x;"
        + NOT_VALID.format("p1_x"),
        X,
    ),
    "all attached, a leaf invalid": (f"{X} {NOT_VALID.format('p1_c_idx')}", X),
    "all attached, a deep leaf invalid": (f"{X} {NOT_VALID.format('p2a_c_idx')}", X),
    "all attached, a leaf and its parents invalid": (
        f"{X} {NOT_VALID.format('p2a_c_idx')}; {NOT_VALID.format('p2_c_idx')}; {NOT_VALID.format('x')}",
        X,
    ),
    "all attached, a level invalid": (f"{X} {NOT_VALID.format('p2_c_idx')}", X),
    "all attached, the parent invalid": (f"{X} {NOT_VALID.format('x')}", X),
    "all attached, only parents invalid": (
        f"{X} {NOT_VALID.format('p2_c_idx')}; {NOT_VALID.format('x')}",
        X,
    ),
    "a unique leaf invalid": (f"{UNIQUE} {NOT_VALID.format('p1_a_b_idx')}", UNIQUE),
    "a primary key's leaf invalid": (
        f"ALTER TABLE p ADD PRIMARY KEY (a, b); {NOT_VALID.format('p1_pkey')}; {NOT_VALID.format('p_pkey')}",
        "CREATE UNIQUE INDEX p_pkey ON p (a, b);",
    ),
    "of no spec, all invalid": (
        f"CREATE INDEX z ON p (b); {X}" + "; ".join(map(NOT_VALID.format, ("z", "p2_b_idx", "p2a_b_idx"))),
        X,
    ),
    "of no spec, a leaf invalid": (f"CREATE INDEX z ON p (b); {NOT_VALID.format('p1_b_idx')}; {X}", X),
    "misnamed": ("CREATE INDEX z ON p (c)", X),
    "misnamed and unfinished": ("CREATE INDEX z ON ONLY p (c)", X),
    "misnamed, a leaf invalid": (f"CREATE INDEX z ON p (c); {NOT_VALID.format('p1_c_idx')}", X),
    "different": ("CREATE INDEX x ON p (b)", X),
    "different, the right one unfinished": (
        "CREATE INDEX x ON p (b); CREATE INDEX x_kc_new ON ONLY p (c)",
        X,
    ),
    "different, put aside": ("CREATE INDEX x_kc_old ON p (b); CREATE INDEX x_kc_new ON p (c)", X),
    "swapped": ("CREATE INDEX x ON p (b); CREATE INDEX y ON p (c)", X + "CREATE INDEX y ON p (b);"),
    "a partition added later": (f"{ONLY}; CREATE TABLE p4 PARTITION OF p FOR VALUES FROM (40) TO (50)", X),
    "a table attached later": (
        f"{ONLY}; CREATE TABLE p4 (LIKE p); ALTER TABLE p ATTACH PARTITION p4 FOR VALUES FROM (40) TO (50)",
        X,
    ),
    "a foreign table": (FOREIGN, X),
    "a foreign table, an unattached leaf": (f"{FOREIGN}; CREATE INDEX p1_x ON p1 (c)", X),
    "a foreign table, a leaf invalid": (f"{FOREIGN}; {X} {NOT_VALID.format('p1_c_idx')}", X),
}
BROKEN = {"missing-index", "invalid-index", "different-definition", "misnamed-index"}


def set_up(connection: Connection, *scripts: str) -> None:
    for script in scripts:
        for statement in filter(None, map(str.strip, script.split(";"))):
            connection.execute(statement.encode())


def amiss(connection: Connection, specs: Sequence[Spec]) -> list[Finding]:
    return [finding for finding in find(connection, specs) if finding.rule in BROKEN]


def plan(connection: Connection, specs: Sequence[Spec]) -> list[str]:
    return [step.text for table in match(connection, specs) for step in plan_table(table)]


def all_valid(connection: Connection) -> bool:
    row = connection.execute(
        "SELECT bool_and(indisvalid) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid "
        "WHERE relnamespace = 'public'::regnamespace AND relname !~ '_kc_old'"
    ).fetchone()
    return bool(row and row[0])


@pytest.fixture(scope="module")
def database(server: Server) -> Iterator[str]:
    with fresh_database(server) as url:
        yield url


@pytest.fixture
def database_url(database: str) -> str:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP FOREIGN DATA WRAPPER IF EXISTS nowhere CASCADE")
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return database


@pytest.fixture(params=HALF_DONE.values(), ids=HALF_DONE)
def half_done(request: pytest.FixtureRequest, connection: Connection, tmp_path: Path) -> Sequence[Spec]:
    setup, specs = request.param
    set_up(connection, TREE, setup)
    return make_specs(tmp_path / "specs", p=specs)


def test_repair_completes_it(connection: Connection, half_done: Sequence[Spec]) -> None:
    repair_table(connection, half_done)
    assert amiss(connection, half_done) == []
    assert plan(connection, half_done) == []
    assert all_valid(connection)
    assert index_names(connection) >= {spec.definition.name for spec in half_done}


def test_interrupted_anywhere_it_is_run_again(connection: Connection, half_done: Sequence[Spec]) -> None:
    """One step, then everything is read and planned anew: as if each run were killed after its first step."""
    for _ in range(40):
        steps = plan(connection, half_done)
        if not steps:
            break
        connection.execute(steps[0].encode())
    assert amiss(connection, half_done) == []
    assert all_valid(connection)


def test_the_printed_script_can_be_pasted(connection: Connection, half_done: Sequence[Spec]) -> None:
    if "p.b" in str(half_done[0].definition.predicate):
        pytest.skip(
            "p.b means nothing on a partition: a run has it in the server's words once the parent's is there"
        )
    for statement in plan(connection, half_done):
        connection.execute(statement.encode())
    assert amiss(connection, half_done) == []
    assert all_valid(connection)


def test_new_partitions_get_what_is_half_done(connection: Connection, tmp_path: Path) -> None:
    """The parent's comes first: a partition that is added between two statements has its index at once."""
    set_up(connection, TREE)
    specs = make_specs(tmp_path / "specs", p=X)
    connection.execute(plan(connection, specs)[0].encode())
    set_up(connection, "CREATE TABLE p4 PARTITION OF p FOR VALUES FROM (40) TO (50)")
    assert "p4_c_idx" in index_names(connection)
    assert not any("p4" in step for step in plan(connection, specs))
    repair_table(connection, specs)
    assert amiss(connection, specs) == []


def test_each_partition_is_named(connection: Connection, tmp_path: Path) -> None:
    set_up(
        connection,
        TREE,
        f"{ONLY}; {P2}; CREATE INDEX p1_x ON p1 (c); CREATE INDEX p2a_x ON p2a (c);"
        f"ALTER INDEX p2_x ATTACH PARTITION p2a_x; {NOT_VALID.format('p2a_x')}",
    )
    (finding,) = amiss(connection, make_specs(tmp_path / "specs", p=X))
    assert (finding.rule, finding.problem.where) == ("invalid-index", "public.p.x")
    assert finding.problem.message == (
        "the index is INVALID: public.p1 has none attached (p1_x is equal and can be); "
        "p2a_x of public.p2a is INVALID; public.p2b has none; public.p3 has none"
    )
    assert finding.problem.remedy[:3] == (
        "ALTER INDEX public.x ATTACH PARTITION public.p1_x;",
        "REINDEX INDEX CONCURRENTLY public.p2a_x;",
        finding.problem.remedy[2],
    )


def test_a_valid_parent_with_an_invalid_partition_is_found(connection: Connection, tmp_path: Path) -> None:
    set_up(connection, TREE, X, NOT_VALID.format("p2a_c_idx"))
    (finding,) = amiss(connection, make_specs(tmp_path / "specs", p=X))
    assert finding.problem.message == (
        "the index is valid, but not in each partition: p2a_c_idx of public.p2a is INVALID"
    )
    assert finding.problem.remedy == ("REINDEX INDEX CONCURRENTLY public.p2a_c_idx;",)


def test_an_invalid_index_is_not_attached(connection: Connection, tmp_path: Path) -> None:
    set_up(connection, TREE, ONLY, "CREATE INDEX p1_x ON p1 (c)", NOT_VALID.format("p1_x"))
    found = {f.problem.where: f for f in amiss(connection, make_specs(tmp_path / "specs", p=X))}
    leftover, finding = found["public.p1.p1_x"], found["public.p.x"]
    assert leftover.problem.remedy == ("DROP INDEX CONCURRENTLY public.p1_x;",)
    assert "public.p1 has none;" in finding.problem.message
    assert not any("ATTACH PARTITION public.p1_x;" in remedy for remedy in finding.problem.remedy)


def test_a_partitions_own_leftover_is_found_and_dropped(connection: Connection, tmp_path: Path) -> None:
    set_up(
        connection, TREE, X, "CREATE UNIQUE INDEX left_over ON p2a (c, b, a)", NOT_VALID.format("left_over")
    )
    specs = make_specs(tmp_path / "specs", p=X)
    (finding,) = amiss(connection, specs)
    assert finding.problem.where == "public.p2a.left_over"
    repair_table(connection, specs)
    assert amiss(connection, specs) == []
    assert "left_over" not in index_names(connection)


@pytest.mark.parametrize(
    ("setup", "spec", "reason"),
    [
        (
            "",
            "CREATE UNIQUE INDEX x ON p (b);",
            "the partition key of public.p among its keys, and x lacks a",
        ),
        (
            "",
            "CREATE UNIQUE INDEX x ON p (a);",
            "the partition key of public.p2 among its keys, and x lacks b",
        ),
        ("", "CREATE UNIQUE INDEX x ON p (b) INCLUDE (a);", "the partition key of public.p among"),
        (FOREIGN, UNIQUE, "public.pf is a foreign table, and a unique index can't span it"),
        (
            "CREATE TABLE p4 PARTITION OF p FOR VALUES FROM (40) TO (50) PARTITION BY LIST ((b + 1))",
            UNIQUE,
            "the partition key of public.p4 has an expression",
        ),
    ],
)
def test_a_unique_index_that_can_not_be_is_refused_before_anything_is_built(
    connection: Connection, tmp_path: Path, setup: str, spec: str, reason: str
) -> None:
    set_up(connection, TREE, setup)
    before = index_names(connection)
    (advice,) = plan(connection, make_specs(tmp_path / "specs", p=spec))
    assert reason in advice
    with pytest.raises(psycopg.Error):
        connection.execute(spec.encode())  # the server agrees
    with pytest.raises(RefusedError, match="can't be built"):
        ensure(connection, index_from_text(spec))
    assert index_names(connection) == before


@pytest.mark.parametrize(
    ("setup", "spec", "advice"),
    [
        (f"{FOREIGN}; {ONLY}", X, "never becomes valid where a partition is a foreign table"),
        ("CREATE INDEX z ON ONLY p (b)", X, "z is left to you: PostgreSQL can't drop it CONCURRENTLY"),
        (
            "ALTER TABLE p ADD CONSTRAINT x UNIQUE (a, b)",
            X,
            "constraint x stands on it; dropping that is your",
        ),
        (
            "ALTER TABLE ONLY p ADD CONSTRAINT z UNIQUE (a, b)",
            X,
            "constraint z stands on it; each partition needs the constraint too",
        ),
        (
            "ALTER TABLE ONLY p ADD CONSTRAINT u UNIQUE (a, b)",
            UNIQUE,
            "constraint u stands on it; each partition needs the constraint too",
        ),
    ],
)
def test_what_is_left_to_people(
    connection: Connection, tmp_path: Path, setup: str, spec: str, advice: str
) -> None:
    set_up(connection, TREE, setup)
    specs = make_specs(tmp_path / "specs", p=spec)
    repair_table(connection, specs)
    assert any(advice in remedy for finding in amiss(connection, specs) for remedy in finding.problem.remedy)


def test_what_is_replaced_is_put_aside_with_the_script_that_drops_it(
    connection: Connection, tmp_path: Path
) -> None:
    set_up(connection, TREE, "CREATE INDEX x ON p (b)")
    specs = make_specs(tmp_path / "specs", p=X)
    repair_table(connection, specs)
    (finding,) = (f for f in find(connection, specs) if f.problem.where == "public.p.x_kc_old")
    assert finding.rule == "unmanaged-index"
    (remedy,) = finding.problem.remedy
    script = remedy.partition("run it until it succeeds: ")[2]
    connection.execute(script.encode())
    assert "x_kc_old" not in index_names(connection)


def test_a_half_detached_partition_does_not_count(
    connection: Connection, connect: Callable[..., Connection], tmp_path: Path
) -> None:
    set_up(connection, TREE)
    reader, worker = connect(), connect()
    reader.execute("BEGIN")
    reader.execute("SELECT FROM p")
    worker.execute("SET lock_timeout = '50ms'")
    with pytest.raises(psycopg.errors.LockNotAvailable):
        worker.execute("ALTER TABLE p DETACH PARTITION p3 CONCURRENTLY")
    reader.execute("COMMIT")
    specs = make_specs(tmp_path / "specs", p=X)
    repair_table(connection, specs)
    assert amiss(connection, specs) == []
    assert not any(name.startswith("p3") for name in index_names(connection))


def test_names_of_partition_indexes_fit_and_differ(connection: Connection, tmp_path: Path) -> None:
    """`p_1` with index `x` and `p` with index `1_x` are not one name; nor are two long ones."""
    long = "p_" + "é" * 29
    set_up(
        connection,
        "CREATE TABLE p (a int, b int) PARTITION BY RANGE (a); CREATE SCHEMA s;"
        f"CREATE TABLE {long}a PARTITION OF p FOR VALUES FROM (0) TO (1);"
        f"CREATE TABLE {long}b PARTITION OF p FOR VALUES FROM (1) TO (2);"
        f"CREATE TABLE s.{long}a PARTITION OF p FOR VALUES FROM (2) TO (3)",
    )
    specs = make_specs(tmp_path / "specs", p="CREATE INDEX x ON p (b); CREATE INDEX x_1 ON p (b, a);")
    repair_table(connection, specs)
    assert amiss(connection, specs) == []
    assert len(index_names(connection)) == 8


def test_a_duplicate_of_a_partitioned_table_is_left_to_people(connection: Connection, tmp_path: Path) -> None:
    set_up(connection, TREE, X, "CREATE INDEX z ON p (c)")
    specs = make_specs(tmp_path / "specs", p=X)
    (finding,) = (finding for finding in find(connection, specs) if finding.rule == "duplicate-index")
    assert "this waits for nobody" in finding.problem.remedy[0]
    assert repair_table(connection, specs) == ()


def test_the_parents_lock_is_waited_for_in_short(
    connection: Connection, connect: Callable[..., Connection]
) -> None:
    """A writer's transaction keeps SHARE away from the parent: others must not queue behind it for long."""
    set_up(connection, TREE)
    writer = connect()
    writer.execute("BEGIN")
    writer.execute("INSERT INTO p VALUES (1, 1, 'x')")
    with pytest.raises(ServerError, match="others held locks in each of 2 attempts"):
        ensure(connection, index_from_text(X), Patience(lock_timeout_ms=50, attempts=2, pause_s=0.05))
    writer.execute("COMMIT")
    assert index_names(connection) == set()


def test_an_operation_builds_on_all_partitions(connection: Connection) -> None:
    set_up(connection, TREE)
    for text in (X, UNIQUE):
        for _ in range(2):
            ensure(connection, index_from_text(text))
    assert all_valid(connection)


def test_a_drop_leaves_a_partitioned_index_and_says_how_to_drop_it(connection: Connection) -> None:
    set_up(connection, TREE, X)
    with listening() as remarks:
        drop(connection, "x", "p")
    assert "x" in index_names(connection)
    (remark,) = remarks
    assert "LOCK TABLE public.p IN ACCESS EXCLUSIVE MODE NOWAIT; DROP INDEX public.x; COMMIT;" in remark


def test_duplicate_rows_of_a_partition_are_found_before_anything_is_built(
    connection: Connection, tmp_path: Path
) -> None:
    set_up(connection, TREE, "INSERT INTO p VALUES (12, 12, 'again')")
    specs = make_specs(tmp_path / "specs", p=X + UNIQUE)
    with pytest.raises(RefusedError, match=r"^public\.p2b has duplicate rows, so that u can't be built"):
        repair_table(connection, specs)
    names = index_names(connection)
    assert "x" in names
    assert "u" not in names
