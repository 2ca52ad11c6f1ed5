"""Finds definitions that the server writes differently and holds alike: `int8(x)` and `x::bigint`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from kc_db.database import Connection
from kc_db.indexes.model import Expression, IndexDef
from kc_db.indexes.server_forms import Nodes, Question, ask_for_nodes

_Table = tuple[object, ...]


def alike(connection: Connection, questions: Sequence[Question]) -> Mapping[Question, IndexDef]:
    """The definitions, each in the words of the first one that the server holds alike.

    Args:
        connection: in autocommit mode, on a server that may write.
        questions: definitions in the server's own words.
    """
    nodes = ask_for_nodes(connection, questions)
    keys: dict[tuple[_Table, str | None], IndexDef] = {}
    predicates: dict[tuple[_Table, str | None], Expression | None] = {}
    for asked in questions:
        if asked in nodes:
            keys.setdefault((_table(asked), nodes[asked].keys), asked.definition)
            predicates.setdefault((_table(asked), nodes[asked].predicate), asked.definition.predicate)
    return {
        asked: _in_words_of(asked, nodes[asked], keys, predicates) for asked in questions if asked in nodes
    }


def _in_words_of(
    want: Question,
    held: Nodes,
    keys: Mapping[tuple[_Table, str | None], IndexDef],
    predicates: Mapping[tuple[_Table, str | None], Expression | None],
) -> IndexDef:
    table, definition = _table(want), want.definition
    same = keys.get((table, held.keys)) if held.keys else None
    if same and len(same.keys) == len(definition.keys):
        pairs = zip(definition.keys, same.keys, strict=True)
        own = tuple(
            replace(key, of=other.of) if _are_expressions(key.of, other.of) else key for key, other in pairs
        )
        definition = replace(definition, keys=own)
    if definition.predicate and (table, held.predicate) in predicates:
        definition = replace(definition, predicate=predicates[table, held.predicate])
    return definition


def _are_expressions(*parts: str | Expression) -> bool:
    return all(isinstance(part, Expression) for part in parts)


def _table(asked: Question) -> _Table:
    return asked.definition.table, asked.columns
