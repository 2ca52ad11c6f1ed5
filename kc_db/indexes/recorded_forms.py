"""What a lock file's entries say about wanted and live definitions, and what they no longer say."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from hashlib import sha256
from typing import Any

from kc_db.indexes.canonical import columns_read
from kc_db.indexes.lock_file import Entry, Lock
from kc_db.indexes.model import Expression, IndexDef, StaleForm, TableName, Written
from kc_db.indexes.parse import index_from_text
from kc_db.indexes.server_forms import ColumnType
from kc_db.indexes.statements import create_index

# Named for the type to which they cast (pg_cast).
_CAST_FUNCTIONS = {
    *("bool", "bpchar", "bytea", "char", "cidr", "date", "float4", "float8", "inet", "int2", "int4", "int8"),
    *("interval", "macaddr", "macaddr8", "money", "name", "numeric", "oid", "text", "time", "timestamp"),
    *("timestamptz", "timetz", "varchar", "xml", "path", "point", "polygon", "box", "circle", "lseg"),
    *("bit", "varbit", "xid", "regclass", "int4multirange", "int8multirange", "nummultirange"),
    *("tsmultirange", "tstzmultirange", "datemultirange"),
}


def entry_of(
    wanted: IndexDef, major_version: int, columns: Sequence[ColumnType], forms: Iterable[IndexDef]
) -> Entry:
    """What to record of a definition, as its spec writes it."""
    table = TableName(None, wanted.table.name)
    texts = (replace(form, table=table, name=wanted.name) for form in forms)
    return Entry(
        major_version,
        _label(wanted),
        fingerprint(wanted),
        read_columns(wanted, columns),
        tuple(dict.fromkeys(create_index(form, concurrently=False).as_string(None) for form in texts)),
    )


def fingerprint(definition: IndexDef) -> str:
    """A hash of what the entry was made from."""
    keys = [(_tree(key.of), key.collation, str(key.operator_class or "")) for key in definition.keys]
    content = json.dumps([definition.method, keys, _tree(definition.predicate)])
    return sha256(content.encode()).hexdigest()[:16]


def read_columns(definition: IndexDef, columns: Sequence[ColumnType]) -> tuple[str, ...]:
    """The columns that a definition reads, as CREATE TABLE says them; all, where it reads whole rows."""
    read = {name for part in _parts(definition) for name in columns_read(part)}
    everything = bool(read & {definition.table.name, "*"})
    return tuple(
        " ".join(filter(None, (column.name, column.type, ".".join(column.collation or ()))))
        for column in columns
        if everything or column.name in read
    )


def fresh_entry(
    lock: Lock, definition: IndexDef, major_version: int, columns: Sequence[ColumnType]
) -> Entry | None:
    """The entry for a wanted definition, unless it is missing or stale."""
    for label in (_label(definition), f"{definition.table.name}.{definition.name}"):
        entry = lock.entries.get((major_version, label))
        if entry and entry.spec == fingerprint(definition):
            return entry if entry.columns == read_columns(definition, columns) else None
    return None


def stale_forms(
    lock: Lock,
    definitions: Sequence[IndexDef],
    major_version: int,
    columns: Mapping[TableName, Sequence[ColumnType]],
) -> Iterator[StaleForm]:
    """The entries that no longer say anything about a spec, and the specs that lack theirs.

    Args:
        lock: what was recorded.
        definitions: every wanted one, as the specs write them.
        major_version: of the server that is looked at.
        columns: of the definitions' tables there, by the table's name in the definition.
    """
    if not lock.entries:
        return
    wanted = {label: one for one in definitions if one.has_expressions for label in labels(one)}
    by_bare_name = {labels(one)[1]: one for one in wanted.values()}
    for (version, label), entry in lock.entries.items():
        definition = wanted.get(label)
        if definition is None:
            yield StaleForm(str(lock.file), label, "no spec with an expression has this name")
        elif entry.spec != fingerprint(definition):
            yield StaleForm(str(lock.file), label, f"the spec has changed since (PostgreSQL {version})")
        elif version == major_version and definition.table in columns:
            now = read_columns(definition, columns[definition.table])
            if now != entry.columns:
                changed = f"{', '.join(entry.columns)}, and now {', '.join(now)}"
                yield StaleForm(str(lock.file), label, f"the columns were {changed}")
    if any(version == major_version for version, _ in lock.entries):
        for definition in by_bare_name.values():
            if not any((major_version, label) in lock.entries for label in labels(definition)):
                message = f"the spec isn't recorded for PostgreSQL {major_version}"
                yield StaleForm(str(lock.file), _label(definition), message)


def forms_from_entries(
    entries: Mapping[IndexDef, Entry], live: Mapping[IndexDef, IndexDef]
) -> Mapping[tuple[TableName, str, Written], Written]:
    """Canonical forms of the wanted definitions, and of the live ones as far as the entries decide.

    A live expression that stands in an entry is that entry's. One that differs from each of the table's in
    more than casts is another one: a server that writes its own words again moves casts and nothing else.
    Entries that differ from each other in casts only decide nothing.

    Args:
        entries: the wanted definitions, resolved, each with its entry.
        live: those of the same tables, each as the server writes it whatever the search_path.
    """
    orbits = {want: [index_from_text(text) for text in entry.forms] for want, entry in entries.items()}
    ends: dict[TableName, dict[str, Expression]] = defaultdict(dict)
    for want, orbit in orbits.items():
        for form in orbit:
            for part, end in zip(_parts(form), _parts(orbit[-1]), strict=True):
                if isinstance(part, Expression) and isinstance(end, Expression):
                    ends[want.table][part.tree] = end
    canonical = {}
    for definition, words in [*((want, orbit[-1]) for want, orbit in orbits.items()), *live.items()]:
        known = ends[definition.table]
        if all(_is_decided(part, known) for part in _parts(words) if isinstance(part, Expression)):
            canonical[definition.table, definition.method, definition.written] = _replaced(words, known)
    return canonical


def _is_decided(part: Expression, known: Mapping[str, Expression]) -> bool:
    """Whether it is certain which of the known expressions it is, or that it is none of them."""
    bare = without_casts(part)
    alike = {end.tree for end in known.values() if without_casts(end) == bare}
    return not alike or (len(alike) == 1 and part.tree in known)


@cache
def without_casts(expression: Expression) -> str:
    """An expression's tree without its casts, also those that are written as a call: int8(x)."""
    return json.dumps(_strip_casts(json.loads(expression.tree)), sort_keys=True)


def _strip_casts(tree: Any) -> Any:
    if isinstance(tree, Mapping):
        if "TypeCast" in tree:
            return _strip_casts(tree["TypeCast"]["arg"])
        call = tree.get("FuncCall", {})
        first, *modifiers = call.get("args", (None,))
        is_cast = first and call["funcname"][-1]["String"]["sval"] in _CAST_FUNCTIONS
        if is_cast and all("A_Const" in modifier for modifier in modifiers):
            return _strip_casts(first)
        return {name: _strip_casts(part) for name, part in tree.items()}
    return [_strip_casts(part) for part in tree] if isinstance(tree, list) else tree


def _replaced(have: IndexDef, known: Mapping[str, Expression]) -> Written:
    keys = tuple(
        replace(key, of=known.get(key.of.tree, key.of)) if isinstance(key.of, Expression) else key
        for key in have.keys
    )
    predicate = known.get(have.predicate.tree, have.predicate) if have.predicate else None
    return keys, predicate


def _parts(definition: IndexDef) -> tuple[str | Expression | None, ...]:
    return (*(key.of for key in definition.keys), definition.predicate)


def _tree(part: str | Expression | None) -> str | None:
    return part.tree if isinstance(part, Expression) else part


def _label(definition: IndexDef) -> str:
    return f"{definition.table}.{definition.name}"


def labels(definition: IndexDef) -> tuple[str, str]:
    """With and without its schema: a spec that names none may stand for many schemas."""
    return _label(definition), f"{definition.table.name}.{definition.name}"
