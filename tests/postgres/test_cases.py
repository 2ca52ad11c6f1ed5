"""Each verifier rule against the smallest database that trips it, and one that doesn't: tests/cases/<rule>/.

`KC_DB_KEEP=1` writes what a user sees into expected.txt: read every line before you commit it.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kc_db.indexes.load_specs import load_specs
from tests.conftest import Connection
from tests.indexes import RULE_NAMES, RULEBOOK, find, rules_of

CASES = Path(__file__).parents[1] / "cases"
FOLDERS = [folder.parent for folder in sorted(CASES.glob("*/bad.sql"))]
FOLDER_NAMES = [folder.name for folder in FOLDERS]


def set_up(connection: Connection, script: Path) -> None:
    for statement in script.read_text(encoding="utf-8").split(";\n"):
        connection.execute(statement.encode())


def see(folder: Path, url: str) -> "subprocess.CompletedProcess[str]":
    kc_db = Path(sys.executable).parent / "kc-db"
    return subprocess.run(
        [kc_db, "verify-indexes", "--specs", "specs", "--database-url", url],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_each_rule_has_a_case() -> None:
    assert sorted(rule.name for rule in RULEBOOK) == FOLDER_NAMES


@pytest.mark.parametrize("folder", FOLDERS, ids=FOLDER_NAMES)
def test_the_bad_database_is_reported_as_expected(
    folder: Path, connection: Connection, database_url: str
) -> None:
    set_up(connection, folder / "bad.sql")
    seen = see(folder, database_url)
    *findings, verdict = seen.stdout.rstrip("\n").split("\n")
    text = "\n".join([*findings, verdict.partition("): ")[2], f"(exit code {seen.returncode})"]) + "\n"
    expected = folder / "expected.txt"
    if os.environ.get("KC_DB_KEEP"):
        expected.write_text(text, encoding="utf-8")
    assert seen.stderr == ""
    assert text == expected.read_text(encoding="utf-8")
    assert f" {folder.name}: " in text


@pytest.mark.parametrize("folder", FOLDERS, ids=FOLDER_NAMES)
def test_the_good_database_trips_nothing(folder: Path, connection: Connection) -> None:
    set_up(connection, folder / "good.sql")
    assert rules_of(find(connection, load_specs(folder / "specs", RULE_NAMES))) == []
