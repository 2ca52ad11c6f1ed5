"""An index of at least 1 MB was not scanned, on any server that was asked, since the statistics began.

If you leave it: each write maintains it, VACUUM reads it, memory and disk hold it, and no query is faster
for it.

To mend it: look at how old the statistics are; the report says it. An index that a yearly report needs, or
that was built last week, looks the same: PostgreSQL doesn't know when an index was built, and forgets its
statistics in a crash without saying so. Each standby counts its own scans: name them with `--standby URL`.
If it is used nowhere, drop it, its spec first. An index that holds uniqueness, a constraint or the replica
identity is never reported. Since PostgreSQL 16, where the last scan is known, one without a scan for 180
days is reported too.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from kc_db.findings import Problem, Severity
from kc_db.indexes.facts import Scans, Stored, idle_indexes, megabytes
from kc_db.indexes.match import TableMatch
from kc_db.indexes.model import LiveIndex
from kc_db.indexes.steps import drop_step
from kc_db.indexes.verify import Subject, problem_with

severity = Severity.INFORMATION
needs_facts = True


def check(subject: Subject) -> Iterator[Problem]:
    """One problem for each index that could go; of a partitioned table's, all partitions count together."""
    for table, live, facts in subject.facts:
        if not facts.silent:
            for index in idle_indexes(live, facts):
                yield _problem(table, index, facts.stored[index.name], facts.scans[index.name])


def _problem(table: TableMatch, index: LiveIndex, parts: Sequence[Stored], scans: Sequence[Scans]) -> Problem:
    servers = "this server" if len(scans) == 1 else f"any of {len(scans)} servers"
    last = max((one.last for one in scans if one.last), default=None)
    used = (
        f"not scanned on {servers} since {_ago(last, scans[0].now)}"
        if last
        else f"never scanned on {servers}"
    )
    size = megabytes(sum(part.size_bytes for part in parts))
    return problem_with(
        table,
        index,
        f"{used}; {_counting(scans)}; it takes {size} as of the last VACUUM or ANALYZE",
        found="not scanned for 180 days" if last else "never scanned",
        remedy=tuple(_remedy(table, index)),
    )


def _counting(scans: Sequence[Scans]) -> str:
    resets = [one.since for one in scans if one.since]
    if not resets:
        return "the statistics were never reset"
    return f"the statistics began on {_ago(max(resets), scans[0].now)}"


def _ago(moment: datetime, now: datetime) -> str:
    days = max(now - moment, timedelta()).days
    return f"{moment:%Y-%m-%d} ({days} {'day' if days == 1 else 'days'} ago)"


def _remedy(table: TableMatch, index: LiveIndex) -> Iterator[str]:
    match = next((one for one in table.matches if index in (one.satisfied_by, one.same_name)), None)
    where = f", delete its spec first: {match.spec.file}:{match.spec.line}" if match else ""
    yield f"-- if nothing needs it{where}"
    if index.partitioned:
        yield f"-- {index.name} is left to you: a partitioned table's index can't be dropped CONCURRENTLY"
    else:
        yield drop_step(index).text
