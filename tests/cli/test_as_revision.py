"""`kc-db repair-indexes --as-revision`: the files that it writes, and that migrating mends everything."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Connection
from tests.deploys import REPOSITORY
from tests.indexes import index_names, write_specs

TABLES = """
CREATE TABLE t (a int, b int, c text);
CREATE TABLE p (a int, b int) PARTITION BY RANGE (a);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10)
"""
LONG = "c_" + "x" * 40
STATES = """
CREATE INDEX t_a_idx ON t (b) WHERE c = '"quoted" 100%';
CREATE INDEX named_otherwise ON t (b, a);
CREATE INDEX t_c_idx ON t (c); CREATE INDEX t_c_again ON t (c);
CREATE INDEX left_over ON t (a, b, c); CREATE INDEX t_c_a_key ON t (c, a);
UPDATE pg_index SET indisvalid = false WHERE indexrelid IN ('left_over'::regclass, 't_c_a_key'::regclass)
"""
SPECS = {
    "t": f"""
-- Finds an A.
CREATE INDEX t_a_idx ON t (a);
-- Finds a B, "then" an A.
CREATE INDEX t_b_a_idx ON t (b, a);
CREATE INDEX t_c_idx ON t (c);
CREATE UNIQUE INDEX t_c_a_key ON t (c, a);
-- A long one.
CREATE INDEX {LONG} ON t (lower(c), upper(c)) INCLUDE (a, b) WHERE c = '''a''' AND b > 123456;
""",
    "p": "CREATE INDEX p_b_idx ON p (b);",
}
KC_DB = str(Path(sys.executable).parent / "kc-db")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of somebody else, with two revisions."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(REPOSITORY / "alembic.ini", tmp_path)
    migrations = tmp_path / "migrations"
    (migrations / "versions").mkdir(parents=True)
    for name in ("env.py", "script.py.mako"):
        shutil.copy(REPOSITORY / "migrations" / name, migrations)
    for number, down in (("0008", "None"), ("0009", '"0008"')):
        (migrations / "versions" / f"{number}_x.py").write_text(
            f'revision = "{number}"\ndown_revision = {down}\n\n\n'
            "def upgrade(): ...\n\n\ndef downgrade(): ...\n"
        )
    write_specs(tmp_path / "index_specs", **SPECS)
    return tmp_path


def run(url: str, *command: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "DATABASE_URL": url}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


def alembic(url: str, *arguments: str) -> None:
    done = run(url, sys.executable, "-m", "alembic", *arguments)
    assert done.returncode == 0, done.stderr


def set_up(connection: Connection, script: str) -> None:
    for statement in script.split(";\n"):
        connection.execute(statement.encode())


def versions(project: Path) -> list[str]:
    return sorted(file.name for file in (project / "migrations" / "versions").glob("*.py"))


def test_migrating_with_them_mends_everything(
    connection: Connection, database_url: str, project: Path
) -> None:
    set_up(connection, TABLES + ";\n" + STATES)
    before = index_names(connection)
    done = run(database_url, KC_DB, "repair-indexes", "--as-revision", "Mend the indexes.")
    assert (done.returncode, done.stderr) == (0, "")
    names = versions(project)[2:]
    assert names == [
        "0010_p_b_idx.py",
        "0011_left_over.py",
        "0012_t_a_idx.py",
        "0013_t_b_a_idx.py",
        "0014_t_c_a_key.py",
        f"0015_{LONG}.py",
        "0016_t_c_idx.py",
        "0017_t_c_again.py",
    ]
    *paths, _, headline = done.stdout.splitlines()
    assert [Path(path).name for path in paths] == names
    assert headline.endswith("wrote 8 revisions; run: alembic upgrade head")
    assert index_names(connection) == before
    alembic(database_url, "upgrade", "head")
    verdict = run(database_url, KC_DB, "verify-indexes", "--format", "json")
    assert verdict.returncode == 0, verdict.stdout
    assert not any(name in verdict.stdout for name in ("missing-index", "misnamed-index", "duplicate-index"))
    alembic(database_url, "downgrade", "0009")
    assert {"named_otherwise", "t_a_idx"} <= index_names(connection)
    assert "t_b_a_idx" not in index_names(connection)
    alembic(database_url, "upgrade", "head")
    assert run(database_url, KC_DB, "verify-indexes").returncode == 0


def test_they_mend_another_database_in_another_state(
    connection: Connection, database_url: str, project: Path
) -> None:
    """What was replaced here may be right elsewhere, and must not be lost there."""
    set_up(connection, TABLES + ";\n" + STATES)
    assert run(database_url, KC_DB, "repair-indexes", "--as-revision", "Mend").returncode == 0
    names = index_names(connection)
    for name in names - {"p_pkey"}:
        connection.execute(f"DROP INDEX IF EXISTS {name}".encode())
    connection.execute("CREATE INDEX t_a_idx ON t (a); CREATE INDEX t_c_again ON t (c)")
    connection.execute("CREATE INDEX left_over ON t (a, b, c)")
    before = connection.execute("SELECT 't_a_idx'::regclass::oid").fetchone()
    alembic(database_url, "upgrade", "head")
    assert run(database_url, KC_DB, "verify-indexes").returncode == 0
    assert connection.execute("SELECT 't_a_idx'::regclass::oid").fetchone() == before
    assert "left_over" in index_names(connection)
    assert project.exists()


def test_a_revision_reads_as_ours_do(connection: Connection, database_url: str, project: Path) -> None:
    set_up(connection, TABLES + ";\n" + STATES)
    run(database_url, KC_DB, "repair-indexes", "--as-revision", "Mend the indexes.")
    folder = project / "migrations" / "versions"
    assert (
        (folder / "0012_t_a_idx.py").read_text()
        == '''"""Mend the indexes: Finds an A."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.ensure_index("CREATE INDEX t_a_idx ON t (a)", exactly=True)


def downgrade() -> None:
    op.ensure_index("CREATE INDEX t_a_idx ON t (b) WHERE (c = '\\"quoted\\" 100%'::text)", exactly=True)
'''
    )
    check = subprocess.run(
        [Path(sys.executable).parent / "ruff", "format", "--diff", "--line-length", "110", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "would be reformatted" not in "\n".join(
        line for line in check.stderr.splitlines() if "_x.py" not in line and "2 files" not in line
    )


@pytest.mark.parametrize(
    ("setup", "reason"),
    [
        (
            "ALTER TABLE t ADD CONSTRAINT t_a_idx UNIQUE (b)",
            "constraint t_a_idx stands on it; dropping that is",
        ),
        ("CREATE INDEX t_a_idx ON t (b, a); CREATE INDEX t_b_a_idx ON t (a)", "--apply mends it"),
        ("DROP TABLE p", "table p doesn't exist; run: alembic upgrade head"),
    ],
)
def test_what_can_not_be_said_is_told_and_nothing_is_written(
    connection: Connection, database_url: str, project: Path, setup: str, reason: str
) -> None:
    set_up(connection, f"{TABLES};\n{setup}")
    done = run(database_url, KC_DB, "repair-indexes", "--as-revision", "Mend")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no revision was written, because a revision can't say this:" in done.stderr
    assert reason in done.stderr
    assert len(versions(project)) == 2


def test_where_nothing_is_wrong_nothing_is_written(
    connection: Connection, database_url: str, project: Path
) -> None:
    set_up(connection, TABLES)
    assert run(database_url, KC_DB, "repair-indexes", "--apply").returncode == 0
    done = run(database_url, KC_DB, "repair-indexes", "--as-revision", "Mend")
    assert (done.returncode, done.stdout.strip().endswith("wrote 0 revisions")) == (0, True)
    assert len(versions(project)) == 2


def test_wrong_usage(database_url: str, project: Path, connection: Connection) -> None:
    set_up(connection, TABLES)
    both = run(database_url, KC_DB, "repair-indexes", "--apply", "--as-revision", "Mend")
    assert (both.returncode, "choose one" in both.stderr) == (2, True)
    (project / "alembic.ini").unlink()
    missing = run(database_url, KC_DB, "repair-indexes", "--as-revision", "Mend")
    assert (missing.returncode, "there is no alembic.ini" in missing.stderr) == (2, True)


def test_two_heads(connection: Connection, database_url: str, project: Path) -> None:
    set_up(connection, TABLES)
    (project / "migrations" / "versions" / "0009_y.py").write_text(
        'revision = "9y"\ndown_revision = "0008"\n\n\ndef upgrade(): ...\n\n\ndef downgrade(): ...\n'
    )
    done = run(database_url, KC_DB, "repair-indexes", "--as-revision", "Mend")
    assert (done.returncode, "multiple heads" in done.stderr) == (2, True)
    assert len(versions(project)) == 3
