"""Repair on a real server: from every bad state to a clean verification, and nothing lost on the way."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psycopg
import pytest

from kc_db.errors import RefusedError
from kc_db.findings import Finding
from kc_db.indexes.load_specs import allowing
from kc_db.indexes.model import Spec
from kc_db.indexes.repair import plan_table
from kc_db.online.index_build import repair_table
from tests.conftest import Connection
from tests.indexes import find, fresh_database, index_names, make_specs, match
from tests.servers import Server

TABLE = """
CREATE TABLE t (id int PRIMARY KEY, a int, b int, c text, UNIQUE (a, c));
CREATE INDEX unnamed ON t (c, b);
CREATE TABLE u (a int);
CREATE INDEX u_other ON u (a)
"""
KEPT = {"t_pkey", "t_a_c_key", "unnamed", "u_other"}
X_A, Y_B = "CREATE INDEX x ON t (a);", "CREATE INDEX y ON t (b);"
NOT_VALID = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{}'::regclass"
NOT_READY = NOT_VALID.replace("= false", "= false, indisready = false")
FULL = (
    'CREATE UNIQUE INDEX "X y" ON t USING btree (a DESC, lower(c) COLLATE "C" text_pattern_ops) INCLUDE (b)'
    " WITH (fillfactor = 70) WHERE a IS NOT NULL;"
)
MANY = (
    "CREATE INDEX x ON t (b); CREATE INDEX z ON t (b DESC); CREATE INDEX zz ON t (a, b);"
    f"{NOT_VALID.format('zz')}; CREATE INDEX d ON t (b)"
)
REPLICATED = "CREATE UNIQUE INDEX x ON t (b); ALTER TABLE t REPLICA IDENTITY USING INDEX x"
MENDED = {
    "missing-table",
    "missing-index",
    "different-definition",
    "invalid-index",
    "misnamed-index",
    "duplicate-index",
    "undetermined-definition",
}
NOT_LIVE = NOT_READY.replace("= false", "= false, indislive = false", 1)

BAD_STATES = {
    "missing": ("", X_A + Y_B),
    "missing with everything": ("", FULL),
    "misnamed": ("CREATE INDEX z ON t (a)", X_A),
    "misnamed constraint": ("", "CREATE UNIQUE INDEX x ON t (a, c);"),
    "misnamed primary key": ("", "CREATE UNIQUE INDEX x ON t (id);"),
    "different": ("CREATE INDEX x ON t (b)", X_A),
    "different in all but the name": (
        "CREATE UNIQUE INDEX x ON t (b DESC) WITH (fillfactor = 50) WHERE a > 1",
        "CREATE INDEX x ON t USING hash (c);",
    ),
    "different, the right one named otherwise": ("CREATE INDEX x ON t (b); CREATE INDEX z ON t (a)", X_A),
    "different, a longest name": (
        f"CREATE INDEX {'x' * 63} ON t (b)",
        f"CREATE INDEX {'x' * 63} ON t (a);",
    ),
    "different, the passing name taken": ("CREATE INDEX x ON t (b); CREATE INDEX x_kc_new ON t (b, a)", X_A),
    "duplicate": ("CREATE INDEX x ON t (a); CREATE INDEX z ON t (a); CREATE INDEX a ON t (a)", X_A),
    "duplicate of one that is different": (
        "CREATE INDEX x ON t (b); CREATE INDEX a ON t (b)",
        X_A + "CREATE INDEX a ON t (b);",
    ),
    "duplicate of a constraint": (
        "CREATE UNIQUE INDEX z ON t (a, c)",
        "CREATE UNIQUE INDEX t_a_c_key ON t (a, c);",
    ),
    "one for two": ("CREATE INDEX z ON t (a)", X_A + "CREATE INDEX y ON t (a DESC);"),
    "swapped": ("CREATE INDEX x ON t (b); CREATE INDEX y ON t (a)", X_A + Y_B),
    "turned round": (
        "CREATE INDEX x ON t (b); CREATE INDEX y ON t (c); CREATE INDEX z ON t (a)",
        X_A + Y_B + "CREATE INDEX z ON t (c);",
    ),
    "a chain of names": (
        "CREATE INDEX y ON t (a); CREATE INDEX z ON t (b)",
        X_A + Y_B + "CREATE INDEX z ON t (c);",
    ),
    "the name of another, which is missing": ("CREATE INDEX y ON t (a)", X_A + Y_B),
    "the name of another, which comes first": ("CREATE INDEX x ON t (b)", X_A + Y_B),
    "swapped constraints": (
        "ALTER TABLE t ADD CONSTRAINT x UNIQUE (b); ALTER TABLE t ADD CONSTRAINT y UNIQUE (a)",
        "CREATE UNIQUE INDEX x ON t (a); CREATE UNIQUE INDEX y ON t (b);",
    ),
    "invalid": (f"CREATE INDEX x ON t (a); {NOT_VALID.format('x')}", X_A),
    "not ready": (f"CREATE INDEX x ON t (a); {NOT_READY.format('x')}", X_A),
    "half dropped": (f"CREATE INDEX x ON t (a); {NOT_LIVE.format('x')}", X_A),
    "invalid and different": (f"CREATE INDEX x ON t (b); {NOT_VALID.format('x')}", X_A),
    "invalid, the right one named otherwise": (
        f"CREATE INDEX x ON t (a); CREATE INDEX z ON t (a); {NOT_VALID.format('x')}",
        X_A,
    ),
    "invalid, of no spec": (f"CREATE INDEX z ON t (a); {NOT_VALID.format('z')}", X_A),
    "invalid passing one": (
        f"CREATE INDEX x ON t (b); CREATE INDEX x_kc_new ON t (a); {NOT_VALID.format('x_kc_new')}",
        X_A,
    ),
    "invalid constraint": (NOT_VALID.format("t_a_c_key"), "CREATE UNIQUE INDEX t_a_c_key ON t (a, c);"),
    "invalid primary key": (NOT_VALID.format("t_pkey"), X_A),
    "everything at once": (
        MANY,
        X_A + Y_B + "CREATE INDEX y2 ON t (b DESC); CREATE INDEX zz ON t (a, b);",
    ),
}


def set_up(connection: Connection, *scripts: str) -> None:
    for script in scripts:
        for statement in filter(None, script.split(";")):
            connection.execute(statement.encode())


def plan(connection: Connection, specs: Sequence[Spec]) -> list[str]:
    return [step.text for table in match(connection, specs) for step in plan_table(table) if step.statement]


def amiss(connection: Connection, specs: Sequence[Spec]) -> list[Finding]:
    """What repair is to mend; other rules give advice on the specs themselves."""
    return [finding for finding in find(connection, specs) if finding.rule in MENDED]


def clean(connection: Connection, specs: Sequence[Spec]) -> bool:
    return not amiss(connection, specs)


@pytest.fixture(scope="module")
def database(server: Server) -> Iterator[str]:
    """One database for all tests: making one takes longer than most of them."""
    with fresh_database(server) as url:
        yield url


@pytest.fixture
def database_url(database: str) -> str:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return database


@pytest.fixture(params=BAD_STATES.values(), ids=BAD_STATES)
def bad(request: pytest.FixtureRequest, connection: Connection, tmp_path: Path) -> Sequence[Spec]:
    setup, specs = request.param
    set_up(connection, TABLE, setup)
    return make_specs(tmp_path / "specs", t=specs)


def test_repair_mends_and_loses_nothing(connection: Connection, bad: Sequence[Spec]) -> None:
    constraints = (
        "SELECT count(*) FROM pg_constraint WHERE conrelid = 't'::regclass AND contype IN ('p', 'u')"
    )
    before = connection.execute(constraints).fetchone()
    assert not clean(connection, bad)
    repair_table(connection, bad)
    assert clean(connection, bad)
    assert plan(connection, bad) == []
    assert connection.execute(constraints).fetchone() == before
    assert index_names(connection) >= {"unnamed", "u_other", *(spec.definition.name for spec in bad)}


def test_interrupted_anywhere_it_is_run_again(connection: Connection, bad: Sequence[Spec]) -> None:
    """One step, then everything is read and planned anew: as if each run were killed after its first step."""
    seen: list[str] = []
    while steps := plan(connection, bad):
        assert steps[0] not in seen
        seen.append(steps[0])
        connection.execute(steps[0].encode())
    assert clean(connection, bad)
    assert index_names(connection) - {spec.definition.name for spec in bad} <= KEPT | {"x_kc_new"}


def test_the_printed_script_can_be_pasted(connection: Connection, bad: Sequence[Spec]) -> None:
    """What a dry run shows is right as a whole, without being planned again."""
    for statement in plan(connection, bad):
        connection.execute(statement.encode())
    assert clean(connection, bad)


def test_each_remedy_can_be_pasted(connection: Connection, bad: Sequence[Spec]) -> None:
    """What stands at a finding mends that finding."""
    for _ in range(10):
        finding = next(iter(amiss(connection, bad)), None)
        if finding is None:
            break
        for statement in finding.problem.remedy:
            connection.execute(statement.encode())
        places = [(f.rule, f.problem.where) for f in find(connection, bad)]
        assert (finding.rule, finding.problem.where) not in places
    assert clean(connection, bad)


@pytest.mark.parametrize(
    ("setup", "spec", "advice"),
    [
        (
            "ALTER TABLE t ADD CONSTRAINT x UNIQUE (b)",
            X_A,
            "-- x is left to you: constraint x stands on it; dropping that is your decision",
        ),
        (
            "CREATE UNIQUE INDEX x ON t (b); CREATE TABLE f (b int REFERENCES t (b))",
            X_A,
            "-- x is left to you: foreign key f_b_fkey stands on it; dropping that is your decision",
        ),
        (
            f"ALTER TABLE t ALTER b SET NOT NULL; {REPLICATED}",
            X_A,
            "-- x is left to you: the replica identity stands on it; dropping that is your decision",
        ),
        (
            "ALTER TABLE t ADD EXCLUDE USING btree (b WITH =)",
            "CREATE INDEX t_b_excl ON t (b);",
            "-- t_b_excl is left to you: constraint t_b_excl stands on it; dropping that is your decision",
        ),
        (
            f"ALTER TABLE t ADD EXCLUDE USING btree (b WITH =); {NOT_VALID.format('t_b_excl')}",
            "CREATE UNIQUE INDEX t_a_c_key ON t (a, c);",
            (
                "-- t_b_excl is left to you: constraint t_b_excl stands on it; "
                "PostgreSQL can't rebuild it CONCURRENTLY: REINDEX it when writes may wait"
            ),
        ),
        (
            "CREATE SEQUENCE x",
            X_A,
            "-- the name x is taken by a sequence: rename one of the two",
        ),
        ("", "CREATE INDEX x ON t (zz);", "-- add the missing columns first: zz"),
        ("", "CREATE INDEX x ON t (lower(zz)) WHERE yy;", "-- add the missing columns first: zz, yy"),
        (
            "ALTER TABLE t ADD UNIQUE (b); ALTER TABLE t ADD CONSTRAINT x UNIQUE (b)",
            "CREATE UNIQUE INDEX x ON t (b);",
            "-- t_b_key is left to you: constraint t_b_key stands on it; x does the same",
        ),
        (
            "CREATE INDEX x ON t (a); CREATE INDEX y ON t (a)",
            X_A + "CREATE INDEX y ON t (a);",
            "-- y is left to you: two specs want the same as x; delete one of them",
        ),
    ],
)
def test_what_is_left_to_people(
    connection: Connection, tmp_path: Path, setup: str, spec: str, advice: str
) -> None:
    set_up(connection, TABLE, setup)
    specs = make_specs(tmp_path / "specs", t=spec)
    before = index_names(connection)
    (table,) = match(connection, specs)
    assert [step.text for step in plan_table(table)] == [advice]
    assert repair_table(connection, specs) == ()
    assert index_names(connection) == before
    assert [f.problem.remedy for f in amiss(connection, specs) if f.problem.remedy] == [(advice,)]


def test_a_missing_table(connection: Connection, tmp_path: Path) -> None:
    specs = make_specs(tmp_path / "specs", t=X_A)
    (table,) = match(connection, specs)
    assert [step.text for step in plan_table(table)] == [
        "-- table t doesn't exist; run: alembic upgrade head"
    ]
    assert repair_table(connection, specs) == ()


def test_two_specs_for_one_index_are_both_built(connection: Connection, tmp_path: Path) -> None:
    set_up(connection, TABLE, "CREATE INDEX z ON t (a)")
    specs = make_specs(tmp_path / "specs", t=X_A + "CREATE INDEX y ON t (a);")
    assert [step.text for step in repair_table(connection, specs)] == [
        "ALTER INDEX public.z RENAME TO x;",
        "CREATE INDEX CONCURRENTLY y ON public.t (a);",
    ]
    assert [f.rule for f in amiss(connection, specs)] == ["duplicate-index"]


@pytest.mark.parametrize("setup", ["", "CREATE INDEX x ON t (b)"], ids=["missing", "different"])
def test_duplicate_rows_leave_things_as_they_were(connection: Connection, tmp_path: Path, setup: str) -> None:
    set_up(connection, TABLE, setup, "INSERT INTO t VALUES (1, 7), (2, 7)")
    specs = make_specs(tmp_path / "specs", t="CREATE UNIQUE INDEX x ON t (a);")
    before = index_names(connection)
    for _ in range(2):
        with pytest.raises(
            RefusedError, match=r"^public\.t has duplicate rows, .*in 2 rows: \(a\) = \(7\) in 2 rows\."
        ) as caught:
            repair_table(connection, specs)
        assert "\n" not in str(caught.value)
        assert index_names(connection) == before
    connection.execute("DELETE FROM t WHERE id = 2")
    repair_table(connection, specs)
    assert clean(connection, specs)


def test_duplicate_rows_under_an_invalid_constraint(connection: Connection, tmp_path: Path) -> None:
    set_up(
        connection,
        TABLE,
        NOT_VALID.format("t_a_c_key"),
        "INSERT INTO t VALUES (1, 7, 1, 'x')",
    )
    connection.execute("UPDATE pg_index SET indisready = false WHERE indexrelid = 't_a_c_key'::regclass")
    connection.execute("INSERT INTO t VALUES (2, 7, 1, 'x')")
    specs = make_specs(tmp_path / "specs", t="CREATE UNIQUE INDEX t_a_c_key ON t (a, c);")
    with pytest.raises(RefusedError, match="has duplicate rows"):
        repair_table(connection, specs)
    assert index_names(connection) >= KEPT
    connection.execute("DELETE FROM t WHERE id = 2")
    repair_table(connection, specs)
    assert clean(connection, specs)
    assert index_names(connection) == KEPT


def test_a_killed_build_is_mended(
    connection: Connection, connect: Callable[[], Connection], tmp_path: Path
) -> None:
    """A real INVALID leftover, as a cancelled CONCURRENTLY leaves it, on every version."""
    set_up(connection, TABLE, "INSERT INTO t VALUES (1, 7), (2, 7)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        connection.execute("CREATE UNIQUE INDEX CONCURRENTLY x ON t (a)")
    connection.execute("DELETE FROM t WHERE id = 2")
    specs = make_specs(tmp_path / "specs", t="CREATE UNIQUE INDEX x ON t (a);")
    assert [f.rule for f in amiss(connection, specs)] == ["invalid-index"]
    repair_table(connect(), specs)
    assert clean(connection, specs)


@pytest.mark.parametrize(
    ("setup", "remark", "rule"),
    [
        ("CREATE INDEX x ON t (a); CREATE INDEX hand_made ON t (a)", "duplicate-index", "duplicate-index"),
        ("CREATE INDEX x ON t (b)", "different-definition", "different-definition"),
        ("CREATE INDEX y ON t (a)", "misnamed-index", "misnamed-index"),
        ("", "missing-index", "missing-index"),
    ],
)
def test_what_is_allowed_or_off_is_not_mended(
    connection: Connection, tmp_path: Path, setup: str, remark: str, rule: str
) -> None:
    connection.execute("CREATE TABLE t (a integer, b integer)")
    connection.execute(setup.encode())
    spec = "CREATE INDEX x ON t (a);"
    plain, allowed = (
        make_specs(tmp_path / name, t=f"-- Why.\n{more}{spec}")
        for name, more in (("plain", ""), ("allowed", f"-- kc: allow {remark} -- it is wanted\n"))
    )
    off = [allowing(one, {rule}) for one in plain]
    plans = [
        [step for table in match(connection, specs) for step in plan_table(table)]
        for specs in (plain, allowed, off)
    ]
    assert [bool(plan) for plan in plans] == [True, False, False]
