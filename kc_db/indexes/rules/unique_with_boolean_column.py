"""A unique index of several columns has a boolean one: it allows one row with true, and one with false.

If you leave it: of what the other columns name there can be one active row, as was meant, and also no more
than one that isn't: the second one to be switched off fails with a duplicate key.

To mend it: mostly a partial unique index was meant, on the other columns, `WHERE is_active`; the report has
the statement. If one row of each kind is right, say so in the spec: `-- kc: allow
unique-with-boolean-column -- <reason>`.
"""

from collections.abc import Iterator
from dataclasses import replace

from kc_db.findings import Problem, Severity
from kc_db.indexes.facts import pins
from kc_db.indexes.model import Expression, IndexDef, Key, LiveIndex
from kc_db.indexes.statements import as_text, create_index, quoted
from kc_db.indexes.steps import fitting
from kc_db.indexes.verify import Subject, problem_with

severity = Severity.WARNING
needs_facts = True


def check(subject: Subject) -> Iterator[Problem]:
    """One problem for each such index, unless its predicate lets the boolean have one value only."""
    for table, live, facts in subject.facts:
        for index in live.indexes if facts.keys else ():
            keys = facts.keys.get(index.name)
            columns = [
                name for name in (keys.booleans if keys else ()) if not pins(index.definition.predicate, name)
            ]
            if columns and index.usable:
                yield problem_with(
                    table,
                    index,
                    f"it is unique, and {' and '.join(columns)} is boolean: one row may have true and one "
                    "false, not many false",
                    remedy=tuple(_remedy(index, columns[0])),
                )


def _remedy(index: LiveIndex, column: str) -> Iterator[str]:
    definition = index.definition
    others = tuple(key for key in definition.keys if key.of != column)
    if definition.predicate or index.partitioned or not others:
        yield f"-- take {column} out of its columns, and into its predicate: WHERE {quoted(column)}"
        return
    yield f"-- if many rows may be without {column}:"
    yield as_text(create_index(_partial(definition, others, column)))
    yield f"-- then {index.name} can go"


def _partial(definition: IndexDef, keys: tuple[Key, ...], column: str) -> IndexDef:
    return replace(
        definition,
        name=fitting(definition.name.removesuffix("_key").removesuffix("_idx"), "_where_key"),
        keys=keys,
        predicate=Expression(quoted(column), ""),
    )
