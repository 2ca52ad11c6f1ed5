"""The database is at a revision that the migrations of this code don't have.

If you leave it: newer code has migrated the database (a rollback, an old image, a deploy that is under way),
or another project's code has. Whether this code works with it, nobody has checked.

To mend it: deploy the code that has this revision, or `alembic downgrade` with that code. Where old services
run on while the next deploy has migrated, as in a readiness probe, `--allow-newer` takes it for ready.
"""

from collections.abc import Iterator

from kc_db.findings import Problem, Severity
from kc_db.ready.model import Schema, Subject, listed

severity = Severity.ERROR


def check(subject: Subject) -> Iterator[Problem]:
    """One problem if the database has a revision that the code hasn't."""
    schema = subject.look.value
    if isinstance(schema, Schema) and schema.unknown and not subject.wanted.may_be_newer:
        yield Problem(
            schema.table,
            f"the database is newer than this code, or another project's: the migrations here don't have "
            f"{listed(schema.unknown)}; their head is {listed(schema.revisions.heads) or 'none'}",
        )
