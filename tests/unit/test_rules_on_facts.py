"""The rules that judge facts: which facts are worth a word, and what is said."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest

from kc_db.findings import Problem
from kc_db.indexes.facts import (
    ColumnStatistics,
    ForeignKey,
    Keys,
    Scans,
    Silence,
    Stored,
    TableFacts,
    every_lookup_implies,
    excludes_null,
)
from kc_db.indexes.match import match_tables
from kc_db.indexes.model import Catalog, Column, LiveIndex, LiveTable, Spec, TableName
from kc_db.indexes.parse import expression_from_text, index_from_text
from kc_db.indexes.verify import Subject

TABLE = TableName("public", "t")
NOW = datetime(2026, 11, 22, tzinfo=UTC)
INTEGER = ColumnStatistics(4, 0, -1, 4, fixed=True)
STORED = Stored("public", "t", "x", 825, 300_000, columns=(INTEGER,), row_bytes=100)
NEVER = Scans(0, None, None, NOW)


def live(text: str, **state: Any) -> LiveIndex:
    index = LiveIndex(index_from_text(f"CREATE {text}"), **state)
    return replace(index, definition=replace(index.definition, table=TABLE))


def problems(
    rule: str, indexes: Sequence[LiveIndex], facts: TableFacts, *, spec: str = "INDEX other ON t (z)"
) -> list[Problem]:
    columns = {name: Column(None, {}) for name in "abcz"}
    table = LiveTable(TABLE, "r", columns, tuple(indexes), facts=facts)
    catalog = Catalog({TableName(None, "t"): table}, {}, {}, {}, has_facts=True)
    specs = [Spec(index_from_text(f"CREATE {spec}"), "t.sql", 3)]
    module = import_module(f"kc_db.indexes.rules.{rule}")
    return list(module.check(Subject(match_tables(specs, catalog))))


def keys(**of_x: Any) -> TableFacts:
    return TableFacts(keys={"x": Keys(**of_x)})


def stored(*scans: Scans, silent: tuple[Silence, ...] = (), **part: Any) -> TableFacts:
    return TableFacts(stored={"x": (replace(STORED, **part),)}, scans={"x": scans}, silent=silent)


def foreign_key(*partial: Sequence[str], name: str = "t_a_fkey", columns: str = "a") -> ForeignKey:
    predicates = tuple(tuple(map(expression_from_text, texts)) for texts in partial)
    return ForeignKey(name, tuple(columns), "public.p", predicates)


@pytest.mark.parametrize(
    ("predicate", "columns", "serves"),
    [
        ("(a IS NOT NULL)", "a", True),
        ("((a IS NOT NULL) AND (b IS NOT NULL))", "ab", True),
        ("((a IS NOT NULL) AND (b IS NOT NULL))", "a", False),
        ("(b IS NOT NULL)", "a", False),
        ("(a > 0)", "a", False),
        ("(a = 5)", "a", False),
        ("((a IS NOT NULL) OR (b IS NOT NULL))", "a", False),
        ("(a IS NULL)", "a", False),
    ],
)
def test_only_not_null_follows_from_a_lookup(predicate: str, columns: str, serves: bool) -> None:
    expression = expression_from_text(predicate)
    assert every_lookup_implies(expression, tuple(columns)) is serves
    facts = TableFacts((foreign_key([predicate], columns=columns),))
    assert bool(problems("foreign_key_without_index", [], facts)) is not serves


def test_one_partition_without_an_index_is_enough() -> None:
    facts = TableFacts((foreign_key(["(a IS NOT NULL)"], []),))
    assert problems("foreign_key_without_index", [], facts)


def test_foreign_keys_on_the_same_columns_are_one_problem() -> None:
    first, second = foreign_key([], columns="ab"), foreign_key([], name="again", columns="ba")
    (problem,) = problems("foreign_key_without_index", [], TableFacts((first, second)))
    assert problem.where == "public.t.t_a_fkey"
    assert "foreign keys t_a_fkey, again (a, b) to public.p:" in problem.message
    assert problem.remedy == ("CREATE INDEX CONCURRENTLY t_a_b_idx ON public.t (a, b);",)


def test_the_remedy_takes_a_free_name() -> None:
    taken = [live("INDEX t_a_idx ON t (b)"), live("INDEX t_a_idx1 ON t (c)")]
    (problem,) = problems("foreign_key_without_index", taken, TableFacts((foreign_key([]),)))
    assert problem.remedy == ("CREATE INDEX CONCURRENTLY t_a_idx2 ON public.t (a);",)


def test_a_missing_index_that_will_serve_is_said_once() -> None:
    facts = TableFacts((foreign_key([]),))
    assert not problems("foreign_key_without_index", [], facts, spec="INDEX x ON t (a, b)")
    assert problems("foreign_key_without_index", [], facts, spec="INDEX x ON t (b, a)")
    assert problems("foreign_key_without_index", [], facts, spec="INDEX x ON t (a) WHERE b > 0")


@pytest.mark.parametrize(
    ("predicate", "excluded"),
    [
        ("(a IS NOT NULL)", True),
        ("((b > 3) AND (a IS NOT NULL))", True),
        ("(a > 3)", True),
        ("(a = 'x'::text)", True),
        ("(NOT (a IS NULL))", True),
        ("a", True),
        ("(NOT a)", True),
        ("(b IS NOT NULL)", False),
        ("(a IS NULL)", False),
        ("((a > 3) OR (b > 3))", False),
        ("(a IS DISTINCT FROM 3)", False),
    ],
)
def test_which_predicates_keep_null_out(predicate: str, excluded: bool) -> None:
    assert excludes_null(expression_from_text(predicate), "a") is excluded
    index = live(f"UNIQUE INDEX x ON t (a) WHERE {predicate}")
    assert bool(problems("unique_with_nullable_column", [index], keys(nullable=("a",)))) is not excluded


@pytest.mark.parametrize(
    ("text", "state", "said"),
    [
        ("UNIQUE INDEX x ON t (a, b)", {}, True),
        ("UNIQUE INDEX x ON t (a, b)", {"constraint": "x"}, True),
        ("UNIQUE INDEX x ON t (a, b) NULLS NOT DISTINCT", {}, False),
        ("UNIQUE INDEX x ON t (a, b)", {"primary": True}, False),
        ("UNIQUE INDEX x ON t (a, b)", {"valid": False}, False),
    ],
)
def test_nullable_keys(text: str, state: dict[str, Any], said: bool) -> None:
    found = problems("unique_with_nullable_column", [live(text, **state)], keys(nullable=("b",)))
    assert bool(found) is said


def test_a_finding_stands_at_its_spec() -> None:
    index = live("UNIQUE INDEX x ON t (a, b)")
    (problem,) = problems(
        "unique_with_nullable_column", [index], keys(nullable=("b",)), spec="UNIQUE INDEX x ON t (a, b)"
    )
    assert (problem.file, problem.line, problem.group) == ("t.sql", 3, "public.t")
    assert problem.remedy[1:] == (
        "ALTER TABLE public.t ADD CONSTRAINT b_kc_not_null CHECK (b IS NOT NULL) NOT VALID;",
        "ALTER TABLE public.t VALIDATE CONSTRAINT b_kc_not_null;",
        "ALTER TABLE public.t ALTER COLUMN b SET NOT NULL;",
        "ALTER TABLE public.t DROP CONSTRAINT b_kc_not_null;",
    )


@pytest.mark.parametrize(
    ("predicate", "said"), [("", True), (" WHERE b", False), (" WHERE NOT b", False), (" WHERE c > 3", True)]
)
def test_boolean_keys(predicate: str, said: bool) -> None:
    index = live(f"UNIQUE INDEX x ON t (a, b){predicate}")
    assert bool(problems("unique_with_boolean_column", [index], keys(booleans=("b",)))) is said


def test_the_partial_index_that_was_meant() -> None:
    index = live("UNIQUE INDEX x_key ON t (a, b)")
    (problem,) = problems(
        "unique_with_boolean_column", [index], TableFacts(keys={"x_key": Keys(booleans=("b",))})
    )
    assert "CREATE UNIQUE INDEX CONCURRENTLY x_where_key ON public.t (a) WHERE b;" in problem.remedy


PLAIN = "INDEX x ON t (a)"
LONG_AGO, LATELY = NOW - timedelta(days=200), NOW - timedelta(days=100)


@pytest.mark.parametrize(
    ("text", "state", "scans", "said"),
    [
        (PLAIN, {}, [NEVER], True),
        (PLAIN, {}, [NEVER, NEVER], True),
        (PLAIN, {}, [NEVER, Scans(3, None, None, NOW)], False),
        (PLAIN, {}, [Scans(3, LONG_AGO, None, NOW), NEVER], True),
        (PLAIN, {}, [Scans(3, LONG_AGO, None, NOW), Scans(1, LATELY, None, NOW)], False),
        (PLAIN, {}, [], False),
        ("UNIQUE INDEX x ON t (a)", {}, [NEVER], False),
        (PLAIN, {"constraint": "x"}, [NEVER], False),
        (PLAIN, {"needed_by": "the replica identity"}, [NEVER], False),
        (PLAIN, {"attached_to": "public.p_idx"}, [NEVER], False),
        (PLAIN, {"valid": False}, [NEVER], False),
    ],
)
def test_which_indexes_are_unused(text: str, state: dict[str, Any], scans: list[Scans], said: bool) -> None:
    assert bool(problems("unused_index", [live(text, **state)], stored(*scans))) is said


def test_the_age_of_the_statistics_is_said() -> None:
    old, young = (Scans(0, None, NOW - timedelta(days=days), NOW) for days in (90, 1))
    (problem,) = problems("unused_index", [live(PLAIN)], stored(old, young))
    assert problem.message.startswith(
        "never scanned on any of 2 servers; the statistics began on 2026-11-21 (1 day ago); it takes 6.4 MB"
    )
    assert problem.found == "never scanned"


def test_a_last_scan_long_ago_is_said() -> None:
    (problem,) = problems("unused_index", [live(PLAIN)], stored(Scans(3, LONG_AGO, None, NOW)))
    assert problem.message.startswith("not scanned on this server since 2026-05-06 (200 days ago)")


def test_a_silent_standby_leaves_it_undetermined() -> None:
    silence = Silence("postgresql://standby/app", "can't reach it")
    facts = stored(NEVER, silent=(silence,))
    assert not problems("unused_index", [live(PLAIN)], facts)
    (problem,) = problems("undetermined_usage", [live(PLAIN)], facts)
    assert problem.where == "postgresql://standby/app"
    assert "public.t.x" in problem.message
    used = stored(replace(NEVER, count=1), silent=(silence,))
    assert not problems("undetermined_usage", [live(PLAIN)], used)


@pytest.mark.parametrize(
    ("text", "part", "said"),
    [
        (PLAIN, {"pages": 825}, False),
        (PLAIN, {"pages": 1600}, False),
        (PLAIN, {"pages": 1660}, True),
        (PLAIN, {"pages": 250, "rows": 50_000}, False),
        (PLAIN, {"pages": 250, "rows": 10_000}, True),
        (PLAIN, {"pages": 8000, "rows": None}, False),
        (PLAIN, {"pages": 8000, "columns": ()}, False),
        ("INDEX x ON t USING gist (a)", {"pages": 8000}, False),
    ],
)
def test_which_indexes_are_bloated(text: str, part: dict[str, Any], said: bool) -> None:
    assert bool(problems("bloated_index", [live(text)], stored(NEVER, **part))) is said


def test_a_partition_is_named_and_rebuilt_alone() -> None:
    (problem,) = problems(
        "bloated_index", [live(PLAIN)], stored(NEVER, table="t_1", name="t_1_a_idx", pages=1700)
    )
    assert problem.message.startswith(
        "an estimated 51 % of public.t_1.t_1_a_idx (6.8 MB of 13.3 MB) is empty"
    )
    assert problem.remedy == ("REINDEX INDEX CONCURRENTLY public.t_1_a_idx;",)


def wide(average_bytes: int, columns: int = 1) -> dict[str, Any]:
    column = ColumnStatistics(average_bytes, 0, -1, 4, fixed=False)
    return {"columns": (column,) * columns}


@pytest.mark.parametrize(
    ("text", "facts", "said"),
    [
        (PLAIN, keys(most_bytes=2704), ""),
        (PLAIN, keys(most_bytes=2705), "declared lengths allow entries of 2,705 bytes"),
        ("INDEX x ON t USING hash (a)", keys(most_bytes=9000), ""),
        (PLAIN, stored(NEVER, **wide(600)), ""),
        (PLAIN, stored(NEVER, **wide(700)), "an average entry takes 708 bytes"),
        (PLAIN, stored(NEVER, **wide(20, 4)), "4 columns hold 80 of the 100 bytes of an average row (80 %)"),
        (PLAIN, stored(NEVER, **wide(19, 4)), ""),
        (PLAIN, stored(NEVER, **wide(30, 3)), ""),
        ("UNIQUE INDEX x ON t (a)", stored(NEVER, **wide(20, 4)), ""),
        (PLAIN, stored(NEVER, row_bytes=60, **wide(15, 4)), ""),
        (PLAIN, stored(NEVER, row_bytes=None, **wide(20, 4)), ""),
    ],
)
def test_which_indexes_are_too_wide(text: str, facts: TableFacts, said: str) -> None:
    messages = [problem.message for problem in problems("too_wide_index", [live(text)], facts)]
    assert len(messages) == bool(said)
    assert all(said in message for message in messages)
