import io
from collections.abc import Iterator

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from pglast import split

from kc_db.errors import InputError, RefusedError
from kc_db.online.deploy_lock import deploy_lock
from tests.deploys import (
    Connection,
    alembic_config,
    damage,
    downgrade,
    findings,
    revisions,
    run,
    script,
    snapshot,
    upgrade,
)

KEY = "payments_provider_payment_id_key"
PAYMENT = (
    "INSERT INTO payments (student_id, provider, amount_minor, currency) "
    "VALUES (gen_random_uuid(), 'stripe', 100, 'EUR')"
)


@pytest.fixture(autouse=True)
def _no_other_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)


def play(connection: Connection, text: str) -> None:
    """Runs a script as psql does with ON_ERROR_STOP: statement by statement, until one fails."""
    try:
        for statement in split(text):
            connection.execute(statement.encode())
    finally:
        connection.execute("ROLLBACK")


def test_the_migrations_make_what_the_specs_want(connection: Connection, database_url: str) -> None:
    upgrade(database_url)
    assert findings(connection) == ()


def test_a_second_upgrade_changes_nothing(connection: Connection, database_url: str) -> None:
    upgrade(database_url)
    oids = "SELECT array_agg(oid ORDER BY oid) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    before = snapshot(connection), connection.execute(oids).fetchone()
    upgrade(database_url)
    assert (snapshot(connection), connection.execute(oids).fetchone()) == before


def test_down_leaves_the_version_table_and_up_works_again(connection: Connection, database_url: str) -> None:
    upgrade(database_url)
    head = snapshot(connection)
    downgrade(database_url)
    assert {name for kind, name, _ in snapshot(connection) if kind == "relation"} == {
        "alembic_version",
        "alembic_version_pkc",
    }
    assert revisions(connection) == []
    upgrade(database_url)
    assert snapshot(connection) == head


def test_every_single_revision_goes_down_and_up(connection: Connection, database_url: str) -> None:
    upgrade(database_url)
    head = snapshot(connection)
    for _ in range(9):
        downgrade(database_url, "-1")
    assert revisions(connection) == ["0001"]
    for _ in range(9):
        upgrade(database_url, "+1")
    assert snapshot(connection) == head


def test_a_downgrade_does_not_drop_rows(connection: Connection, database_url: str) -> None:
    upgrade(database_url, "0001")
    connection.execute(PAYMENT)
    before = snapshot(connection)
    with pytest.raises(RefusedError, match="table payments holds rows and is not dropped"):
        downgrade(database_url)
    assert snapshot(connection) == before
    assert revisions(connection) == ["0001"]
    assert connection.execute("SELECT count(*) FROM payments").fetchone() == (1,)


def test_looking_takes_no_deploy_lock(connection: Connection, database_url: str) -> None:
    with deploy_lock(connection):
        assert run("current", url=database_url).returncode == 0
    assert snapshot(connection) == set()


def test_comparing_takes_no_deploy_lock(connection: Connection, database_url: str) -> None:
    upgrade(database_url)
    with deploy_lock(connection):
        result = run("check", url=database_url)
    assert result.returncode == 2
    assert "does not provide a MetaData object" in result.stderr


def test_the_script_makes_the_same_as_the_migrations(connection: Connection, database_url: str) -> None:
    upgrade(database_url)
    online = snapshot(connection)
    play(connection, script(command.downgrade, "head:base"))
    assert {name for kind, name, _ in snapshot(connection) if kind == "relation"} == {
        "alembic_version",
        "alembic_version_pkc",
    }
    connection.execute("DROP TABLE alembic_version")
    play(connection, script(command.upgrade, "head"))
    assert snapshot(connection) == online
    assert revisions(connection) == ["0010"]
    assert findings(connection) == ()


@pytest.mark.parametrize(
    "in_the_way",
    [
        "CREATE UNIQUE INDEX payments_provider_payment_id_key ON payments (provider_payment_id)",
        "CREATE INDEX payments_provider_payment_id_key ON payments (provider_payment_id)",
        "CREATE UNIQUE INDEX payments_provider_payment_id_key ON payments (provider_payment_id, status)",
        "CREATE UNIQUE INDEX payments_provider_payment_id_key ON payments (status)",
        "CREATE UNIQUE INDEX payments_provider_payment_id_key ON purchases (id)",
    ],
    ids=["invalid", "not unique", "more columns", "another column", "another table"],
)
def test_the_script_stamps_no_index_that_is_another_one(
    connection: Connection, database_url: str, in_the_way: str
) -> None:
    upgrade(database_url, "0001")
    connection.execute(in_the_way.encode())
    if "(provider_payment_id)" in in_the_way and "UNIQUE" in in_the_way:
        damage(connection, KEY)
    with pytest.raises(psycopg.errors.RaiseException, match="missing, INVALID, or another") as caught:
        play(connection, script(command.upgrade, "0001:head"))
    assert revisions(connection) == ["0001"]
    assert caught.value.diag.message_hint
    assert f"DROP INDEX CONCURRENTLY {KEY};" in caught.value.diag.message_hint


def test_what_the_script_hints_at_mends_it(connection: Connection, database_url: str) -> None:
    upgrade(database_url, "0001")
    connection.execute(f"CREATE UNIQUE INDEX {KEY} ON payments (provider_payment_id)".encode())
    damage(connection, KEY)
    with pytest.raises(psycopg.errors.RaiseException):
        play(connection, script(command.upgrade, "0001:head"))
    connection.execute(f"DROP INDEX CONCURRENTLY {KEY}".encode())
    play(connection, script(command.upgrade, f"{revisions(connection)[0]}:head"))
    assert findings(connection) == ()


def test_the_script_does_not_drop_rows(connection: Connection, database_url: str) -> None:
    upgrade(database_url, "0001")
    connection.execute(PAYMENT)
    with pytest.raises(psycopg.errors.RaiseException, match="payments holds rows"):
        play(connection, script(command.downgrade, "0001:base"))
    assert connection.execute("SELECT count(*) FROM payments").fetchone() == (1,)
    assert revisions(connection) == ["0001"]


def test_the_script_gives_the_sessions_limits_back(connection: Connection, database_url: str) -> None:
    upgrade(database_url, "0001")
    name = connection.info.dbname
    connection.execute(f"ALTER DATABASE {name} SET statement_timeout = '50s'".encode())
    with psycopg.connect(database_url, autocommit=True) as limited:
        play(limited, script(command.upgrade, "0001:0002"))
        assert limited.execute("SHOW statement_timeout").fetchone() == ("50s",)


@pytest.fixture
def offline() -> Iterator[tuple[Operations, io.StringIO]]:
    buffer = io.StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "literal_binds": True, "output_buffer": buffer}
    )
    with Operations.context(context) as operations:
        yield operations, buffer


def test_literals_of_the_script_are_as_written(
    connection: Connection, offline: tuple[Operations, io.StringIO]
) -> None:
    operations, buffer = offline
    odd = "100 % :sure, it's \\ '%s' {} %(x)s"
    table = sa.Table(
        "odd %s:name",
        sa.MetaData(),
        sa.Column("a", sa.Text, comment=odd, server_default=odd),
        sa.CheckConstraint("a NOT LIKE '50\\%\\:x%'", name="odd_check"),
        comment=odd,
    )
    operations.ensure_tables(table)  # type: ignore[attr-defined]
    operations.ensure_index(  # type: ignore[attr-defined]
        """CREATE INDEX "odd %s:idx" ON "odd %s:name" (a) WHERE a LIKE '5%:x'"""
    )
    play(connection, buffer.getvalue())
    offline_snapshot = snapshot(connection)
    assert connection.execute("""SELECT col_description('"odd %s:name"'::regclass, 1)""").fetchone() == (odd,)
    assert connection.execute("""SELECT obj_description('"odd %s:name"'::regclass)""").fetchone() == (odd,)
    connection.execute(b'DROP TABLE "odd %s:name"')
    online(connection, table)
    assert snapshot(connection) == offline_snapshot


def online(connection: Connection, table: sa.Table) -> None:
    engine = sa.create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(connection.info.dsn),
        poolclass=sa.pool.NullPool,
    )
    with engine.connect() as bind:
        context = MigrationContext.configure(bind)
        with context.begin_transaction(), Operations.context(context) as operations:
            operations.ensure_tables(table)  # type: ignore[attr-defined]
            operations.ensure_index(  # type: ignore[attr-defined]
                """CREATE INDEX "odd %s:idx" ON "odd %s:name" (a) WHERE a LIKE '5%:x'"""
            )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("CREATE INDEX table_column_idx ON table (column)", r'syntax error at or near "table"'),
        ("DROP INDEX x", "takes one CREATE INDEX statement: DROP INDEX x"),
        ("", "takes one CREATE INDEX statement"),
        ("CREATE INDEX a ON t (a); CREATE INDEX b ON t (b)", "takes one CREATE INDEX statement"),
        ("CREATE INDEX ON t (a)", "needs the index's name"),
    ],
)
def test_what_is_no_index_is_refused_with_its_text(
    offline: tuple[Operations, io.StringIO], text: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        offline[0].ensure_index(text)  # type: ignore[attr-defined]


def test_stamping_works(connection: Connection, database_url: str) -> None:
    command.stamp(alembic_config(database_url), "0005")
    assert revisions(connection) == ["0005"]
