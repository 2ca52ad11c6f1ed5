"""No usable index of the spec's definition exists, under any name.

If you leave it: the queries that the spec is for read the whole table, more slowly with every row; where
the index is unique, nothing keeps duplicate rows out.

To mend it: run the migrations, or `kc-db repair-indexes --apply`, which builds it CONCURRENTLY: reads and
writes go on.
"""

from collections.abc import Iterator
from dataclasses import replace

from kc_db.findings import Problem, Severity
from kc_db.indexes.verify import Subject, problem_of, shown

severity = Severity.ERROR


def check(subject: Subject) -> Iterator[Problem]:
    """One problem for each spec that nothing stands for."""
    for match in subject.matches:
        if match.satisfied_by or match.same_name or match.undecided or match.being_built:
            continue
        message = "no index of this definition exists"
        for index in match.live.indexes:
            if not index.immediate and index.definition.shape == match.want.shape:
                message += f"; {index.name} is DEFERRABLE, and ON CONFLICT can't use it"
        if match.missing_columns:
            message += f", and the table has no column {', '.join(match.missing_columns)}"
        if match.refused:
            message += f", and the server takes none: {match.refused}"
        if match.name_taken_by:
            message += f"; the name is taken by {match.name_taken_by}"
        yield replace(problem_of(match, message), found=f"{message}: {shown(match.want)}")
