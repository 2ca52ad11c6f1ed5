"""A CREATE INDEX statement, parsed by PostgreSQL's own grammar, becomes an IndexDef."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kc_db.indexes.model import Expression, IndexDef, Key, Name, OperatorClass, TableName

_METHOD_ALIASES = {"rtree": "gist"}  # DefineIndex() in src/backend/commands/indexcmds.c
_BOOLEAN_PARAMETERS = {"autosummarize", "deduplicate_items", "fastupdate"}
_LOCATIONS = ("location", "list_start", "list_end")
_TRUE = {"on", "true", "yes", "1", ""}


def index_from_tree(tree: Mapping[str, Any], statement: Callable[[], str]) -> IndexDef:
    """The definition in libpg_query's IndexStmt.

    Args:
        tree: the IndexStmt as JSON.
        statement: gives the statement's own text, which only expressions need.
    """
    relation = tree["relation"]
    expressions = _Expressions(statement)
    method = tree.get("accessMethod", "btree")
    return IndexDef(
        table=TableName(relation.get("schemaname"), relation["relname"]),
        name=tree.get("idxname", ""),
        keys=tuple(
            _key(part["IndexElem"], i, expressions) for i, part in enumerate(tree.get("indexParams", ()))
        ),
        method=_METHOD_ALIASES.get(method, method),
        unique=tree.get("unique", False),
        nulls_not_distinct=tree.get("nulls_not_distinct", False),
        include=tuple(part["IndexElem"].get("name", "") for part in tree.get("indexIncludingParams", ())),
        predicate=expressions.predicate(tree["whereClause"]) if "whereClause" in tree else None,
        storage=storage_parameters(
            {option["DefElem"]["defname"]: _value(option["DefElem"]) for option in tree.get("options", ())}
        ),
    )


def index_from_text(text: str) -> IndexDef:
    """The definition in one CREATE INDEX statement, such as pg_get_indexdef() gives.

    Raises:
        pglast.parser.ParseError: it is no SQL.
    """
    from pglast.parser import parse_sql_json

    tree = json.loads(parse_sql_json(text))["stmts"][0]["stmt"]["IndexStmt"]
    return index_from_tree(tree, lambda: text)


def expression_from_text(text: str) -> Expression:
    """An expression as pg_get_expr() gives it."""
    from pglast.parser import parse_sql_json

    select = json.loads(parse_sql_json(f"SELECT {text}"))["stmts"][0]["stmt"]["SelectStmt"]
    return Expression(text, _without_locations(select["targetList"][0]["ResTarget"]["val"]))


def storage_parameters(parameters: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Storage parameters, sorted, with the spellings of a boolean made one."""
    return tuple(
        (name, ("on" if value.lower() in _TRUE else "off") if name in _BOOLEAN_PARAMETERS else value.lower())
        for name, value in sorted(parameters.items())
    )


def _key(part: Mapping[str, Any], position: int, expressions: "_Expressions") -> Key:
    descending = part.get("ordering") == "SORTBY_DESC"
    nulls = part.get("nulls_ordering", "SORTBY_NULLS_DEFAULT")
    options = tuple(
        sorted(
            (option["DefElem"]["defname"], _value(option["DefElem"]))
            for option in part.get("opclassopts", ())
        )
    )
    name = _qualified(part["opclass"]) if "opclass" in part else None
    column, collation = _plain_column(part)
    return Key(
        of=column or expressions.key(part["expr"], position),
        collation=_qualified(collation) if collation else None,
        operator_class=OperatorClass(name, options) if name or options else None,
        descending=descending,
        nulls_first=nulls == "SORTBY_NULLS_FIRST" if nulls != "SORTBY_NULLS_DEFAULT" else descending,
    )


def _plain_column(part: Mapping[str, Any]) -> tuple[str | None, Sequence[Mapping[str, Any]] | None]:
    """The key's column and collation; `(a)` and `(a COLLATE "C")` in parentheses are columns as well.

    ComputeIndexAttrs() in src/backend/commands/indexcmds.c strips them in the same way.
    """
    collation = part.get("collation")
    if "name" in part:
        return part["name"], collation
    expression = part["expr"]
    while "CollateClause" in expression:
        collation = collation or expression["CollateClause"]["collname"]
        expression = expression["CollateClause"]["arg"]
    fields = expression.get("ColumnRef", {}).get("fields", ())
    if len(fields) == 1 and "String" in fields[0]:
        return fields[0]["String"]["sval"], collation
    return None, part.get("collation")


class _Expressions:
    """The text of a statement's expressions, which the JSON tree doesn't hold."""

    def __init__(self, statement: Callable[[], str]) -> None:
        self._statement = statement
        self._node: Any = None

    def key(self, tree: Any, position: int) -> Expression:
        return self._printed(self._parsed().indexParams[position].expr, tree)

    def predicate(self, tree: Any) -> Expression:
        return self._printed(self._parsed().whereClause, tree)

    def _parsed(self) -> Any:
        from pglast import parse_sql

        if self._node is None:
            self._node = parse_sql(self._statement())[0].stmt
        return self._node

    @staticmethod
    def _printed(node: Any, tree: Any) -> Expression:
        """A printer may be wrong: what it prints has to parse to the tree that it was given."""
        from pglast.stream import RawStream

        printed = expression_from_text(RawStream()(node))
        if printed.tree != (wanted := _without_locations(tree)):
            msg = f"this expression can't be printed faithfully: {printed.text}"
            raise ValueError(msg)
        return Expression(printed.text, wanted)


def _without_locations(tree: Any) -> str:
    return json.dumps(_strip(tree), sort_keys=True, separators=(",", ":"))


def _strip(tree: Any) -> Any:
    if isinstance(tree, Mapping):
        return {name: _strip(part) for name, part in tree.items() if not name.endswith(_LOCATIONS)}
    return [_strip(part) for part in tree] if isinstance(tree, list) else tree


def _qualified(parts: Sequence[Mapping[str, Any]]) -> Name:
    names = tuple(part["String"]["sval"] for part in parts)
    return names[1:] if names[0] == "pg_catalog" else names


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
