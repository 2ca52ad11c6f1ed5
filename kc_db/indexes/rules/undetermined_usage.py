"""A standby that was to be asked for its scans gave no answer, and other servers never scan some indexes.

If you leave it: those indexes may serve queries on that standby, or nothing at all; kc-db says neither, and
ends with exit code 3.

To mend it: the message says what the standby or libpq said; correct its URL, or take it out of `--standby`.
"""

from collections.abc import Iterator

from kc_db.findings import Problem, Severity
from kc_db.indexes.facts import Silence, idle_indexes
from kc_db.indexes.verify import Subject

severity = Severity.UNDETERMINED
needs_facts = True
_SHOWN = 3


def check(subject: Subject) -> Iterator[Problem]:
    """One problem for each standby that keeps an index from being called unused."""
    waiting: dict[Silence, list[str]] = {}
    for _, live, facts in subject.facts:
        for silence in facts.silent:
            waiting.setdefault(silence, []).extend(
                index.qualified_name for index in idle_indexes(live, facts)
            )
    for silence, indexes in waiting.items():
        if indexes:
            others = f" and {len(indexes) - _SHOWN} others" if len(indexes) > _SHOWN else ""
            yield Problem(
                where=silence.label,
                message=f"whether these indexes are used there can't be asked ({silence.reason}): "
                f"{', '.join(indexes[:_SHOWN])}{others}",
                found="no answer",
            )
