"""Finds out what only the server can say: whether two ways to write an expression mean the same."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace

from kc_db.database import Connection
from kc_db.indexes.canonical import compare, in_canonical_form, resolve
from kc_db.indexes.lock_file import Entry, Lock
from kc_db.indexes.model import Catalog, Forms, IndexDef, LiveTable, StaleForm, TableName, Written
from kc_db.indexes.node_trees import alike
from kc_db.indexes.read_indexes import IndexReader, asking
from kc_db.indexes.recorded_forms import entry_of, forms_from_entries, fresh_entry, stale_forms
from kc_db.indexes.server_forms import ColumnType, Question, ask_server, question

_ROUNDS = 5  # `varchar IN (...)` stands still after two

_Answers = Mapping[Question, IndexDef | str]
_Columns = Mapping[TableName, tuple[ColumnType, ...]]


def with_forms(
    connection: Connection, definitions: Sequence[IndexDef], catalog: Catalog, lock: Lock | None = None
) -> Catalog:
    """The catalog with canonical forms for whatever can't be compared without the server's judgement.

    Args:
        connection: in autocommit mode.
        definitions: what is wanted, as it is written.
        catalog: what there is.
        lock: forms that were recorded, for where the server can't be asked.
    """
    unsure = {
        definition: want
        for definition, want in _resolved(definitions, catalog)
        if _is_unsure(want, catalog.tables[definition.table])
    }
    forms = _forms(connection, unsure, catalog, lock) if unsure else Forms()
    if lock and lock.entries:
        forms = replace(forms, stale=tuple(_stale(connection, definitions, catalog, lock)))
    if not forms.canonical:
        return replace(catalog, forms=forms)
    return replace(catalog, tables=dict(_rewritten(catalog, forms)), forms=forms)


def record_forms(
    connection: Connection, definitions: Sequence[IndexDef], catalog: Catalog
) -> Iterator[tuple[IndexDef, Entry | str]]:
    """What the server makes of each definition with expressions, for a lock file; or why that can't be told.

    Args:
        connection: in autocommit mode, to a primary, as a role that may make temporary tables.
        definitions: what is wanted, as it is written.
        catalog: what there is.
    """
    wanted = dict(_resolved(definitions, replace(catalog, forms=Forms())))
    columns = load_columns(connection, {want.table for want in wanted.values()})
    asked = {definition: question(want, columns[want.table]) for definition, want in wanted.items()}
    first = ask_server(connection, asked.values(), settled=False, everywhere=True)
    following = filter(None, (_next(start, answer) for start, answer in first.items()))
    answers = until_still(connection, following, everywhere=True)
    version = major_version(connection)
    for definition, start in asked.items():
        path = list(_path(start, first, answers))
        if isinstance(path[-1], str):
            yield definition, path[-1]
        else:
            texts = [form for form in path if not isinstance(form, str)]
            yield definition, entry_of(definition, version, start.columns, texts)
    for definition in definitions:
        if definition.has_expressions and definition not in asked:
            yield definition, f"there is no table {definition.table}"


def why_silent(connection: Connection) -> str | None:
    """Why the server can't be asked, and what to do about it; None if it can."""
    with asking(connection) as ask:
        (row,) = ask("may_ask")
    if row.standby:
        return "a standby can't be asked; record the forms on its primary: kc-db lock-specs"
    if not row.permitted:
        return (
            f"role {row.role} may not make temporary tables: GRANT TEMPORARY ON DATABASE {row.database} "
            f"TO {row.role}, or record the forms as another role: kc-db lock-specs"
        )
    return None


def major_version(connection: Connection) -> int:
    """14 to 18."""
    return connection.info.server_version // 10_000


def load_columns(connection: Connection, tables: Iterable[TableName]) -> _Columns:
    """The columns of each table, in their order."""
    names = list(tables)
    columns: dict[TableName, list[ColumnType]] = defaultdict(list)
    schemas, bare = [table.schema for table in names], [table.name for table in names]
    with asking(connection) as ask:
        for row in ask("column_types", schemas=schemas, names=bare):
            collation = tuple(row.collation) if row.collation else None
            columns[TableName(row.schema, row.table_name)].append(ColumnType(row.name, row.type, collation))
    return {table: tuple(found) for table, found in columns.items()}


def until_still(
    connection: Connection, questions: Iterable[Question], *, everywhere: bool = False
) -> _Answers:
    """The server's answers to its own words, and to its answers to those, until it repeats itself."""
    answers: dict[Question, IndexDef | str] = {}
    pending = list(questions)
    for _ in range(_ROUNDS):
        pending = [asked for asked in dict.fromkeys(pending) if asked not in answers]
        if not pending:
            break
        answers |= ask_server(connection, pending, settled=True, everywhere=everywhere)
        pending = [again for asked in pending if (again := _next(asked, answers[asked]))]
    restless = (asked for asked in pending if asked not in answers)
    return answers | dict.fromkeys(restless, "it writes its own words differently each time")


def _resolved(definitions: Iterable[IndexDef], catalog: Catalog) -> Iterator[tuple[IndexDef, IndexDef]]:
    """The definitions with expressions on tables that exist, as written and in the catalog's terms."""
    for definition in definitions:
        table = catalog.tables.get(definition.table)
        if table and table.columns and definition.has_expressions:
            yield definition, resolve(definition, table, catalog)


def _is_unsure(want: IndexDef, table: LiveTable) -> bool:
    """Whether it can't be told without the server if an index of the table is the wanted one."""
    candidates = [index.definition for index in table.indexes]
    if any(want.shape == have.shape for have in candidates):
        return False
    comparisons = ((have.name == want.name, compare(want, have)) for have in candidates)
    return any(
        comparison.undecided and (same_name or not comparison.differences)
        for same_name, comparison in comparisons
    )


def _forms(
    connection: Connection, unsure: Mapping[IndexDef, IndexDef], catalog: Catalog, lock: Lock | None
) -> Forms:
    tables = {want.table: catalog.tables[definition.table] for definition, want in unsure.items()}
    columns = load_columns(connection, tables)
    silence = why_silent(connection)
    if silence is None:
        return _asked_forms(connection, unsure.values(), tables.values(), columns)
    version = major_version(connection)
    entries = {
        want: entry
        for definition, want in unsure.items()
        if lock and (entry := fresh_entry(lock, definition, version, columns[want.table]))
    }
    if len(entries) == len(unsure):
        silence = (
            "the lock file tells them apart by casts only, and a standby or this role can't ask which count"
        )
    return Forms(forms_from_entries(entries, _read_everywhere(connection, tables.values())), silence=silence)


def _read_everywhere(connection: Connection, tables: Iterable[LiveTable]) -> Mapping[IndexDef, IndexDef]:
    """The live definitions with expressions, each as it is written whatever the search_path."""
    by_oid = {table.oid: table for table in tables if table.oid}
    relations = [SimpleNamespace(oid=oid, **table.name._asdict()) for oid, table in by_oid.items()]
    with connection.transaction(), asking(connection) as ask:
        ask("session")
        ask("no_search_path")
        reader = IndexReader(ask, relations, ())
        names = {(oid, index.name): index.definition for oid in by_oid for index in reader.indexes(oid)}
    return {
        index.definition: names[oid, index.name]
        for oid, table in by_oid.items()
        for index in table.indexes
        if index.definition.has_expressions and (oid, index.name) in names
    }


def _asked_forms(
    connection: Connection, wanted: Iterable[IndexDef], tables: Iterable[LiveTable], columns: _Columns
) -> Forms:
    """What the server makes of the wanted ones; of what that leaves open, until it makes the same of it."""
    asked = {want: question(want, columns[want.table]) for want in wanted}
    there = {have: question(have, columns[have.table]) for have in _with_expressions(tables)}
    first = ask_server(connection, asked.values(), settled=False)
    known = set(there.values())
    following = (_next(start, answer) for start, answer in first.items())
    if left_open := [again for again in following if again and again not in known]:
        answers = until_still(connection, (*left_open, *known))
    else:
        answers = {}
    ends: dict[IndexDef, IndexDef] = {}
    refusals = {}
    for definition, start in {**there, **asked}.items():
        *_, end = (start.definition, *_path(start, first, answers))
        if isinstance(end, str):
            refusals[_key(definition)] = end
        else:
            ends[definition] = end
    same = _alike(connection, ends, asked, there)
    canonical = {_key(definition): same.get(definition, end).written for definition, end in ends.items()}
    return Forms(canonical, refusals)


def _key(definition: IndexDef) -> tuple[TableName, str, Written]:
    return definition.table, definition.method, definition.written


def _alike(
    connection: Connection,
    ends: Mapping[IndexDef, IndexDef],
    asked: Mapping[IndexDef, Question],
    there: Mapping[IndexDef, Question],
) -> Mapping[IndexDef, IndexDef]:
    """Where a wanted one is written like no live one: all in the words of the first that is held alike."""
    columns = {definition: start.columns for definition, start in {**there, **asked}.items()}
    last = {definition: question(end, columns[definition]) for definition, end in ends.items()}
    live = [last[have] for have in there if have in last]
    if {last[want] for want in asked if want in last} <= set(live):
        return {}
    found = alike(connection, [*live, *(last[want] for want in asked if want in last)])
    return {definition: found[end] for definition, end in last.items() if end in found}


def _path(start: Question, first: _Answers, answers: _Answers) -> Iterator[IndexDef | str]:
    """The answers to a question, to its answer, and so on, until they repeat or nobody asked on."""
    answer = first.get(start, answers.get(start))
    for _ in range(_ROUNDS + 2):
        if answer is None:
            return
        yield answer
        following = _next(start, answer)
        if following is None or following == start:
            return
        start, answer = following, answers.get(following)


def _next(asked: Question, answer: IndexDef | str) -> Question | None:
    """The answer as the next question."""
    return None if isinstance(answer, str) else question(answer, asked.columns)


def _with_expressions(tables: Iterable[LiveTable]) -> Iterator[IndexDef]:
    return (
        index.definition for table in tables for index in table.indexes if index.definition.has_expressions
    )


def _stale(
    connection: Connection, definitions: Sequence[IndexDef], catalog: Catalog, lock: Lock
) -> Iterator[StaleForm]:
    tables = {definition: want.table for definition, want in _resolved(definitions, catalog)}
    columns = load_columns(connection, set(tables.values()))
    by_definition = {definition.table: columns[table] for definition, table in tables.items()}
    return stale_forms(lock, definitions, major_version(connection), by_definition)


def _rewritten(catalog: Catalog, forms: Forms) -> Iterator[tuple[TableName, LiveTable]]:
    for name, table in catalog.tables.items():
        if any(index.definition.has_expressions for index in table.indexes):
            indexes = tuple(
                replace(index, definition=in_canonical_form(index.definition, forms))
                for index in table.indexes
            )
            yield name, replace(table, indexes=indexes)
        else:
            yield name, table
