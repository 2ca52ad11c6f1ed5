"""Which indexes nothing scans: on one server, over partitions, and on a streaming standby."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import psycopg
import pytest

from kc_db.database import connect as connect_as_kc_db
from kc_db.database import find_target
from kc_db.findings import Finding
from kc_db.indexes.load_facts import Standby
from tests.conftest import Connection
from tests.indexes import find_with_facts, make_specs
from tests.servers import Server
from tests.standby import Pair, can_stream, plain_role, streaming

PATIENCE_S = 20
TABLE = """
CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL, b int NOT NULL);
INSERT INTO t SELECT n, n, n FROM generate_series(1, 60000) AS n;
CREATE INDEX one ON t (a); CREATE INDEX two ON t (b, a); CREATE UNIQUE INDEX three ON t (b);
CREATE INDEX four ON t (b) WHERE b < 100;
"""
SPEC = "-- Why.\nCREATE INDEX one ON t (a);"


def usage(findings: list[Finding]) -> list[tuple[str, str]]:
    return [
        (finding.rule, finding.problem.where)
        for finding in findings
        if finding.rule in {"unused-index", "undetermined-usage"}
    ]


def scan(connection: Connection, column: str) -> None:
    connection.execute("SET enable_seqscan = off")
    connection.execute(f"SELECT count(*) FROM t WHERE {column} = 5".encode())


def until(found: Callable[[], object], expected: object) -> None:
    """Servers hand their statistics on with a delay."""
    deadline = time.monotonic() + PATIENCE_S
    while (seen := found()) != expected and time.monotonic() < deadline:
        time.sleep(0.2)
    assert seen == expected


def test_big_indexes_without_scans_are_unused(connect: Callable[..., Connection], tmp_path: Path) -> None:
    specs = make_specs(tmp_path, t=SPEC)
    with connect() as connection:
        connection.execute(TABLE)
    reader = connect()
    assert usage(find_with_facts(reader, specs)) == [
        ("unused-index", "public.t.one"),
        ("unused-index", "public.t.two"),
    ]
    with connect() as connection:
        scan(connection, "a")
    until(lambda: usage(find_with_facts(reader, specs)), [("unused-index", "public.t.two")])


def test_one_scanned_partition_is_enough(connect: Callable[..., Connection], tmp_path: Path) -> None:
    specs = make_specs(tmp_path, t="-- Why.\nCREATE INDEX one ON t (a);\n-- Why.\nCREATE INDEX two ON t (b);")
    with connect() as connection:
        connection.execute(
            "CREATE TABLE t (id int, a int, b int) PARTITION BY RANGE (id);"
            "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (30000);"
            "CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (30000) TO (90000);"
            "INSERT INTO t SELECT n, n, n FROM generate_series(1, 60000) AS n;"
            "CREATE INDEX one ON t (a); CREATE INDEX two ON t (b);"
        )
    with connect() as connection:
        connection.execute("SET enable_seqscan = off")
        connection.execute("SELECT FROM t1 WHERE a = 5")
    reader = connect()
    until(lambda: usage(find_with_facts(reader, specs)), [("unused-index", "public.t.two")])
    (unused,) = (one for one in find_with_facts(reader, specs) if one.rule == "unused-index")
    assert "it takes 1.3 MB" in unused.problem.message


def test_a_role_that_may_read_nothing_is_told_what_it_may_know(
    server: Server, connection: Connection, tmp_path: Path
) -> None:
    """pg_stats is empty for it, and so bloat is not estimated; scans and sizes are everybody's."""
    specs = make_specs(tmp_path, t=SPEC)
    connection.execute(TABLE)
    connection.execute("DELETE FROM t WHERE id % 20 <> 0")
    connection.execute("INSERT INTO t SELECT n, n, n FROM generate_series(60001, 120000) AS n")
    connection.execute("DELETE FROM t WHERE id > 60000")
    connection.execute("VACUUM ANALYZE t")
    assert "bloated-index" in {finding.rule for finding in find_with_facts(connection, specs)}
    with (
        plain_role(server, connection.info.dbname, may_make_temporary_tables=False) as url,
        psycopg.connect(url, autocommit=True) as reader,
    ):
        rules = {finding.rule for finding in find_with_facts(reader, specs)}
    assert "unused-index" in rules
    assert "bloated-index" not in rules


@pytest.fixture(scope="module")
def pair(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    where = pytestconfig.getoption("--postgres")
    if not can_stream(where):
        pytest.skip("a standby needs the server's programs")
    with streaming(where, tmp_path_factory.mktemp("pair")) as both:
        both.primary.execute("CREATE DATABASE other")
        with psycopg.connect(both.primary.base_url, autocommit=True) as connection:
            connection.execute(TABLE)
        both.caught_up()
        yield both


def standby(url: str) -> Standby:
    target = find_target(url)
    return Standby(target.label, partial(connect_as_kc_db, target, "verify-indexes", "test"))


def test_what_a_standby_scans_is_used(pair: Pair, tmp_path: Path) -> None:
    specs = make_specs(tmp_path, t=SPEC)
    there = [standby(pair.standby.base_url)]
    with ExitStack() as stack:
        primary = stack.enter_context(psycopg.connect(pair.primary.base_url, autocommit=True))
        both = [("unused-index", "public.t.one"), ("unused-index", "public.t.two")]
        assert usage(find_with_facts(primary, specs, there)) == both
        (first, _) = (f for f in find_with_facts(primary, specs, there) if f.rule == "unused-index")
        assert first.problem.message.startswith("never scanned on any of 2 servers; ")
        with psycopg.connect(pair.standby.base_url, autocommit=True) as connection:
            scan(connection, "a")
        until(lambda: usage(find_with_facts(primary, specs, there)), both[1:])
        assert usage(find_with_facts(primary, specs)) == both


@pytest.mark.parametrize("which", ["nothing there", "another database", "no standby", "another cluster"])
def test_a_standby_that_says_nothing_leaves_it_undetermined(
    pair: Pair, server: Server, tmp_path: Path, which: str
) -> None:
    specs = make_specs(tmp_path, t=SPEC)
    url, reason = {
        "nothing there": ("postgresql://reader@127.0.0.1:1/postgres", "Connection refused"),
        "another database": (pair.standby.url("other"), "that is database other, not postgres"),
        "no standby": (pair.primary.base_url, "that server is no standby"),
        "another cluster": (server.url("postgres"), "that server belongs to another cluster"),
    }[which]
    with psycopg.connect(pair.primary.base_url, autocommit=True) as primary:
        findings = find_with_facts(primary, specs, [standby(pair.standby.base_url), standby(url)])
    (finding,) = (one for one in findings if one.rule in {"unused-index", "undetermined-usage"})
    assert finding.rule == "undetermined-usage"
    assert reason in finding.problem.message
    assert "public.t.two" in finding.problem.message


def test_the_option_names_standbys(pair: Pair, tmp_path: Path) -> None:
    make_specs(tmp_path / "specs", t=SPEC)

    def see(*options: str) -> "subprocess.CompletedProcess[str]":
        program = Path(sys.executable).parent / "kc-db"
        place = ["--specs", str(tmp_path / "specs"), "--database-url", pair.primary.base_url]
        return subprocess.run(
            [program, "verify-indexes", *place, *options], capture_output=True, text=True, check=False
        )

    assert "of 2 servers" in see("--standby", pair.standby.base_url).stdout
    silent = see("--standby", "postgresql://reader:secret@127.0.0.1:1/postgres")
    assert (silent.returncode, "undetermined-usage" in silent.stdout) == (3, True)
    assert "secret" not in silent.stdout + silent.stderr
    assert see("--standby", "").returncode == 2
