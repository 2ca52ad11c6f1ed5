"""What plan-migrations says of the operations on constraints is what they then do."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import op

from kc_db.online.plan.model import PlannedRevision, Work
from kc_db.online.plan.planner import Pending, plan_revisions
from tests.deploys import Connection, damage, listening, snapshot
from tests.postgres.test_constraints import migrating

call: Any = op  # the operations of kc-db are registered while this runs: no type checker knows them
T = """
CREATE TABLE u (id int PRIMARY KEY);
CREATE TABLE t (id int NOT NULL, a int, b text, u_id int, CONSTRAINT t_b_check CHECK (b <> ''));
INSERT INTO u SELECT generate_series(1, 10);
INSERT INTO t SELECT n, n, 'x', n FROM generate_series(1, 10) AS n;
ANALYZE;
"""
FOREIGN = "FOREIGN KEY (u_id) REFERENCES u (id)"
AS_IS = "SELECT 1"
Upgrade = Callable[[], None]


def add(definition: str) -> Upgrade:
    return lambda: call.ensure_constraint(f"ALTER TABLE t ADD CONSTRAINT c {definition}")


def not_null(column: str) -> Upgrade:
    return lambda: call.ensure_not_null(column, on="t")


@pytest.fixture
def table(connection: Connection) -> Connection:
    connection.execute(T.encode())
    return connection


def planned(connection: Connection, *upgrades: Upgrade) -> tuple[PlannedRevision, ...]:
    """The plan; nothing is changed by making it."""
    before = snapshot(connection)
    pending = [Pending(str(number), "", "", upgrade) for number, upgrade in enumerate(upgrades, 1)]
    revisions = plan_revisions(connection, pending)
    assert snapshot(connection) == before
    return revisions


def ran(connection: Connection, upgrade: Upgrade) -> list[str]:
    """The statements that an operation runs, as its log says them."""
    with listening() as said, migrating(connection):
        upgrade()
    return [line for line in said if line.endswith(";")]


def changes(revision: PlannedRevision) -> list[str]:
    return [one.sql for one in revision.statements]


@pytest.mark.parametrize(
    ("there", "upgrade", "number"),
    [
        (AS_IS, add("CHECK (a > 0)"), 2),
        ("ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID", add("CHECK (a > 0)"), 1),
        ("ALTER TABLE t ADD CONSTRAINT d CHECK (a > 0)", add("CHECK (a > 0)"), 0),
        (AS_IS, add(FOREIGN), 2),
        (AS_IS, add("UNIQUE (a)"), 2),
        ("CREATE UNIQUE INDEX i ON t (a)", add("UNIQUE (a)"), 1),
        (AS_IS, add("PRIMARY KEY (id)"), 2),
        (AS_IS, lambda: call.drop_constraint_online("t_b_check", on="t"), 1),
        (AS_IS, lambda: call.drop_constraint_online("none", on="public.t"), 0),
        ("ALTER TABLE t ALTER a SET NOT NULL", not_null("a"), 0),
        ("ALTER TABLE t ADD CONSTRAINT t_a_kc_not_null CHECK (a IS NOT NULL) NOT VALID", not_null("a"), 3),
        ("ALTER TABLE t ADD CONSTRAINT t_a_kc_not_null CHECK (a IS NOT NULL)", not_null("a"), 2),
        (AS_IS, lambda: call.drop_not_null("id", on="t"), 1),
        (AS_IS, lambda: call.drop_not_null("a", on="t"), 0),
        ("CREATE INDEX i ON t (a)", lambda: call.rename_index_online("i", "j", on="t"), 1),
        ("CREATE INDEX j ON t (a)", lambda: call.rename_index_online("i", "j", on="t"), 0),
    ],
)
def test_what_is_planned_is_run(table: Connection, there: str, upgrade: Upgrade, number: int) -> None:
    table.execute(there.encode())
    (revision,) = planned(table, upgrade)
    assert (revision.unknown, revision.refused) == (None, None)
    assert all(one.effect.locks for one in revision.statements)
    assert ran(table, upgrade) == changes(revision)
    assert len(revision.statements) == number
    (done,) = planned(table, upgrade)
    assert (len(done.remarks), done.statements) == (1, ())


@pytest.mark.parametrize(
    "there",
    [
        AS_IS,
        "ALTER TABLE t ADD CONSTRAINT t_a_not_null CHECK (a > 0)",
        f"ALTER TABLE t RENAME a TO {'a' * 40}; ALTER TABLE t RENAME TO {'t' * 60}",
    ],
)
def test_not_null_by_the_way_that_the_version_takes(table: Connection, there: str) -> None:
    """From PostgreSQL 18 on the server chooses a name, which the plan has to guess."""
    table.execute(there.encode())
    long = "RENAME" in there
    upgrade = partial(call.ensure_not_null, "a" * (40 if long else 1), on="t" * (60 if long else 1))
    (revision,) = planned(table, upgrade)
    works = [Work.MOMENT, Work.SCAN]
    works += [Work.MOMENT] * 2 if table.info.server_version < 180000 else []
    assert [one.effect.work for one in revision.statements] == works
    assert ran(table, upgrade) == changes(revision)


def test_a_primary_key_of_columns_that_may_be_null(table: Connection) -> None:
    (revision,) = planned(table, upgrade := add("PRIMARY KEY (id, a)"))
    assert ran(table, upgrade) == changes(revision)
    build, takes_over = revision.statements[-2:]
    assert (build.effect.work, takes_over.effect.work) == (Work.BUILD, Work.MOMENT)
    assert build.certain  # so that duplicate rows are looked for before anything runs
    assert build.space_bytes


def test_an_invalid_leftover_of_a_unique_constraint(table: Connection) -> None:
    table.execute("CREATE UNIQUE INDEX c ON t (a)")
    damage(table, "c")
    (revision,) = planned(table, upgrade := add("UNIQUE (a)"))
    assert ran(table, upgrade) == changes(revision)
    assert len(revision.statements) == 3


@pytest.mark.parametrize("other", ["u", "t"])
def test_dropping_a_foreign_key_locks_the_other_table(table: Connection, other: str) -> None:
    table.execute("CREATE UNIQUE INDEX ON t (id)")
    table.execute(f"ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (u_id) REFERENCES {other} (id)".encode())
    (revision,) = planned(table, lambda: call.drop_constraint_online("f", on="public.t"))
    (statement,) = revision.statements
    with table.transaction(force_rollback=True):
        table.execute(statement.sql.encode())
        rows = table.execute(
            "SELECT relation::regclass::text FROM pg_locks JOIN pg_class ON pg_class.oid = relation "
            "WHERE pid = pg_backend_pid() AND mode = 'AccessExclusiveLock' AND relkind = 'r'"
        ).fetchall()
    assert sorted(lock.on.name for lock in statement.effect.locks or ()) == sorted({row[0] for row in rows})


def test_a_column_or_a_table_that_an_earlier_revision_adds(table: Connection) -> None:
    """Both are pending: the later one has to be planned on what isn't there yet."""
    upgrades: list[Upgrade] = [
        lambda: call.add_column("t", sa.Column("d", sa.Integer)),
        lambda: call.execute("UPDATE t SET d = id"),
        not_null("d"),
        add("UNIQUE (d)"),
        lambda: call.create_table("n", sa.Column("id", sa.Integer)),
        lambda: call.ensure_constraint("ALTER TABLE n ADD CONSTRAINT n_id_check CHECK (id > 0)"),
        lambda: call.ensure_not_null("id", on="n"),
    ]
    revisions = planned(table, *upgrades)
    assert [(one.unknown, one.refused) for one in revisions] == [(None, None)] * len(upgrades)
    assert ["is taken to add it" in one.remarks[0] for one in revisions[2:4]] == [True, True]
    for upgrade, revision in zip(upgrades, revisions, strict=True):
        if lines := ran(table, upgrade):  # Alembic's own log no statements
            assert [line.replace(" public.", " ") for line in lines] == changes(revision)
    assert planned(table, upgrades[2], upgrades[6])[0].remarks == ("nothing to do: t.d is NOT NULL",)


def test_a_name_that_an_earlier_revision_may_free(table: Connection) -> None:
    table.execute("ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)")
    _, revision = planned(
        table, lambda: call.add_column("t", sa.Column("d", sa.Integer)), add("CHECK (d > 0)")
    )
    assert "exists with another definition" in (revision.unknown or "")


@pytest.mark.parametrize(
    ("there", "upgrade", "message"),
    [
        ("ALTER TABLE t ADD CONSTRAINT c CHECK (a < 99)", add("CHECK (a > 0)"), "another definition"),
        (AS_IS, add("CHECK (none > 0)"), 'column "none" does not exist'),
        (AS_IS, add("CHECK (a > b)"), "operator does not exist"),
        (AS_IS, not_null("none"), "has no column none"),
        (AS_IS, lambda: call.rename_index_online("i", "j", on="t"), "has no index i, and no j"),
        (AS_IS, lambda: call.drop_not_null("a", on="none"), "there is no table none"),
    ],
)
def test_what_would_be_refused(table: Connection, there: str, upgrade: Upgrade, message: str) -> None:
    table.execute(there.encode())
    (revision,) = planned(table, upgrade)
    assert message in (revision.refused or "")
    assert revision.statements == ()


def test_a_role_that_may_not_ask(table: Connection) -> None:
    table.execute("SET default_transaction_read_only = on")
    (revision,) = planned(table, add("CHECK (a > 0)"))
    assert "doesn't say how it would write t.c" in (revision.unknown or "")
