"""`kc-db verify-indexes` with a baseline, and with severities that the project sets, as a user sees it."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema
import pytest

from tests.conftest import Connection
from tests.indexes import write_specs

SETUP = "CREATE TABLE t (a int, b int); CREATE INDEX x ON t (b); CREATE INDEX z ON t (b, a)"
SPEC = "-- Finds an A.\nCREATE INDEX x ON t (a);\nCREATE INDEX y ON t (b, a);\nCREATE INDEX w ON t (a, b);\n"
FILE = Path("index_baseline.toml")
SARIF_SCHEMA = Path(__file__).parents[1] / "data" / "sarif-2.1.0-rtm.5.json"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, connection: Connection, database_url: str) -> Run:
    """Runs verify-indexes, or another command, in a repository whose database differs from its specs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    write_specs(tmp_path / "index_specs", t=SPEC)
    connection.execute(SETUP)

    def run_it(*arguments: str, command: str = "verify-indexes") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [Path(sys.executable).parent / "kc-db", command, "--database-url", database_url, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run_it


def verdict(done: "subprocess.CompletedProcess[str]") -> tuple[int, str]:
    return done.returncode, done.stdout.rstrip("\n").rpartition("\n")[2].partition("): ")[2]


def rules(done: "subprocess.CompletedProcess[str]") -> list[tuple[str, str]]:
    return [(found["rule"], found["severity"]) for found in json.loads(done.stdout)["findings"]]


def write(run: Run, *arguments: str) -> None:
    done = run("--write-baseline", *arguments, "--reason", "before our time")
    assert (done.returncode, done.stdout.count("\n")) == (0, 1), done


def test_what_is_there_is_accepted_and_what_is_new_is_reported(run: Run, connection: Connection) -> None:
    assert verdict(run()) == (1, "3 specs on 1 table: 2 errors, 1 warning")
    done = run("--write-baseline", "--reason", "before our time")
    assert verdict(done) == (0, "3 specs on 1 table: 3 accepted by the baseline")
    assert done.stderr.partition("] ")[2] == "index_baseline.toml: 3 new, 0 kept, 0 taken out\n"
    assert verdict(run()) == (0, "3 specs on 1 table: 3 accepted by the baseline")
    connection.execute("DROP INDEX z")
    done = run("--format", "json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["summary"]["accepted"] == 2
    assert rules(done) == [("missing-index", "error"), ("unused-baseline-entry", "warning")]


def test_entries_last_for_ninety_days_unless_a_date_is_given(run: Run) -> None:
    write(run)
    today = datetime.now(UTC).date()
    assert any(
        f"expires = {today + timedelta(days=days)}\n" in FILE.read_text(encoding="utf-8") for days in (89, 90)
    )  # the day may end between the two
    write(run, "other.toml", "--expires", "2999-12-31")
    assert Path("other.toml").read_text(encoding="utf-8").count("expires = 2999-12-31\n") == 3


def test_writing_again_keeps_reasons_and_dates(run: Run, connection: Connection) -> None:
    write(run, "--expires", "2998-12-31")
    text = FILE.read_text(encoding="utf-8")
    write(run)
    assert FILE.read_text(encoding="utf-8") == text
    connection.execute("CREATE INDEX w ON t (a, b); DROP INDEX x")
    done = run("--write-baseline", "--reason", "new", "--expires", "2999-12-31")
    assert done.stderr.partition("] ")[2] == "index_baseline.toml: 1 new, 1 kept, 2 taken out\n"
    text = FILE.read_text(encoding="utf-8")
    assert (text.count('"before our time"'), text.count('"new"'), text.count("2999")) == (1, 1, 1)


def test_an_expired_entry_is_reported_with_what_it_accepted(run: Run) -> None:
    write(run, "--expires", "2999-12-31")
    FILE.write_text(FILE.read_text(encoding="utf-8").replace("2999", "1999", 1), encoding="utf-8")
    done = run("--format", "json")
    assert rules(done) == [("missing-index", "error"), ("expired-baseline-entry", "warning")]
    found = json.loads(done.stdout)["findings"][1]
    assert (found["file"], found["line"]) == ("index_baseline.toml", 5)
    write(run)  # a person accepts it anew, with a reason
    assert verdict(run())[0] == 0


def test_every_format_points_at_specs_and_entries(run: Run, connection: Connection) -> None:
    write(run)
    connection.execute("DROP INDEX z")
    formats = ("--output", "sarif=a.sarif", "--output", "junit=a.xml", "--format", "github")
    error, warning = run(*formats).stdout.splitlines()
    assert error.startswith("::error file=index_specs/t.sql,line=3,title=missing-index::public.t.y: ")
    assert warning.startswith("::warning file=index_baseline.toml,line=24,title=unused-baseline-entry::")
    log = json.loads(Path("a.sarif").read_text(encoding="utf-8"))
    jsonschema.Draft4Validator(json.loads(SARIF_SCHEMA.read_text(encoding="utf-8"))).validate(log)
    places = [
        (
            place["physicalLocation"]["artifactLocation"]["uri"],
            place["physicalLocation"]["region"]["startLine"],
        )
        for result in log["runs"][0]["results"]
        for place in result["locations"]
    ]
    assert places == [("index_specs/t.sql", 3), ("index_baseline.toml", 24)]
    assert '<testsuite name="kc-db verify-indexes" tests="2" failures="1"' in Path("a.xml").read_text()


def test_repairing_does_not_care(run: Run) -> None:
    write(run)
    done = run("--format", "json", command="repair-indexes")
    assert len(json.loads(done.stdout)["findings"]) == 3
    assert run("--baseline", "x", command="repair-indexes").returncode == 2


def test_a_baseline_can_be_left_away(run: Run) -> None:
    write(run)
    assert verdict(run("--baseline", "/dev/null")) == (1, "3 specs on 1 table: 2 errors, 1 warning")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--write-baseline",), '--write-baseline needs --reason "why these findings are acceptable"'),
        (("--write-baseline", "--reason", " "), "--write-baseline needs --reason"),
        (("--reason", "x"), "--reason and --expires go with --write-baseline; add it"),
        (("--expires", "2999-12-31"), "--reason and --expires go with --write-baseline; add it"),
        (("--write-baseline", "--reason", "x", "--expires", "1999-01-01"), "--expires 1999-01-01 is past"),
        (("--write-baseline", "--reason", "x", "--expires", "soon"), "'soon' does not match the format"),
        (("--write-baseline", "no/b.toml", "--reason", "x"), "no/b.toml can't be written; name a file"),
        (("--write-baseline", "a", "--baseline", "b", "--reason", "x"), "name two files; name one"),
        (("--baseline", "none.toml"), "none.toml: no such file; make it with: kc-db verify-indexes"),
    ],
)
def test_bad_usage(run: Run, arguments: tuple[str, ...], message: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not FILE.exists()


def test_a_wrong_baseline_is_told_before_anybody_connects(run: Run) -> None:
    FILE.write_text("accepted = 1\n", encoding="utf-8")
    done = run("--database-url", "postgresql://127.0.0.1:1/x")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: index_baseline.toml:1:12: accepted: must be a list, not 1\n"


def test_severities_of_the_project(run: Run) -> None:
    settings = Path("pyproject.toml")
    settings.write_text('[tool.kc-db.severity]\nmissing-index = "information"\nmisnamed-index = "off"\n')
    for command in ("verify-indexes", "repair-indexes"):
        done = run("--format", "json", command=command)
        assert rules(done) == [("different-definition", "error"), ("missing-index", "information")]
    sarif = json.loads(run("--format", "sarif").stdout)["runs"][0]["tool"]["driver"]["rules"]
    levels = {rule["id"]: rule["defaultConfiguration"]["level"] for rule in sarif}
    assert (levels["missing-index"], levels["different-definition"]) == ("note", "error")
    assert "misnamed-index" not in levels


def test_an_allowance_of_a_rule_that_is_off_is_not_idle(run: Run) -> None:
    write_specs(
        Path("index_specs"), t="-- kc: allow misnamed-index -- dashboards\nCREATE INDEX z ON t (b, a);"
    )
    assert "unused-allowance" in run().stdout
    Path("pyproject.toml").write_text('[tool.kc-db.severity]\nmisnamed-index = "off"\n')
    assert "unused-allowance" not in run().stdout


def test_a_wrong_setting(run: Run) -> None:
    Path("pyproject.toml").write_text('[tool.kc-db.severity]\nmisnamd-index = "off"\n')
    done = run("--database-url", "postgresql://127.0.0.1:1/x")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: pyproject.toml:2:1: tool.kc-db.severity.misnamd-index: unknown rule; "
        "did you mean misnamed-index?\n"
    )
