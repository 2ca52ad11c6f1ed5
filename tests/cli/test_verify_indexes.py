"""`kc-db verify-indexes` as a user sees it: the whole output and the exit code."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from tests.conftest import Connection
from tests.indexes import write_specs
from tests.servers import Server

SETUP = "CREATE TABLE t (a int, b int); CREATE INDEX y ON t (b)"
SPEC = "-- Finds an A.\nCREATE INDEX x ON t (a);\nCREATE INDEX y ON t (b);\n"
SECRET = "s3cr3t%40"
Shop = Callable[[str], str]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with specs to work in, and an environment that names no server."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "PGHOST", "PGDATABASE", "PGSERVICE", "PGUSER", "PGPORT", "CORRELATION_ID"):
        monkeypatch.delenv(name, raising=False)
    return write_specs(tmp_path / "index_specs", t=SPEC)


@pytest.fixture
def shop(connection: Connection, database_url: str) -> Shop:
    """Sets the database up, and names it."""

    def set_up(script: str) -> str:
        connection.execute(script.encode())
        return database_url

    return set_up


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    kc_db = str(Path(sys.executable).parent / "kc-db")
    return subprocess.run(
        [kc_db, "verify-indexes", *arguments], capture_output=True, text=True, check=False, timeout=60
    )


def outcome(*arguments: str) -> tuple[int, str, str]:
    done = run(*arguments)
    return done.returncode, done.stdout, done.stderr


def complaint(code: int, *arguments: str) -> str:
    """The one line that a run ends with."""
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("error: ")
    return done.stderr.removeprefix("error: ").rstrip("\n")


def test_what_is_missing(connection: Connection, database_url: str) -> None:
    connection.execute(SETUP)
    code, out, err = outcome("--database-url", database_url)
    expected = """\
        public.t: 1 error
        =================

        error missing-index: public.t.x
            no index of this definition exists
            purpose: Finds an A.
            stated in: index_specs/t.sql:2
            mend it with:
                CREATE INDEX CONCURRENTLY x ON public.t (a);

        verify-indexes (TARGET): 2 specs on 1 table: 1 error
        """
    assert (code, re.sub(r"\(postgresql://[^)]*\)", "(TARGET)", out), err) == (1, dedent(expected), "")


def test_all_is_well(connection: Connection, database_url: str) -> None:
    connection.execute(f"{SETUP}; CREATE INDEX x ON t (a)")
    code, out, err = outcome("--database-url", database_url)
    assert (code, out.partition("): ")[2], err) == (0, "2 specs on 1 table, all as specified\n", "")


def test_json_is_all_there_is_on_stdout(connection: Connection, database_url: str, tmp_path: Path) -> None:
    connection.execute(SETUP)
    options = ("--format", "json", "--output", "text=report.txt", "--correlation-id", "deploy-42")
    code, out, err = outcome("--database-url", database_url, *options)
    report = json.loads(out)
    assert (code, err, report["correlation_id"], report["summary"]["specs"]) == (1, "", "deploy-42", 2)
    assert [finding["rule"] for finding in report["findings"]] == ["missing-index"]
    assert "error missing-index: public.t.x" in (tmp_path / "report.txt").read_text(encoding="utf-8")


ROW = "CREATE FUNCTION f(t) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true'"
UNSURE = "CREATE INDEX x ON t (a) WHERE f(t);"


@pytest.mark.parametrize(
    ("setup", "spec", "options", "expected"),
    [
        ("CREATE INDEX z ON t (a)", "CREATE INDEX x ON t (a);", (), 0),
        ("CREATE INDEX z ON t (a)", "CREATE INDEX x ON t (a);", ("--fail-on", "warning"), 1),
        ("CREATE INDEX z ON t (a)", "CREATE INDEX z ON t (a);", ("--fail-on", "information"), 1),
        (f"{ROW}; CREATE INDEX x ON t (a) WHERE f(t)", UNSURE, (), 3),
        (f"{ROW}; CREATE INDEX x ON t (a) WHERE f(t)", f"{UNSURE} CREATE INDEX w ON t (a, b);", (), 1),
    ],
)
def test_exit_codes(shop: Shop, setup: str, spec: str, options: tuple[str, ...], expected: int) -> None:
    url = shop(f"{SETUP}; {setup}")
    write_specs(Path("index_specs"), t=spec)
    assert run("--database-url", url, *options).returncode == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "-- é\nCREATE INDEX é ON t (é) FOO;",
            'index_specs/t.sql:2:25: syntax error at or near "FOO"; correct the SQL',
        ),
        (
            SPEC + SPEC,
            "index_specs/t.sql:5: index 'x' is here twice, first in index_specs/t.sql:2",
        ),
        (
            "DROP TABLE t;",
            (
                "index_specs/t.sql:1:1: a spec file holds CREATE INDEX and PREPARE statements "
                "and comments only; take this out"
            ),
        ),
    ],
    ids=["syntax", "twice", "no index"],
)
def test_a_wrong_spec(text: str, message: str) -> None:
    """Found before anybody connects: nothing listens here."""
    write_specs(Path("index_specs"), t=text)
    assert complaint(2, "--database-url", "postgresql://127.0.0.1:1/x") == message


def test_specs_that_are_not_there() -> None:
    url = ("--database-url", "postgresql://127.0.0.1:1/x")
    write_specs(Path("empty"))
    assert (
        complaint(2, *url, "--specs", "nowhere")
        == "there is no folder of specs 'nowhere'; name it with --specs"
    )
    assert complaint(3, *url, "--specs", "empty") == (
        "no index spec found in 'empty'; write CREATE INDEX statements into empty/<table>.sql"
    )


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (f"postgresq://me:{SECRET}@h/d", "the database URL has scheme 'postgresq', which is not PostgreSQL"),
        (f"me:{SECRET}@h/d", "the database URL has no scheme, which is not PostgreSQL's; set DATABASE_URL="),
        (f"postgresql://me:{SECRET}@h:port:1/d", "the database URL's port isn't a number from 1 to 65535"),
        (f"postgresql://me:{SECRET}@h/d?sslmod=require", "the database URL can't be parsed"),
    ],
    ids=["typo", "no scheme", "port", "parameter"],
)  # fmt: skip
def test_a_wrong_url(url: str, message: str) -> None:
    said = complaint(2, "--database-url", url)
    assert said.startswith(message)
    assert "s3cr3t" not in said


def test_no_url() -> None:
    assert complaint(2).startswith("no database is named; set DATABASE_URL=postgresql://user@host/database")


@pytest.mark.parametrize("format_name", ["text", "json"])
def test_a_server_that_is_down(format_name: str) -> None:
    url = f"postgresql://me:{SECRET}@127.0.0.1:1/shop"
    said = complaint(3, "--database-url", url, "--format", format_name)
    assert said.startswith("can't reach postgresql://me@127.0.0.1:1/shop: ")
    assert said.endswith("; check host, port, user and database")
    assert "s3cr3t" not in said


def test_a_database_that_does_not_exist(server: Server) -> None:
    assert 'database "kc_test_none" does not exist' in complaint(
        3, "--database-url", server.url("kc_test_none")
    )


def test_a_role_that_may_not_connect(server: Server, connection: Connection) -> None:
    database = connection.info.dbname
    connection.execute(
        f"CREATE ROLE kc_test_{database} LOGIN; REVOKE CONNECT ON DATABASE {database} FROM PUBLIC".encode()
    )
    try:
        said = complaint(3, "--database-url", server.url(database, f"kc_test_{database}"))
    finally:
        connection.execute(f"DROP ROLE kc_test_{database}".encode())
    assert "permission denied for database" in said or "authentication failed" in said


def test_a_role_needs_no_privilege_to_look(server: Server, connection: Connection) -> None:
    """The catalog is everybody's; what isn't is USAGE, without which a name isn't in the search_path."""
    role = f"kc_test_{connection.info.dbname}"
    connection.execute(f"{SETUP}; CREATE INDEX x ON t (a); CREATE ROLE {role} LOGIN".encode())
    try:
        done = run("--database-url", server.url(connection.info.dbname, role))
    finally:
        connection.execute(f"DROP ROLE {role}".encode())
    if "authentication failed" in done.stderr:
        pytest.skip("this server asks every role for its own password")
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--correlation-id", "x" * 37),
            "the correlation id has to be at most 36 printable ASCII characters",
        ),
        (("--correlation-id", "a\nb"), "the correlation id has to be at most 36 printable ASCII characters"),
    ],
)
def test_a_wrong_correlation_id(arguments: tuple[str, ...], message: str) -> None:
    assert complaint(2, "--database-url", "postgresql://127.0.0.1:1/x", *arguments).startswith(message)


def test_an_output_that_can_not_be_written(connection: Connection, database_url: str) -> None:
    connection.execute(SETUP)
    done = run("--database-url", database_url, "--output", "json=no/such/folder.json")
    assert (done.returncode, done.stdout) == (2, "")  # before anything is looked at, or mended
    assert (
        "no/such/folder.json can't be written; name a file in a folder that you may write to" in done.stderr
    )


@pytest.mark.parametrize(
    "arguments", [("--format", "xml"), ("--output", "xml=a"), ("--fail-on", "x"), ("extra",)]
)
def test_bad_usage(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    assert "Error: " in done.stderr
