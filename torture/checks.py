"""What has to be true after a deploy that says it succeeded."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import LiteralString

from tests.deploys import REPOSITORY
from torture.machine import Connection, connected
from torture.states import HEAD, State

_KC_DB = Path(sys.executable).parent / "kc-db"
_PATIENCE_S = 5.0
_POLL_S = 0.05
_UNUSABLE: LiteralString = (
    "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT (indisvalid AND indisready AND indislive)"
)
_SESSIONS: LiteralString = (
    "SELECT application_name || ': ' || left(query, 80) FROM pg_stat_activity "
    "WHERE datname = current_database() AND application_name LIKE 'kc-db/%' "
    "UNION ALL SELECT 'advisory lock of pid ' || pid FROM pg_locks "
    "WHERE locktype = 'advisory' "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def complaints(url: str, state: State) -> Iterator[str]:
    """What is wrong with a database that a deploy has finished.

    Args:
        url: of the database.
        state: what the deploy began with.
    """
    with connected(url) as connection:
        revisions = _revisions(connection)
        if revisions != [HEAD]:
            yield f"not at head, but at {revisions}"
        if unusable := _first_column(connection, _UNUSABLE):
            yield f"INVALID: {', '.join(unusable)}"
        if sessions := _leftover_sessions(connection):
            yield f"left behind: {'; '.join(sessions)}"
    yield from _findings(url, state)


def _revisions(connection: Connection) -> list[str]:
    there = connection.execute("SELECT to_regclass('alembic_version') IS NOT NULL").fetchone()
    if not there or not there[0]:
        return []
    return _first_column(connection, "SELECT version_num FROM alembic_version")


def _leftover_sessions(connection: Connection) -> list[str]:
    """Sessions of ours; one that was closed takes a moment to go."""
    deadline = time.monotonic() + _PATIENCE_S
    while (sessions := _first_column(connection, _SESSIONS)) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    return sessions


def _findings(url: str, state: State) -> Iterator[str]:
    done = subprocess.run(
        [_KC_DB, "verify-indexes", "--specs", REPOSITORY / "index_specs", "--format", "json"],
        env={**os.environ, "DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if not done.stdout:
        yield f"verify-indexes exits {done.returncode}: {done.stderr}"
        return
    found = [one for one in json.loads(done.stdout)["findings"] if one["severity"] != "information"]
    if done.returncode or Counter(one["rule"] for one in found) != Counter(state.accepted):
        listed = "; ".join(f"{one['rule']} {one['where']}" for one in found)
        yield f"verify-indexes exits {done.returncode}: {listed}"


def _first_column(connection: Connection, question: LiteralString) -> list[str]:
    return [str(row[0]) for row in connection.execute(question)]
