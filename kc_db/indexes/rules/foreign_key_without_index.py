"""No index finds the rows that a foreign key refers from.

If you leave it: each DELETE on the referenced table, and each UPDATE of its key, reads the whole
referencing table to find the rows that refer to the old key, under a lock on it; joins along the key do the
same.

To mend it: index the foreign key's columns; the report has the statement. Any order does, and more columns
may follow. What does not count: an invalid index; one with a predicate, unless it only says that the
columns are not null; a BRIN or GIN index; an INCLUDE column; an expression; another collation; an operator
class without the key's operator. A baseline accepts it where nothing is ever deleted.
"""

from collections.abc import Iterator

from kc_db.findings import Problem, Severity
from kc_db.indexes.facts import ForeignKey, TableFacts, every_lookup_implies
from kc_db.indexes.match import TableMatch
from kc_db.indexes.model import IndexDef, Key, LiveTable
from kc_db.indexes.statements import as_text, create_index
from kc_db.indexes.steps import fitting
from kc_db.indexes.verify import Subject

severity = Severity.WARNING
needs_facts = True


def check(subject: Subject) -> Iterator[Problem]:
    """One problem for each set of referencing columns, however many foreign keys share it."""
    for table, live, facts in subject.facts:
        for columns, keys in _lacking(facts).items():
            if not any(_will_serve(match.want, columns) for match in table.matches if not match.satisfied_by):
                yield _problem(table, live, keys)


def _lacking(facts: TableFacts) -> dict[frozenset[str], list[ForeignKey]]:
    by_columns: dict[frozenset[str], list[ForeignKey]] = {}
    for key in facts.foreign_keys:
        served = all(
            any(every_lookup_implies(predicate, key.columns) for predicate in predicates)
            for predicates in key.partial
        )
        if not served:
            by_columns.setdefault(frozenset(key.columns), []).append(key)
    return by_columns


def _will_serve(want: IndexDef, columns: frozenset[str]) -> bool:
    """Whether an index that is reported as missing is the remedy."""
    leading = {key.of for key in want.keys[: len(columns)]}
    return want.method == "btree" and want.predicate is None and leading == columns


def _problem(table: TableMatch, live: LiveTable, keys: list[ForeignKey]) -> Problem:
    first, others = keys[0], keys[1:]
    names = "".join(f", {key.name}" for key in others)
    referenced = " and ".join(dict.fromkeys(key.references for key in keys))
    return Problem(
        where=f"{live.name}.{first.name}",
        message=f"no index serves the foreign key{'s' if others else ''} {first.name}{names} "
        f"({', '.join(first.columns)}) to {referenced}: each DELETE there searches {live.name} without it",
        remedy=(_remedy(table, live, first),),
        group=str(live.name),
    )


def _remedy(table: TableMatch, live: LiveTable, key: ForeignKey) -> str:
    taken = {index.name for index in live.indexes} | {match.want.name for match in table.matches}
    stem = "_".join((live.name.name, *key.columns))
    suffixes = ("_idx", *(f"_idx{number}" for number in range(1, len(taken) + 1)))
    name = next(name for suffix in suffixes if (name := fitting(stem, suffix)) not in taken)
    definition = IndexDef(live.name, name, tuple(Key(column) for column in key.columns))
    if live.kind == "p":
        return f"-- {live.name} is partitioned: build {name} ON ONLY it, then each partition's, and ATTACH"
    return as_text(create_index(definition))
