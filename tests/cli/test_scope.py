"""Several schemas, tenants and databases, as a user sees them: the whole output and the exit code."""

import json
import os
import pty
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from xml.etree import ElementTree as ET

import pytest

from tests.conftest import Connection
from tests.indexes import fresh_database, write_specs
from tests.servers import Server

KC_DB = str(Path(sys.executable).parent / "kc-db")
SECRET = "s3cr3t%40"
DOWN = f"down = postgresql://me:{SECRET}@127.0.0.1:1/shop"
TABLE = "CREATE TABLE t (a int, b int); CREATE INDEX x ON t (a)"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a spec to work in, and an environment that names no server."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "PGHOST", "PGDATABASE", "PGSERVICE", "PGUSER", "PGPORT", "CORRELATION_ID"):
        monkeypatch.delenv(name, raising=False)
    return write_specs(tmp_path / "index_specs", t="-- Finds an A.\nCREATE INDEX x ON t (a);\n")


@pytest.fixture
def second_url(server: Server) -> Iterator[str]:
    """The URL of another fresh database."""
    with fresh_database(server) as url:
        yield url


def verify(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run("verify-indexes", *arguments)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [KC_DB, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert "Traceback" not in done.stderr
    assert SECRET[:6] not in done.stdout + done.stderr
    return done


def complaint(code: int, *arguments: str) -> str:
    """The one line that a run ends with."""
    done = verify(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr.removeprefix("error: ").rstrip("\n")


def make_schemas(connection: Connection, *schemas: str) -> None:
    for schema in schemas:
        connection.execute(f'CREATE SCHEMA "{schema}"; SET search_path = "{schema}"; {TABLE}'.encode())
    connection.execute("RESET search_path")


def text_of(done: subprocess.CompletedProcess[str]) -> str:
    return re.sub(r"\(postgresql://[^)]*\)", "(TARGET)", done.stdout)


def test_a_table_of_one_name_in_two_schemas(connection: Connection, database_url: str) -> None:
    make_schemas(connection, "audit")
    connection.execute(f"{TABLE}; DROP INDEX audit.x")
    write_specs(Path("index_specs"), **{"audit.t": "CREATE INDEX x ON audit.t (a);"})
    done = verify("--database-url", database_url)
    expected = """\
        audit.t: 1 error
        ================

        error missing-index: audit.t.x
            no index of this definition exists
            stated in: index_specs/audit.t.sql:1
            mend it with:
                CREATE INDEX CONCURRENTLY x ON audit.t (a);

        verify-indexes (TARGET): 2 specs on 2 tables: 1 error
        """
    assert (done.returncode, text_of(done), done.stderr) == (1, dedent(expected), "")


def test_tenants_that_all_match(connection: Connection, database_url: str) -> None:
    make_schemas(connection, "tenant_1", "tenant_2", "Archive", "other")
    connection.execute("DROP INDEX other.x; CREATE INDEX y ON other.t (b)")
    done = verify("--database-url", database_url, "--schemas", "tenant_*", "--schemas", "Archive")
    summary = "1 spec on 3 tables in 3 schemas, all as specified\n"
    assert (done.returncode, done.stdout.partition("): ")[2], done.stderr) == (0, summary, "")


def test_tenants_of_which_some_drifted(connection: Connection, database_url: str) -> None:
    make_schemas(connection, "tenant_1", "tenant_2", "tenant-3", "tenant_4")
    connection.execute('DROP INDEX tenant_1.x, "tenant-3".x, tenant_4.x; ALTER INDEX tenant_2.x RENAME TO z')
    done = verify("--database-url", database_url, "--schemas", "tenant*", "--output", "json=report.json")
    expected = """\
        tenant-3.t: 1 error
        ===================

        error missing-index: tenant-3.t.x
            no index of this definition exists
            the same in 2 other schemas: tenant_1, tenant_4
            purpose: Finds an A.
            stated in: index_specs/t.sql:2
            mend it with:
                CREATE INDEX CONCURRENTLY x ON "tenant-3".t (a);

        tenant_2.t: 1 warning
        =====================

        warning misnamed-index: tenant_2.t.x
            the index exists, named z
            purpose: Finds an A.
            stated in: index_specs/t.sql:2
            mend it with:
                ALTER INDEX tenant_2.z RENAME TO x;

        verify-indexes (TARGET): 1 spec on 4 tables in 4 schemas: 3 errors, 1 warning
        """
    assert (done.returncode, text_of(done), done.stderr) == (1, dedent(expected), "")
    report = json.loads(Path("report.json").read_text(encoding="utf-8"))
    assert report["summary"]["schemas"] == 4
    assert [finding["where"] for finding in report["findings"]] == [
        "tenant-3.t.x",
        "tenant_1.t.x",
        "tenant_4.t.x",
        "tenant_2.t.x",
    ]
    assert "target" not in report["findings"][0]


def test_a_pattern_that_matches_nothing(connection: Connection, database_url: str) -> None:
    make_schemas(connection, "tenant_1")
    options = ("--database-url", database_url, "--schemas", "tenant_*", "--schemas")
    message = "no schema matches 'pg_*'; the database has public, tenant_1"
    assert complaint(3, *options, "pg_*") == message
    assert complaint(3, *options, "information_schema").startswith("no schema matches 'information_schema'")


def test_repair_touches_what_needs_it_in_every_tenant(connection: Connection, database_url: str) -> None:
    make_schemas(connection, "tenant_1", "tenant_2", "tenant_3", "other")
    connection.execute("DROP INDEX tenant_1.x, tenant_3.x, other.x")
    options = ("repair-indexes", "--database-url", database_url, "--schemas", "tenant_*")
    printed = run(*options)
    expected = """\
        CREATE INDEX CONCURRENTLY x ON tenant_1.t (a);
        CREATE INDEX CONCURRENTLY x ON tenant_3.t (a);

        repair-indexes (TARGET): would run 2 statements (--apply runs them); 1 spec on 3 tables in 3 schemas
        """
    assert (printed.returncode, text_of(printed).removesuffix(": 2 errors\n") + "\n") == (1, dedent(expected))
    done = run(*options, "--apply")
    assert done.returncode == 0
    assert done.stdout.endswith("ran 2 statements; 1 spec on 3 tables in 3 schemas, all as specified\n")
    assert re.findall(r"ON (\w+)", done.stderr) == ["tenant_1", "tenant_3"]
    assert connection.execute("SELECT to_regclass('other.x')").fetchone() == (None,)


def test_several_databases_of_which_one_is_down(
    connection: Connection, database_url: str, second_url: str, connect: Callable[[str], Connection]
) -> None:
    connection.execute(TABLE)
    connect(second_url).execute("CREATE TABLE t (a int, b int)")
    targets = ("--target", f"eu={database_url}", "--target", DOWN, "--target", f"us={second_url}")
    outputs = (
        "--output",
        "json=report.json",
        "--output",
        "junit=report.xml",
        "--output",
        "sarif=report.sarif",
    )
    done = verify(*targets, *outputs, "--correlation-id", "night")
    expected = """\
        us public.t: 1 error
        ====================

        error missing-index: public.t.x
            no index of this definition exists
            purpose: Finds an A.
            stated in: index_specs/t.sql:2
            mend it with:
                CREATE INDEX CONCURRENTLY x ON public.t (a);

        down: 1 undetermined
        ====================

        undetermined unverified-target: down
            REASON

        Each database
        database  verdict
        --------  ----------------
        eu        all as specified
        down      not looked at
        us        1 error

        verify-indexes (3 databases): 1 spec: 1 error; 1 database not looked at
        """
    assert (done.returncode, re.sub("can't reach down: .*", "REASON", done.stdout)) == (1, dedent(expected))
    lines = sorted(line.partition("] ")[2].partition(": connection")[0] for line in done.stderr.splitlines())
    assert lines == ["down: can't reach down", "eu: all as specified", "us: 1 error"]
    _assert_machine_formats()


def _assert_machine_formats() -> None:
    report = json.loads(Path("report.json").read_text(encoding="utf-8"))
    nothing = {"error": 0, "warning": 0, "information": 0, "undetermined": 0}
    eu, down, us = report["summary"]["targets"]
    assert (eu["target"], eu["verdict"], eu["error"]) == ("eu", "clean", None)
    assert (eu["tables"], eu["specs"], eu["findings"]) == (1, 1, nothing)
    assert (down["verdict"], us["verdict"]) == ("unverified", "findings")
    assert down["error"].startswith("can't reach down: ")
    assert [(finding["target"], finding["rule"]) for finding in report["findings"]] == [
        ("us", "missing-index"),
        ("down", "unverified-target"),
    ]
    root = ET.parse("report.xml").getroot()
    assert [(suite.get("name"), suite.get("failures"), suite.get("errors")) for suite in root] == [
        ("kc-db verify-indexes eu", "0", "0"),
        ("kc-db verify-indexes down", "0", "1"),
        ("kc-db verify-indexes us", "1", "0"),
    ]
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("3", "1", "1")
    results = json.loads(Path("report.sarif").read_text(encoding="utf-8"))["runs"][0]["results"]
    assert results[0]["message"]["text"].startswith("us: public.t.x: ")


@pytest.mark.parametrize(
    ("setup", "down", "options", "expected"),
    [
        (TABLE, False, (), 0),
        (TABLE, True, (), 3),
        ("CREATE TABLE t (a int)", False, (), 1),
        ("CREATE TABLE t (a int)", True, (), 1),
        (f"{TABLE}; ALTER INDEX x RENAME TO z", False, (), 0),
        (f"{TABLE}; ALTER INDEX x RENAME TO z", True, (), 3),
        (f"{TABLE}; ALTER INDEX x RENAME TO z", True, ("--fail-on", "warning"), 1),
    ],
)
def test_exit_codes(  # noqa: PLR0913 - one parameter per column of the table above
    connection: Connection,
    database_url: str,
    *,
    setup: str,
    down: bool,
    options: tuple[str, ...],
    expected: int,
) -> None:
    connection.execute(setup.encode())
    targets = ("--target", database_url, *(("--target", DOWN) if down else ()))
    assert verify(*targets, *options).returncode == expected


def test_the_same_in_several_databases(
    connection: Connection, database_url: str, second_url: str, connect: Callable[[str], Connection]
) -> None:
    for one in (connection, connect(second_url)):
        one.execute("CREATE TABLE t (a int)")
    done = verify("--target", f"eu={database_url}", "--target", f"us={second_url}", "--connections", "1")
    assert done.stdout.startswith("eu public.t: 1 error\n")
    assert "the same in 1 other database: us\n" in done.stdout
    assert done.stdout.count("missing-index") == 1
    github = verify("--target", f"eu={database_url}", "--target", f"us={second_url}", "--format", "github")
    assert github.stdout.startswith(
        "::error file=index_specs/t.sql,line=2,title=missing-index::eu: public.t.x: "
    )
    assert github.stdout.count("\n") == 1


def test_a_file_of_targets(
    connection: Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_schemas(connection, "tenant_1")
    monkeypatch.setenv("SHOP_URL", database_url)
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/not-asked")
    Path("databases.txt").write_text("# All.\nshop = ${SHOP_URL}  # the only one\n", encoding="utf-8")
    done = verify("--targets", "databases.txt", "--schemas", "tenant_*")
    assert done.returncode == 0
    assert done.stdout.endswith("verify-indexes (1 database): 1 spec, all as specified\n")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--targets", "none.txt"), 2, "none.txt: can't be read: No such file or directory"),
        (("--targets", "empty.txt"), 3, "no target is named in 'empty.txt'; write one per line, NAME = URL"),
        (
            ("--targets", "wrong.txt"),
            2,
            "wrong.txt:2: the database URL's port isn't a number from 1 to 65535",
        ),
        (("--target", DOWN, "--target", DOWN), 2, "--target: there are two targets down; take one out"),
        (
            ("--target", DOWN, "--database-url", "postgresql://h/d"),
            2,
            "--database-url names the only database; take it out, or make it a --target",
        ),
    ],
)
def test_targets_that_are_wrong(arguments: tuple[str, ...], code: int, message: str) -> None:
    Path("empty.txt").write_text("# Nothing.\n", encoding="utf-8")
    Path("wrong.txt").write_text(f"\npostgresql://me:{SECRET}@h:port/d\n", encoding="utf-8")
    said = complaint(code, *arguments)
    assert said.startswith(message)
    assert SECRET[:6] not in said


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_bar_on_a_terminal(connection: Connection, database_url: str, log_format: str) -> None:
    """stderr is a terminal, stdout isn't: the bar goes there, and the report is whole."""
    connection.execute(TABLE)
    ours, theirs = pty.openpty()
    command = [KC_DB, "verify-indexes", "--target", f"eu={database_url}", "--target", DOWN]
    with subprocess.Popen(
        [*command, "--log-format", log_format],
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    ) as process:
        os.close(theirs)
        seen = _read(ours)
        assert process.stdout
        assert process.stdout.read().endswith("1 spec, all as specified; 1 database not looked at\n")
    assert process.returncode == 3
    assert ("databases" in seen) == (log_format == "text")
    assert ('"message": "eu: all as specified"' in seen) == (log_format == "json")
    assert SECRET[:6] not in seen


def test_a_signal_does_not_wait_for_servers() -> None:
    """Both servers take the connection and say nothing, for longer than this test may run."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        urls = [
            f"postgresql://127.0.0.1:{silent.getsockname()[1]}/{name}?connect_timeout=600" for name in "ab"
        ]
        command = [KC_DB, "verify-indexes", "--target", urls[0], "--target", urls[1]]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            held = [silent.accept()[0] for _ in urls]
            process.terminate()
            out, err = process.communicate(timeout=60)
            for one in held:
                one.close()
    assert (process.returncode, out) == (143, "")
    assert "stopped by SIGTERM" in err


def _read(terminal: int) -> str:
    seen = b""
    try:
        while some := os.read(terminal, 1024):
            seen += some
    except OSError:  # Linux says so when the other side has closed
        pass
    os.close(terminal)
    return seen.decode()
