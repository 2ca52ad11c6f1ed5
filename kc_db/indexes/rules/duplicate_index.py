"""Two usable indexes of a table have the same definition.

If you leave it: every write maintains both, memory and disk hold both, and no query is faster for it.

To mend it: drop the one that the report names (`kc-db repair-indexes --apply` does, CONCURRENTLY); where a
constraint stands on it, decide by hand which of the two goes.
"""

from collections.abc import Iterator

from kc_db.findings import Problem, Severity
from kc_db.indexes.repair import plan_duplicate
from kc_db.indexes.verify import Subject

severity = Severity.WARNING


def check(subject: Subject) -> Iterator[Problem]:
    """One problem for each index that repeats another one."""
    for table in subject.tables:
        by_index = {match.satisfied_by.name: match for match in table.matches if match.satisfied_by}
        for index, keep in table.duplicates:
            match = by_index.get(keep.name)
            yield Problem(
                where=index.qualified_name,
                message=f"the index has the same definition as {keep.name}",
                remedy=tuple(step.text for step in plan_duplicate(table, index, keep)),
                file=match.spec.file if match else None,
                line=match.spec.line if match else None,
                group=str(index.definition.table),
            )
