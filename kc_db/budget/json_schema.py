"""The JSON schema of a budget file, for editors that complete and check TOML."""

import ast
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from kc_db.budget import schema
from kc_db.budget.schema import BudgetFile


def json_schema() -> str:
    """The schema (draft 2020-12), indented, without a trailing newline."""
    document = BudgetFile.model_json_schema()
    for table, key, text in _descriptions():
        place = document["$defs"].get(table, document if table == BudgetFile.__name__ else {})
        if key in place.get("properties", {}):
            place["properties"][key]["description"] = text
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "pool_budget.toml of kc-db",
    }
    return json.dumps(_without_nulls({**document, **head}), indent=2)


def _descriptions() -> Iterator[tuple[str, str, str]]:
    """Table, key and the text below it, as schema.py says it; a table has those of its bases too."""
    tree = ast.parse(Path(str(schema.__file__)).read_text(encoding="utf-8"))
    said = {node.name: dict(_texts(node)) for node in tree.body if isinstance(node, ast.ClassDef)}
    for name, own in said.items():
        bases: tuple[type, ...] = getattr(schema, name).__mro__
        texts: dict[str, str] = {}
        for base in reversed(bases):
            texts |= said.get(base.__name__, {})
        yield from ((name, key, text) for key, text in (texts | own).items())


def _texts(table: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, below in pairwise(table.body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
        ):
            yield field.target.id, str(below.value.value)


def _without_nulls(node: Any) -> Any:
    """TOML has no null, so an optional key is one that may be left out."""
    if isinstance(node, list):
        return [_without_nulls(one) for one in node]
    if not isinstance(node, dict):
        return node
    found = {key: _without_nulls(value) for key, value in node.items() if (key, value) != ("default", None)}
    choices = found.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices:
        rest = [choice for choice in choices if choice != {"type": "null"}]
        del found["anyOf"]
        found = {**(rest[0] if len(rest) == 1 else {"anyOf": rest}), **found}
    return found
