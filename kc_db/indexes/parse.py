"""A CREATE INDEX statement, parsed by PostgreSQL's own grammar, becomes an IndexDef."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from kc_db.indexes.model import Expression, IndexDef, Key, Name, OperatorClass, TableName, column_key
from kc_db.indexes.parameters import Parameters, normalized

_METHOD_ALIASES = {"rtree": "gist"}  # DefineIndex() in src/backend/commands/indexcmds.c
_LOCATIONS = ("location", "list_start", "list_end")
_NESTED = (dict, list)  # what JSON gives; asking for a Mapping is slower
_OPENING, _CLOSING, _COMMA = "ASCII_40", "ASCII_41", "ASCII_44"  # as pglast names these tokens
_PASSED_OVER = {"SQL_COMMENT", "C_COMMENT", "ASCII_59"}
_PLAIN_COLUMN = {"name": "", "ordering": "SORTBY_DEFAULT", "nulls_ordering": "SORTBY_NULLS_DEFAULT"}


def index_from_tree(
    tree: Mapping[str, Any], statement: Callable[[], str], words: tuple[Sequence[str], str] | None = None
) -> IndexDef:
    """The definition in libpg_query's IndexStmt.

    Args:
        tree: the IndexStmt as JSON.
        statement: gives the statement's own text, which only expressions need.
        words: the keys, and the predicate, each in its own words, where they are known already.
    """
    relation = tree["relation"]
    expressions = _Expressions(statement, words)
    method = tree.get("accessMethod", "btree")
    return IndexDef(
        table=TableName(relation.get("schemaname"), relation["relname"]),
        name=tree.get("idxname", ""),
        keys=tuple(
            [_key(part["IndexElem"], i, expressions) for i, part in enumerate(tree.get("indexParams", ()))]
        ),
        method=_METHOD_ALIASES.get(method, method),
        unique=tree.get("unique", False),
        nulls_not_distinct=tree.get("nulls_not_distinct", False),
        include=tuple(part["IndexElem"].get("name", "") for part in tree.get("indexIncludingParams", ())),
        predicate=expressions.predicate(tree["whereClause"]) if "whereClause" in tree else None,
        storage=_parameters(tree["options"]) if "options" in tree else (),
    )


def index_from_text(text: str, words: tuple[Sequence[str], str] | None = None) -> IndexDef:
    """The definition in one CREATE INDEX statement, such as pg_get_indexdef() gives.

    Args:
        text: the statement.
        words: its keys and its predicate, each in its own words, where they are known already.

    Raises:
        pglast.parser.ParseError: it is no SQL.
    """
    return index_from_tree(tree_of_index(text), lambda: text, words)


def index_of_server(text: str, keys: Sequence[str], predicate: str) -> IndexDef:
    """The definition in what pg_get_indexdef() gives.

    Some expressions it writes as no SQL, such as a key `x IS DOCUMENT` without parentheses.

    Args:
        text: the whole statement.
        keys: each key by itself; empty if all are columns.
        predicate: by itself; empty if there is none.
    """
    from pglast.parser import ParseError

    try:
        return index_from_text(text, (keys, predicate))
    except ParseError:
        whole = [f"({key})" for key in keys]
        for key, in_parentheses in zip(keys, whole, strict=True):
            text = text.replace(key, in_parentheses, 1)
        return index_from_text(text, (whole, predicate))


def tree_of_index(text: str) -> Mapping[str, Any]:
    """libpg_query's IndexStmt of one CREATE INDEX statement.

    Raises:
        pglast.parser.ParseError: it is no SQL.
        KeyError: it is another statement.
    """
    from pglast.parser import parse_sql_json

    tree: Mapping[str, Any] = json.loads(parse_sql_json(text))["stmts"][0]["stmt"]["IndexStmt"]
    return tree


def complaints_about(tree: Mapping[str, Any]) -> Iterator[str]:
    """What a wanted index must not say, because its IndexDef doesn't hold it: it would be ignored, unseen."""
    relation = tree["relation"]
    if "catalogname" in relation:
        yield f"a connection is to one database: take {relation['catalogname']!r} out of the table's name"
    if tree.get("tableSpace"):
        yield "kc-db doesn't compare tablespaces; take TABLESPACE out"
    if tree.get("concurrent") or tree.get("if_not_exists"):
        yield "a spec says what must exist, not how: take CONCURRENTLY and IF NOT EXISTS out"
    if not relation.get("inh"):
        yield "a spec is for a table with its partitions; take ONLY out"
    included = (part["IndexElem"] for part in tree.get("indexIncludingParams", ()))
    if any({**column, "name": ""} != _PLAIN_COLUMN for column in included):
        yield "INCLUDE takes columns without order, collation or operator class"


def expression_from_text(text: str) -> Expression:
    """An expression as pg_get_expr() gives it."""
    from pglast.parser import parse_sql_json

    select = json.loads(parse_sql_json(f"SELECT {text}"))["stmts"][0]["stmt"]["SelectStmt"]
    return _expression(text, select["targetList"][0]["ResTarget"]["val"])


def without_schema(expression: Expression, table: TableName) -> Expression:
    """The expression with the table's columns as `table.column` where it says `schema.table.column`."""
    fields = [{"String": {"sval": name}} for name in table]
    if not table.schema or json.dumps(fields, separators=(",", ":"))[:-1] not in expression.tree:
        return expression
    from pglast.parser import scan

    text = expression.text
    tokens = scan(text)
    words = [_folded(text[token.start : token.end + 1]) for token in tokens]
    dotted = [table.schema, ".", table.name, "."]
    for at in reversed(range(len(words))):
        if words[at : at + len(dotted)] == dotted and words[at - 1 : at] != ["."]:
            text = text[: tokens[at].start] + text[tokens[at + 2].start :]
    return expression_from_text(text)


def _folded(word: str) -> str:
    """A name as the catalog has it."""
    return word[1:-1].replace('""', '"') if word.startswith('"') else word.lower()


def _key(part: Mapping[str, Any], position: int, expressions: "_Expressions") -> Key:
    if len(part) == len(_PLAIN_COLUMN) and "name" in part:
        return _plain_key(part["name"], part["ordering"], part["nulls_ordering"])
    plain = _plain_key("", part["ordering"], part["nulls_ordering"])
    options = _parameters(part["opclassopts"]) if "opclassopts" in part else ()
    name = _qualified(part["opclass"]) if "opclass" in part else None
    column, tree, collation = _without_collation(part)
    make = column_key if column else Key  # equal expressions may be written differently
    return make(
        column or expressions.key(tree, position),
        _qualified(collation) if collation else None,
        OperatorClass(name, options) if name else None,
        plain.descending,
        plain.nulls_first,
    )


@cache
def _plain_key(name: str, ordering: str, nulls: str) -> Key:
    descending = ordering == "SORTBY_DESC"
    nulls_first = nulls == "SORTBY_NULLS_FIRST" if nulls != "SORTBY_NULLS_DEFAULT" else descending
    return column_key(name, None, None, descending, nulls_first)


def _without_collation(part: Mapping[str, Any]) -> tuple[str | None, Any, Sequence[Mapping[str, Any]] | None]:
    """The key's column, else its expression's tree, and the outermost collation.

    `(a)` and `(a COLLATE "C")` in parentheses are columns as well: ComputeIndexAttrs() in
    src/backend/commands/indexcmds.c strips them in the same way.
    """
    collation = part.get("collation")
    if "name" in part:
        return part["name"], None, collation
    tree = part["expr"]
    while "CollateClause" in tree:
        collation = collation or tree["CollateClause"]["collname"]
        tree = tree["CollateClause"]["arg"]
    fields = tree.get("ColumnRef", {}).get("fields", ())
    is_column = len(fields) == 1 and "String" in fields[0]
    return fields[0]["String"]["sval"] if is_column else None, tree, collation


class _Expressions:
    """A statement's expressions in the words in which it writes them; the tree doesn't hold those."""

    def __init__(self, statement: Callable[[], str], texts: tuple[Sequence[str], str] | None) -> None:
        self._statement = statement
        self._texts = texts

    def key(self, tree: Any, position: int) -> Expression:
        return _expression(self._split()[0][position], tree)

    def predicate(self, tree: Any) -> Expression:
        return _expression(self._split()[1], tree)

    def _split(self) -> tuple[Sequence[str], str]:
        from pglast.parser import scan

        if self._texts is None:
            text = self._statement()
            tokens = [token for token in scan(text) if token.name not in _PASSED_OVER]
            self._texts = tuple(_key_texts(text, tokens)), _predicate_text(text, tokens)
        return self._texts


def _key_texts(text: str, tokens: Iterable[Any]) -> Iterator[str]:
    """The text of each key, without its collation, operator class and order.

    In the grammar an expression among the keys is parenthesised, or a call of a function: it ends where its
    first parenthesis is closed.
    """
    depth, start, end = 0, None, None
    for token in tokens:
        depth -= token.name == _CLOSING
        if depth == 1 and token.name == _CLOSING:
            end = end or token.end + 1
        elif (depth, token.name) in {(1, _COMMA), (0, _CLOSING)}:
            yield text[start:end]
            start = end = None
            if depth == 0:
                return
        elif depth and start is None:
            start = token.start
        depth += token.name == _OPENING


def _predicate_text(text: str, tokens: Sequence[Any]) -> str:
    """All that follows WHERE, which is reserved: no name outside of parentheses can be it."""
    depth = 0
    for position, token in enumerate(tokens):
        depth += (token.name == _OPENING) - (token.name == _CLOSING)
        if depth == 0 and token.name == "WHERE":
            return text[tokens[position + 1].start : tokens[-1].end + 1]
    return ""


_trees: dict[str, str] = {}


def _expression(text: str, tree: Any) -> Expression:
    """One text has one tree; many indexes have the same predicate."""
    known = _trees.get(text)
    if known is None:
        known = _trees[text] = json.dumps(_strip(tree), sort_keys=True, separators=(",", ":"))
    return Expression(text, known)


def _strip(tree: Any) -> Any:
    """The tree without locations, and with one way to write a call."""
    if isinstance(tree, dict):
        if tree.get("funcformat") == "COERCE_SQL_SYNTAX":  # AT TIME ZONE is timezone(), TRIM() is btrim()
            tree = {**tree, "funcformat": "COERCE_EXPLICIT_CALL", "funcname": tree["funcname"][-1:]}
        elif "TypeCast" in tree:
            tree = {"TypeCast": _without_detour(tree["TypeCast"])}
        return {
            name: _strip(part) if isinstance(part, _NESTED) else part
            for name, part in tree.items()
            if not name.endswith(_LOCATIONS)
        }
    return [_strip(part) for part in tree] if isinstance(tree, list) else tree


def _without_detour(cast: Mapping[str, Any]) -> Mapping[str, Any]:
    """'x'::varchar::text is 'x'::text; ALTER COLUMN ... TYPE leaves such casts behind."""
    inner = cast["arg"].get("TypeCast")
    if not inner or "A_Const" not in inner["arg"]:
        return cast
    names = [_qualified(one["typeName"]["names"]) for one in (cast, inner)]
    plain = not any("typmods" in one["typeName"] or "arrayBounds" in one["typeName"] for one in (cast, inner))
    return {**cast, "arg": inner["arg"]} if plain and names == [("text",), ("varchar",)] else cast


def _qualified(parts: Sequence[Mapping[str, Any]]) -> Name:
    names = tuple(part["String"]["sval"] for part in parts)
    return names[1:] if names[0] == "pg_catalog" else names


def _parameters(options: Sequence[Mapping[str, Any]]) -> Parameters:
    return normalized((option["DefElem"]["defname"], _value(option["DefElem"])) for option in options)


def _value(option: Mapping[str, Any]) -> str:
    """The value of a DefElem as PostgreSQL keeps it: text."""
    argument = option.get("arg")
    if argument is None:
        return "true"
    (kind, content), *_ = argument.items()
    if kind == "TypeName":  # a bare word, such as fastupdate = off
        return ".".join(_qualified(content["names"]))
    (value, *_) = content.values() if content else (0,)
    return str(value).lower() if isinstance(value, bool) else str(value)
