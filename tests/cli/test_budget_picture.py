"""`kc-db check-pool-budget --output svg=FILE`, and what others say to it."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).parents[2]
CODE = "from kc_db.cli import main; main()"
OTHERS = ("verify-indexes", "repair-indexes", "plan-migrations", "check-ready")


def run(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", CODE, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_picture_in_docs_is_what_the_command_draws(tmp_path: Path) -> None:
    file = tmp_path / "pool-budget.svg"
    done = run("check-pool-budget", "--environment", "production", "--output", f"svg={file}")
    assert (done.returncode, done.stderr) == (0, "")
    committed = (ROOT / "docs" / "pool-budget.svg").read_text(encoding="utf-8")
    how = "kc-db check-pool-budget --environment production --output svg=docs/pool-budget.svg"
    assert file.read_text(encoding="utf-8") == committed, f"draw it anew: {how}"


def test_it_goes_to_stdout_too_and_alone() -> None:
    done = run("check-pool-budget", "--format", "svg", "--set", "*.instances=3")
    assert done.returncode == 1
    assert "490 of 175: 315 too many" in [element.text for element in ET.fromstring(done.stdout).iter()]


def test_all_formats_at_once(tmp_path: Path) -> None:
    formats = ("text", "json", "sarif", "junit", "github", "svg")
    wanted = [f"--output={name}={tmp_path / name}" for name in formats]
    assert run("check-pool-budget", *wanted).returncode == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(formats)


@pytest.mark.parametrize("option", ["--format=svg", "--output=svg=budget.svg"])
@pytest.mark.parametrize("command", OTHERS)
def test_what_has_nothing_to_draw_says_so_before_it_looks(command: str, option: str) -> None:
    done = run(command, "--database-url", "postgresql://nobody@127.0.0.1:1/nothing", option)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"svg draws what check-pool-budget found; {command} has nothing to draw" in done.stderr
    assert not (ROOT / "budget.svg").exists()
