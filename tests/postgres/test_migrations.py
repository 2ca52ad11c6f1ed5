import io
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from pglast import split

from kc_db.errors import InputError, RefusedError
from kc_db.indexes.load_specs import load_specs
from kc_db.online.deploy_lock import deploy_lock
from tests.deploys import (
    Connection,
    alembic_config,
    damage,
    downgrade,
    findings,
    listening,
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


@pytest.fixture
def offline() -> Iterator[tuple[Operations, io.StringIO]]:
    buffer = io.StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "literal_binds": True, "output_buffer": buffer}
    )
    with Operations.context(context) as operations:
        yield operations, buffer


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
    with (
        listening() as said,
        pytest.raises(RefusedError, match="table payments holds rows and is not dropped"),
    ):
        downgrade(database_url)
    assert not [line for line in said if "dropped" in line]
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
        f"CREATE UNIQUE INDEX {KEY} ON payments (provider_payment_id) WHERE status = 'captured'",
    ],
    ids=["invalid", "not unique", "more columns", "another column", "another table", "partial"],
)
def test_the_script_stamps_no_index_that_is_another_one(
    connection: Connection, database_url: str, in_the_way: str
) -> None:
    upgrade(database_url, "0001")
    connection.execute(in_the_way.encode())
    if in_the_way.endswith("(provider_payment_id)") and "UNIQUE" in in_the_way:
        damage(connection, KEY)
    with pytest.raises(psycopg.errors.RaiseException, match="missing, INVALID, or another") as caught:
        play(connection, script(command.upgrade, "0001:head"))
    assert revisions(connection) == ["0001"]
    assert caught.value.diag.message_hint
    assert f"DROP INDEX CONCURRENTLY {KEY};" in caught.value.diag.message_hint


T = "CREATE TABLE t (a text, b text, found int, gone int, c int[]); ALTER TABLE t DROP COLUMN gone"
EVERYTHING = (
    "UNIQUE INDEX i ON t (a DESC, lower(b), found) INCLUDE (c) WITH (fillfactor = 70) WHERE a > '%:$'"
)


def script_of(offline: tuple[Operations, io.StringIO], create_index: str) -> str:
    offline[0].ensure_index(create_index)  # type: ignore[attr-defined]
    return offline[1].getvalue()


@pytest.mark.parametrize(
    ("want", "have"),
    [
        ("INDEX i ON t (a)", "INDEX i ON t (a DESC)"),
        ("INDEX i ON t (a)", "INDEX i ON t (a NULLS FIRST)"),
        ("INDEX i ON t (a)", "INDEX i ON t USING hash (a)"),
        ("INDEX i ON t (a)", "INDEX i ON t (a text_pattern_ops)"),
        ("INDEX i ON t (a text_pattern_ops)", "INDEX i ON t (a)"),
        ("INDEX i ON t (a)", 'INDEX i ON t (a COLLATE "C")'),
        ('INDEX i ON t (a COLLATE "C")', 'INDEX i ON t (a COLLATE "POSIX")'),
        ("INDEX i ON t (a)", "INDEX i ON t (a) INCLUDE (b)"),
        ("INDEX i ON t (a) INCLUDE (b)", "INDEX i ON t (a, b)"),
        ("INDEX i ON t (a)", "INDEX i ON t (a) WITH (fillfactor = 50)"),
        ("INDEX i ON t (a)", "INDEX i ON t (a) WHERE false"),
        ("INDEX i ON t (a) WHERE b = 'x'", "INDEX i ON t (a) WHERE b = 'y'"),
        ("INDEX i ON t (lower(a))", "INDEX i ON t (upper(a))"),
        ("INDEX i ON t (lower(a))", "INDEX i ON t (a)"),
        ("UNIQUE INDEX i ON t (a)", "UNIQUE INDEX i ON t (a) NULLS NOT DISTINCT"),
    ],
)
def test_the_script_compares_all_of_an_index(
    connection: Connection, offline: tuple[Operations, io.StringIO], want: str, have: str
) -> None:
    if "NULLS NOT" in have and connection.info.server_version < 150000:
        pytest.skip("NULLS NOT DISTINCT came with PostgreSQL 15")
    connection.execute(f"{T}; CREATE {have}".encode())
    with pytest.raises(psycopg.errors.RaiseException, match="another index") as caught:
        play(connection, script_of(offline, f"CREATE {want}"))
    there = have.replace("ON t", "ON public.t").partition(" (")[0].partition(" USING")[0]
    assert f"There is: CREATE {there} USING" in str(caught.value.diag.message_detail)


@pytest.mark.parametrize(
    "text",
    [
        EVERYTHING,
        "INDEX i ON public.t USING gin (c)",
        'INDEX i ON t (a COLLATE "C" text_pattern_ops DESC NULLS LAST)',
        'INDEX i ON t (a COLLATE "default" text_ops)',
        "INDEX i ON t ((found + 1), (a || 'x'::varchar)) WHERE a IN ('x', 'y') AND found BETWEEN 1 AND 2",
    ],
)
def test_the_script_knows_its_own_index_again(
    connection: Connection, offline: tuple[Operations, io.StringIO], text: str
) -> None:
    connection.execute(T.encode())
    play(connection, script_of(offline, f"CREATE {text}"))
    built = snapshot(connection)
    play(connection, offline[1].getvalue())
    assert snapshot(connection) == built
    assert {name for kind, name, _ in built if kind == "relation"} == {"t", "i"}


def test_the_script_stops_at_a_partitioned_table(
    connection: Connection, offline: tuple[Operations, io.StringIO]
) -> None:
    connection.execute("CREATE TABLE t (a int) PARTITION BY LIST (a)")
    with pytest.raises(
        psycopg.errors.RaiseException, match="t is partitioned; run the migration that builds i"
    ):
        play(connection, script_of(offline, "CREATE INDEX i ON t (a)"))


@pytest.mark.parametrize(
    "there",
    [
        "SELECT 1",
        f"CREATE {EVERYTHING}",
        "CREATE INDEX i ON t (b)",
        "CREATE INDEX i ON t (b); CREATE INDEX i_kc_new ON t (a); CREATE INDEX i_kc_old ON t (a, b)",
    ],
)
def test_a_script_replaces_an_index_and_may_be_run_again(
    connection: Connection, offline: tuple[Operations, io.StringIO], there: str
) -> None:
    connection.execute(f"{T}; CREATE {EVERYTHING}".encode())
    wanted = snapshot(connection)
    connection.execute(f"DROP INDEX i; {there}".encode())
    offline[0].ensure_index(f"CREATE {EVERYTHING}", exactly=True)  # type: ignore[attr-defined]
    for _ in range(2):
        play(connection, offline[1].getvalue())
        assert snapshot(connection) == wanted


def test_a_script_replaces_no_constraint(
    connection: Connection, offline: tuple[Operations, io.StringIO]
) -> None:
    connection.execute(f"{T}; ALTER TABLE t ADD CONSTRAINT i UNIQUE (b)".encode())
    offline[0].ensure_index("CREATE INDEX i ON t (a)", exactly=True)  # type: ignore[attr-defined]
    with pytest.raises(psycopg.errors.RaiseException, match="a constraint stands on it"):
        play(connection, offline[1].getvalue())
    assert connection.execute("SELECT count(*) FROM pg_constraint WHERE conname = 'i'").fetchone() == (1,)


def test_the_script_finds_a_table_along_the_search_path(
    connection: Connection, offline: tuple[Operations, io.StringIO]
) -> None:
    connection.execute(
        f"CREATE SCHEMA app; SET search_path = app; {T}; SET search_path = public, app".encode()
    )
    play(connection, script_of(offline, f"CREATE {EVERYTHING}"))
    connection.execute(b"DROP INDEX app.i; CREATE INDEX i ON app.t (b); CREATE TABLE public.i ()")
    with pytest.raises(psycopg.errors.RaiseException, match="another index"):
        play(connection, offline[1].getvalue())


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
        ("CREATE INDEX i ON t (a) TABLESPACE fast", "take TABLESPACE out: CREATE INDEX i"),
        ("CREATE INDEX i ON ONLY t (a)", "take ONLY out"),
        ("CREATE INDEX IF NOT EXISTS i ON t (a)", "take CONCURRENTLY and IF NOT EXISTS out"),
        ("CREATE INDEX CONCURRENTLY i ON t (a)", "take CONCURRENTLY and IF NOT EXISTS out"),
        ("CREATE INDEX i ON t (a) INCLUDE (b DESC)", "INCLUDE takes columns without order"),
        ("CREATE INDEX i ON db.public.t (a)", "take 'db' out of the table's name"),
    ],
)
def test_what_is_no_index_is_refused_with_its_text(
    offline: tuple[Operations, io.StringIO], text: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        offline[0].ensure_index(text)  # type: ignore[attr-defined]


def test_a_spec_names_no_database(tmp_path: Path) -> None:
    (tmp_path / "t.sql").write_text("CREATE INDEX i ON db.public.t (a);")
    with pytest.raises(InputError, match="take 'db' out of the table's name"):
        load_specs(tmp_path, [])


def test_stamping_works(connection: Connection, database_url: str) -> None:
    command.stamp(alembic_config(database_url), "0005")
    assert revisions(connection) == ["0005"]
