import json
import shutil
import sys
from pathlib import Path
from subprocess import run as run_process

import pytest

from tests.deploys import REPOSITORY, Connection, revisions, run, snapshot
from tests.servers import Server


def fails(code: int, *arguments: str, url: str | None = None, **variables: str) -> str:
    """The one line of an `alembic` that fails with this exit code."""
    result = run(*arguments, url=url, **variables)
    assert result.returncode == code, result
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    line = result.stderr.splitlines()[-1]
    assert line.startswith("error: ")
    return line.removeprefix("error: ")


@pytest.mark.parametrize("arguments", [("upgrade", "head"), ("current",)])
def test_no_database(arguments: tuple[str, ...]) -> None:
    assert fails(2, *arguments).startswith("no database is named; set DATABASE_URL=postgresql://")


def test_a_script_needs_no_database() -> None:
    result = run("upgrade", "head", "--sql")
    assert result.returncode == 0
    assert "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS payments_provider_payment_id_key" in result.stdout


@pytest.mark.parametrize("arguments", [("history",), ("heads",)])
def test_what_only_reads_the_revisions_needs_no_database(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).returncode == 0


def test_a_server_that_is_down() -> None:
    line = fails(3, "upgrade", "head", url="postgresql://me:sekret@127.0.0.1:1/app")
    assert line.startswith("can't reach postgresql://me@127.0.0.1:1/app: ")
    assert "sekret" not in line


def test_a_database_that_is_not_there(server: Server) -> None:
    line = fails(3, "upgrade", "head", url=server.url("nowhere"))
    assert 'database "nowhere" does not exist' in line


def test_a_url_with_a_typo() -> None:
    line = fails(2, "upgrade", "head", url="postgresq://me:sekret@db/app")
    assert "did you mean postgresql://?" in line
    assert "sekret" not in line


def test_a_role_without_privileges(server: Server, connection: Connection) -> None:
    name = connection.info.dbname
    role = f"pleb_{name}"
    connection.execute("REVOKE CREATE ON SCHEMA public FROM public")
    connection.execute(f"CREATE ROLE {role} LOGIN".encode())
    try:
        line = fails(3, "upgrade", "head", url=server.url(name, role))
    finally:
        connection.execute(f"DROP ROLE {role}".encode())
    assert f"may not make tables in schema public; GRANT CREATE ON SCHEMA public TO {role}" in line
    assert snapshot(connection) == set()


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"KC_DB_LOG_FORMAT": "xml"}, "the log format is text or json, not 'xml'"),
        ({"CORRELATION_ID": "x" * 37}, "the correlation id has to be at most 36 printable ASCII characters"),
    ],
)
def test_wrong_settings(variables: dict[str, str], message: str) -> None:
    assert fails(2, "current", url="postgresql://db/app", **variables).startswith(message)


def test_a_revision_that_is_not_there(database_url: str) -> None:
    assert fails(2, "upgrade", "0099", url=database_url) == "Can't locate revision identified by '0099'"


def test_the_traceback_is_there_for_who_asks(database_url: str) -> None:
    result = run("--raiseerr", "upgrade", "0099", url=database_url)
    assert "Traceback" in result.stderr


def test_what_a_deploy_prints(connection: Connection, database_url: str) -> None:
    result = run("upgrade", "0002", url=database_url, CORRELATION_ID="deploy-42")
    place = f"{connection.info.host}/{connection.info.dbname}"
    lines = [line.removeprefix("kc-db [deploy-42] ") for line in result.stderr.splitlines()]
    assert result.stdout == ""
    assert place in lines[0]
    assert ", PostgreSQL " in lines[0]
    assert lines[1:7] == [
        "Running upgrade  -> 0001, Create the four tables, or adopt those that are there.",
        "table payments is made",
        "table purchases is made",
        "table allocations is made",
        "table sessions is made",
        "Running upgrade 0001 -> 0002, A replayed provider webhook must not insert a payment twice.",
    ]
    assert lines[7].startswith("CREATE UNIQUE INDEX CONCURRENTLY payments_provider_payment_id_key ON public.")
    assert lines[8].startswith("done in ")
    assert lines[9].endswith(" is at 0002")
    again = run("upgrade", "0002", url=database_url).stderr.splitlines()
    assert len(again) == 2
    assert "nothing to do: " in again[1]


def test_json_lines(database_url: str) -> None:
    result = run("upgrade", "head", url=database_url, CORRELATION_ID="deploy-42", KC_DB_LOG_FORMAT="json")
    said = [json.loads(line) for line in result.stderr.splitlines()]
    assert {line["correlation_id"] for line in said} == {"deploy-42"}
    assert said[-1]["message"].endswith("is at 0010 (head)")
    result = run("upgrade", "99", url=database_url, KC_DB_LOG_FORMAT="json")
    assert json.loads(result.stderr.splitlines()[-1])["level"] == "ERROR"


def test_libpqs_variables_alone(connection: Connection) -> None:
    info = connection.info
    variables = {
        "PGHOST": info.host,
        "PGPORT": str(info.port),
        "PGUSER": info.user,
        "PGDATABASE": info.dbname,
    }
    variables |= {"PGPASSWORD": info.password} if info.password else {}
    assert run("upgrade", "0001", **variables).returncode == 0
    assert revisions(connection) == ["0001"]


def test_a_new_revision_says_what_to_fill_in(tmp_path: Path, database_url: str) -> None:
    shutil.copytree(REPOSITORY / "migrations", tmp_path / "migrations")
    shutil.copy(REPOSITORY / "alembic.ini", tmp_path)
    arguments = ["revision", "--rev-id", "0011", "-m", "Serve a trainer's 100 % open sessions"]
    made = run_process(
        [sys.executable, "-m", "alembic", *arguments],
        cwd=tmp_path,
        env={"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        check=True,
        text=True,
    )
    assert "0011_serve_a_trainer_s_100_open_sessions.py" in made.stdout
    text = (tmp_path / "migrations/versions/0011_serve_a_trainer_s_100_open_sessions.py").read_text()
    assert text.startswith('"""Serve a trainer\'s 100 % open sessions."""\n')
    assert 'revision = "0011"\ndown_revision = "0010"\n' in text
    assert 'op.ensure_index("CREATE INDEX ' in text
    unfilled = run_process(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(REPOSITORY), "DATABASE_URL": database_url},
        capture_output=True,
        check=False,
        text=True,
    )
    assert unfilled.returncode == 2
    assert 'error: op.ensure_index takes one CREATE INDEX statement (syntax error at or near "table")' in (
        unfilled.stderr
    )
