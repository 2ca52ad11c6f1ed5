"""Plans: what is printed, in which order, and where it stops. tests/postgres/test_repair.py runs them."""

import re

import pytest

from kc_db.indexes.match import TableMatch, match_tables
from kc_db.indexes.model import Build, Catalog, Column, LiveIndex, LiveTable, Spec, TableName
from kc_db.indexes.parse import index_from_text
from kc_db.indexes.repair import plan_match, plan_table

TABLE = TableName("public", "t")


def table_match(specs: str, *indexes: LiveIndex) -> TableMatch:
    wanted = [Spec(index_from_text(text), "t.sql", n) for n, text in enumerate(specs.split(";"))]
    columns = {name: Column(None, {}) for name in "abc"}
    live = {TableName(None, "t"): LiveTable(TABLE, "r", columns, indexes)}
    (table,) = match_tables(wanted, Catalog(live, {}, {}, {}))
    return table


def index(rest: str, **state: object) -> LiveIndex:
    return LiveIndex(index_from_text(f"CREATE INDEX {rest}"), **state)  # type: ignore[arg-type]


def texts(table: TableMatch) -> list[str]:
    return [step.text for step in plan_table(table)]


def test_a_wrong_one_is_replaced_without_a_gap() -> None:
    assert texts(table_match("CREATE INDEX x ON t (a)", index("x ON public.t (b)"))) == [
        "CREATE INDEX CONCURRENTLY x_kc_new ON public.t (a);",
        "DROP INDEX CONCURRENTLY public.x;",
        "ALTER INDEX public.x_kc_new RENAME TO x;",
    ]


def test_a_partitioned_table_is_built_from_the_top_level_by_level() -> None:
    leaf = LiveTable(TableName("public", "t_1_2"), "r", {})
    level = LiveTable(TableName("public", "t_1"), "p", {}, (), (leaf,), ("a",))
    other = LiveTable(TableName("public", "t_2"), "r", {}, (index("there ON public.t_2 (a)"),))
    columns = {name: Column(None, {}) for name in "abc"}
    live = {TableName(None, "t"): LiveTable(TABLE, "p", columns, (), (level, other), ("a",))}
    spec = Spec(index_from_text("CREATE UNIQUE INDEX x ON t (a)"), "t.sql", 1)
    (table,) = match_tables([spec], Catalog(live, {}, {}, {}))
    names = [re.sub(r"_[0-9a-f]{8}\b", "_...", text) for text in texts(table)]
    assert names == [
        "CREATE UNIQUE INDEX x ON ONLY public.t (a);",
        "CREATE UNIQUE INDEX t_1_x_... ON ONLY public.t_1 (a);",
        "ALTER INDEX public.x ATTACH PARTITION public.t_1_x_...;",
        "CREATE UNIQUE INDEX CONCURRENTLY t_1_2_x_... ON public.t_1_2 (a);",
        "ALTER INDEX public.t_1_x_... ATTACH PARTITION public.t_1_2_x_...;",
        "CREATE UNIQUE INDEX CONCURRENTLY t_2_x_... ON public.t_2 (a);",
        "ALTER INDEX public.x ATTACH PARTITION public.t_2_x_...;",
    ]
    assert texts(table) == texts(table)


def test_swapped_names_are_renamed_and_nothing_is_built() -> None:
    table = table_match(
        "CREATE INDEX x ON t (a);CREATE INDEX y ON t (b)",
        index("x ON public.t (b)"),
        index("y ON public.t (a)"),
    )
    assert texts(table) == [
        "ALTER INDEX public.x RENAME TO y_kc_new;",
        "ALTER INDEX public.y RENAME TO x_kc_new;",
        "ALTER INDEX public.x_kc_new RENAME TO x;",
        "ALTER INDEX public.y_kc_new RENAME TO y;",
    ]


@pytest.mark.parametrize("name", ["x" * 63, "é" * 31, "é" * 30 + "x", "x" * 56])
def test_a_passing_name_fits_and_is_free(name: str) -> None:
    taken = (name.encode()[:56].decode(errors="ignore") + "_kc_new",)
    table = table_match(
        f"CREATE INDEX {name} ON t (a)",
        index(f"{name} ON public.t (b)"),
        *(index(f"{other} ON public.t (c)") for other in taken),
    )
    builds = plan_table(table)[0].builds
    assert builds is not None
    assert len(builds.encode()) <= 63
    assert builds.endswith("_kc_new2")
    assert builds not in taken


def test_a_build_that_runs_is_waited_for() -> None:
    running = index("x ON public.t (a)", valid=False, ready=False, build=Build(42, "building index", 7))
    (step,) = plan_table(table_match("CREATE INDEX x ON t (a)", running))
    assert (step.statement, step.waits_for_pid) == (None, 42)
    assert step.text == "-- wait: x is being built right now (backend 42, building index, 7 % done)"


def test_what_can_not_be_decided_is_left_alone() -> None:
    spec = "CREATE INDEX x ON t (a) WHERE b = 'x'"
    (match,) = table_match(spec, index("x ON public.t (a) WHERE (b = 'x'::text)")).matches
    assert plan_match(match) == ()


def test_an_invalid_leftover_goes_even_where_the_rest_is_undecided() -> None:
    table = table_match(
        "CREATE INDEX x ON t (a) WHERE b = 'x'",
        index("x ON public.t (a) WHERE (b = 'x'::text)", valid=False),
        index("y ON public.t (a) WHERE (b = 'x'::text)"),
    )
    assert texts(table)[0] == "DROP INDEX CONCURRENTLY public.x;"


def test_names_are_quoted() -> None:
    assert texts(table_match('CREATE INDEX "select" ON t (a)', index('"X y" ON public.t (a)'))) == [
        'ALTER INDEX public."X y" RENAME TO "select";'
    ]


def test_an_invalid_constraint_of_another_definition_is_rebuilt_and_left() -> None:
    wrong = index("x ON public.t (b)", valid=False, constraint="x")
    assert texts(table_match("CREATE INDEX x ON t (a)", wrong)) == [
        "REINDEX INDEX CONCURRENTLY public.x;",
        "-- x is left to you: constraint x stands on it; dropping that is your decision",
    ]
