"""Each verifier rule against the smallest database that trips it, and one that doesn't: tests/cases/<rule>/.

`KC_DB_KEEP=1` writes what a user sees into expected.txt: read every line before you commit it.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from datetime import date
from pathlib import Path

import pytest

from kc_db.indexes.baseline import Looked
from kc_db.indexes.baseline_file import load_baseline
from kc_db.indexes.load_specs import load_specs
from kc_db.indexes.verify import accept
from tests.builds import running
from tests.conftest import Connection
from tests.indexes import RULE_NAMES, RULEBOOK, find_with_facts, rules_of

CASES = Path(__file__).parents[1] / "cases"
FOLDERS = [folder.parent for folder in sorted(CASES.glob("*/bad.sql"))]
BAD_BASELINE, GOOD_BASELINE = "bad_baseline.toml", "good_baseline.toml"
OPTIONS = "options.txt"
MEANWHILE = "meanwhile.sql"  # a build that runs while the verifier looks
FOLDER_NAMES = [folder.name for folder in FOLDERS]


def set_up(connection: Connection, script: Path) -> None:
    for statement in script.read_text(encoding="utf-8").split(";\n"):
        connection.execute(statement.encode())


def see(folder: Path, url: str) -> "subprocess.CompletedProcess[str]":
    kc_db = Path(sys.executable).parent / "kc-db"
    baseline = ("--baseline", BAD_BASELINE) if (folder / BAD_BASELINE).exists() else ()
    options = (folder / OPTIONS).read_text(encoding="utf-8").split() if (folder / OPTIONS).exists() else ()
    return subprocess.run(
        [kc_db, "verify-indexes", "--specs", "specs", "--database-url", url, *baseline, *options],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_each_rule_has_a_case() -> None:
    assert sorted(rule.name for rule in RULEBOOK) == FOLDER_NAMES


@pytest.mark.parametrize("folder", FOLDERS, ids=FOLDER_NAMES)
def test_the_bad_database_is_reported_as_expected(
    folder: Path, connection: Connection, connect: Callable[..., Connection], database_url: str
) -> None:
    set_up(connection, folder / "bad.sql")
    build = folder / MEANWHILE
    with running(connect, build.read_text(encoding="utf-8")) if build.exists() else nullcontext():
        seen = see(folder, database_url)
    *findings, verdict = seen.stdout.rstrip("\n").split("\n")
    text = "\n".join([*findings, verdict.partition("): ")[2], f"(exit code {seen.returncode})"]) + "\n"
    text = re.sub(r"\d{4}-\d\d-\d\d", "<date>", text)
    text = re.sub(r"backend \d+", "backend <pid>", text)
    text = re.sub(r"\d+ % done", "<percent> done", text)
    expected = folder / "expected.txt"
    if os.environ.get("KC_DB_KEEP"):
        expected.write_text(text, encoding="utf-8")
    assert seen.stderr == ""
    assert text == expected.read_text(encoding="utf-8")
    assert f" {folder.name}: " in text


@pytest.mark.parametrize("folder", FOLDERS, ids=FOLDER_NAMES)
def test_the_good_database_trips_nothing(folder: Path, connection: Connection) -> None:
    set_up(connection, folder / "good.sql")
    findings = find_with_facts(connection, load_specs(folder / "specs", RULE_NAMES))
    if (folder / GOOD_BASELINE).exists():
        entries = load_baseline(folder / GOOD_BASELINE, {rule.name: rule for rule in RULEBOOK})
        looked = Looked(date(2026, 1, 1), frozenset(RULE_NAMES), ("",))
        findings, _ = accept(findings, entries, looked, RULEBOOK)
    assert rules_of(findings) == []
