"""`kc-db plan-migrations`."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kc_db.cli.options import Run, common_options, database_option

if TYPE_CHECKING:
    from kc_db.database import Connection
    from kc_db.findings import Finding
    from kc_db.online.plan.model import Lock, Planned, PlannedRevision, Size
    from kc_db.report import Report


@click.command(
    short_help="Say what the pending migrations would do.",
    epilog="""\b
Examples:
  kc-db plan-migrations
  kc-db plan-migrations --format json
  kc-db plan-migrations --free-bytes 50000000000
  kc-db plan-migrations --alembic-config db/alembic.ini
""",
)
@click.option(
    "--alembic-config",
    type=click.Path(path_type=Path),
    envvar="ALEMBIC_CONFIG",
    default="alembic.ini",
    show_default=True,
    metavar="FILE",
    help="Where the revisions are found.",
)
@click.option(
    "--free-bytes",
    type=click.IntRange(min=0),
    envvar="KC_DB_FREE_BYTES",
    metavar="N",
    help="Free space on the server's disk, which SQL can't tell: refuse if the indexes need more.",
)
@database_option
@common_options
def plan_migrations(
    run: Run, database_url: str | None, *, alembic_config: Path, free_bytes: int | None
) -> None:
    """Say what `alembic upgrade head` would run now, and whom it would block; change nothing.

    For each pending revision: its statements on the database as it is, the lock that each takes and what that
    keeps out, table sizes, and estimates of time and space. Finds what an upgrade would be refused for.
    Reads only; calls each revision's upgrade() in a context that connects to nothing.
    """
    from kc_db.database import connect, find_target
    from kc_db.online.plan.findings import findings_of
    from kc_db.online.plan.pending import load_pending

    target = find_target(database_url)
    with connect(target, "plan-migrations", run.correlation_id) as connection:
        at, pending = load_pending(connection, alembic_config)
        revisions, complaints = _look(connection, pending, free_bytes)
    findings = findings_of(revisions, complaints)
    run.finish(_report(run, target.label, at, revisions, findings))


def _look(connection: "Connection", pending: Any, free_bytes: int | None) -> tuple[Any, list[Any]]:
    from kc_db.errors import RefusedError
    from kc_db.online.plan.before import needs_of
    from kc_db.online.plan.planner import plan_revisions
    from kc_db.online.pooler import refuse_transaction_pooling
    from kc_db.online.preflight import Complaint, look, look_at_server

    complaints = list(look_at_server(connection))
    try:
        refuse_transaction_pooling(connection)
    except RefusedError as error:
        complaints.append(Complaint("transaction-pooling", str(error), refuses=True, where="pooler"))
    revisions = plan_revisions(connection, pending)
    if not any(complaint.refuses for complaint in complaints):
        complaints += look(connection, needs_of(revisions), free_bytes)
    return revisions, complaints


def _report(
    run: Run,
    target: str,
    at: Sequence[str],
    revisions: "Sequence[PlannedRevision]",
    findings: "Sequence[Finding]",
) -> "Report":
    from kc_db.cli.verification import count
    from kc_db.findings import count_by_severity, count_in_words
    from kc_db.online.plan.estimate import HOW
    from kc_db.online.plan.findings import DOCUMENTATION
    from kc_db.report import Report

    statements = [one for revision in revisions for one in revision.statements]
    pending = f"{count(len(revisions), 'pending revision')}, {count(len(statements), 'statement')}"
    result = count_in_words(findings) or "nothing stands against it"
    stands = ", ".join(at) or "no revision (base)"
    return Report(
        command="plan-migrations",
        target=target,
        correlation_id=run.correlation_id,
        summary={
            "at": list(at),
            "revisions": [_json(revision) for revision in revisions],
            "estimated_ms": sum(one.time_ms or 0 for one in statements),
            "space_bytes": sum(one.space_bytes or 0 for one in statements),
            "estimates": HOW,
            "findings": count_by_severity(findings),
        },
        findings=findings,
        headline=f"at {stands}; {pending}: {result}" if revisions else f"at {stands}; nothing is pending",
        documentation=DOCUMENTATION,
        script=[*(line for one in revisions for line in _lines(one)), f"-- {HOW}"] if revisions else (),
    )


def _lines(revision: "PlannedRevision") -> Iterator[str]:
    yield f"-- {revision.identifier}: {revision.says}"
    yield from (f"--   {remark}" for remark in revision.remarks)
    if revision.refused:
        yield "--   would stop here; see refused-revision above"
    if revision.unknown:
        yield "--   the rest isn't known beforehand; see unplannable-revision above"
    for statement in revision.statements:
        yield from (f"--   {line}" for line in _facts(statement))
        yield statement.sql
    yield ""


def _facts(statement: "Planned") -> Iterator[str]:
    locks = statement.effect.locks
    if locks is None:
        yield "its locks aren't known: read it"
        return
    if statement.sizes and not any(size.size_bytes for _, size in statement.sizes):
        return  # nobody waits for an empty table's
    yield from map(_lock, locks)
    for name, size in statement.sizes:
        yield f"{name}: {_size(size)}"
    if locks and not statement.effect.makes:
        yield _estimate(statement)


def _lock(lock: "Lock") -> str:
    *others, last = lock.mode.blocks or ("nothing",)
    blocked = f"{', '.join(others)} and {last}" if others else last
    what = "index " if lock.only_index else ""
    return f"{lock.mode} on {what}{lock.on}: keeps out {blocked}"


def _size(size: "Size") -> str:
    from kc_db.online.plan.figures import in_bytes

    if size.rows is None:
        rows = "rows not counted yet (ANALYZE counts them)"
    else:
        rows = f"{size.rows:,} rows".replace(",", " ")
    return f"{rows}, {in_bytes(size.size_bytes)}, and {in_bytes(size.index_bytes)} of indexes"


def _estimate(statement: "Planned") -> str:
    from kc_db.online.plan.figures import in_bytes, in_time

    time = "unknown time" if statement.time_ms is None else f"about {in_time(statement.time_ms)}"
    if statement.time_ms == 0:
        time = "a moment"
    space = "unknown space" if statement.space_bytes is None else f"about {in_bytes(statement.space_bytes)}"
    taken = "" if statement.space_bytes == 0 else f", {space} on disk"
    return f"estimated: {time}{taken} ({statement.effect.work.value})"


def _json(revision: "PlannedRevision") -> dict[str, object]:
    return {
        "revision": revision.identifier,
        "says": revision.says,
        "file": revision.file,
        "remarks": list(revision.remarks),
        "refused": revision.refused,
        "unknown": revision.unknown,
        "statements": [_json_statement(one) for one in revision.statements],
    }


def _json_statement(statement: "Planned") -> dict[str, object]:
    locks = statement.effect.locks
    shown = [
        {
            "on": str(lock.on),
            "kind": "index" if lock.only_index else "table",
            "mode": str(lock.mode),
            "blocks": list(lock.mode.blocks),
        }
        for lock in locks or ()
    ]
    tables = [
        {"table": str(name), "rows": one.rows, "size_bytes": one.size_bytes, "index_bytes": one.index_bytes}
        for name, one in statement.sizes
    ]
    return {
        "sql": statement.sql,
        "locks": None if locks is None else shown,
        "work": statement.effect.work.value if locks is not None else None,
        "transaction": statement.transaction,
        "tables": tables,
        "estimated_ms": statement.time_ms,
        "space_bytes": statement.space_bytes,
    }
