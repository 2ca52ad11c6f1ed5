"""Who is waited for, how long, what is said of it, and what is left of the session afterwards."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import count

import psycopg
import pytest
import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext

from kc_db.errors import InputError, KcDbError, ServerError
from kc_db.indexes.parse import index_from_text
from kc_db.indexes.statements import create_index
from kc_db.indexes.steps import run
from kc_db.online import operations as _registered  # noqa: F401 - registers the operations
from kc_db.online.blockers import find_blockers, redacted
from kc_db.online.deploy_lock import deploy_lock
from kc_db.online.leftovers import Leftovers
from kc_db.online.patience import Patience, patience_of
from tests.deploys import Connection, damage, ensure_index, listening, snapshot, wait_until
from tests.postgres.test_converge import meanwhile, wait_for

Connect = Callable[..., Connection]
Work = Callable[..., None]
INDEX = "CREATE INDEX t_a_idx ON t (a)"
UNIQUE = "ALTER TABLE t ADD CONSTRAINT t_a_key UNIQUE (a)"
CHECK = "ALTER TABLE t ADD CONSTRAINT t_a_check CHECK (a > 0)"
FOREIGN = "ALTER TABLE t ADD CONSTRAINT t_a_fkey FOREIGN KEY (a) REFERENCES u (id)"
HASTY = {
    "KC_DB_LOCK_TIMEOUT_MS": "50",
    "KC_DB_BUILD_WAIT_MS": "100",
    "KC_DB_LOCK_ATTEMPTS": "2",
    "KC_DB_LOCK_PAUSE_S": "0.05",
}
WORKS: Mapping[str, Work] = {
    "ensure_tables": lambda op: op.ensure_tables(_new_table()),
    "drop_empty_tables": lambda op: op.drop_empty_tables("empty"),
    "ensure_index": lambda op: op.ensure_index(INDEX),
    "replace": lambda op: op.ensure_index("CREATE INDEX old ON t (b)", exactly=True),
    "drop_index_online": lambda op: op.drop_index_online("old", on="t"),
    "rename_index_online": lambda op: op.rename_index_online("old", "new", on="t"),
    "unique": lambda op: op.ensure_constraint(UNIQUE),
    "check": lambda op: op.ensure_constraint(CHECK),
    "foreign key": lambda op: op.ensure_constraint(FOREIGN),
    "drop_constraint_online": lambda op: op.drop_constraint_online("there", on="t"),
    "ensure_not_null": lambda op: op.ensure_not_null("a", on="t"),
    "drop_not_null": lambda op: op.drop_not_null("b", on="t"),
}


def _new_table() -> sa.Table:
    metadata = sa.MetaData()
    sa.Table("t", metadata, sa.Column("id", sa.Integer, primary_key=True))
    return sa.Table("new", metadata, sa.Column("id", sa.Integer, sa.ForeignKey("t.id")))


TABLES = """
CREATE TABLE u (id int PRIMARY KEY);
CREATE TABLE empty ();
CREATE TABLE t (id int PRIMARY KEY, a int, b int NOT NULL, CONSTRAINT there CHECK (b > 0));
CREATE INDEX old ON t (b, a);
INSERT INTO u SELECT generate_series(1, 9);
INSERT INTO t SELECT n, n, n FROM generate_series(1, 9) AS n;
"""


@pytest.fixture
def table(connection: Connection) -> Connection:
    connection.execute(TABLES.encode())
    return connection


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in HASTY.items():
        monkeypatch.setenv(name, value)


@contextmanager
def bound(connection: Connection) -> Iterator[sa.Connection]:
    """A connection of its own, as a program's pool would hand out again."""
    engine = sa.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(connection.info.dsn))
    try:
        with engine.connect() as bind:
            yield bind
    finally:
        engine.dispose()


def migrate(bind: sa.Connection, work: Work) -> None:
    context = MigrationContext.configure(bind)
    with context.begin_transaction(), Operations.context(context) as operations:
        work(operations)


def settings(bind: sa.Connection) -> dict[str, str]:
    rows = bind.exec_driver_sql("SELECT name, setting FROM pg_settings WHERE name <> 'transaction_isolation'")
    found = {name: setting for name, setting in rows}  # noqa: C416
    bind.rollback()
    return found


@contextmanager
def held(
    connect: Connect, statement: str = "LOCK TABLE t, u, empty; COMMENT ON INDEX old IS 'x'"
) -> Iterator[Connection]:
    holder = connect()
    holder.execute("SET application_name = 'booking'")
    holder.execute("BEGIN")
    holder.execute(statement.encode())
    try:
        yield holder
    finally:
        holder.execute("ROLLBACK")


@pytest.mark.parametrize("work", WORKS.values(), ids=WORKS)
def test_the_session_is_as_it_was(table: Connection, work: Work) -> None:
    with bound(table) as bind:
        bind.exec_driver_sql("SET lock_timeout = '7s'; SET statement_timeout = '8s'")
        bind.commit()
        before = settings(bind)
        migrate(bind, work)
        assert settings(bind) == before


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("work", WORKS.values(), ids=WORKS)
def test_the_session_is_as_it_was_also_after_a_failure(
    table: Connection, connect: Connect, work: Work
) -> None:
    with bound(table) as bind, held(connect):
        bind.exec_driver_sql("SET lock_timeout = '300ms'; SET statement_timeout = '8s'")
        bind.commit()
        before = settings(bind)
        with pytest.raises((KcDbError, psycopg.Error, sa.exc.DBAPIError)):
            migrate(bind, work)
        bind.rollback()
        assert settings(bind) == before
        locks = "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype <> 'virtualxid'"
        assert (
            bind.exec_driver_sql(f"{locks} AND relation::regclass::text IN ('t', 'u', 'empty')").scalar() == 0
        )


STRONG = {
    "ensure_tables": "ROW EXCLUSIVE",
    "drop_empty_tables": "ACCESS SHARE",
    "rename_index_online": "old",
    "unique": "ACCESS SHARE",
    "check": "ACCESS SHARE",
    "foreign key": "ROW EXCLUSIVE",
    "drop_constraint_online": "ACCESS SHARE",
    "ensure_not_null": "ACCESS SHARE",
    "drop_not_null": "ACCESS SHARE",
}


def lock_for(name: str) -> str:
    if name == "rename_index_online":
        return "COMMENT ON INDEX old IS 'x'"
    return f"LOCK TABLE t, u, empty IN {STRONG[name]} MODE"


@pytest.mark.parametrize("name", STRONG)
def test_a_strong_lock_is_tried_again_and_who_holds_it_is_said(
    table: Connection, connect: Connect, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("KC_DB_LOCK_TIMEOUT_MS", "1500")
    monkeypatch.setenv("KC_DB_LOCK_PAUSE_S", "0.05")
    with listening() as said, bound(table) as bind, ExitStack() as stack:
        holder = connect()
        holder.execute("SET application_name = 'booking'")
        holder.execute("BEGIN")
        holder.execute(lock_for(name).encode())
        holder.execute("SELECT 'a secret', 42")
        stack.enter_context(meanwhile(lambda: migrate(bind, WORKS[name])))
        try:
            wait_for(said, "try 2 again")
        finally:
            holder.execute("ROLLBACK")
    blocked = next(line for line in said if "blocked by" in line)
    assert f"waiting for a lock, blocked by pid {holder.info.backend_pid}, booking, idle in tr" in blocked
    assert re.search(r"since \d\d:\d\d:\d\d UTC, role \w+, last: SELECT \?, \?$", blocked)
    assert "secret" not in "".join(said)
    assert said.index(blocked) < next(i for i, line in enumerate(said) if "try 2 again" in line)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("name", STRONG)
def test_the_attempts_end_and_nothing_is_half_done(table: Connection, connect: Connect, name: str) -> None:
    with bound(table) as bind:
        with held(connect, lock_for(name)), pytest.raises(ServerError, match="in each of 2 attempts"):
            migrate(bind, WORKS[name])
        bind.rollback()
        migrate(bind, WORKS[name])
    invalid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
    assert table.execute(invalid.encode()).fetchone() == (0,)
    not_valid = "SELECT count(*) FROM pg_constraint WHERE NOT convalidated"
    assert table.execute(not_valid.encode()).fetchone() == (0,)


class Killed(BaseException):
    """Nothing is cleaned up but what a lost connection cleans up."""


@pytest.mark.parametrize("name", sorted(WORKS.keys() - {"ensure_tables", "drop_empty_tables"}))
def test_a_run_that_was_killed_between_two_statements_goes_on(
    table: Connection, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with bound(table) as bind:
        migrate(bind, WORKS[name])
        bind.rollback()
    wanted = snapshot(table)
    for statements in count(1):
        table.execute(f"DROP SCHEMA public CASCADE; CREATE SCHEMA public; {TABLES}".encode())
        left = iter(range(statements - 1))

        def end(*_: object, left: Iterator[int] = left) -> None:
            if next(left, None) is None:
                raise Killed

        with monkeypatch.context() as patch:
            patch.setattr("kc_db.online.leftovers.Leftovers.end", end)
            try:
                with bound(table) as bind:
                    migrate(bind, WORKS[name])
                break
            except Killed:
                pass
        with bound(table) as bind:
            migrate(bind, WORKS[name])
        assert snapshot(table) == wanted
    assert statements > 1


def test_between_two_attempts_no_lock_is_held(
    table: Connection, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KC_DB_LOCK_TIMEOUT_MS", "50")
    table.execute("CREATE TABLE other ()")
    with (
        listening() as said,
        bound(table) as bind,
        held(connect, "LOCK TABLE empty IN ACCESS SHARE MODE") as holder,
        meanwhile(lambda: migrate(bind, lambda op: op.drop_empty_tables("other", "empty"))),
    ):
        wait_for(said, "try 2 again")
        held_now = "SELECT count(*) = 0 FROM pg_locks WHERE relation = to_regclass('other') AND granted"
        wait_until(table, held_now)
        holder.execute("COMMIT")
    assert table.execute("SELECT to_regclass('other'), to_regclass('empty')").fetchone() == (None, None)


def test_a_leftover_of_our_own_is_dropped_where_the_last_attempt_ends(
    table: Connection, connect: Connect
) -> None:
    """The reader's snapshot holds up the end of the build, and no drop of an index that it never used."""
    reader = connect()
    reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    reader.execute("SELECT 1")
    patience = Patience(lock_timeout_ms=500, build_wait_ms=100, attempts=1)
    with listening() as said, pytest.raises(ServerError):
        ensure_index(table, INDEX, patience)
    assert said[-1] == "DROP INDEX CONCURRENTLY public.t_a_idx;"
    assert table.execute("SELECT to_regclass('t_a_idx')").fetchone() == (None,)
    reader.execute("COMMIT")


def test_a_leftover_that_can_not_be_dropped_is_said(table: Connection, connect: Connect) -> None:
    patience = Patience(lock_timeout_ms=50, build_wait_ms=100, attempts=1)
    with held(connect, "INSERT INTO t VALUES (10, 10, 10)"):
        with listening() as said, pytest.raises(ServerError):
            ensure_index(table, INDEX, patience)
        assert said[-1].startswith("t_a_idx stays, INVALID, until the next run: ")
    ensure_index(table, INDEX)


def test_a_leftover_of_somebody_else_is_left(table: Connection) -> None:
    definition = index_from_text(INDEX)
    step = run(definition.table, create_index(definition), builds="t_a_idx")
    for is_ours in (False, True):
        leftovers = Leftovers(table)
        if is_ours:
            table.execute("DROP INDEX t_a_idx")
            leftovers.begin(step)
        table.execute(INDEX.encode())
        damage(table, "t_a_idx")
        leftovers.begin(step)
        leftovers.drop(500)
        there = table.execute("SELECT to_regclass('t_a_idx') IS NOT NULL").fetchone()
        assert there == (not is_ours,)


@pytest.mark.parametrize("name", ["ensure_tables", "drop_empty_tables"])
def test_the_transactions_next_statement_has_its_own_lock_timeout(table: Connection, name: str) -> None:
    with bound(table) as bind:
        bind.exec_driver_sql("SET LOCAL lock_timeout = '7s'")
        migrate(bind, WORKS[name])
        assert bind.exec_driver_sql("SHOW lock_timeout").scalar() == "7s"


def test_the_deploy_locks_holder_is_said_again_when_it_is_another(
    connection: Connection, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kc_db.online.deploy_lock._REPEAT_S", 1000.0)
    first, second = connect(), connect()
    loser = connect()

    def lose() -> None:
        with deploy_lock(loser):
            pass

    with listening() as said:
        stack = ExitStack()
        stack.enter_context(deploy_lock(first))
        with meanwhile(lose):
            wait_for(said, f"(pid {first.info.backend_pid},")
            key = int.from_bytes(b"kc-db", "big")
            with meanwhile(lambda: second.execute("SELECT pg_advisory_lock(%s)", (key,))):
                wait_until(
                    connection,
                    "SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted",
                )
                stack.close()
            wait_for(said, f"(pid {second.info.backend_pid},")
            second.execute("SELECT pg_advisory_unlock_all()")
    assert len(said) == 2


def test_a_prepared_transaction_and_an_unseen_backend_are_said(table: Connection, connect: Connect) -> None:
    with held(connect, "LOCK TABLE t") as holder:
        waiter = connect()
        with meanwhile(lambda: waiter.execute("SELECT FROM t")):
            pid = waiter.info.backend_pid
            wait_until(table, f"SELECT cardinality(pg_blocking_pids({pid})) > 0")
            (blocker,) = find_blockers(table, pid)
            table.execute("CREATE ROLE kc_unseeing; SET ROLE kc_unseeing")
            try:
                (unseen,) = find_blockers(table, pid)
            finally:
                table.execute("RESET ROLE; DROP ROLE kc_unseeing")
                holder.execute("COMMIT")
    assert blocker.statement == "LOCK TABLE t"
    assert str(unseen).startswith(f"pid {holder.info.backend_pid}, booking")
    assert "privilege" not in str(unseen)
    assert "LOCK" not in str(unseen)


@pytest.mark.parametrize(
    ("statement", "shown"),
    [
        (
            "INSERT INTO t VALUES ('zoë', -12, 1.5e3, x'ff', $$me$$, $1) -- who",
            "INSERT INTO t VALUES (?, -?, ?, ?, ?, $1)",
        ),
        ("/* job 7 */ UPDATE  t\n SET a = 1", "UPDATE t SET a = ?"),
        ("ALTER ROLE app PASSWORD 'hunter2'", "ALTER ROLE app PASSWORD ?"),
        ("SET app.token = hunter2", "SET ..."),
        ("DO $kc$ BEGIN PERFORM 'hunter2'; END $kc$", "DO ?"),
        ("SELECT * FROM t WHERE a = 'hunter2", "SELECT ..."),
        (r"SELECT 'a\' hunter2", "SELECT ..."),
        (r"SELECT E'a\' hunter2', b", "SELECT E ..."),
        ("SELECT " + "a, " * 100, "SELECT " + ("a, " * 100)[:113] + " ..."),
        ("", ""),
    ],
)
def test_a_statement_is_shown_without_values(statement: str, shown: str) -> None:
    assert redacted(statement) == shown


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KC_DB_LOCK_TIMEOUT_MS", "0"),
        ("KC_DB_LOCK_TIMEOUT_MS", "2s"),
        ("KC_DB_LOCK_ATTEMPTS", "0"),
        ("KC_DB_LOCK_PAUSE_S", "nan"),
        ("KC_DB_BUILD_WAIT_MS", "-1"),
    ],
)
def test_patience_that_is_none_is_refused(name: str, value: str) -> None:
    with pytest.raises(InputError, match=f"{name} is '{value}', not a"):
        patience_of({name: value})


def test_patience_is_the_environments() -> None:
    assert patience_of({}) == Patience()
    assert patience_of(HASTY) == Patience(50, 100, 2, 0.05)
