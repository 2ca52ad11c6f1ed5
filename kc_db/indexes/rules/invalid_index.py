"""An index is INVALID, not ready, or being dropped: no query uses it.

If you leave it: a build or a drop that was interrupted stays half done. Each write may still maintain the
index, and a unique one may still reject rows, but no query gets anything for it, and `CREATE INDEX IF NOT
EXISTS` takes it for done.

To mend it: `kc-db repair-indexes --apply` drops it CONCURRENTLY and builds it again if a spec wants it.
"""

from collections.abc import Iterator

from kc_db.findings import Problem, Severity
from kc_db.indexes.repair import plan_unusable, unusable
from kc_db.indexes.verify import Subject, problem_of

severity = Severity.ERROR


def check(subject: Subject) -> Iterator[Problem]:
    """One problem for each unusable index of the specs' tables."""
    for table in subject.tables:
        specs = {match.want.name: match for match in table.matches}
        for index in unusable(table):
            states = (
                ("INVALID", index.valid),
                ("not ready (writes pass it by)", index.ready),
                ("not live (half dropped)", index.live),
            )
            message = "the index is " + ", ".join(name for name, good in states if not good)
            match = specs.get(index.name)
            if match:
                yield problem_of(match, message)
            else:
                remedy = tuple(step.text for step in plan_unusable(index))
                yield Problem(index.qualified_name, message, remedy)
