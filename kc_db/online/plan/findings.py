"""What of a plan somebody has to look at before it is run."""

from collections.abc import Iterator, Sequence

from kc_db.findings import Finding, Problem, Severity
from kc_db.online.plan.estimate import held_ms
from kc_db.online.plan.figures import in_time
from kc_db.online.plan.model import Mode, Planned, PlannedRevision
from kc_db.online.preflight import Complaint
from kc_db.rulebook import worst_first

BLOCKING_MS = 1000
DOCUMENTATION = {
    "standby-server": "The server is a standby; nothing can be changed on it.",
    "read-only-session": "The role or the database is set to default_transaction_read_only.",
    "unsupported-server": "kc-db doesn't know this major version of PostgreSQL.",
    "transaction-pooling": "A pooler in transaction mode stands before the server.",
    "missing-privilege": "The role doesn't own a table that is to be changed, or lacks CREATE on a schema.",
    "duplicate-rows": "Rows stand against a unique index.",
    "not-enough-space": "The indexes need more space than is free.",
    "long-transaction": "A transaction is open for which builds will wait.",
    "prepared-transaction": "A prepared transaction may hold a build up without end.",
    "running-build": "An index of the same table is being built right now.",
    "lagging-slot": "A replication slot keeps much WAL, and builds add to it.",
    "refused-revision": "The revision would stop: what is there stands against it.",
    "blocking-statement": "A statement keeps writes out for longer than a second.",
    "unknown-lock": "What a statement locks depends on what it calls: read it.",
    "unplannable-revision": "What a revision does depends on what it finds when it runs: read it.",
}


def findings_of(revisions: Sequence[PlannedRevision], complaints: Sequence[Complaint]) -> list[Finding]:
    """All that is to be looked at, the worst first."""
    found = [_of_complaint(complaint) for complaint in complaints]
    found += (finding for revision in revisions for finding in _of_revision(revision))
    return worst_first(found)


def _of_complaint(complaint: Complaint) -> Finding:
    severity = Severity.ERROR if complaint.refuses else Severity.WARNING
    return Finding(complaint.rule, severity, Problem(complaint.where, complaint.message))


def _of_revision(revision: PlannedRevision) -> Iterator[Finding]:
    if revision.refused:
        yield _finding("refused-revision", Severity.ERROR, revision, revision.refused)
    if revision.unknown:
        message = f"it can't be planned beforehand ({revision.unknown}); read it"
        yield _finding("unplannable-revision", Severity.UNDETERMINED, revision, message)
    for position, statement in enumerate(revision.statements):
        if statement.effect.locks is None:
            message = f"what it locks isn't known, read it: {statement.sql.partition(chr(10))[0]}"
            yield _finding("unknown-lock", Severity.UNDETERMINED, revision, message)
        yield from _blocking(revision, position, statement)


def _blocking(revision: PlannedRevision, position: int, statement: Planned) -> Iterator[Finding]:
    there = dict(statement.sizes)
    for lock in statement.effect.locks or ():
        size = there.get(lock.on)
        if not lock.mode.blocks_writes or size is None or not size.size_bytes:
            continue
        held = held_ms(revision.statements, position)
        if held is None or held > BLOCKING_MS:
            how_long = f"about {in_time(held)}" if held else "an unknown time"
            what = "reads and writes" if lock.mode is Mode.ACCESS_EXCLUSIVE else "writes"
            message = (
                f"keeps {what} of {lock.on} out for {how_long} ({lock.mode}, until its transaction ends): "
                f"{statement.sql}"
            )
            yield _finding("blocking-statement", Severity.ERROR, revision, message)


def _finding(rule: str, severity: Severity, revision: PlannedRevision, message: str) -> Finding:
    problem = Problem(f"revision {revision.identifier}", message, file=revision.file)
    return Finding(rule, severity, problem)
