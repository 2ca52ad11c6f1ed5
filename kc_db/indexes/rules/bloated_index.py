"""At least half of a B-tree index, and at least 1 MB of it, is empty space, as far as can be estimated.

If you leave it: scans and VACUUM read more pages than they need, memory holds pages that are half empty,
and the space comes back to the index only, to no other.

To mend it: `REINDEX INDEX CONCURRENTLY` builds it anew beside the old one, while reads and writes go on; it
needs the room of the new one meanwhile. If it grows again as fast, look for what deletes or updates in
bulk, and let autovacuum come earlier. The estimate is made from the planner's statistics, of columns that
the role may read (SELECT on them, or pg_read_all_data), as of the last VACUUM or ANALYZE; where it could be
wrong it errs towards not reporting.
"""

from collections.abc import Iterator

from kc_db.findings import Problem, Severity
from kc_db.indexes.bloat import expected_bytes
from kc_db.indexes.facts import LEAST_BYTES, Stored, megabytes
from kc_db.indexes.match import TableMatch
from kc_db.indexes.model import LiveIndex, TableName
from kc_db.indexes.statements import as_text, reindex
from kc_db.indexes.verify import Subject, problem_with

severity = Severity.INFORMATION
needs_facts = True
_LEAST_SHARE = 0.5


def check(subject: Subject) -> Iterator[Problem]:
    """One problem for each bloated index; of a partitioned table's, for each partition."""
    for table, live, facts in subject.facts:
        indexes = {index.name: index for index in live.indexes}
        for name, parts in facts.stored.items():
            index = indexes.get(name)
            if index and index.usable and index.definition.method == "btree":
                for part in parts:
                    yield from _check(table, index, part)


def _check(table: TableMatch, index: LiveIndex, part: Stored) -> Iterator[Problem]:
    expected = expected_bytes(part)
    if expected is None:
        return
    wasted = part.size_bytes - expected
    if wasted < LEAST_BYTES or wasted < _LEAST_SHARE * part.size_bytes:
        return
    whose = "" if part.name == index.name else f" of {part.qualified_name}"
    figures = (
        f"{100 * wasted / part.size_bytes:.0f} %{whose} ({megabytes(wasted)} of {megabytes(part.size_bytes)})"
    )
    yield problem_with(
        table,
        index,
        f"an estimated {figures} is empty space: rebuilt, it would take about {megabytes(expected)}",
        found=f"bloated{whose}",
        remedy=(_remedy(index, part),),
    )


def _remedy(index: LiveIndex, part: Stored) -> str:
    if index.exclusion:
        return f"-- {index.name} can't be rebuilt CONCURRENTLY: REINDEX it when writes may wait"
    return as_text(reindex(TableName(part.schema, part.table), part.name))
