"""Constraints that are added while the application writes, online and as a script."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from pglast import split

from kc_db.errors import InputError, RefusedError
from kc_db.online import operations as _registered  # noqa: F401 - registers the operations
from tests.deploys import Connection, damage, listening, snapshot

Connect = Callable[..., Connection]
T = """
CREATE TABLE u (id int PRIMARY KEY);
CREATE TABLE t (id int PRIMARY KEY, a int, b text, u_id int);
INSERT INTO u SELECT generate_series(1, 10);
INSERT INTO t SELECT n, n, 'x', n FROM generate_series(1, 10) AS n;
"""
UNIQUE = "ALTER TABLE t ADD CONSTRAINT t_a_key UNIQUE (a)"
CHECK = "ALTER TABLE t ADD CONSTRAINT t_a_check CHECK (a > 0 AND b IN ('x', 'y'))"
FOREIGN = "ALTER TABLE t ADD CONSTRAINT t_u_id_fkey FOREIGN KEY (u_id) REFERENCES u (id) ON DELETE CASCADE"
ALL = [
    UNIQUE,
    "ALTER TABLE t ADD CONSTRAINT t_a_key UNIQUE (a, b) INCLUDE (u_id) DEFERRABLE INITIALLY DEFERRED",
    CHECK,
    "ALTER TABLE public.t ADD CONSTRAINT \"Odd 'n\" CHECK (b NOT LIKE '5%:$' AND t.a < 100) -- why",
    "ALTER TABLE t ADD CONSTRAINT c CHECK (b::varchar IN ('x', 'y'))",
    FOREIGN,
    f"{FOREIGN.partition(' ON ')[0]} MATCH FULL ON UPDATE CASCADE DEFERRABLE",
]


@pytest.fixture
def table(connection: Connection) -> Connection:
    connection.execute(T.encode())
    return connection


@contextmanager
def migrating(connection: Connection) -> Iterator[Operations]:
    """Operations that run on the connection, in autocommit mode."""
    engine = sa.create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(connection.info.dsn),
        poolclass=sa.pool.NullPool,
    )
    with engine.connect() as bind:
        context = MigrationContext.configure(bind)
        with context.begin_transaction(), Operations.context(context) as operations:
            yield operations


def ensure(connection: Connection, text: str) -> list[str]:
    """Runs op.ensure_constraint; gives what it remarked."""
    with listening() as said, migrating(connection) as operations:
        operations.ensure_constraint(text)  # type: ignore[attr-defined]
    return said


def script(work: Callable[[Operations], None]) -> str:
    buffer = io.StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "literal_binds": True, "output_buffer": buffer}
    )
    with context.begin_transaction(), Operations.context(context) as operations:
        work(operations)
    return buffer.getvalue()


def play(connection: Connection, text: str) -> None:
    """Runs a script as psql does with ON_ERROR_STOP."""
    try:
        for statement in split(text):
            connection.execute(statement.encode())
    finally:
        connection.execute("ROLLBACK")


def constraints(connection: Connection) -> dict[str, str]:
    rows = connection.execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE conrelid = to_regclass('t') AND contype IN ('c', 'f', 'u')"
    )
    return dict(rows.fetchall())


def refused(connection: Connection, text: str) -> str:
    """The error of an operation that changed nothing."""
    before = snapshot(connection)
    with pytest.raises(RefusedError) as caught:
        ensure(connection, text)
    assert snapshot(connection) == before
    return str(caught.value)


@pytest.mark.parametrize("text", ALL)
def test_a_constraint_is_added_as_alter_table_would(table: Connection, text: str) -> None:
    table.execute(text.encode())
    plain = snapshot(table)
    table.execute(
        f"ALTER TABLE t DROP CONSTRAINT {psycopg.sql.Identifier(*constraints(table)).as_string()}".encode()
    )
    ensure(table, text)
    assert snapshot(table) == plain
    said = ensure(table, text)
    assert len(said) == 1
    assert said[0].endswith(" is there")


@pytest.mark.parametrize("text", ALL)
def test_a_script_adds_the_same_and_may_be_run_again(table: Connection, text: str) -> None:
    ensure(table, text)
    online = snapshot(table)
    table.execute(
        f"ALTER TABLE t DROP CONSTRAINT {psycopg.sql.Identifier(*constraints(table)).as_string()}".encode()
    )
    printed = script(lambda op: op.ensure_constraint(text))  # type: ignore[attr-defined]
    for _ in range(2):
        play(table, printed)
        assert snapshot(table) == online


@pytest.mark.parametrize("text", [CHECK, FOREIGN])
def test_a_constraint_that_is_not_valid_is_validated(table: Connection, text: str) -> None:
    for run_it in (ensure, lambda c, t: play(c, script(lambda op: op.ensure_constraint(t)))):
        table.execute(f"{text} NOT VALID".encode())
        run_it(table, text)
        ((name, definition),) = constraints(table).items()
        assert "NOT VALID" not in definition
        table.execute(f"ALTER TABLE t DROP CONSTRAINT {name}".encode())


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (CHECK, "(id, a, b) = (11, -1, x); (id, a, b) = (12, 5, z)"),
        (FOREIGN, "(id, u_id) = (12, 99)"),
        (
            "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (id, u_id) REFERENCES v (a, b) MATCH FULL",
            "(11, null)",
        ),
    ],
)
def test_rows_against_it_are_shown_and_nothing_is_changed(table: Connection, text: str, what: str) -> None:
    table.execute("INSERT INTO t VALUES (11, -1, 'x', NULL), (12, 5, 'z', 99), (13, NULL, 'x', 1)")
    table.execute(
        "CREATE TABLE v (a int, b int, UNIQUE (a, b)); INSERT INTO v SELECT id, u_id FROM t WHERE u_id > 0"
    )
    message = refused(table, text)
    assert "against constraint" in message
    assert what in message
    assert "nothing was changed" in message


def test_rows_that_validate_meets_first_leave_nothing(
    table: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kc_db.online.constraints.complaint", lambda *_: None)
    table.execute("INSERT INTO t VALUES (11, -1, 'x', 99)")
    assert "nothing is left of it" in refused(table, CHECK)
    assert "nothing is left of it" in refused(table, FOREIGN)
    table.execute(f"{CHECK} NOT VALID".encode())
    assert "it stays NOT VALID" in refused(table, CHECK)


@pytest.mark.parametrize(
    ("there", "text"),
    [
        ("ALTER TABLE t ADD CONSTRAINT t_a_check CHECK (a > -1)", CHECK),
        ("ALTER TABLE t ADD CONSTRAINT t_a_key UNIQUE (b, a)", UNIQUE),
        ("ALTER TABLE t ADD CONSTRAINT t_a_key UNIQUE (a) DEFERRABLE", UNIQUE),
        ("ALTER TABLE t ADD CONSTRAINT t_u_id_fkey FOREIGN KEY (u_id) REFERENCES u (id)", FOREIGN),
        (
            "ALTER TABLE t ADD CONSTRAINT t_u_id_fkey FOREIGN KEY (a) REFERENCES u (id) ON DELETE CASCADE",
            FOREIGN,
        ),
    ],
)
def test_another_definition_under_our_name_is_refused(table: Connection, there: str, text: str) -> None:
    table.execute(there.encode())
    before = snapshot(table)
    assert "exists with another definition" in refused(table, text)
    with pytest.raises(psycopg.errors.RaiseException, match="missing, not validated, or another one"):
        play(table, script(lambda op: op.ensure_constraint(text)))  # type: ignore[attr-defined]
    assert snapshot(table) == before


@pytest.mark.parametrize("text", [UNIQUE, CHECK, FOREIGN])
def test_an_equal_one_under_another_name_is_kept(table: Connection, text: str) -> None:
    table.execute(text.replace("CONSTRAINT t_", "CONSTRAINT other_").encode())
    before = snapshot(table)
    assert ensure(table, text)[0].endswith(", named " + next(iter(constraints(table))))
    assert snapshot(table) == before


def test_a_unique_index_becomes_the_constraint(table: Connection) -> None:
    table.execute("CREATE UNIQUE INDEX other ON t (a)")
    oid = table.execute("SELECT 'other'::regclass::oid").fetchone()
    said = ensure(table, UNIQUE)
    assert "ALTER TABLE t ADD CONSTRAINT t_a_key UNIQUE USING INDEX other;" in said
    assert table.execute("SELECT 't_a_key'::regclass::oid").fetchone() == oid


def test_an_invalid_leftover_is_built_again(table: Connection) -> None:
    table.execute("CREATE UNIQUE INDEX t_a_key ON t (a)")
    damage(table, "t_a_key")
    ensure(table, UNIQUE)
    assert constraints(table) == {"t_a_key": "UNIQUE (a)"}


@pytest.mark.parametrize(
    ("there", "message"),
    [
        ("CREATE UNIQUE INDEX t_a_key ON t (b, a)", "an index of this name is there, and is another one"),
        ("CREATE TABLE t_a_key ()", "the name is taken by a table"),
        ("INSERT INTO t VALUES (11, 1)", "1 key is there more than once"),
    ],
)
def test_what_a_unique_constraint_can_not_be_made_of(table: Connection, there: str, message: str) -> None:
    table.execute(there.encode())
    assert message in refused(table, UNIQUE)


def test_a_primary_key_makes_its_columns_not_null_first(connection: Connection) -> None:
    text = "ALTER TABLE t ADD CONSTRAINT t_pkey PRIMARY KEY (a, b)"
    makes = "CREATE TABLE t (a int, b int); INSERT INTO t SELECT n, n FROM generate_series(1, 9) AS n"
    connection.execute(f"{makes}; {text}".encode())
    plain = {row for row in snapshot(connection) if row[0] != "constraint" or "NOT NULL" not in row[2]}
    for _ in range(2):
        connection.execute(f"DROP TABLE t; {makes}".encode())
        ensure(connection, text)
        assert {row for row in snapshot(connection) if "NOT NULL" not in row[2]} == plain
        ensure(connection, text)
        connection.execute(f"DROP TABLE t; {makes}".encode())
        for _ in range(2):
            play(connection, script(lambda op: op.ensure_constraint(text)))  # type: ignore[attr-defined]
            assert {row for row in snapshot(connection) if "NOT NULL" not in row[2]} == plain
    other = text.replace("t_pkey", "other").replace("a, b", "b")
    assert "(a, b) is the primary key" in refused(connection, other)


def test_partitioned_tables_take_what_can_be_added_online(connection: Connection) -> None:
    connection.execute(
        "CREATE TABLE u (id int PRIMARY KEY); "
        "CREATE TABLE t (a int, b text, u_id int) PARTITION BY LIST (a); "
        "CREATE TABLE t_1 PARTITION OF t FOR VALUES IN (1); INSERT INTO t VALUES (1, 'x', NULL)"
    )
    ensure(connection, CHECK)
    with migrating(connection) as operations:
        operations.ensure_not_null("b", on="t")  # type: ignore[attr-defined]
    assert "op.ensure_index makes a unique index on it" in refused(connection, UNIQUE)
    if connection.info.server_version >= 180000:
        ensure(connection, FOREIGN)
    else:
        assert "before PostgreSQL 18" in refused(connection, FOREIGN)


def not_null(connection: Connection) -> bool:
    row = connection.execute(
        "SELECT attnotnull FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'a'"
    ).fetchone()
    return bool(row and row[0])


def test_not_null_is_as_alter_table_makes_it(table: Connection) -> None:
    table.execute("ALTER TABLE t ALTER a SET NOT NULL")
    plain = snapshot(table)
    for work in (
        lambda op: op.ensure_not_null("a", on="t"),
        lambda op: op.ensure_not_null("a", on="public.t"),
    ):
        with migrating(table) as operations:
            operations.drop_not_null("a", on="t")  # type: ignore[attr-defined]
        assert not not_null(table)
        for _ in range(2):
            with migrating(table) as operations:
                work(operations)
            assert snapshot(table) == plain
        for _ in range(2):
            play(table, script(lambda op: op.drop_not_null("a", on="t")))  # type: ignore[attr-defined]
        assert not not_null(table)
        for _ in range(2):
            play(table, script(work))
            assert snapshot(table) == plain


def test_not_null_goes_on_where_it_was_stopped(table: Connection) -> None:
    check = "ALTER TABLE t ADD CONSTRAINT t_a_kc_not_null CHECK (a IS NOT NULL)"
    stopped = [f"{check} NOT VALID", check, f"{check}; ALTER TABLE t ALTER a SET NOT NULL"]
    if table.info.server_version >= 180000:
        stopped += [
            "ALTER TABLE t ADD NOT NULL a NOT VALID",
            "ALTER TABLE t ADD CONSTRAINT x NOT NULL a NOT VALID",
        ]
    for before in stopped:
        table.execute(before.encode())
        with migrating(table) as operations:
            operations.ensure_not_null("a", on="t")  # type: ignore[attr-defined]
        assert not_null(table)
        assert constraints(table) == {}
        nothing_left = "SELECT count(*) FROM pg_constraint WHERE NOT convalidated"
        assert table.execute(nothing_left).fetchone() == (0,)
        table.execute("ALTER TABLE t ALTER a DROP NOT NULL")


def test_not_null_reads_nothing_under_its_strong_lock(table: Connection) -> None:
    """The server says at debug1 that it needs no scan, and for which constraint."""
    notices: list[str] = []
    table.add_notice_handler(lambda notice: notices.append(str(notice.message_primary)))
    table.execute("SET client_min_messages = debug1")
    play(table, script(lambda op: op.ensure_not_null("a", on="t")))  # type: ignore[attr-defined]
    assert (
        'existing constraints on column "t.a" are sufficient to prove that it does not contain nulls'
        in notices
    )


@pytest.mark.parametrize("is_seen", [True, False])
def test_nulls_are_shown_and_nothing_is_left(
    table: Connection, monkeypatch: pytest.MonkeyPatch, is_seen: bool
) -> None:
    table.execute("INSERT INTO t (id) VALUES (11), (12)")
    before = snapshot(table)
    if not is_seen:
        monkeypatch.setattr("kc_db.online.not_null.complaint", lambda *_: None)
    message = (
        "has 2 rows against NOT NULL of a; .*\\(id, a\\) = .11, null." if is_seen else "nothing is left of it"
    )
    with pytest.raises(RefusedError, match=message), migrating(table) as operations:
        operations.ensure_not_null("a", on="t")  # type: ignore[attr-defined]
    assert snapshot(table) == before


def test_a_constraint_is_dropped_and_may_be_dropped_again(table: Connection) -> None:
    ensure(table, UNIQUE)
    for _ in range(2):
        with migrating(table) as operations:
            operations.drop_constraint_online("t_a_key", on="t")  # type: ignore[attr-defined]
        assert constraints(table) == {}
    ensure(table, UNIQUE)
    for _ in range(2):
        play(table, script(lambda op: op.drop_constraint_online("t_a_key", on="t")))  # type: ignore[attr-defined]
    ensure(table, FOREIGN)
    with pytest.raises(RefusedError, match="t_u_id_fkey on table t depends"), migrating(table) as operations:
        operations.drop_constraint_online("u_pkey", on="u")  # type: ignore[attr-defined]


def test_an_index_is_renamed_and_may_be_renamed_again(table: Connection) -> None:
    table.execute("CREATE INDEX old ON t (a)")
    names = "SELECT array_agg(relname::text) FROM pg_class WHERE relname IN ('old', 'new')"

    def there(op: Operations) -> None:
        op.rename_index_online("old", "new", on="t")  # type: ignore[attr-defined]

    def back(op: Operations) -> None:
        op.rename_index_online("new", "old", on="t")  # type: ignore[attr-defined]

    for _ in range(2):
        with migrating(table) as operations:
            there(operations)
        assert table.execute(names).fetchone() == (["new"],)
    for _ in range(2):
        play(table, script(back))
        assert table.execute(names).fetchone() == (["old"],)


@pytest.mark.parametrize(
    ("there", "message"),
    [
        ("SELECT 1", "has no index old, and no new|has neither or both"),
        ("CREATE INDEX old ON t (a); CREATE INDEX new ON t (b)", "has both|has neither or both"),
        ("ALTER TABLE t ADD CONSTRAINT old UNIQUE (a)", "a constraint stands on it"),
        ("CREATE INDEX old ON t (a); CREATE TABLE new ()", 'relation "new" already exists'),
    ],
)
def test_what_can_not_be_renamed_is_left(table: Connection, there: str, message: str) -> None:
    table.execute(there.encode())
    before = snapshot(table)

    def work(op: Operations) -> None:
        op.rename_index_online("old", "new", on="t")  # type: ignore[attr-defined]

    with pytest.raises(RefusedError, match=message), migrating(table) as operations:
        work(operations)
    with pytest.raises(psycopg.Error, match=message):
        play(table, script(work))
    assert snapshot(table) == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("CREATE TABLE t ()", "takes one ALTER TABLE"),
        ("ALTER TABLE t ADD CONSTRAINT", "syntax error"),
        ("ALTER TABLE t ADD CHECK (a > 0)", "needs a name"),
        ("ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID", "take NOT VALID and NOT ENFORCED out"),
        ("ALTER TABLE ONLY t ADD CONSTRAINT c CHECK (a > 0)", "take IF EXISTS and ONLY out"),
        ("ALTER TABLE t ADD CONSTRAINT c UNIQUE USING INDEX i", "say the columns"),
        ("ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES u", "say the referenced columns"),
        ("ALTER TABLE t ADD CONSTRAINT c NOT NULL a", r"op.ensure_not_null\(column, on=table\)"),
        ("ALTER TABLE t ADD CONSTRAINT c EXCLUDE (a WITH =)", "only UNIQUE, PRIMARY KEY, CHECK"),
        ("ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0), ADD b int", "takes one ALTER TABLE"),
    ],
)
def test_what_is_no_constraint_is_refused_with_its_text(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        script(lambda op: op.ensure_constraint(text))  # type: ignore[attr-defined]


def test_a_primary_key_with_duplicates_changes_nothing(connection: Connection) -> None:
    connection.execute("CREATE TABLE twice (id integer, note text); INSERT INTO twice VALUES (1), (1)")
    with pytest.raises(RefusedError, match="duplicate rows"):
        ensure(connection, "ALTER TABLE twice ADD CONSTRAINT twice_pkey PRIMARY KEY (id)")
    (nullable,) = connection.execute(
        "SELECT NOT attnotnull FROM pg_attribute WHERE attrelid = 'twice'::regclass AND attname = 'id'"
    ).fetchone() or (None,)
    assert nullable
