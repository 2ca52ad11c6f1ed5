"""Finds out what only the server can say: whether two ways to write an expression mean the same."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from kc_db.database import Connection
from kc_db.indexes.canonical import compare, in_canonical_form, resolve
from kc_db.indexes.model import Catalog, Forms, IndexDef, LiveTable, TableName
from kc_db.indexes.read_indexes import asking
from kc_db.indexes.server_forms import ColumnType, Question, ask_server, question

_ROUNDS = 5  # `varchar IN (...)` stands still after two

Answers = Mapping[Question, IndexDef | str]


def with_forms(connection: Connection, definitions: Sequence[IndexDef], catalog: Catalog) -> Catalog:
    """The catalog with canonical forms for whatever can't be compared without the server's judgement.

    Args:
        connection: in autocommit mode.
        definitions: what is wanted.
        catalog: what there is.
    """
    wanted = list(_unsure(definitions, catalog))
    if not wanted:
        return catalog
    silence = why_silent(connection)
    if silence:
        return replace(catalog, forms=Forms(silence=silence))
    live = [definition for table in {want.table for want in wanted} for definition in _live(catalog, table)]
    columns = load_columns(connection, {definition.table for definition in wanted})
    questions = {one: question(one, columns[one.table]) for one in (*wanted, *live)}
    forms = _forms(questions, _answers(connection, questions, wanted, live))
    return replace(catalog, tables=dict(_rewritten(catalog, forms)), forms=forms)


def why_silent(connection: Connection) -> str | None:
    """Why the server can't be asked, and what to do about it; None if it can."""
    with asking(connection) as ask:
        (row,) = ask("may_ask")
    if row.standby:
        return "a standby can't be asked: record the forms on its primary with kc-db lock-specs"
    if not row.permitted:
        return (
            f"role {row.role} may not make temporary tables: GRANT TEMPORARY ON DATABASE {row.database} "
            f"TO {row.role}, or record the forms with kc-db lock-specs"
        )
    return None


def load_columns(
    connection: Connection, tables: Iterable[TableName]
) -> Mapping[TableName, tuple[ColumnType, ...]]:
    """The columns of each table, in their order."""
    names = list(tables)
    columns: dict[TableName, list[ColumnType]] = defaultdict(list)
    with asking(connection) as ask:
        for row in ask(
            "column_types", schemas=[table.schema for table in names], names=[table.name for table in names]
        ):
            collation = tuple(row.collation) if row.collation else None
            columns[TableName(row.schema, row.table_name)].append(ColumnType(row.name, row.type, collation))
    return {table: tuple(found) for table, found in columns.items()}


def _unsure(definitions: Sequence[IndexDef], catalog: Catalog) -> Iterator[IndexDef]:
    """The wanted definitions, resolved, of which it isn't certain whether an index of their table is one."""
    for definition in definitions:
        table = catalog.tables.get(definition.table)
        if table and definition.has_expressions:
            want = resolve(definition, table, catalog)
            if _is_unsure(want, table):
                yield want


def _is_unsure(want: IndexDef, table: LiveTable) -> bool:
    candidates = [index.definition for index in table.indexes if index.definition.has_expressions]
    if any(want.shape == have.shape for have in candidates):
        return False
    comparisons = ((have.name == want.name, compare(want, have)) for have in candidates)
    return any(
        comparison.undecided and (same_name or not comparison.differences)
        for same_name, comparison in comparisons
    )


def _live(catalog: Catalog, name: TableName) -> Iterator[IndexDef]:
    for table in catalog.tables.values():
        if table.name == name:
            yield from (i.definition for i in table.indexes if i.definition.has_expressions)


def _answers(
    connection: Connection,
    questions: Mapping[IndexDef, Question],
    wanted: Iterable[IndexDef],
    live: Iterable[IndexDef],
) -> Answers:
    """What the server makes of the wanted ones; of what that leaves open, until it makes the same of it."""
    answers = dict(ask_server(connection, (questions[want] for want in wanted), settled=False))
    there = {questions[have] for have in live}
    first = {asked: _again(asked, answer) for asked, answer in answers.items()}
    open_ones = [asked for asked in first.values() if asked and asked not in there]
    if open_ones:
        answers |= until_still(connection, (*open_ones, *there))
    return answers


def until_still(connection: Connection, questions: Iterable[Question]) -> Answers:
    """The server's answers to its own words, and to its answers to those, until it repeats itself."""
    answers: dict[Question, IndexDef | str] = {}
    pending = list(questions)
    for _ in range(_ROUNDS):
        pending = [asked for asked in dict.fromkeys(pending) if asked not in answers]
        if not pending:
            break
        answers |= ask_server(connection, pending, settled=True)
        pending = [again for asked in pending if (again := _again(asked, answers[asked]))]
    restless = (asked for asked in pending if asked not in answers)
    return answers | dict.fromkeys(restless, "it writes its own words differently each time")


def _again(asked: Question, answer: IndexDef | str) -> Question | None:
    """The answer as the next question."""
    return None if isinstance(answer, str) else question(answer, asked.columns)


def _forms(questions: Mapping[IndexDef, Question], answers: Answers) -> Forms:
    canonical = {}
    refusals = {}
    for definition, asked in questions.items():
        key = (definition.table, definition.method, definition.written)
        answer = _last(asked, answers)
        if isinstance(answer, str):
            refusals[key] = answer
        elif answer:
            canonical[key] = answer.written
    return Forms(canonical, refusals)


def _last(asked: Question, answers: Answers) -> IndexDef | str | None:
    """Where the answers to a question come to rest; None if they don't."""
    for _ in range(_ROUNDS + 2):
        answer = answers.get(asked)
        if answer is None or isinstance(answer, str):
            return asked.definition if answer is None else answer
        following = question(answer, asked.columns)
        if following == asked:
            return answer
        asked = following
    return None


def _rewritten(catalog: Catalog, forms: Forms) -> Iterator[tuple[TableName, LiveTable]]:
    for name, table in catalog.tables.items():
        indexes = tuple(
            replace(index, definition=in_canonical_form(index.definition, forms)) for index in table.indexes
        )
        yield name, (replace(table, indexes=indexes) if indexes != table.indexes else table)
