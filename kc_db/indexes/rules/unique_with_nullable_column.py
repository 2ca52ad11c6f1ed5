"""A unique index has a key that may be NULL, and rows with NULL there are never equal to each other.

If you leave it: any number of rows that are the same but for a NULL get in, and ON CONFLICT doesn't see
them. That is right where NULL means that there is no value yet; where it means a value of its own, nothing
keeps duplicates out.

To mend it: make the column NOT NULL (the report has the steps, none of which blocks writes for long); or,
where NULL is a value like others, let the index say NULLS NOT DISTINCT (PostgreSQL 15 and later); or, where
NULL means "not yet", say so: with `WHERE column IS NOT NULL` in the index, or with `-- kc: allow
unique-with-nullable-column -- <reason>` in its spec.
"""

from collections.abc import Iterator

from kc_db.findings import Problem, Severity
from kc_db.indexes.facts import excludes_null
from kc_db.indexes.model import LiveIndex
from kc_db.indexes.statements import as_text, set_not_null
from kc_db.indexes.steps import fitting
from kc_db.indexes.verify import Subject, problem_with

severity = Severity.WARNING
needs_facts = True


def check(subject: Subject) -> Iterator[Problem]:
    """One problem for each such index, unless NULLS NOT DISTINCT or its predicate settles it."""
    for table, live, facts in subject.facts:
        # a materialized view's columns can't be NOT NULL, and its rows are its query's
        for index in live.indexes if facts.keys and live.kind != "m" else ():
            keys = facts.keys.get(index.name)
            definition = index.definition
            if keys is None or not index.usable or definition.nulls_not_distinct or index.primary:
                continue
            columns = [name for name in keys.nullable if not excludes_null(definition.predicate, name)]
            if columns:
                yield problem_with(
                    table,
                    index,
                    f"it is unique, and {' and '.join(columns)} may be NULL: rows with NULL may repeat",
                    remedy=tuple(_remedy(index, columns)),
                )


def _remedy(index: LiveIndex, columns: list[str]) -> Iterator[str]:
    yield "-- if NULL has no meaning there:"
    for column in columns:
        constraint = fitting(column, "_kc_not_null")  # a name that nobody else gives: it is dropped again
        yield from map(as_text, set_not_null(index.definition.table, column, constraint))
