"""Whether one predicate implies another, and never where PostgreSQL's planner couldn't prove it too.

The planner uses a partial index only where it can prove that the query's conditions imply the predicate
(predicate_implied_by() in src/backend/optimizer/util/predtest.c). Measured on PostgreSQL 14-18; what isn't
known here is taken for a fact of its own, which implies itself and nothing else.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any

from kc_db.indexes.model import Expression

_IS_NOT_NULL, _HOLDS, _FAILS, _IN = "is not null", "holds", "fails", "in"
_INTEGERS = {"int2", "int4", "int8"}
_MOST_ELEMENTS = 100  # MAX_SAOP_ARRAY_SIZE in predtest.c: the planner doesn't look into longer lists
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d(\.\d+)?)?)(\+00)?")
_MOMENTS = {"date", "timestamp", "timestamptz"}
_TEXTS = {"text", "varchar"}

# Per operator of what is given, then of what is wanted: how the given constant must compare with the
# wanted one (BT_implic_table in predtest.c).
_IMPLIED_BY_BOUND = {
    "<": {"<": "<=", "<=": "<=", "<>": "<="},
    "<=": {"<": "<", "<=": "<=", "<>": "<"},
    ">": {">": ">=", ">=": ">=", "<>": ">="},
    ">=": {">": ">", ">=": ">=", "<>": ">"},
}
_COMPARISONS = {"<", "<=", "=", ">=", ">", "<>"}
_SEARCHES = {"<", "<=", "=", ">=", ">", _IN, _HOLDS, _FAILS}
_NULL_FAILS = _COMPARISONS | {_IN, "~~"}


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant of an expression: equal ones are equal values.

    Attributes:
        value: what tells it from others.
        order: a kind and a place within the kind; None where it isn't certain (a collation orders text).
    """

    value: Any
    order: tuple[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """One of the conditions that a predicate connects with AND.

    Attributes:
        subject: the parse tree of what it is about; of a condition that isn't understood, the whole of it.
        operator: a comparison with one constant, or one of the words above.
        constants: what it is compared with.
    """

    subject: str
    operator: str = _HOLDS
    constants: tuple[Constant, ...] = ()

    @property
    def is_search(self) -> bool:
        """Whether a B-tree on the subject can search by it, and by all that the planner proves it from."""
        return self.operator in _SEARCHES

    @property
    def uncast_subject(self) -> str:
        """The subject without a cast to text, which varchar gets before each comparison."""
        return _dumped(_uncast(json.loads(self.subject)))


def facts(predicate: Expression | None) -> tuple[Fact, ...]:
    """What a predicate demands; nothing, if there is none."""
    return _facts(predicate.tree) if predicate else ()


@cache
def _facts(tree: str) -> tuple[Fact, ...]:
    return tuple(map(_fact, _conjuncts(json.loads(tree))))


def implied(wanted: Fact, given: Sequence[Fact]) -> bool:
    """Whether what is wanted follows from one of the facts that are given."""
    return any(_implies(fact, wanted) for fact in given)


def subject_of(key: str | Expression) -> str:
    """An index's key as a fact about it would name it."""
    if isinstance(key, Expression):
        return key.tree
    return _dumped({"ColumnRef": {"fields": [{"String": {"sval": key}}]}})


def _implies(given: Fact, wanted: Fact) -> bool:
    if given == wanted:
        return True
    if wanted.operator == _IS_NOT_NULL:
        subjects = {given.subject, given.uncast_subject}
        return given.operator in _NULL_FAILS and wanted.subject in subjects
    if given.subject != wanted.subject:
        return False
    if given.operator in {"=", _IN}:
        if wanted.operator in {"=", _IN}:
            return {c.value for c in given.constants} <= {c.value for c in wanted.constants}
        return wanted.operator in _COMPARISONS and all(
            _compares(constant, wanted.operator, wanted.constants[0]) for constant in given.constants
        )
    test = _IMPLIED_BY_BOUND.get(given.operator, {}).get(wanted.operator)
    return test is not None and _compares(given.constants[0], test, wanted.constants[0])


def _compares(left: Constant, operator: str, right: Constant) -> bool:
    """Whether the comparison is certainly true."""
    if left.order is None or right.order is None or left.order[0] != right.order[0]:
        return False
    one, other = left.order[1], right.order[1]
    return bool(
        (one < other and operator in {"<", "<=", "<>"})
        or (one > other and operator in {">", ">=", "<>"})
        or (one == other and operator in {"<=", "=", ">="})
    )


def _conjuncts(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    connected = node.get("BoolExpr", {})
    if connected.get("boolop") == "AND_EXPR":
        for part in connected["args"]:
            yield from _conjuncts(part)
    else:
        yield node


def _fact(node: Mapping[str, Any]) -> Fact:
    """What a condition says; the planner, too, makes `x IS NOT NULL` of `NOT (x IS NULL)` (clauses.c)."""
    if "NullTest" in node:
        test = node["NullTest"]
        is_not_null = test["nulltesttype"] == "IS_NOT_NULL"
        return Fact(_dumped(test["arg"]), _IS_NOT_NULL) if is_not_null else Fact(_dumped(node))
    if node.get("BoolExpr", {}).get("boolop") == "NOT_EXPR":
        (negated,) = node["BoolExpr"]["args"]
        is_null = negated.get("NullTest", {}).get("nulltesttype") == "IS_NULL"
        if is_null:
            return Fact(_dumped(negated["NullTest"]["arg"]), _IS_NOT_NULL)
        return Fact(_dumped(negated), _FAILS)
    return _comparison(node.get("A_Expr", {})) or Fact(_dumped(node))


def _comparison(node: Mapping[str, Any]) -> Fact | None:
    if not {"lexpr", "rexpr"} <= node.keys() or len(node["name"]) > 1:
        return None
    operator, kind = node["name"][0]["String"]["sval"], node["kind"]
    subject, right = _dumped(node["lexpr"]), node["rexpr"]
    if (kind, operator) == ("AEXPR_OP_ANY", "="):
        constants = tuple(_elements(right))
        return Fact(subject, _IN, constants) if 0 < len(constants) <= _MOST_ELEMENTS else None
    if kind != "AEXPR_OP" or operator not in _NULL_FAILS:
        return None
    if "boolval" in right.get("A_Const", {}):
        return _boolean(subject, operator, is_true=right["A_Const"]["boolval"].get("boolval", False))
    constant = _constant(right)
    return Fact(subject, operator, (constant,)) if constant else None


def _boolean(subject: str, operator: str, *, is_true: bool) -> Fact | None:
    """The planner makes x of `x = true`, and NOT x of `x <> true` (simplify_boolean_equality())."""
    if operator not in {"=", "<>"}:
        return None
    return Fact(subject, _HOLDS if is_true == (operator == "=") else _FAILS)


def _elements(node: Mapping[str, Any]) -> Iterator[Constant]:
    """The constants of ARRAY[...]; none at all if one of them isn't understood.

    A list for a varchar column is one of varchar, which is cast to text[] as a whole.
    """
    cast = node.get("TypeCast")
    array = (cast["arg"] if cast else node).get("A_ArrayExpr", {})
    constants = [_constant(element) for element in array.get("elements", ())]
    known = [constant for constant in constants if constant]
    if len(known) < len(constants):
        return
    if cast is None or (
        _type_name(cast["typeName"], 1) == "text" and all(_is_text(constant) for constant in known)
    ):
        yield from known


def _constant(node: Mapping[str, Any]) -> Constant | None:
    if "A_Const" in node:
        content = node["A_Const"]
        if "ival" in content or "fval" in content:
            return _number("numeric", str((content.get("fval") or {}).get("fval", _integer(content))))
        return Constant(("text", content["sval"].get("sval", ""))) if "sval" in content else None
    cast = node.get("TypeCast")
    inner = _constant(cast["arg"]) if cast else None
    if cast is None or inner is None:
        return None
    return _cast(
        inner, _type_name(cast["typeName"]), is_literal="A_Const" in cast["arg"], whole=_dumped(node)
    )


def _cast(inner: Constant, type_name: str | None, *, is_literal: bool, whole: str) -> Constant | None:
    kind, value = inner.value
    if type_name in _TEXTS and kind == "text":
        return inner
    if kind in {"numeric", "text"} and type_name in {*_INTEGERS, "numeric", "float8"}:
        if kind == "numeric" and type_name in _INTEGERS and value != int(value):
            return None  # the cast rounds
        return _number("float8" if type_name == "float8" else "numeric", str(value))
    if not (is_literal and kind == "text"):
        return None
    moment = _MOMENT.fullmatch(value) if type_name in _MOMENTS else None
    return Constant(("other", whole), (str(type_name), moment[1]) if moment else None)


def _number(kind: str, text: str) -> Constant | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if not number.is_finite():
        return None
    value = float(number) if kind == "float8" else number
    return Constant((kind, value), (kind, value))


def _integer(content: Mapping[str, Any]) -> int:
    return int(content.get("ival", {}).get("ival", 0))  # 0 goes unsaid


def _is_text(constant: Constant) -> bool:
    return bool(constant.value[0] == "text")


def _type_name(node: Mapping[str, Any], dimensions: int = 0) -> str | None:
    """A type's own name; None for one with a modifier, which may change the value."""
    if node.get("typmods") or len(node.get("arrayBounds", ())) != dimensions:
        return None
    return str(node["names"][-1]["String"]["sval"])


def _uncast(node: Mapping[str, Any]) -> Mapping[str, Any]:
    cast = node.get("TypeCast")
    inner: Mapping[str, Any] = cast["arg"] if cast and _type_name(cast["typeName"]) == "text" else node
    return inner


def _dumped(node: Any) -> str:
    return json.dumps(node, sort_keys=True, separators=(",", ":"))
