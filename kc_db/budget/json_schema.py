"""The JSON schema of a budget file, for editors that complete and check TOML."""

import json

from kc_db.budget.schema import BudgetFile


def json_schema() -> str:
    """The schema (draft 2020-12), indented, without a trailing newline."""
    schema = BudgetFile.model_json_schema()
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "pool_budget.toml of kc-db",
    }
    return json.dumps(_without_nulls({**schema, **head}), indent=2)


def _without_nulls(node: object) -> object:
    """TOML has no null, so an optional key is one that may be left out."""
    if isinstance(node, list):
        return [_without_nulls(one) for one in node]
    if not isinstance(node, dict):
        return node
    found = {key: _without_nulls(value) for key, value in node.items() if not _is_null_default(key, value)}
    choices = found.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices:
        rest = [choice for choice in choices if choice != {"type": "null"}]
        del found["anyOf"]
        found.update(rest[0] if len(rest) == 1 else {"anyOf": rest})
    return found


def _is_null_default(key: str, value: object) -> bool:
    return key == "default" and value is None
