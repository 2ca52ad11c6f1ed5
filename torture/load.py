"""Does building an index on a large, busy table cost the application a write, or time?

Writers write at a steady rate, others hold long snapshots and locks, and `alembic upgrade head` runs two
revisions: with op.ensure_index, and in the same run, on the same data, with a plain op.create_index.
Exit code 1 if a write failed because of op.ensure_index, or waited longer than the limit.
"""

import argparse
import json
import math
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from kc_db.embedded import running
from tests.servers import fetch_binaries, server_at
from torture.picture import draw
from torture.revisions import OURS, PLAIN, leave_invalid, undo, upgrade, write_revisions
from torture.trouble import Trouble, made
from torture.watching import Seen, watching
from torture.writers import Load, Write, writing

LIMIT_MS = 500
PHASES = ("before", "during", "after")
SETTINGS = {  # fsync and the like are on, as in production
    "shared_buffers": "512MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "15min",
}
_TABLE = """
CREATE TABLE payments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    student_id uuid NOT NULL,
    status text NOT NULL,
    provider_payment_id text,
    amount_minor bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
)
"""
_ROWS = """
INSERT INTO payments (student_id, status, provider_payment_id, amount_minor, created_at)
SELECT md5((n %% 100000)::text)::uuid, (ARRAY['pending', 'captured', 'failed'])[n %% 3 + 1],
       'pay_' || left(md5(n::text || 'p'), 24), n %% 1000000, now() - n * interval '1 second'
FROM generate_series(1, %s) AS n
"""
Report = dict[str, object]


def main() -> int:
    """Measures, prints a table, and writes what it was asked for."""
    options = _options()
    if options.redraw:
        Path(options.picture).write_text(draw(json.loads(Path(options.redraw).read_text())))
        return 0
    with tempfile.TemporaryDirectory() as folder, _database(options.postgres, Path(folder)) as url:
        report = run(
            url,
            Load(options.rows, options.rate, seed=str(options.seed)),
            Trouble(longest_s=options.longest_hold, seed=str(options.seed)),
            quiet_s=options.quiet,
        )
    print("\n".join(table_of(report)))
    if options.json:
        Path(options.json).write_text(json.dumps(report))
    if options.picture:
        Path(options.picture).write_text(draw(report))
    return 0 if not report["broken"] else 1


def run(url: str, load: Load, trouble: Trouble, quiet_s: float) -> Report:
    """Fills an empty database and builds in both ways.

    Args:
        url: the database's.
        load: what is written.
        trouble: what others do.
        quiet_s: how long to look before and after each build.

    Returns:
        What is written as JSON; under "broken" is each limit that op.ensure_index broke.
    """
    with psycopg.connect(url, autocommit=True) as connection, tempfile.TemporaryDirectory() as folder:
        version = connection.info.parameter_status("server_version")
        connection.execute(_TABLE)
        connection.execute(_ROWS, (load.rows,))
        sides = []
        for way in (OURS, PLAIN):
            project = write_revisions(Path(folder) / way, way)
            if way == OURS:
                leave_invalid(url)
            connection.execute("VACUUM (ANALYZE) payments")
            connection.execute("CHECKPOINT")
            sides.append(_side(url, project, load, trouble, quiet_s))
            undo(connection)
    return {
        "server": f"PostgreSQL {version}",
        "load": asdict(load),
        "trouble": asdict(trouble),
        "load_average": [round(average, 2) for average in os.getloadavg()],
        "limits": {"failed_writes": 0, "longest_write_ms": LIMIT_MS},
        "broken": _broken(sides[0]),
        "sides": sides,
    }


def _side(url: str, project: Path, load: Load, trouble: Trouble, quiet_s: float) -> Report:
    load = replace(
        load, seed=f"{load.seed} {project.name}"
    )  # else the second side inserts the first one's keys again
    with made(url, trouble) as errors, writing(url, load) as writers, watching(url) as seen:
        time.sleep(quiet_s + min(2.0, quiet_s))  # the first ones warm up
        began = time.monotonic()
        upgrade(url, project)
        ended = time.monotonic()
        time.sleep(quiet_s)
    if errors:
        raise RuntimeError(f"trouble ended before its time: {errors}")
    spans = {
        "before": (began - quiet_s, began),
        "during": (began, ended),
        "after": (ended, ended + quiet_s),
    }
    return {
        "way": project.name,
        "upgrade_s": round(ended - began, 2),
        "blocked_writers": len(seen.blocked),
        "longest_lock_wait_ms": round(seen.longest_wait_ms),
        "phases": {name: _figures(writers.writes, *span) for name, span in spans.items()},
        "build": _relative(seen, began, ended),
        "writes": [
            [round(write.at - began, 3), round(write.took_ms, 1), write.error or ""]
            for write in writers.writes
            if write.at >= began - quiet_s
        ],
    }


def _figures(writes: Sequence[Write], begin: float, end: float) -> Report:
    """The writes that were due in a span; one that failed took as long as it took to fail."""
    part = [write for write in writes if begin <= write.at < end]
    took = sorted(write.took_ms for write in part)
    return {
        "writes": len(part),
        "failed": sum(write.error is not None for write in part),
        "errors": sorted({write.error for write in part if write.error}),
        "p50_ms": round(_percentile(took, 50), 1),
        "p99_ms": round(_percentile(took, 99), 1),
        "max_ms": round(_percentile(took, 100), 1),
    }


def _percentile(ordered: Sequence[float], percent: float) -> float:
    """The nearest rank."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)] if ordered else 0.0


def _relative(seen: Seen, began: float, ended: float) -> list[list[object]]:
    """What the build did, from when until when, in seconds since its start."""
    ends = [*(at for at, _ in seen.phases[1:]), ended]
    return [
        [phase, round(at - began, 2), round(min(end, ended) - began, 2)]
        for (at, phase), end in zip(seen.phases, ends, strict=True)
        if phase
    ]


def _broken(side: Report) -> list[str]:
    phases = side["phases"]
    assert isinstance(phases, dict)
    broken = [
        f"{figures['failed']} writes failed {name}" for name, figures in phases.items() if figures["failed"]
    ]
    longest_ms = max(phases["during"]["max_ms"], side["longest_lock_wait_ms"])
    if longest_ms > LIMIT_MS:
        broken.append(f"a write took {longest_ms:.0f} ms during the build (limit {LIMIT_MS} ms)")
    return broken


def table_of(report: Report) -> Iterator[str]:
    """The report for people."""
    load, trouble, sides, broken = (report[name] for name in ("load", "trouble", "sides", "broken"))
    assert isinstance(load, dict)
    assert isinstance(trouble, dict)
    assert isinstance(sides, list)
    assert isinstance(broken, list)
    averages = report["load_average"]
    yield (
        f"{report['server']}, {load['rows']:,} rows, {load['rate']:g} writes/s "
        f"on {load['connections']} connections, seed {load['seed']}"
    )
    yield f"snapshots and locks held for up to {trouble['longest_s']:g} s; load average {averages}"
    yield f"{'':17}{'':8}{'writes':>8}{'failed':>8}{'p50':>10}{'p99':>10}{'max':>10}"
    for side in sides:
        for name in PHASES:
            figures = side["phases"][name]
            times = "".join(f"{figures[key]:>7.1f} ms" for key in ("p50_ms", "p99_ms", "max_ms"))
            way = side["way"] if name == "before" else ""
            yield f"{way:17}{name:8}{figures['writes']:>8}{figures['failed']:>8}{times}"
        yield (
            f"{'':17}upgrade {side['upgrade_s']} s; writers that waited for its locks: "
            f"{side['blocked_writers']}, the longest {side['longest_lock_wait_ms']} ms"
        )
    yield (
        "; ".join(f"BROKEN: {limit}" for limit in broken)
        or f"limits kept: no failed write, none over {LIMIT_MS} ms"
    )


@contextmanager
def _database(where: str, folder: Path) -> Iterator[str]:
    """A new database there; gone at the end."""
    if "://" not in where:
        binaries = None if where == "embedded" else fetch_binaries(where)
        with running(folder / "server", binaries=binaries, settings=SETTINGS) as conninfo:
            yield server_at(conninfo).base_url
        return
    name = f"kc_load_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(where, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        try:
            yield make_conninfo(where, dbname=name)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m torture.load", description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000, help="of the table")
    parser.add_argument("--rate", type=float, default=200, help="writes per second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--longest-hold", type=float, default=6, help="seconds a snapshot or lock is held at most"
    )
    parser.add_argument("--quiet", type=float, default=15, help="seconds to look before and after a build")
    parser.add_argument("--postgres", default="embedded", help="embedded, 14 to 18, or a server's URL")
    parser.add_argument("--json", metavar="FILE", help="write everything measured")
    parser.add_argument("--picture", metavar="FILE", help="write an SVG")
    parser.add_argument("--redraw", metavar="JSON", help="only draw, what an earlier run wrote")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
