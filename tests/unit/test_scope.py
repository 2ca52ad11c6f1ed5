"""Which schemas a pattern means, and what becomes of the specs."""

from dataclasses import replace
from pathlib import Path

import pytest

from kc_db.errors import InputError, NothingToCheckError
from kc_db.indexes.model import TableName
from kc_db.indexes.scope import expand, matching_schemas
from tests.indexes import make_specs

SCHEMAS = ("Tenant", "archive", "public", "tenant_1", "tenant_2", "x[1]")


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["tenant_*"], ("tenant_1", "tenant_2")),
        (["tenant_?"], ("tenant_1", "tenant_2")),
        (["tenant_[!1]"], ("tenant_2",)),
        (["archive"], ("archive",)),
        (["x[1]"], ("x[1]",)),
        (["tenant_2", "tenant_*", "archive"], ("archive", "tenant_1", "tenant_2")),
        (["tenant*"], ("tenant_1", "tenant_2")),
        (["*"], SCHEMAS),
    ],
)
def test_a_pattern_means_schemas(patterns: list[str], expected: tuple[str, ...]) -> None:
    assert matching_schemas(patterns, SCHEMAS) == expected


@pytest.mark.parametrize(
    ("schemas", "known"),
    [
        (SCHEMAS, "the database has Tenant, archive, public, tenant_1, tenant_2 and 1 more"),
        (("public",), "the database has public"),
        ((), "the database has none but the system's"),
    ],
)
def test_a_pattern_that_means_nothing(schemas: tuple[str, ...], known: str) -> None:
    with pytest.raises(NothingToCheckError) as raised:
        matching_schemas(["p*", "tenat_*"], [*schemas, "pp"])
    assert str(raised.value).startswith("no schema matches 'tenat_*'; ")
    with pytest.raises(NothingToCheckError) as raised:
        matching_schemas(["tenat_*"], schemas)
    assert str(raised.value) == f"no schema matches 'tenat_*'; {known}"


def test_specs_are_looked_for_in_each_schema_but_where_they_name_one(tmp_path: Path) -> None:
    texts = {
        "t": "CREATE INDEX x ON t (a); CREATE INDEX y ON t (b);",
        "audit.t": "CREATE INDEX x ON audit.t (a);",
    }
    qualified, first, second = make_specs(tmp_path, **texts)
    scope = expand([first, qualified, second], ["s1", "s2"])

    def placed(spec_number: int, schema: str) -> object:
        spec = (first, second)[spec_number]
        return replace(spec, definition=replace(spec.definition, table=TableName(schema, "t")))

    assert scope.specs == (placed(0, "s1"), placed(0, "s2"), qualified, placed(1, "s1"), placed(1, "s2"))
    assert (scope.written, scope.tables, scope.schemas) == (3, 3, ("s1", "s2"))


def test_a_tenant_may_have_an_index_of_its_own(tmp_path: Path) -> None:
    texts = {"t": "CREATE INDEX x ON t (a);", "s1.t": "CREATE INDEX mine ON s1.t (b);"}
    scope = expand(make_specs(tmp_path, **texts), ["s1", "s2"])
    assert {(str(spec.definition.table), spec.definition.name) for spec in scope.specs} == {
        ("s1.t", "x"),
        ("s1.t", "mine"),
        ("s2.t", "x"),
    }


def test_one_name_twice_in_a_schema(tmp_path: Path) -> None:
    texts = {"t": "CREATE INDEX x ON t (a);", "s1.u": "CREATE INDEX x ON s1.u (b);"}
    specs = make_specs(tmp_path, **texts)
    with pytest.raises(InputError) as raised:
        expand(specs, ["s1"])
    assert str(raised.value) == (
        f"{tmp_path}/t.sql:1: index 'x' is there twice in schema 's1', first from {tmp_path}/s1.u.sql:1; "
        "delete one, or narrow --schemas"
    )


def test_patterns_without_a_spec_for_them(tmp_path: Path) -> None:
    specs = make_specs(tmp_path, **{"audit.t": "CREATE INDEX x ON audit.t (a);"})
    with pytest.raises(InputError, match="--schemas is for specs that name no schema"):
        expand(specs, ["s1"])
