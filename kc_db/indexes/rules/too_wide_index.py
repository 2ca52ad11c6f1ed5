"""Entries of a B-tree index may become, or are, so wide that it is a burden, or makes writes fail.

If you leave it: an entry of more than 2,704 bytes (a third of a page; BTMaxItemSize in PostgreSQL's
nbtree.h) can't be stored, and the INSERT or UPDATE fails; long before that, few entries fit a page, and the
index is deep and large.

To mend it: shorten the declared lengths to what is needed; index a hash instead (`md5(column)`, or `USING
hash`), where only equality is searched for; or leave the columns out by which no query searches.

Reported is an index whose declared lengths (varchar(n), char(n), in the encoding's widest characters,
compression left aside) add up to more than 2,704 bytes; one of at least 1 MB whose average entry takes more
than 676 bytes, a quarter of the limit; and one of at least 1 MB, of four columns or more and not unique,
whose entries hold at least 80 % of what a row holds (64 bytes or more), so that it is a second copy of the
table.
"""

from collections.abc import Iterator

from kc_db.findings import Problem, Severity
from kc_db.indexes.bloat import entry_bytes
from kc_db.indexes.facts import WIDEST_ENTRY_BYTES, Stored, TableFacts
from kc_db.indexes.model import LiveIndex
from kc_db.indexes.verify import Subject, problem_with

severity = Severity.INFORMATION
needs_facts = True
_WIDE_BYTES = WIDEST_ENTRY_BYTES // 4
_LIMIT = f"one of more than {WIDEST_ENTRY_BYTES:,} bytes makes the write fail"
_COPY_COLUMNS, _COPY_SHARE, _COPY_ROW_BYTES = 4, 0.8, 64


def check(subject: Subject) -> Iterator[Problem]:
    """One problem at most for each B-tree: the worst that can be said of its width."""
    for table, live, facts in subject.facts:
        for index in live.indexes if facts.keys or facts.stored else ():
            if index.usable and index.definition.method == "btree":
                said = next(_complaints(index, facts), None)
                if said:
                    message, found = said
                    yield problem_with(table, index, message, found=found)


def _complaints(index: LiveIndex, facts: TableFacts) -> Iterator[tuple[str, str]]:
    """Each with what a baseline remembers: no figures that change by themselves."""
    parts = facts.stored.get(index.name, ())
    wide = max((entry_bytes(part.columns) for part in parts if part.columns), default=0)
    if wide > _WIDE_BYTES:
        yield f"an average entry takes {wide:,.0f} bytes; {_LIMIT}", "wide entries"
    keys = facts.keys.get(index.name)
    if keys and keys.most_bytes > WIDEST_ENTRY_BYTES:
        message = f"its columns' declared lengths allow entries of {keys.most_bytes:,} bytes; {_LIMIT}"
        yield message, f"declared lengths of {keys.most_bytes} bytes"
    for part in parts:
        if _is_copy(index, part):
            share = part.data_bytes / (part.row_bytes or 1)
            held = f"{part.data_bytes:.0f} of the {part.row_bytes:.0f} bytes of an average row"
            held += f" ({100 * share:.0f} %)"
            message = f"its {len(part.columns)} columns hold {held}: it is nearly a copy of the table"
            yield message, "nearly a copy of the table"


def _is_copy(index: LiveIndex, part: Stored) -> bool:
    return (
        not index.definition.unique
        and len(part.columns) >= _COPY_COLUMNS
        and (part.row_bytes or 0) >= _COPY_ROW_BYTES
        and part.data_bytes >= _COPY_SHARE * (part.row_bytes or 0)
    )
