"""Another index of the table does all that an index does.

If you leave it: every write maintains both, memory and disk hold both, and no query is faster for it. The
other one gives each query the same index conditions, order and columns, and holds the same uniqueness.

To mend it: drop the redundant one; the report has the statement, and `kc-db repair-indexes` leaves it to
you. If a spec wants it, delete the spec first, or say there why it stays (the other one is so wide that
scans of the whole index hurt, say): `-- kc: allow redundant-index -- <reason>`. If CLUSTER goes by it,
CLUSTER by the other one.
"""

from collections.abc import Iterator

from kc_db.findings import Problem, Severity
from kc_db.indexes.match import Match, TableMatch
from kc_db.indexes.redundancy import Redundancy, redundancies
from kc_db.indexes.repair import drop_step
from kc_db.indexes.verify import Subject

severity = Severity.WARNING


def check(subject: Subject) -> Iterator[Problem]:
    """One problem for each index that can go, but for what goes for other reasons."""
    for table in subject.tables:
        if table.live is None:
            continue
        leaving = {index.name for index, _ in table.duplicates} | _replaced(table)
        for redundancy in redundancies(table.live, wanted=table.satisfying, leaving=leaving):
            yield _problem(table, redundancy)


def _problem(table: TableMatch, redundancy: Redundancy) -> Problem:
    index = redundancy.index
    match = next((match for match in table.matches if index in {match.satisfied_by, match.same_name}), None)
    return Problem(
        where=index.qualified_name,
        message=f"the index is redundant: {redundancy.covered_by.name} {redundancy.why}",
        remedy=tuple(_remedy(redundancy, match)),
        purpose=match.spec.purpose if match else "",
        file=match.spec.file if match else None,
        line=match.spec.line if match else None,
        group=str(index.definition.table),
    )


def _remedy(redundancy: Redundancy, match: Match | None) -> Iterator[str]:
    index, keep = redundancy.index, redundancy.covered_by.name
    if match:
        yield f"-- delete its spec first: {match.spec.file}:{match.spec.line}"
    if index.stands_for:
        yield f"-- {index.name} is left to you: {index.stands_for} stands on it; {keep} does the same"
    elif index.partitioned:
        yield f"-- {index.name} is left to you: a partitioned table's index can't be dropped CONCURRENTLY"
    else:
        yield drop_step(index).text


def _replaced(table: TableMatch) -> set[str]:
    """What has a spec's name and another definition, and isn't another spec's: it is to be rebuilt."""
    return {match.want.name for match in table.matches if match.differences} - table.satisfying
