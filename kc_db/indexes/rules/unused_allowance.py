"""A remark `-- kc: allow` allows nothing: the finding that it is for isn't there.

If you leave it: the day the finding comes back, for another reason, nobody hears of it.

To mend it: delete the remark.
"""

from collections.abc import Iterator

from kc_db.findings import Problem, Severity
from kc_db.indexes.verify import Subject

severity = Severity.WARNING


def check(subject: Subject) -> Iterator[Problem]:
    """One problem for each allowance that no finding needed."""
    for spec, allowance in subject.unused_allowances:
        yield Problem(
            where=f"{spec.definition.table}.{spec.definition.name}",
            message=f"the allowance of {allowance.rule} allows nothing ({allowance.reason})",
            remedy=(f"-- delete the remark in {spec.file}:{allowance.line}",),
            file=spec.file,
            line=allowance.line,
            group=str(spec.definition.table),
        )
