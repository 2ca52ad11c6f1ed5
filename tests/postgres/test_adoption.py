from collections.abc import Iterator

import pytest

from kc_db.errors import RefusedError, ServerError
from tests.deploys import Connection, downgrade, findings, listening, revisions, run, snapshot, upgrade

PAYMENTS = """
CREATE TABLE payments (
    payment_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    student_id uuid, status varchar(20), created_at timestamptz(3) NOT NULL DEFAULT now(),
    provider_payment_id varchar(80) CONSTRAINT uq_webhook UNIQUE
)"""
PURCHASES = (
    "CREATE TABLE purchases (id int, student_id uuid, course_id uuid, is_active bool, created_at timestamptz)"
)
ALLOCATIONS = (
    "CREATE TABLE allocations (id uuid PRIMARY KEY, student_id uuid, "
    "course_id uuid, trainer_id uuid, status text)"
)
SESSIONS = (
    "CREATE TABLE sessions (allocation_id uuid, student_id uuid, trainer_id uuid, "
    "scheduled_date date, scheduled_time time)"
)


def make(connection: Connection, *statements: str) -> None:
    for statement in statements:
        connection.execute(statement.encode())


@pytest.fixture
def remarks() -> Iterator[list[str]]:
    with listening() as said:
        yield said


def refused(connection: Connection, url: str) -> str:
    """The error of an upgrade that changed nothing."""
    before = snapshot(connection)
    with pytest.raises(RefusedError) as caught:
        upgrade(url)
    assert snapshot(connection) == before
    return str(caught.value)


def test_tables_of_somebody_else_are_kept(
    connection: Connection, database_url: str, remarks: list[str]
) -> None:
    make(
        connection,
        PAYMENTS,
        PURCHASES,
        ALLOCATIONS,
        SESSIONS,
        "CREATE INDEX by_status ON payments (student_id, status, created_at)",
        "CREATE UNIQUE INDEX one_active ON purchases (student_id, course_id, is_active)",
        "ALTER TABLE sessions ADD CONSTRAINT slot UNIQUE (allocation_id, scheduled_date, scheduled_time)",
    )
    before = snapshot(connection)
    upgrade(database_url)
    assert revisions(connection) == ["0010"]
    assert before < snapshot(connection)
    built = [line.split()[-5:] for line in remarks if line.startswith("CREATE")]
    assert len(built) == 5
    assert "payments_provider_payment_id_key is there, named uq_webhook" in remarks
    assert "table sessions is there and fits: adopted" in remarks
    assert [(finding.rule, str(finding.severity)) for finding in findings(connection)] == [
        ("misnamed-index", "warning")
    ] * 4


def test_some_tables_are_adopted_and_the_others_made(connection: Connection, database_url: str) -> None:
    make(connection, ALLOCATIONS)
    upgrade(database_url)
    assert findings(connection) == ()


def test_adopted_rows_and_constraints_outlive_a_downgrade(connection: Connection, database_url: str) -> None:
    make(
        connection,
        PAYMENTS.replace("uq_webhook", "payments_provider_payment_id_key"),
        "INSERT INTO payments (provider_payment_id) VALUES ('a')",
    )
    upgrade(database_url)
    assert findings(connection) == ()
    with pytest.raises(RefusedError, match="payments holds rows"):
        downgrade(database_url)
    assert ("constraint", "payments.payments_provider_payment_id_key", "UNIQUE (provider_payment_id)") in (
        snapshot(connection)
    )


def test_an_adopted_table_without_rows_is_dropped_like_a_made_one(
    connection: Connection, database_url: str, remarks: list[str]
) -> None:
    make(connection, PURCHASES)
    upgrade(database_url)
    downgrade(database_url)
    assert "table purchases was empty: dropped" in remarks


def test_everything_that_does_not_fit_is_listed_and_nothing_changed(
    connection: Connection, database_url: str
) -> None:
    make(
        connection,
        PAYMENTS.replace("student_id uuid, ", ""),
        PURCHASES.replace("created_at timestamptz", "created_at timestamp"),
    )
    assert refused(connection, database_url).splitlines()[1:] == [
        "  payments.student_id uuid is missing",
        "  purchases.created_at is timestamp without time zone, not timestamp with time zone",
    ]


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        ("CREATE VIEW sessions AS SELECT 1 AS allocation_id", "a view"),
        ("CREATE MATERIALIZED VIEW sessions AS SELECT 1 AS allocation_id", "a materialized view"),
        ("CREATE SEQUENCE sessions", "a sequence"),
    ],
)
def test_what_is_no_table_is_named_once(
    connection: Connection, database_url: str, made: str, kind: str
) -> None:
    make(connection, made)
    assert refused(connection, database_url).splitlines()[1:] == [f"  sessions is {kind}, not a table"]


def test_a_dropped_column_is_missing(connection: Connection, database_url: str) -> None:
    make(connection, ALLOCATIONS, "ALTER TABLE allocations DROP COLUMN trainer_id")
    assert "allocations.trainer_id uuid is missing" in refused(connection, database_url)


def test_a_table_that_no_foreign_key_can_point_to_changes_nothing(
    connection: Connection, database_url: str
) -> None:
    make(connection, ALLOCATIONS.replace(" PRIMARY KEY", ""))
    before = snapshot(connection)
    with pytest.raises(ServerError, match=r"no unique constraint matching.*allocations"):
        upgrade(database_url)
    assert snapshot(connection) == before


def test_tables_in_another_schema_of_the_search_path_are_adopted(
    connection: Connection, database_url: str
) -> None:
    name = connection.info.dbname
    make(
        connection,
        "CREATE SCHEMA app",
        *(text.replace("TABLE ", "TABLE app.") for text in (PAYMENTS, PURCHASES, ALLOCATIONS, SESSIONS)),
        f"ALTER DATABASE {name} SET search_path = public, app",
    )
    upgrade(database_url)
    tables = connection.execute("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace")
    assert {row[0] for row in tables} == {"alembic_version", "alembic_version_pkc"}
    indexes = connection.execute("SELECT count(*) FROM pg_indexes WHERE schemaname = 'app'").fetchone()
    assert indexes == (2 + 9,)


def test_the_user_sees_the_list_and_no_traceback(connection: Connection, database_url: str) -> None:
    make(
        connection,
        PAYMENTS.replace("student_id uuid", "student_id int"),
        SESSIONS.replace(" date,", " text,"),
    )
    before = snapshot(connection)
    result = run("upgrade", "head", url=database_url)
    assert result.returncode == 3
    assert result.stderr.partition("error: ")[2].splitlines() == [
        "these tables exist and don't fit; nothing was changed. Mend them, then run this again:",
        "  payments.student_id is integer, not uuid",
        "  sessions.scheduled_date is text, not date",
    ]
    assert snapshot(connection) == before
