"""An index of the specs' tables is in no spec.

If you leave it: nothing is wrong. Nobody wrote down why it is there, so that nobody dares to drop it later.

To mend it: write a spec for it, with its purpose, or drop it by hand if nothing uses it. kc-db never drops
it.
"""

from collections.abc import Iterator

from kc_db.findings import Problem, Severity
from kc_db.indexes.repair_partitioned import left_over, was_replaced
from kc_db.indexes.verify import Subject, shown

severity = Severity.INFORMATION


def check(subject: Subject) -> Iterator[Problem]:
    """One problem for each index that no spec is about, but for primary keys and what other rules report."""
    for table in subject.tables:
        reported = table.claimed | {index.name for index, _ in table.duplicates}
        for index in table.live.indexes if table.live else ():
            if index.usable and not index.primary and index.name not in reported:
                message = f"no spec wants this index: {shown(index.definition)}"
                remedy = (left_over(index).text,) if was_replaced(table.live, index) else ()
                yield Problem(index.qualified_name, message, remedy, group=str(index.definition.table))
