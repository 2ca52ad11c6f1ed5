"""Writers don't notice a build: the short form of torture/load.py."""

from typing import Any

import pytest

from torture.load import run
from torture.trouble import Trouble
from torture.writers import Load


@pytest.fixture
def sides(database_url: str) -> list[dict[str, Any]]:
    report = run(
        database_url,
        Load(rows=100_000, rate=100, connections=8, timeout_ms=30_000),
        Trouble(longest_s=0.8, pause_s=0.0),
        quiet_s=0.5,
    )
    measured = report["sides"]
    assert isinstance(measured, list)
    return measured


def test_no_write_fails_or_waits_for_a_lock_of_the_build(sides: list[dict[str, Any]]) -> None:
    ours, plain = sides
    assert ours["phases"]["during"]["writes"] > 0
    assert [figures["errors"] for figures in ours["phases"].values()] == [[], [], []]
    assert ours["blocked_writers"] == 0
    assert plain["blocked_writers"] > 0  # else the watcher would see nothing
