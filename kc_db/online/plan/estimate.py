"""How long a statement takes and how much space it needs: estimates, on the safe side, marked as such.

Times come from fixed rates, which are lower than what was measured on PostgreSQL 14 and 18 on two cores
(3 million rows of 68 bytes, in memory): a scan read 1.2 GB/s, a build sorted 210 000 to 1.3 million rows a
second, a rewrite with five indexes wrote 30 MB/s. A cold disk is slower than memory: RDS gp3 reads 125 MB/s.
Sizes come from a sample of the table's pages and the arithmetic of bloated-index. Measured on nine indexes of
500 000 rows: 7 to 11 % too large; up to seven times where equal values are many and nobody has counted them
(before ANALYZE, and for expressions), never too small.
"""

from typing import Any

from kc_db.database import Connection
from kc_db.indexes.bloat import expected_bytes
from kc_db.indexes.facts import ColumnStatistics, Stored
from kc_db.indexes.model import IndexDef
from kc_db.indexes.statements import sampled_keys
from kc_db.online.plan.model import Planned, Size, Work
from kc_db.sql import load_sql

SCAN_BYTES_PER_S = 100_000_000
SORT_ROWS_PER_S = 200_000
REWRITE_BYTES_PER_S = 20_000_000
HOW = (
    f"times are estimates from fixed rates ({SCAN_BYTES_PER_S // 1_000_000} MB/s read, "
    f"{SORT_ROWS_PER_S // 1000} 000 rows/s sorted, {REWRITE_BYTES_PER_S // 1_000_000} MB/s rewritten), "
    "without waiting for others; sizes of indexes are estimates from a sample"
)
_SAMPLE_PAGES = 1000
_SAMPLE_MS = 5000
_PAGE_BYTES = 8192
_SAMPLED_DISTINCT = -1.0  # where nobody knows, every entry is another one: the larger size


def index_size(connection: Connection, definition: IndexDef, table: Size) -> tuple[int, int] | None:
    """How many rows an index would have, and what it would take on disk.

    Reads at most about 1000 pages of the table, for 5 seconds at most; takes ACCESS SHARE.

    Args:
        connection: in autocommit mode.
        definition: the index, on the table as the server names it.
        table: how large it is.

    Returns:
        Rows and bytes; None for other methods than btree, and where the role may not read the table.
    """
    import psycopg

    if definition.method != "btree":
        return None
    pages = max(table.size_bytes // _PAGE_BYTES, 1)
    percent = min(100.0, 100.0 * _SAMPLE_PAGES / pages)
    settings = {
        "transaction_read_only": "on",
        "statement_timeout": f"{_SAMPLE_MS}ms",
        "lock_timeout": "1s",
        "row_security": "off",
    }
    try:
        with connection.transaction():
            for name, value in settings.items():
                connection.execute("SELECT pg_catalog.set_config(%s, %s, true)", (name, value))
            found = connection.execute(sampled_keys(definition, percent)).fetchone()
            distinct = _distinct(connection, definition)
    except psycopg.Error:
        if connection.closed:
            raise
        return None
    return _size(definition, found, percent, distinct) if found else None


def _distinct(connection: Connection, definition: IndexDef) -> dict[str, float]:
    parameters = {"schema": definition.table.schema, "table": definition.table.name}
    return dict(connection.execute(load_sql("kc_db.online.plan", "distinct_values"), parameters).fetchall())


def _size(
    definition: IndexDef, found: tuple[Any, ...], percent: float, distinct: dict[str, float]
) -> tuple[int, int]:
    sampled, columns = found
    rows = round(sampled * 100 / percent)
    if not sampled:
        return rows, _PAGE_BYTES
    names = [*(key.of for key in definition.keys), *definition.include]
    statistics = tuple(
        ColumnStatistics(
            average_bytes=round(width),
            null_fraction=nulls,
            distinct=distinct.get(str(name), _SAMPLED_DISTINCT) or _SAMPLED_DISTINCT,
            alignment=alignment,
            fixed=fixed,
        )
        for name, (width, nulls, alignment, fixed) in zip(names, columns, strict=True)
    )
    storage = dict(definition.storage)
    new = Stored(
        definition.table.schema or "",
        definition.table.name,
        definition.name,
        pages=0,
        rows=rows,
        fill_factor=int(storage.get("fillfactor", 90)),
        deduplicates=not definition.unique and not definition.include,
        columns=statistics,
    )
    return rows, expected_bytes(new) or _PAGE_BYTES


def time_ms(work: Work, table: Size, rows: int | None = None, *, concurrently: bool = False) -> int | None:
    """How long the work on a table takes; None where its rows aren't counted.

    Args:
        work: what is done.
        table: how large it is.
        rows: how many rows an index takes, if not all.
        concurrently: the table is read twice.
    """
    if work is Work.MOMENT:
        return 0
    if work is Work.SCAN:
        return _ms(table.size_bytes / SCAN_BYTES_PER_S)
    if work is Work.REWRITE:
        return _ms((table.size_bytes + table.index_bytes) / REWRITE_BYTES_PER_S)
    rows = table.rows if rows is None else rows
    if work is Work.ROWS or rows is None:
        return None
    return _ms((1 + concurrently) * table.size_bytes / SCAN_BYTES_PER_S + rows / SORT_ROWS_PER_S)


def held_ms(statements: tuple[Planned, ...], position: int) -> int | None:
    """How long a statement's locks are held: until the end of its transaction; None where unknown."""
    first = statements[position]
    if first.transaction is None:
        return first.time_ms
    times = [one.time_ms for one in statements[position:] if one.transaction == first.transaction]
    return None if any(time is None for time in times) else sum(time or 0 for time in times)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
