"""Which indexes can go: the truth table without a server, and what holds of any table."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kc_db.indexes.match import TableMatch
from kc_db.indexes.model import Spec
from kc_db.indexes.redundancy import redundancies, why_redundant
from kc_db.indexes.rules.redundant_index import check
from kc_db.indexes.verify import Subject
from tests.redundant_pairs import COLUMNS, PAIRS, Pair, live_index, live_table

PARTS = sorted({part for pair in PAIRS for part in (pair.index, pair.keeper)})
TABLES = st.lists(st.sampled_from(PARTS), min_size=2, max_size=7).map(
    lambda parts: live_table(*(live_index(f"x{number}", part) for number, part in enumerate(parts)))
)


def going(*parts: str, **arguments: Any) -> dict[str, str]:
    table = live_table(*(live_index(name, part) for name, part in zip("pqrs", parts, strict=False)))
    return {pair.index.name: pair.covered_by.name for pair in redundancies(table, **arguments)}


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_truth_table(pair: Pair) -> None:
    why = why_redundant(live_index("i", pair.index), live_index("k", pair.keeper), COLUMNS)
    assert (why is not None) == pair.redundant, pair.why


def test_truth_table_is_long_and_half_of_it_are_traps() -> None:
    traps = sum(not pair.redundant for pair in PAIRS)
    assert len({str(pair) for pair in PAIRS}) == len(PAIRS) >= 200
    assert 0.4 < traps / len(PAIRS) < 0.6


@given(TABLES)
def test_whatever_goes_is_covered_by_what_stays(table: Any) -> None:
    found = list(redundancies(table))
    gone = {pair.index.name for pair in found}
    assert len(gone) == len(found)
    for pair in found:
        assert pair.covered_by.name not in gone
        assert why_redundant(pair.index, pair.covered_by, COLUMNS) == pair.why


@given(TABLES)
def test_nothing_redundant_stays(table: Any) -> None:
    gone = {pair.index.name for pair in redundancies(table)}
    staying = replace(table, indexes=tuple(index for index in table.indexes if index.name not in gone))
    assert list(redundancies(staying)) == []


@pytest.mark.parametrize(
    ("parts", "arguments", "expected"),
    [
        (["(a)", "(a, b)", "(a, b, c)"], {}, {"p": "r", "q": "r"}),
        (["(a)", "(a, b)", "(a, c)"], {}, {"p": "q"}),
        (["(a)", "(a, b, c)", "(a DESC, x)"], {}, {"p": "r"}),
        (["(a)", "(a DESC)"], {}, {"q": "p"}),
        (["(a DESC)", "(a)"], {}, {"p": "q"}),
        (["(a)", "(a DESC)"], {"wanted": {"q"}}, {"p": "q"}),
        (["UNIQUE (a)", "ADD UNIQUE (a)"], {"wanted": {"p"}}, {"p": "q"}),
        (["ADD UNIQUE (id)", "ADD PRIMARY KEY (id)"], {}, {"p": "q"}),
        (["(a)", "(a, b)"], {"leaving": {"q"}}, {}),
        (["(a)", "(a, b)"], {"leaving": {"p"}}, {}),
    ],
)
def test_which_goes_and_which_stays(parts: list[str], arguments: Any, expected: dict[str, str]) -> None:
    assert going(*parts, **arguments) == expected


@pytest.mark.parametrize("state", [{"valid": False}, {"ready": False}, {"live": False}], ids=str)
def test_what_is_unusable_covers_nothing_and_is_not_reported(state: dict[str, bool]) -> None:
    narrow, wide = live_index("i", "(a)"), live_index("k", "(a, b)")
    assert list(redundancies(live_table(narrow, replace(wide, **state)))) == []
    assert list(redundancies(live_table(replace(narrow, **state), wide))) == []


def test_what_is_attached_to_the_parents_index_stays() -> None:
    attached = replace(live_index("i", "(a)"), partitioned=True, attached_to="public.parent_idx")
    assert list(redundancies(live_table(attached, live_index("k", "(a, b)")))) == []
    (found,) = redundancies(live_table(attached, live_index("k", "(a DESC)")))
    assert found.index.name == "k"


def test_long_lists_are_not_looked_into() -> None:
    """As the planner: it would prove nothing from more than 100 elements."""
    for number, expected in ((100, {"p": "q"}), (101, {})):
        elements = ", ".join(map(str, range(6, 6 + number)))
        assert going(f"(a) WHERE (a = ANY (ARRAY[{elements}]))", "(a) WHERE (a > 5)") == expected


def problems(*indexes: Any, **match: Any) -> list[Any]:
    table = live_table(*indexes)
    return list(check(Subject((TableMatch(table.name, (), table, **match),))))


def test_the_remedy_is_a_drop() -> None:
    (problem,) = problems(live_index("i", "(a)"), live_index("k", "(a, b)"))
    assert problem.where == "public.t.i"
    assert problem.message == "the index is redundant: k begins with the same keys"
    assert problem.remedy == ("DROP INDEX CONCURRENTLY public.i;",)


@pytest.mark.parametrize(
    ("change", "remedy"),
    [
        ({"constraint": "c"}, "-- i is left to you: constraint c stands on it; k does the same"),
        (
            {"partitioned": True},
            "-- i is left to you: a partitioned table's index can't be dropped CONCURRENTLY",
        ),
    ],
    ids=str,
)
def test_what_only_a_person_may_drop(change: dict[str, Any], remedy: str) -> None:
    index = replace(live_index("i", "UNIQUE (a)"), **change)
    (problem,) = problems(index, live_index("k", "UNIQUE (a) INCLUDE (b)"))
    assert problem.remedy == (remedy,)


def test_what_a_foreign_key_or_the_replica_identity_goes_by_is_not_redundant() -> None:
    index = replace(live_index("i", "UNIQUE (a)"), needed_by="the replica identity")
    assert problems(index, live_index("k", "UNIQUE (a) INCLUDE (b)")) == []


def test_a_specs_index_has_its_place() -> None:
    from kc_db.indexes.match import Match

    index, keep = live_index("i", "(a)"), live_index("k", "(a, b)")
    spec = Spec(index.definition, "specs/t.sql", 4)
    match = Match(spec, index.definition, live_table(index, keep), index, index)
    (problem,) = problems(index, keep, matches=(match,))
    assert (problem.file, problem.line) == ("specs/t.sql", 4)
    assert problem.remedy == (
        "-- delete its spec first: specs/t.sql:4",
        "DROP INDEX CONCURRENTLY public.i;",
    )


def test_what_is_reported_as_a_duplicate_is_not_reported_again() -> None:
    index, keep = live_index("i", "(a)"), live_index("k", "(a)")
    assert problems(index, keep, duplicates=((index, keep),)) == []
