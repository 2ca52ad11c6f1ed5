"""Which live index stands for which spec."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from kc_db.indexes.match import TableMatch, match_tables
from kc_db.indexes.model import Catalog, Column, LiveIndex, LiveTable, Spec, TableName
from kc_db.indexes.parse import index_from_text

TABLE = TableName("public", "t")
X_Y = ["INDEX x ON t (a)", "INDEX y ON t (b)"]
COLUMNS = {name: Column(None, {}) for name in "abc"}


def live(text: str, **state: Any) -> LiveIndex:
    return LiveIndex(index_from_text(f"CREATE {text}"), **state)


def match(
    specs: Sequence[str], indexes: Sequence[LiveIndex], taken: Mapping[tuple[str, str], str] | None = None
) -> TableMatch:
    wanted = [Spec(index_from_text(f"CREATE {text}"), "t.sql", n) for n, text in enumerate(specs)]
    catalog = Catalog(
        {TableName(None, "t"): LiveTable(TABLE, "r", COLUMNS, tuple(indexes))}, taken or {}, {}, {}
    )
    (table,) = match_tables(wanted, catalog)
    return table


def stands_for(table: TableMatch) -> dict[str, str | None]:
    return {m.want.name: m.satisfied_by.name if m.satisfied_by else None for m in table.matches}


@pytest.mark.parametrize(
    ("specs", "indexes", "expected"),
    [
        (["INDEX x ON t (a)"], ["INDEX x ON t (a)"], {"x": "x"}),
        (["INDEX x ON t (a)"], ["INDEX y ON t (a)"], {"x": "y"}),
        (["INDEX x ON t (a)"], ["INDEX y ON t (a)", "INDEX x ON t (a)"], {"x": "x"}),
        (["INDEX x ON t (a)"], ["INDEX y ON t (b)", "INDEX x ON t (c)"], {"x": None}),
        (["INDEX x ON t (a)", "INDEX y ON t (a)"], ["INDEX z ON t (a)"], {"x": "z", "y": None}),
        (["INDEX x ON t (a)", "INDEX y ON t (a)"], ["INDEX y ON t (a)"], {"x": None, "y": "y"}),
        (X_Y, ["INDEX y ON t (a)", "INDEX x ON t (b)"], {"x": "y", "y": "x"}),
        (X_Y, ["INDEX y ON t (a)", "INDEX z ON t (a)"], {"x": "z", "y": None}),
    ],
)
def test_by_name_then_by_definition(
    specs: list[str], indexes: list[str], expected: dict[str, str | None]
) -> None:
    assert stands_for(match(specs, [live(text) for text in indexes])) == expected


@pytest.mark.parametrize(
    "state",
    [{"valid": False}, {"ready": False}, {"live": False}, {"immediate": False}, {"exclusion": True}],
    ids=str,
)
def test_what_satisfies_nothing(state: dict[str, bool]) -> None:
    unique = "UNIQUE INDEX x ON t (a)"
    assert stands_for(match([unique], [live(unique, **state)])) == {"x": None}
    assert stands_for(match([unique], [live(unique.replace("x", "y"), **state)])) == {"x": None}


def test_a_constraint_is_preferred_to_a_bare_index() -> None:
    indexes = [live("UNIQUE INDEX y ON t (a)"), live("UNIQUE INDEX z ON t (a)", constraint="z")]
    table = match(["UNIQUE INDEX x ON t (a)"], indexes)
    assert stands_for(table) == {"x": "z"}
    assert [(other.name, keep.name) for other, keep in table.duplicates] == [("y", "z")]


def test_the_way_is_made_for_the_spec_that_wants_it() -> None:
    table = match(
        ["INDEX x ON t (a)", "INDEX y ON t (b)"], [live("INDEX y ON t (a)"), live("INDEX z ON t (b)")]
    )
    first, second = table.matches
    assert (first.in_the_way, first.makes_way_for) == (True, None)
    assert second.makes_way_for is not None
    assert (second.in_the_way, second.makes_way_for.want.name) == (False, "x")


def test_an_undecided_index_stays_with_the_spec_of_its_name() -> None:
    specs = ["INDEX x ON t (a) WHERE b = 'x'", "INDEX y ON t (a) WHERE b = 'y'"]
    table = match(specs, [live("INDEX x ON t (a) WHERE (b = 'x'::text)")])
    first, second = table.matches
    assert [d.attribute for d in first.undecided] == ["predicate"]
    assert (second.undecided, second.same_name) == ((), None)


def test_an_invalid_one_is_never_undecided() -> None:
    table = match(
        ["INDEX x ON t (a) WHERE b = 'x'"], [live("INDEX x ON t (a) WHERE (b = 'x'::text)", valid=False)]
    )
    assert table.matches[0].undecided == ()


def test_who_has_the_name() -> None:
    table = match(["INDEX x ON t (a)"], [], {("public", "x"): "a sequence"})
    assert table.matches[0].name_taken_by == "a sequence"


def test_duplicates_are_not_what_is_replaced_anyway() -> None:
    table = match(["INDEX x ON t (a)"], [live("INDEX x ON t (b)"), live("INDEX y ON t (b)")])
    assert table.duplicates == ()


def test_tables_of_one_name_stay_apart() -> None:
    names = [TableName(None, "a.b"), TableName("a", "b"), TableName(None, "a.b")]
    specs = [Spec(index_from_text(f"CREATE INDEX x{n} ON {table} (a)"), "f", n)
             for n, table in enumerate(['"a.b"', "a.b", '"a.b"'])]  # fmt: skip
    tables = match_tables(specs, Catalog({}, {}, {}, {}))
    assert [table.table for table in tables] == names[:2]


def test_two_specs_for_one_definition_are_duplicates_whatever_the_names() -> None:
    specs = ["INDEX x ON t (a)", "INDEX y ON t (b)", "INDEX w ON t (b)"]
    table = match(specs, [live("INDEX x ON t (b)"), live("INDEX z ON t (b)")])
    assert [(other.name, keep.name) for other, keep in table.duplicates] == [("z", "x")]


@pytest.mark.parametrize("state", [{"immediate": False}, {"exclusion": True}, {"valid": False}], ids=str)
def test_what_does_something_else_is_no_duplicate(state: dict[str, bool]) -> None:
    unique = "UNIQUE INDEX x ON t (a)"
    assert match([unique], [live(unique), live(unique.replace("x", "y"), **state)]).duplicates == ()
