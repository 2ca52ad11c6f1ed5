"""An index is being built right now, CONCURRENTLY: CREATE INDEX or REINDEX.

If you leave it: nothing is wrong. No query uses the index yet; where the build ends early, it stays INVALID,
and the next run says so.

To mend it: wait; `kc-db repair-indexes --apply` waits too, because two builds on one table would wait for
each other. A build that stands still waits for an old transaction: look for it in pg_stat_activity. A role
without pg_read_all_stats doesn't see the phase of others' builds.
"""

from collections.abc import Iterator
from dataclasses import replace

from kc_db.findings import Problem, Severity
from kc_db.indexes.match import TableMatch
from kc_db.indexes.model import Build
from kc_db.indexes.partitions import descendants
from kc_db.indexes.verify import Subject, problem_of

severity = Severity.INFORMATION


def check(subject: Subject) -> Iterator[Problem]:
    """One problem for each index that a running build works on."""
    for table in subject.tables:
        yield from _check(table)


def _check(table: TableMatch) -> Iterator[Problem]:
    if table.live is None:
        return
    specs = {index.name: match for match in table.matches if (index := match.being_built)}
    for index in (i for level in (table.live, *descendants(table.live)) for i in level.indexes):
        if index.build:
            message = f"the index is being built right now by {_described(index.build)}"
            match = specs.get(index.name) if index.definition.table == table.live.name else None
            problem = problem_of(match, message) if match else Problem(index.qualified_name, message)
            yield replace(
                problem,
                where=index.qualified_name,
                remedy=(),
                group=str(table.live.name),
                found="the index is being built right now",
            )


def _described(build: Build) -> str:
    return str(build) if build.phase else f"{build} (phase not visible; GRANT pg_read_all_stats shows it)"
