"""`kc-db check-ready` as a user sees it: the whole output and the exit code."""

import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from textwrap import dedent

import pytest

from kc_db.ready.load_revisions import load_revisions
from kc_db.rulebook import load_rules
from tests import deploys
from tests.builds import running
from tests.conftest import Connection
from tests.indexes import write_specs
from tests.servers import Server

SETUP = "CREATE TABLE t (a int); CREATE TABLE alembic_version (version_num varchar(32))"
SPEC = "-- Finds an A.\nCREATE INDEX x ON t (a);\n"
READY = f"{SETUP}; CREATE INDEX x ON t (a); INSERT INTO alembic_version VALUES ('2')"
SECRET = "s3cr3t%40"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project to work in, and an environment that names no server."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "PGHOST", "PGDATABASE", "PGSERVICE", "PGUSER", "PGPORT", "CORRELATION_ID"):
        monkeypatch.delenv(name, raising=False)
    write_specs(tmp_path / "index_specs", t=SPEC)
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s/m\n")
    (tmp_path / "m" / "versions").mkdir(parents=True)
    write_revision("1")
    write_revision("2", down="'1'")
    return tmp_path


def write_revision(name: str, *, down: str = "None", more: str = "") -> None:
    text = f"revision: str = '{name}'\ndown_revision = {down}\n{more}\n"
    Path("m", "versions", f"{name}.py").write_text(text)


def start(*arguments: str) -> subprocess.Popen[str]:
    kc_db = str(Path(sys.executable).parent / "kc-db")
    return subprocess.Popen(
        [kc_db, "check-ready", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def outcome(*arguments: str) -> tuple[int, str, str]:
    with start(*arguments) as process:
        out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def rules(*arguments: str) -> tuple[int, list[str]]:
    code, out, err = outcome(*arguments, "--format", "json")
    assert out, err
    return code, [finding["rule"] for finding in json.loads(out)["findings"]]


def plain(text: str) -> str:
    text = re.sub(r"postgresql://[^) ]*", "TARGET", text)
    text = re.sub(r"PostgreSQL [\d.]+\w*", "PostgreSQL N", text)
    return re.sub(r" +\d+ ms", " N ms", re.sub(r"\(\d+ ms\)", "(N ms)", text))


def test_ready_is_one_line(connection: Connection, database_url: str) -> None:
    connection.execute(READY.encode())
    code, out, err = outcome("--database-url", database_url)
    assert (code, err) == (0, "")
    assert re.fullmatch(
        r"check-ready \(TARGET\): ready: PostgreSQL N answers \(N ms\); primary \(N ms\); "
        r"schema at 2 \(head\) \(N ms\); 1 index required, all there \(N ms\); "
        r"\d+ of \d+ connections of the server free \(N ms\)\n",
        plain(out),
    ), out


def test_not_ready(connection: Connection, database_url: str) -> None:
    connection.execute(f"{SETUP}; INSERT INTO alembic_version VALUES ('1')".encode())
    code, out, err = outcome("--database-url", database_url, "--free-connections", "0")
    expected = """\
        What was asked
        check    verdict    time  answer
        -------  ---------  -----  --------------------
        server   ready N ms  PostgreSQL N answers
        role     ready N ms  primary
        schema   not ready N ms  schema at 1
        indexes  not ready N ms  1 index required

        error outdated-schema: alembic_version
            the database is at 1, and head is 2; 1 to run: 2
            mend it with:
                alembic upgrade head

        public.t: 1 error
        =================

        error missing-index: public.t.x
            no index of this definition exists
            purpose: Finds an A.
            stated in: index_specs/t.sql:2
            mend it with:
                CREATE INDEX CONCURRENTLY x ON public.t (a);

        check-ready (TARGET): not ready: 2 errors
        """
    assert (code, err) == (1, "")
    columns = re.compile(r" {2,}|-{2,}")  # their widths depend on times and versions
    assert columns.sub(" ", plain(out)) == columns.sub(" ", dedent(expected))


@pytest.mark.parametrize(
    ("setup", "options", "expected"),
    [
        ("DROP TABLE alembic_version", (), (1, ["outdated-schema"])),
        ("DELETE FROM alembic_version", (), (1, ["outdated-schema"])),
        ("UPDATE alembic_version SET version_num = '3'", (), (1, ["newer-schema"])),
        ("UPDATE alembic_version SET version_num = '3'", ("--allow-newer",), (0, [])),
        ("DROP TABLE alembic_version", ("--no-migrations",), (0, [])),
        ("ALTER TABLE alembic_version SET SCHEMA pg_catalog", (), (0, [])),
        ("DROP INDEX x", (), (1, ["missing-index"])),
        ("DROP INDEX x", ("--no-specs",), (0, [])),
        ("DROP INDEX x; CREATE INDEX x ON t (a DESC)", (), (1, ["different-definition"])),
        ("ALTER INDEX x RENAME TO y; CREATE INDEX z ON t (a)", (), (0, [])),
        (
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'x'::regclass",
            (),
            (1, ["invalid-index"]),
        ),
        ("SELECT", ("--standby",), (1, ["wrong-server-role"])),
        ("SELECT", ("--free-connections", "100000"), (1, ["too-few-connections"])),
    ],
)
def test_verdicts(
    connection: Connection, database_url: str, setup: str, options: tuple[str, ...], expected: object
) -> None:
    connection.execute(f"SET allow_system_table_mods = on; {READY}; {setup}".encode())
    assert rules("--database-url", database_url, *options) == expected


def test_an_index_that_is_being_built_is_not_there_yet(
    connection: Connection, database_url: str, connect: Callable[[], Connection]
) -> None:
    connection.execute(f"{READY}; DROP INDEX x".encode())
    with running(connect, "CREATE INDEX CONCURRENTLY x ON t (a)"):
        assert rules("--database-url", database_url) == (1, ["building-index"])


def test_several_heads(connection: Connection, database_url: str) -> None:
    connection.execute(READY.encode())
    write_revision("3", down="'1'")
    code, out, _ = outcome("--database-url", database_url)
    assert (code, "the migrations have 2 heads: 2, 3; 1 to run: 3" in out) == (1, True), out
    connection.execute("INSERT INTO alembic_version VALUES ('3')")
    assert rules("--database-url", database_url) == (0, [])


@pytest.mark.parametrize("format_name", ["sarif", "junit", "github"])
def test_other_formats_carry_it(connection: Connection, database_url: str, format_name: str) -> None:
    connection.execute(SETUP.encode())
    code, out, _ = outcome("--database-url", database_url, "--format", format_name)
    assert (code, "outdated-schema" in out, "missing-index" in out) == (1, True, True)


def test_no_server_is_no_verdict() -> None:
    url = f"postgresql://someone:{SECRET}@127.0.0.1:1/app"
    code, out, err = outcome("--database-url", url)
    assert (code, err) == (3, "")
    assert "undetermined no-answer: server of postgresql://someone@127.0.0.1:1/app" in out
    assert "s3cr3t" not in out


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_a_silent_server_is_no_verdict_in_time(silent: int) -> None:
    started = time.monotonic()
    url = f"postgresql://someone@127.0.0.1:{silent}/app"
    assert rules("--database-url", url, "--timeout", "0.5") == (3, ["no-answer"])
    assert time.monotonic() - started < 8, "it waited for connect_timeout"  # ours is 10 s


def test_a_statement_that_hangs(connection: Connection, database_url: str) -> None:
    connection.execute(READY.encode())
    connection.execute("BEGIN; LOCK TABLE alembic_version")
    code, out, _ = outcome("--database-url", database_url, "--timeout", "1", "--format", "json")
    report = json.loads(out)
    assert (code, [look["verdict"] for look in report["summary"]["checks"]]) == (
        3,
        ["ready", "ready", "unknown"],
    )
    assert report["findings"][0]["message"].startswith("no answer in time")


def test_waiting_until_it_is_ready(connection: Connection, database_url: str) -> None:
    connection.execute(f"{SETUP}; CREATE INDEX x ON t (a)".encode())
    with start("--database-url", database_url, "--wait", "60") as process:
        assert process.stderr
        assert "not ready: outdated-schema" in process.stderr.readline()
        connection.execute("INSERT INTO alembic_version VALUES ('1')")
        assert "the database is at 1, and head is 2" in process.stderr.readline()
        connection.execute("UPDATE alembic_version SET version_num = '2'")
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out.count("\n"), err) == (0, 1, "")


def test_without_specs_it_says_so(connection: Connection, database_url: str, folder: Path) -> None:
    connection.execute(READY.encode())
    shutil.rmtree(folder / "index_specs")
    code, out, err = outcome("--database-url", database_url)
    assert (code, "there is no folder index_specs" in err, "required" in out) == (0, True, False)
    assert outcome("--database-url", database_url, "--specs", "index_specs")[0] == 2


@pytest.mark.parametrize(
    "options", [("--max-replay-lag", "1"), ("--alembic-config", "no.ini"), ("--timeout", "0")]
)
def test_bad_usage(options: tuple[str, ...]) -> None:
    code, out, _ = outcome("--database-url", "postgresql://127.0.0.1:1/app", *options)
    assert (code, out) == (2, "")


def test_revisions_are_read_as_alembic_reads_them() -> None:
    plain_text = load_revisions(Path("alembic.ini"))
    assert (plain_text.parents, plain_text.heads) == ({"1": (), "2": ("1",)}, ("2",))
    write_revision("3", down="None", more="depends_on = ['2']\nbranch_labels = ('b',)")
    read = load_revisions(Path("alembic.ini"))
    write_revision("2", down="str(1)")  # nobody knows without running it
    asked = load_revisions(Path("alembic.ini"))
    assert (dict(read.parents), sorted(read.heads)) == (dict(asked.parents), sorted(asked.heads))
    assert read.applied(["3"]) == {"1", "2", "3"}


def test_the_projects_own_migrations() -> None:
    revisions = load_revisions(deploys.REPOSITORY / "alembic.ini")
    assert (revisions.heads, len(revisions.parents)) == (("0010",), 10)


def test_each_rule_is_documented_and_in_the_readme() -> None:
    readme = (deploys.REPOSITORY / "README.md").read_text(encoding="utf-8")
    for rule in load_rules(import_module("kc_db.ready.rules")):
        assert re.match(r"[^\n]+\.\n\nIf you leave it: .*\n\nTo mend it: ", rule.documentation, re.DOTALL), (
            rule.name
        )
        assert f"`{rule.name}`" in readme


def test_a_role_with_few_rights(connection: Connection, server: Server) -> None:
    connection.execute(READY.encode())
    name = f"few_{connection.info.dbname}"
    connection.execute(f"CREATE ROLE {name} LOGIN CONNECTION LIMIT 1".encode())
    try:
        url = server.url(connection.info.dbname, name)
        assert rules("--database-url", url) == (1, ["too-few-connections", "no-answer"])
        connection.execute(
            f"GRANT SELECT ON alembic_version TO {name}; ALTER ROLE {name} CONNECTION LIMIT 2".encode()
        )
        assert rules("--database-url", url) == (0, [])
    finally:
        connection.execute(f"DROP OWNED BY {name}; DROP ROLE {name}".encode())
