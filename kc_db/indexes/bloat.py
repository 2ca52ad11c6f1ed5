"""How large a B-tree would be if it were built anew: an estimate from the planner's statistics.

The arithmetic of the ioguix queries (github.com/ioguix/pgsql-bloat-estimation) with deduplication, which
came with PostgreSQL 13. Where the statistics leave a choice, the larger size: it finds less, and raises no
false alarm.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from kc_db.indexes.facts import ColumnStatistics, Stored

_ALIGNMENT = 8  # MAXIMUM_ALIGNOF on every 64-bit system
_PAGE_HEADER, _PAGE_END, _LINE_POINTER = 24, 16, 4  # SizeOfPageHeaderData, BTPageOpaqueData, ItemIdData
_TUPLE_HEADER, _HEADER_WITH_NULLS = 8, 16  # IndexTupleData, with IndexAttributeBitMapData aligned
_ROW_ADDRESS = 6  # ItemPointerData
_POSTING_SHARE = 10  # a built posting list takes at most a tenth of a page (nbtsort.c)
_SHORT_VARLENA = 127  # longer values have a header of four bytes, and are aligned
_INNER_FILL = 70  # BTREE_NONLEAF_FILLFACTOR, percent
_SEEN_ALL = 1000  # with more values than that, ANALYZE's sample misses many, and its estimate is too low
_MISSED = 2


def expected_bytes(index: Stored) -> int | None:
    """What the index would take on disk after REINDEX; None where that can't be told."""
    if index.rows is None or not index.columns:
        return None
    usable = index.page_bytes - _PAGE_HEADER - _PAGE_END
    item = _aligned(entry_bytes(index.columns)) + _LINE_POINTER
    leaf_bytes = sum(
        _leaf_bytes(index, rows, columns, usable) for rows, columns in _by_nulls(index.rows, index.columns)
    )
    leaves = math.ceil(leaf_bytes / (usable * index.fill_factor / 100 - item))
    pages, level = leaves, leaves
    while level > 1:
        level = math.ceil(level * item / (usable * _INNER_FILL / 100))
        pages += level
    return (pages + 1) * index.page_bytes  # the first page says where the root is


def entry_bytes(columns: Sequence[ColumnStatistics]) -> float:
    """An average entry with its header, without its line pointer."""
    width: float = (
        _HEADER_WITH_NULLS if any(column.null_fraction > 0 for column in columns) else _TUPLE_HEADER
    )
    for column in columns:
        if column.fixed or column.average_bytes >= _SHORT_VARLENA:
            width = math.ceil(width / column.alignment) * column.alignment
        width += column.average_bytes * (1 - column.null_fraction)
    return width


def _by_nulls(
    rows: float, columns: tuple[ColumnStatistics, ...]
) -> Iterator[tuple[float, tuple[ColumnStatistics, ...]]]:
    """How many rows are NULL and how many aren't, each with their statistics; more columns stay together."""
    first, others = columns[0], columns[1:]
    if others or not first.null_fraction:
        yield rows, columns
        return
    known = 1 - first.null_fraction
    distinct = first.distinct if first.distinct > 0 or not known else max(first.distinct / known, -1)
    yield rows * known, (replace(first, null_fraction=0, distinct=distinct),)
    yield rows * first.null_fraction, (replace(first, null_fraction=1, distinct=0),)


def _leaf_bytes(index: Stored, rows: float, columns: tuple[ColumnStatistics, ...], usable: int) -> float:
    """Some entries: each on its own, or each value once with the addresses of its rows."""
    width = entry_bytes(columns)
    item = _aligned(width) + _LINE_POINTER
    alone = rows * item
    groups = _distinct(columns, rows)
    if not index.deduplicates or groups >= rows:
        return alone
    addresses_bytes = max(usable / _POSTING_SHARE - _aligned(width), _ROW_ADDRESS)
    lists = groups * math.ceil(rows / groups * _ROW_ADDRESS / addresses_bytes)
    return min(alone, lists * (item + _ALIGNMENT / 2) + rows * _ROW_ADDRESS)


def _distinct(columns: tuple[ColumnStatistics, ...], rows: float) -> float:
    """How many different entries there are at most, as if the columns had nothing to do with each other."""
    product = 1.0
    for column in columns:
        values = column.distinct if column.distinct > 0 else -column.distinct * rows
        values *= 1 if values <= _SEEN_ALL else _MISSED
        product *= max(values + (column.null_fraction > 0), 1)
    return min(product, rows)


def _aligned(width: float) -> int:
    return math.ceil(width / _ALIGNMENT) * _ALIGNMENT
