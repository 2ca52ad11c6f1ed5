"""The database isn't at the migrations' head: migrations of this code have not run there.

If you leave it: the services may ask for tables, columns or indexes that aren't there.

To mend it: `alembic upgrade head`, and wait for its end. If the migrations have several heads, `alembic
upgrade heads` runs them all, `alembic merge heads` makes them one.
"""

from collections.abc import Iterator

from kc_db.findings import Problem, Severity
from kc_db.ready.model import Schema, Subject, listed

severity = Severity.ERROR


def check(subject: Subject) -> Iterator[Problem]:
    """One problem if a migration has not run; where the database is newer, another rule speaks."""
    schema = subject.look.value
    if isinstance(schema, Schema) and schema.overlapping:
        before = listed(schema.overlapping)
        yield Problem(
            schema.table,
            f"{schema.table} says {listed(schema.versions or ())}, and others of these stand on {before}: "
            "Alembic refuses to upgrade from there",
            (f"-- take the rows {before} out of {schema.table}, if their migrations have run",),
        )
    if isinstance(schema, Schema) and schema.pending and not schema.unknown:
        heads = schema.revisions.heads
        several = len(heads) > 1
        head = (
            f"the migrations have {len(heads)} heads: {listed(heads)}" if several else f"head is {heads[0]}"
        )
        yield Problem(
            schema.table,
            f"{_where(schema)}, and {head}; {len(schema.pending)} to run: {listed(schema.pending)}",
            ("alembic upgrade heads" if several else "alembic upgrade head",),
        )


def _where(schema: Schema) -> str:
    if schema.versions is None:
        return f"there is no table {schema.table} in the search_path: no migration has run here"
    return f"the database is at {listed(schema.versions)}" if schema.versions else "no migration has run here"
