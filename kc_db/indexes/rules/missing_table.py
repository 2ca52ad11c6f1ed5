"""A spec is for a table that the database doesn't have.

If you leave it: whatever reads or writes the table fails, and none of its indexes can exist.

To mend it: run the migrations (`alembic upgrade head`) against this database; if the table has gone for
good, delete its spec file; if it is in another schema, qualify it in the spec or set the search_path of the
role.
"""

from collections.abc import Iterator

from kc_db.findings import Problem, Severity
from kc_db.indexes.match import TableMatch
from kc_db.indexes.verify import Subject

severity = Severity.ERROR


def check(subject: Subject) -> Iterator[Problem]:
    """One problem for each table that isn't there, or is no table."""
    for table in subject.tables:
        remedy = "-- alembic upgrade head"
        if table.live is None:
            what = "doesn't exist" if table.table.schema else "doesn't exist in the search_path"
        elif not table.matches:
            what = "is no table: an index can't be on it"
            remedy = "-- delete its spec, or rename what has the table's name"
        else:
            continue
        first = table.specs[0]
        yield Problem(
            where=str(table.table),
            message=f"table {table.table} {what}; {_count(table)} for it",
            remedy=(remedy,),
            file=first.file,
            line=first.line,
            group=str(table.table),
        )


def _count(table: TableMatch) -> str:
    return "1 spec is" if len(table.specs) == 1 else f"{len(table.specs)} specs are"
