"""`kc-db explain-rule` as a user sees it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

KC_DB = str(Path(sys.executable).parent / "kc-db")


def run(*arguments: str, **environment: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [KC_DB, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, **environment},
    )
    return done.returncode, done.stdout, done.stderr


def test_what_a_rule_means() -> None:
    code, out, err = run("explain-rule", "missing-index")
    assert (code, err) == (0, "")
    head, _, documentation = out.partition("\n\n")
    assert head == "missing-index (error, verify-indexes)"
    assert documentation.startswith(
        "No usable index of the spec's definition exists, under any name.\n\nIf you"
    )
    assert "\n\nTo mend it: run the migrations, or `kc-db repair-indexes --apply`" in documentation


def test_a_rule_of_the_budget() -> None:
    assert run("explain-rule", "over-budget")[1].startswith("over-budget (error, check-pool-budget)\n\n")


def test_all_rules() -> None:
    code, out, err = run("explain-rule")
    assert (code, err) == (0, "")
    verifier, budget, ready = out.rstrip("\n").split("\n\n")
    assert verifier.startswith("verify-indexes\n  ")
    assert budget.startswith("check-pool-budget\n  ")
    assert ready.startswith("check-ready\n  ")
    (line,) = [line for line in verifier.split("\n") if line.startswith("  misnamed-index ")]
    assert line.split(maxsplit=2) == [
        "misnamed-index",
        "warning",
        "The spec's index exists under another name.",
    ]


@pytest.mark.parametrize(
    ("name", "hint"),
    [("mising-index", "did you mean missing-index?"), ("xyz", "known are ")],
)
def test_no_such_rule(name: str, hint: str) -> None:
    code, out, err = run("explain-rule", name)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: there is no rule {name}; {hint}")
    assert err.count("\n") == 1


def test_a_shell_completes_names() -> None:
    _, out, _ = run(_KC_DB_COMPLETE="bash_complete", COMP_WORDS="kc-db explain-rule missing-", COMP_CWORD="2")
    assert out.split() == ["plain,missing-index", "plain,missing-table", "plain,missing-role"]


def test_it_imports_no_rule() -> None:
    """The verifier's rules need libpq and a parser of SQL: explaining one starts ten times faster without."""
    script = (
        "import sys; from kc_db.cli.explain_rule import explain_rule;"
        "explain_rule(['missing-index'], standalone_mode=False);"
        "sys.exit(bool({'psycopg', 'pglast', 'pydantic'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False, capture_output=True).returncode == 0
