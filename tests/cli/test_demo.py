"""`make demo`, in a folder of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


def run_demo(folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, CHECKOUT / "scripts" / "demo.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def test_the_demo_catches_and_mends_all_four_and_leaves_no_server(tmp_path: Path) -> None:
    for name in ("alembic.ini", "migrations", "index_specs", "pool_budget.toml"):
        (tmp_path / name).symlink_to(CHECKOUT / name)
    for _ in range(2):  # a second demo starts afresh
        demo = run_demo(tmp_path)
        assert demo.returncode == 0, demo.stdout
        caught = re.findall(r"^(error|warning) ([a-z-]+): ", demo.stdout, re.MULTILINE)
        assert sorted(caught) == [
            ("error", "different-definition"),
            ("error", "invalid-index"),
            ("error", "missing-index"),
            ("warning", "misnamed-index"),
        ]
        assert re.findall(r"^\(exit code (\d)\)$", demo.stdout, re.MULTILINE) == [
            "0",
            "0",
            "0",
            "1",
            "0",
            "0",
        ]
    assert not [
        process
        for process in Path("/proc").glob("[0-9]*/cmdline")
        if str(tmp_path).encode() in _read(process)
    ]


def test_a_demo_never_drops_rows(tmp_path: Path) -> None:
    from kc_db.database import connect, find_target

    for name in ("alembic.ini", "migrations", "index_specs", "pool_budget.toml"):
        (tmp_path / name).symlink_to(CHECKOUT / name)
    assert run_demo(tmp_path).returncode == 0
    target = find_target(f"embedded:{tmp_path}/.kc-db/postgres")
    statement = "INSERT INTO allocations (student_id, course_id) SELECT gen_random_uuid(), gen_random_uuid()"
    with connect(target, "test", "test") as connection:
        connection.execute(statement)
    assert run_demo(tmp_path).returncode != 0
    with connect(target, "test", "test") as connection:
        assert connection.execute("SELECT count(*) FROM allocations").fetchone() == (1,)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
