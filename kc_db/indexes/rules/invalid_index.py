"""An index is INVALID, not ready, being dropped, or a partition lacks its part: no query can count on it.

If you leave it: a build or a drop that was interrupted stays half done. Each write may still maintain the
index, and a unique one may still reject rows, but no query gets anything for it, and `CREATE INDEX IF NOT
EXISTS` takes it for done. Where only some partitions of a table have it, the others are read whole.

To mend it: `kc-db repair-indexes --apply` drops it CONCURRENTLY and builds it again if a spec wants it; on a
partitioned table it builds, rebuilds and attaches what each partition lacks.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

from kc_db.findings import Problem, Severity
from kc_db.indexes.match import Match, TableMatch
from kc_db.indexes.model import LiveIndex, LiveTable
from kc_db.indexes.partitions import gaps, has_foreign_tables, unattached_leftovers
from kc_db.indexes.repair import plan_unusable
from kc_db.indexes.repair_partitioned import complete
from kc_db.indexes.steps import Step
from kc_db.indexes.verify import Subject, problem_of

severity = Severity.ERROR
_SHOWN = 10


def check(subject: Subject) -> Iterator[Problem]:
    """One problem for each unusable index of the specs' tables and of their partitions."""
    for table in subject.tables:
        if table.live is None:
            continue
        specs = {match.want.name: match for match in table.matches}
        for index in table.live.indexes:
            lacking = tuple(gaps(table.live, index)) if table.live.kind == "p" else ()
            if (not index.usable or lacking) and not _is_being_built(table, index):
                match = specs.get(index.name)
                yield _problem(table.live, index, _message(table.live, index, lacking), match)
        for partition, index in unattached_leftovers(table.live):
            if not index.build:
                steps = plan_unusable(partition, index)
                yield _found(
                    index, f"the index of partition {partition.name} is {_state(index)}", steps, table.live
                )


def _is_being_built(table: TableMatch, index: LiveIndex) -> bool:
    """A build of it runs, or a REINDEX, which builds another one beside it and changes the two."""
    rebuilt = (
        other
        for other in (table.live.indexes if table.live else ())
        if other.build and "_ccnew" in other.name and other.definition.shape == index.definition.shape
    )
    return index.build is not None or any(rebuilt)


def _problem(table: LiveTable, index: LiveIndex, message: str, match: Match | None) -> Problem:
    if match:
        return problem_of(match, message)
    steps = complete(table, index) if index.usable else plan_unusable(table, index)
    return _found(index, message, steps, table)


def _found(index: LiveIndex, message: str, steps: Sequence[Step], table: LiveTable) -> Problem:
    remedy = tuple(step.text for step in steps)
    return Problem(index.qualified_name, message, remedy, group=str(table.name))


def _message(table: LiveTable, index: LiveIndex, lacking: Sequence[str]) -> str:
    state = (
        f"the index is {_state(index)}"
        if not index.usable
        else "the index is valid, but not in each partition"
    )
    if lacking:
        more = f"; and {len(lacking) - _SHOWN} more" if len(lacking) > _SHOWN else ""
        return f"{state}: {'; '.join(islice(lacking, _SHOWN))}{more}"
    if table.kind == "p":
        foreign = has_foreign_tables(table)
        return f"{state}: " + (
            "a partition is a foreign table, so that an index made ON ONLY never becomes valid"
            if foreign
            else "each partition has its own, and the last ATTACH is missing"
        )
    return state


def _state(index: LiveIndex) -> str:
    states = (
        ("INVALID", index.valid),
        ("not ready (writes pass it by)", index.ready),
        ("not live (half dropped)", index.live),
    )
    return ", ".join(name for name, good in states if not good)
