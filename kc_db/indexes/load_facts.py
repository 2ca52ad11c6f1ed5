"""Reads what the server knows beyond definitions: a few questions, answered with the few rows that matter."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

from kc_db.database import Connection
from kc_db.errors import ServerError
from kc_db.indexes.facts import (
    LEAST_BYTES,
    WIDEST_ENTRY_BYTES,
    ColumnStatistics,
    ForeignKey,
    Keys,
    Scans,
    Silence,
    Stored,
    TableFacts,
)
from kc_db.indexes.model import Catalog
from kc_db.indexes.parse import expression_from_text
from kc_db.indexes.read_indexes import Ask, asking


@dataclass(frozen=True, slots=True)
class Standby:
    """Another server of the same cluster, which counts its own scans.

    Attributes:
        label: how to name it in output, without secrets.
        connect: opens a connection to it in autocommit mode; a ServerError says why it can't.
    """

    label: str
    connect: Callable[[], AbstractContextManager[Connection]]


def with_facts(connection: Connection, catalog: Catalog, standbys: Sequence[Standby] = ()) -> Catalog:
    """The catalog with the facts of its tables, where there is something worth a word.

    Args:
        connection: in autocommit mode, to the server that the catalog is of.
        catalog: what load_catalog made; a table that has gone meanwhile has no facts.
        standbys: asked for their scans of the indexes that this server could do without.

    Raises:
        psycopg.Error: the server refuses.
    """
    with connection.transaction(), asking(connection) as ask:
        connection.execute("SET TRANSACTION READ ONLY")
        ask("session")
        oids = {table.oid: name for name, table in catalog.tables.items() if table.oid}
        reader = _Reader(ask, list(oids))
        silent = _ask_standbys(ask, standbys, reader) if reader.idle else ()
    tables = dict(catalog.tables)
    for oid, name in oids.items():
        if facts := reader.facts(oid, silent):
            tables[name] = replace(tables[name], facts=facts)
    return replace(catalog, tables=tables, has_facts=True)


class _Reader:
    """The facts of some tables, by oid."""

    def __init__(self, ask: Ask, tables: list[int]) -> None:
        self._foreign_keys = _foreign_keys(ask("foreign_keys", tables=tables))
        self._keys: dict[int, dict[str, Keys]] = defaultdict(dict)
        for row in ask("odd_keys", tables=tables, limit_bytes=WIDEST_ENTRY_BYTES):
            self._keys[row.table_oid][row.name] = Keys(
                tuple(row.nullable), tuple(row.booleans), row.most_bytes
            )
        self._rows = ask("big_indexes", tables=tables, least_bytes=LEAST_BYTES)
        self._stored: dict[int, dict[str, tuple[Stored, ...]]] = defaultdict(dict)
        roots = {row.oid: row for row in self._rows}
        for row in ask("index_storage", indexes=list(roots)) if roots else ():
            root = roots[row.oid]
            parts = self._stored[root.table_oid]
            parts[root.root] = (*parts.get(root.root, ()), _stored(row))
        self._scans: dict[int, dict[str, tuple[Scans, ...]]] = defaultdict(dict)
        if self._rows:
            self.add_scans(ask)

    @property
    def idle(self) -> bool:
        """Whether an index that matters was never scanned, on the servers asked so far."""
        return any(
            not sum(one.count for one in scans)
            for by_index in self._scans.values()
            for scans in by_index.values()
        )

    def add_scans(self, ask: Ask) -> None:
        """Asks one server for its scans; a standby's indexes have their primary's oids."""
        counted = {row.oid: row for row in ask("index_scans", indexes=[row.oid for row in self._rows])}
        parts: dict[tuple[int, str], list[Any]] = defaultdict(list)
        for row in self._rows:
            parts[row.table_oid, row.root] += [counted[row.oid]] if row.oid in counted else []
        for (table, index), rows in parts.items():
            if rows:
                scans = self._scans[table]
                scans[index] = (*scans.get(index, ()), _scans(rows))

    def facts(self, table: int, silent: tuple[Silence, ...]) -> TableFacts | None:
        """What there is to know of one table, if there is anything."""
        parts = (self._foreign_keys, self._keys, self._stored)
        if not any(table in part for part in parts):
            return None
        return TableFacts(
            tuple(self._foreign_keys.get(table, ())),
            self._keys.get(table, {}),
            self._stored.get(table, {}),
            self._scans.get(table, {}),
            silent,
        )


def _foreign_keys(rows: Iterable[Any]) -> Mapping[int, list[ForeignKey]]:
    """Puts the tables together that one foreign key is searched in."""
    keys: dict[tuple[int, str], ForeignKey] = {}
    for row in rows:
        partial = tuple(map(expression_from_text, row.predicates))
        key = keys.get((row.table_oid, row.name)) or ForeignKey(
            row.name, tuple(row.columns), row.referenced, ()
        )
        keys[row.table_oid, row.name] = replace(key, partial=(*key.partial, partial))
    by_table: dict[int, list[ForeignKey]] = defaultdict(list)
    for (table, _), key in keys.items():
        by_table[table].append(key)
    return by_table


def _stored(row: Any) -> Stored:
    return Stored(
        schema=row.schema,
        table=row.table,
        name=row.name,
        pages=row.pages,
        rows=row.rows,
        page_bytes=row.page_bytes,
        fill_factor=row.fill_factor,
        deduplicates=row.deduplicates,
        columns=tuple(ColumnStatistics(*column) for column in row.columns or ()),
        row_bytes=row.row_bytes,
    )


def _scans(rows: Sequence[Any]) -> Scans:
    first = rows[0]
    last = max((row.last for row in rows if row.last), default=None)
    return Scans(sum(row.count for row in rows), last, first.since, first.now)


def _ask_standbys(ask: Ask, standbys: Iterable[Standby], reader: _Reader) -> tuple[Silence, ...]:
    """Adds what the standbys counted; those that can't be asked, or aren't this cluster's, stay silent."""
    silent = []
    own: tuple[Any, int | None] | None = None
    for standby in standbys:
        try:
            with standby.connect() as connection, connection.transaction(), asking(connection) as ask_standby:
                own = own or _identity(ask)
                if reason := _stranger(own, _identity(ask_standby)):
                    silent.append(Silence(standby.label, reason))
                else:
                    reader.add_scans(ask_standby)
        except ServerError as error:
            silent.append(Silence(standby.label, str(error)))
    return tuple(silent)


def _identity(ask: Ask) -> tuple[Any, int | None]:
    (server,) = ask("server_identity")
    return server, ask("system_identifier")[0].identifier if server.may_ask else None


def _stranger(own: tuple[Any, int | None], other: tuple[Any, int | None]) -> str | None:
    """Why another server's scans say nothing about this one's indexes, if they don't."""
    (here, here_id), (there, there_id) = own, other
    if here.name != there.name:
        return f"that is database {there.name}, not {here.name}"
    if here_id and there_id and here_id != there_id:
        return "that server belongs to another cluster"
    return None if here.standby or there.standby else "that server is no standby"
