"""Which indexes can go because another one of the table does all that they do.

An index is redundant only if every query gets from the other one the same index conditions, the same order,
and all columns of an index-only scan, and if nothing that it holds (uniqueness, ON CONFLICT) is lost with it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kc_db.indexes.implication import Fact, facts, implied, subject_of
from kc_db.indexes.model import Column, IndexDef, Key, LiveIndex, LiveTable

_STORAGE_IS_FREE = {"btree", "hash", "gist", "spgist"}  # fillfactor and the like: space, not what is found
_ANY_COLUMNS = {"gin", "brin"}  # "effectiveness is the same regardless of which index column(s)", manual 11.3
_PAGES_PER_RANGE = "128"  # BRIN_DEFAULT_PAGES_PER_RANGE


@dataclass(frozen=True, slots=True)
class Redundancy:
    """An index that can go.

    Attributes:
        index: the one that can go.
        covered_by: the one that does its work; it is never redundant itself.
        why: how, as what may follow its name: `begins with the same keys`.
    """

    index: LiveIndex
    covered_by: LiveIndex
    why: str


def redundancies(
    table: LiveTable, *, wanted: Collection[str] = (), leaving: Collection[str] = ()
) -> Iterator[Redundancy]:
    """Every index of the table that can go, all of them at once, with one that stays.

    Args:
        table: its usable indexes count; an index of an index of the parent table can't go by itself.
        wanted: names of indexes which stay where two could do each other's work.
        leaving: names of indexes which are to be dropped for other reasons: they cover nothing.
    """
    present = [index for index in table.indexes if index.usable and index.name not in leaving]
    groups = [group for group in _groups(present) if len(group) > 1]
    if not groups:
        return
    covering = {
        index.name: tuple(_covering(index, group, table.columns)) for group in groups for index in group
    }
    ranks = {index.name: _rank(index, wanted) for index in present if index.name in covering}
    mutual = {(name, by.name) for name, pairs in covering.items() for by, _ in pairs}
    going = {
        name
        for name, pairs in covering.items()
        if any((by.name, name) not in mutual or ranks[by.name] < ranks[name] for by, _ in pairs)
    }
    for index in present:
        if index.name not in going:
            continue
        staying = [pair for pair in covering[index.name] if pair[0].name not in going]
        if staying:
            by, why = min(staying, key=lambda pair: (_width(pair[0].definition), ranks[pair[0].name]))
            yield Redundancy(index, by, why)


def why_redundant(index: LiveIndex, by: LiveIndex, columns: Mapping[str, Column]) -> str | None:
    """How another index of the same table does all that an index does; None if it doesn't, or may not."""
    if not (index.usable and by.usable) or index.primary or index.exclusion or by.exclusion:
        return None
    if index.needed_by:
        return None  # a foreign key or the replica identity goes by this very index
    have, other = index.definition, by.definition
    how = _same_searches(have, other)
    if how is None or not _holds_uniqueness(index, by) or not _returns_columns(have, other):
        return None
    if not _storage_allows(have, other) or not _finds_rows(have, other, columns):
        return None
    return how if have.predicate == other.predicate else f"{how}, for all of its rows"


def _groups(indexes: Iterable[LiveIndex]) -> Iterable[Sequence[LiveIndex]]:
    """Only indexes of one group can do each other's work: those of a method that begin with the same."""
    groups: dict[object, list[LiveIndex]] = {}
    for index in indexes:
        definition = index.definition
        of = None if definition.method in _ANY_COLUMNS else definition.keys[0].of
        groups.setdefault((definition.method, of), []).append(index)
    return groups.values()


def _covering(
    index: LiveIndex, others: Collection[LiveIndex], columns: Mapping[str, Column]
) -> Iterator[tuple[LiveIndex, str]]:
    if index.attached_to:
        return
    for other in others:
        if other.name != index.name and (why := why_redundant(index, other, columns)):
            yield other, why


def _rank(index: LiveIndex, wanted: Collection[str]) -> tuple[object, ...]:
    """Of indexes that do each other's work, the least stays."""
    return (
        not index.primary,
        index.attached_to is None,
        index.constraint is None or not index.immediate,
        index.needed_by is None,
        index.name not in wanted,
        sum(key.descending for key in index.definition.keys),
        index.name,
    )


def _width(definition: IndexDef) -> tuple[int, bool]:
    return len(definition.keys) + len(definition.include), definition.predicate is None


def _same_searches(have: IndexDef, other: IndexDef) -> str | None:
    """How the other's keys allow every search and order that the keys allow."""
    if have.method != other.method:
        return None
    if have.keys == other.keys:
        return "has the same keys"
    if have.method in _ANY_COLUMNS:
        return "has its keys, among others" if set(have.keys) <= set(other.keys) else None
    if have.method != "btree" or len(have.keys) > len(other.keys):
        return None
    first = other.keys[: len(have.keys)]
    begins = "has" if len(have.keys) == len(other.keys) else "begins with"
    if have.keys == first:
        return f"{begins} the same keys"
    backwards = all(map(_is_backwards, have.keys, first))
    return f"{begins} the same keys, read backwards" if backwards else None


def _is_backwards(key: Key, other: Key) -> bool:
    return (
        key.descending != other.descending
        and key.nulls_first != other.nulls_first
        and (key.of, key.collation, key.operator_class) == (other.of, other.collation, other.operator_class)
    )


def _holds_uniqueness(index: LiveIndex, by: LiveIndex) -> bool:
    """Whether the other one refuses every row that the index refuses, at once, and arbitrates ON CONFLICT.

    NULLS NOT DISTINCT refuses more. Until when a deferrable one waits isn't known: only what is checked at
    once will do.
    """
    have, other = index.definition, by.definition
    if not have.unique:
        return True
    same_keys = len(have.keys) == len(other.keys)
    strict_enough = other.nulls_not_distinct or not have.nulls_not_distinct
    return other.unique and by.immediate and same_keys and strict_enough


def _returns_columns(have: IndexDef, other: IndexDef) -> bool:
    """Whether an index-only scan gets the same columns; expressions among the keys are the same anyway."""
    return _columns(have) <= _columns(other)


def _columns(definition: IndexDef) -> set[str]:
    return {key.of for key in definition.keys if isinstance(key.of, str)} | {*definition.include}


def _storage_allows(have: IndexDef, other: IndexDef) -> bool:
    if have.storage == other.storage or have.method in _STORAGE_IS_FREE:
        return True
    old, new = dict(have.storage), dict(other.storage)
    if have.method == "gin":
        return new.get("fastupdate") == "off"  # no pending list, which each search would read
    if have.method != "brin":
        return False
    pages, new_pages = (storage.get("pages_per_range", _PAGES_PER_RANGE) for storage in (old, new))
    return pages == new_pages and (new.get("autosummarize") == "on" or old.get("autosummarize") != "on")


def _finds_rows(have: IndexDef, other: IndexDef, columns: Mapping[str, Column]) -> bool:
    """Whether the other one has all rows of the index, and finds them among the others that it has.

    A condition on the first key is a search in the other one; on any other column it would only be a filter.
    """
    given, wanted = facts(have.predicate), facts(other.predicate)
    if not all(implied(fact, given) for fact in wanted):
        return False
    return all(implied(fact, wanted) or _is_search(fact, other, columns) for fact in given)


def _is_search(fact: Fact, other: IndexDef, columns: Mapping[str, Column]) -> bool:
    first = other.keys[0]
    if not isinstance(first.of, str):
        return False  # a partial index needs not return its columns: index-only scans would be lost
    if other.method != "btree" or first.collation or first.operator_class or not fact.is_search:
        return False
    subject = subject_of(first.of)
    if fact.subject == subject:
        return True
    column = columns.get(first.of)
    is_text = column is not None and column.operator_classes.get("btree") == ("text_ops",)
    return is_text and fact.uncast_subject == subject
