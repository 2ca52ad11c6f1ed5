"""The size that a B-tree would have: arithmetic, without a server."""

from dataclasses import replace

import pytest

from kc_db.indexes.bloat import entry_bytes, expected_bytes
from kc_db.indexes.facts import ColumnStatistics, Stored

INTEGER = ColumnStatistics(4, 0, -1, 4, fixed=True)
UNIQUE = Stored("public", "t", "t_key", 825, 300_000, columns=(INTEGER,))


def pages(index: Stored) -> int:
    expected = expected_bytes(index)
    assert expected is not None
    return expected // index.page_bytes


def test_a_unique_index_of_integers_is_what_postgresql_builds() -> None:
    """825 pages on PostgreSQL 14 and 18."""
    assert pages(UNIQUE) == pytest.approx(825, rel=0.005)


def test_an_empty_index_is_next_to_nothing() -> None:
    assert pages(replace(UNIQUE, rows=0)) <= 2


@pytest.mark.parametrize("unknown", [{"rows": None}, {"columns": ()}], ids=str)
def test_what_is_not_known_is_not_guessed(unknown: dict[str, None]) -> None:
    assert expected_bytes(replace(UNIQUE, **unknown)) is None


def test_a_fill_factor_of_half_doubles_it() -> None:
    assert pages(replace(UNIQUE, fill_factor=45)) == pytest.approx(2 * pages(UNIQUE), rel=0.02)


def test_equal_entries_take_a_third_where_they_are_deduplicated() -> None:
    """Five values in 300,000 rows: 257 pages on PostgreSQL 14 and 18, 826 without deduplication."""
    five = replace(UNIQUE, columns=(replace(INTEGER, distinct=5),))
    assert pages(five) == pages(UNIQUE)
    assert pages(replace(five, deduplicates=True)) == pytest.approx(257, rel=0.02)


def test_columns_multiply_their_values() -> None:
    """Which is too much where they depend on each other: an estimate that finds less."""
    one, other = replace(INTEGER, distinct=1000), replace(INTEGER, distinct=900)
    index = replace(UNIQUE, columns=(one, other), deduplicates=True)
    assert pages(index) == pages(replace(UNIQUE, columns=(one, other)))


def test_what_the_sample_cannot_have_seen_is_added() -> None:
    sure, unsure = (
        replace(UNIQUE, deduplicates=True, columns=(replace(INTEGER, distinct=d),)) for d in (1000, 50_000)
    )
    thrice = replace(UNIQUE, deduplicates=True, columns=(replace(INTEGER, distinct=900),))
    assert pages(sure) == pytest.approx(pages(thrice), rel=0.02)
    assert pages(unsure) > 300_000 * 6 / 8192 + 100_000 * 20 / 8192


def test_an_entry_is_aligned_as_the_server_does_it() -> None:
    text = ColumnStatistics(5, 0, -1, 4, fixed=False)
    small = ColumnStatistics(2, 0, -1, 2, fixed=True)
    bigint = ColumnStatistics(8, 0, -1, 8, fixed=True)
    assert entry_bytes((bigint,)) == 16
    assert entry_bytes((small, bigint)) == 24
    assert entry_bytes((text, small)) == 16
    assert entry_bytes((replace(text, average_bytes=200), INTEGER)) == 8 + 200 + 4


def test_nulls_take_a_bitmap_and_no_room() -> None:
    assert entry_bytes((replace(INTEGER, null_fraction=0.5),)) == 16 + 2
