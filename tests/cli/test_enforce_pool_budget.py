"""`kc-db enforce-pool-budget` as a user sees it: the whole output and the exit code."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from uuid import uuid4

import pytest
from psycopg import sql

from tests.conftest import Connection
from tests.servers import Server

SMALL = """\
[policy]
deploys_at_once = 1
judged = { second-deploy = false }

[databases.primary]
max_connections = 100
fixed_sessions = { people = 5 }

[services.booking]
role = "BOOKING"
pool_size = 10
instances = 1

[services.payment]
role = "PAYMENT"
pool_size = 5
instances = 2
"""


REPLICA = """\
[databases.replica]
max_connections = 50
replica_of = "primary"
[defaults]
database = "primary"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a budget, and an environment that names no server."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "PGHOST", "PGDATABASE", "PGSERVICE", "PGUSER", "PGPORT", "CORRELATION_ID"):
        monkeypatch.delenv(name, raising=False)
    Path("pool_budget.toml").write_text(SMALL)


def outcome(*arguments: str) -> tuple[int, str, str]:
    command = [sys.executable, "-c", "from kc_db.cli import main; main()", "enforce-pool-budget", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_prints_sql_and_asks_no_server() -> None:
    expected = """\
        -- primary: 40 of 92 connections (97 usable, 5 kept for fixed sessions and migrations)
        BEGIN;
        SET LOCAL lock_timeout = '3s';
        -- booking 1 x 10; deploy, one service at a time + 10
        ALTER ROLE "BOOKING" CONNECTION LIMIT 20;
        -- payment 2 x 5; deploy, one service at a time + 10
        ALTER ROLE "PAYMENT" CONNECTION LIMIT 20;
        COMMIT;

        enforce-pool-budget (pool_budget.toml): would set the limit of 2 roles (--apply runs it)
        """
    assert outcome() == (0, dedent(expected), "")


def test_limits_that_do_not_fit_together_are_not_printed() -> None:
    code, out, err = outcome("--set", "primary.max_connections=47")
    expected = """\
        error unenforceable-budget: database primary
            the limits that 2 roles need add up to 40, and 39 connections can be given out (44 usable, 5 kept for fixed sessions and migrations), 1 too many; a limit can't know that the deploys of other roles wait for their turn
            - BOOKING 20: booking 1 x 10; deploy, one service at a time + 10
            - PAYMENT 20: payment 2 x 5; deploy, one service at a time + 10
            stated in: pool_budget.toml:5
            mend it with:
                either lower one pool, booking, from 10 to 9 (10 does not fit):
                  [services.booking]
                  pool_size = 9
                or lower every pool to 9 at most (10 does not fit):
                  [services.booking]
                  pool_size = 9
                or raise max_connections of primary from 47 to 48 (47 does not fit), on the server (it restarts, and needs the memory) and here:
                  [databases.primary]
                  max_connections = 48
                or let services share a role: within one, the limit knows how many of them deploy at once

        enforce-pool-budget (pool_budget.toml, primary.max_connections=47): nothing is set: the limits don't fit together
        """  # noqa: E501 - the output is that wide
    wanted = dedent(expected).replace(
        "        or lower every pool to 9 at most (10 does not fit):\n"
        "          [services.booking]\n          pool_size = 9\n",
        "",
    )  # the only large pool is said once
    assert (code, out, err) == (1, wanted, "")


def test_what_nobody_knows_is_undetermined() -> None:
    code, out, _ = outcome("--set", 'payment.driver="sqlalchemy"', "--set", "payment.max_overflow=-1")
    assert code == 3
    assert "undetermined unproven-budget: database primary" in out
    assert "ALTER ROLE" not in out


@pytest.mark.parametrize(
    ("budget", "arguments", "said"),
    [
        (SMALL.replace('role = "PAYMENT"', ""), (), 'No role is said for payment: add role = "..."'),
        (f"{SMALL}[environments.a]\n[environments.b]\n", (), "say which, with --environment a or b"),
        (SMALL, ("--database", "nope"), "--database: no database nope in the file"),
        (SMALL, ("--apply",), "no database is named; set DATABASE_URL="),
        (
            SMALL + REPLICA,
            ("--live", "--database-url", "postgresql://127.0.0.1:1/x"),
            "say which with --database primary or --database replica",
        ),
    ],
)
def test_what_it_can_not_be_asked(budget: str, arguments: tuple[str, ...], said: str) -> None:
    Path("pool_budget.toml").write_text(budget)
    code, out, err = outcome(*arguments)
    assert (code, out) == (2, "")
    assert said in err


@pytest.mark.parametrize("format_name", ["sarif", "junit", "github"])
@pytest.mark.parametrize("arguments", [(), ("--set", "primary.max_connections=20")])
def test_other_formats(format_name: str, arguments: tuple[str, ...]) -> None:
    code, out, err = outcome("--format", format_name, *arguments)
    assert (code, err) == (1 if arguments else 0, "")
    assert ("the limits that 2 roles need add up to 40" in out) == bool(arguments)


def test_json_has_every_figure() -> None:
    summary = json.loads(outcome("--format", "json")[1])["summary"]
    assert summary["applied"] is False
    assert summary["databases"] == [
        {"database": "primary", "verdict": "fits", "limits": 40, "capacity": 92, "usable_connections": 97}
    ]
    assert summary["roles"][0] == {
        "database": "primary",
        "role": "BOOKING",
        "limit": 20,
        "live_limit": None,
        "made_of": "booking 1 x 10; deploy, one service at a time + 10",
        "members": ["booking"],
        "statement": 'ALTER ROLE "BOOKING" CONNECTION LIMIT 20',
    }


@pytest.fixture
def roles(connection: Connection) -> Iterator[tuple[str, str]]:
    """Two roles with odd names on the server, and a budget that names them."""
    names = tuple(f'Odd "{uuid4().hex[:8]}"' for _ in range(2))
    for name in names:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
    text = SMALL
    for word, name in zip(("BOOKING", "PAYMENT"), names, strict=True):
        text = text.replace(f'"{word}"', f"'{name}'")
    Path("pool_budget.toml").write_text(text)
    try:
        yield names[0], names[1]
    finally:
        for name in names:
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def limit_of(connection: Connection, role: str) -> object:
    row = connection.execute("SELECT rolconnlimit FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
    return row and row[0]


def test_applies_and_is_safe_to_run_again(
    connection: Connection, roles: tuple[str, str], database_url: str
) -> None:
    code, out, err = outcome("--apply", "--database-url", database_url)
    assert (code, err) == (0, "")
    assert out.endswith(
        "set the limit of 2 roles; it counts when a session begins, those that are open stay\n"
    )
    assert [limit_of(connection, role) for role in roles] == [20, 20]
    again = outcome("--apply", "--database-url", database_url)
    assert again == (
        0,
        "enforce-pool-budget (pool_budget.toml): nothing to do: 2 roles have the right limit\n",
        "",
    )


def test_what_is_printed_can_be_pasted(connection: Connection, roles: tuple[str, str]) -> None:
    code, out, _ = outcome()
    assert code == 0
    connection.execute(out.rpartition("\n\n")[0].encode())
    assert [limit_of(connection, role) for role in roles] == [20, 20]


def test_live_prints_only_what_differs(
    connection: Connection, roles: tuple[str, str], database_url: str
) -> None:
    connection.execute(sql.SQL("ALTER ROLE {} CONNECTION LIMIT 20").format(sql.Identifier(roles[0])))
    code, out, _ = outcome("--live", "--database-url", database_url)
    assert (code, out.count("ALTER ROLE")) == (0, 1)
    assert out.endswith("would set the limit of 1 role (--apply runs it); 1 role had its limit already\n")
    assert limit_of(connection, roles[1]) == -1


def test_a_missing_role_is_told_before_anything_changes(
    connection: Connection, roles: tuple[str, str], database_url: str
) -> None:
    text = Path("pool_budget.toml").read_text().replace(f"'{roles[1]}'", "'nobody at all'")
    Path("pool_budget.toml").write_text(text)
    code, out, err = outcome("--apply", "--database-url", database_url)
    assert (code, out) == (3, "")
    assert "no such role on the server: nobody at all; nothing was changed" in err
    assert limit_of(connection, roles[0]) == -1


def test_a_superuser_can_not_be_limited(
    connection: Connection, roles: tuple[str, str], database_url: str
) -> None:
    connection.execute(sql.SQL("ALTER ROLE {} SUPERUSER").format(sql.Identifier(roles[1])))
    code, _, err = outcome("--apply", "--database-url", database_url)
    assert code == 3
    assert "a CONNECTION LIMIT doesn't hold a superuser" in err
    assert limit_of(connection, roles[0]) == -1


def test_a_service_that_has_too_many_sessions_is_not_cut_off(
    server: Server,
    connection: Connection,
    roles: tuple[str, str],
    database_url: str,
    connect: Callable[..., Connection],
) -> None:
    text = Path("pool_budget.toml").read_text().replace("pool_size = 5", "pool_size = 1")
    Path("pool_budget.toml").write_text(text)
    for _ in range(5):
        connect(server.url(connection.info.dbname, roles[1]))
    code, out, err = outcome("--apply", "--database-url", database_url)
    assert (code, out) == (3, "")
    assert f"{roles[1]} 5 (limit 4); new ones would be refused at once, so nothing was changed" in err
    assert limit_of(connection, roles[0]) == -1


def test_one_who_may_not_is_told_what_it_needs(
    server: Server, connection: Connection, roles: tuple[str, str]
) -> None:
    url = server.url(connection.info.dbname, roles[0])
    code, out, err = outcome("--apply", "--database-url", url)
    assert (code, out) == (3, "")
    assert "nothing was changed. Connect as a superuser (on RDS: the master user)" in err


def test_a_role_that_somebody_else_alters_is_not_waited_for(
    connection: Connection, roles: tuple[str, str], database_url: str, connect: Callable[..., Connection]
) -> None:
    other = connect()
    with other.transaction():
        other.execute(sql.SQL("ALTER ROLE {} CONNECTION LIMIT 7").format(sql.Identifier(roles[1])))
        code, _, err = outcome("--apply", "--database-url", database_url)
    assert code == 3
    assert "another session alters one of these roles" in err
    assert [limit_of(connection, role) for role in roles] == [-1, 7]
