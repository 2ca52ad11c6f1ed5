"""What stands against changing anything, found out before anything is changed."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.rows import namedtuple_row
from psycopg.sql import Identifier

from kc_db.database import Connection
from kc_db.errors import InputError, RefusedError
from kc_db.indexes.model import IndexDef, TableName
from kc_db.indexes.statements import create_index
from kc_db.indexes.steps import run
from kc_db.logs import log
from kc_db.online import duplicates
from kc_db.online.plan.figures import in_bytes, in_time
from kc_db.sql import load_sql

SKIP_VARIABLE = "KC_DB_SKIP_PREFLIGHT"
FREE_VARIABLE = "KC_DB_FREE_BYTES"
OLDEST, NEWEST_TESTED = 13, 18
_LONG_S = 30.0
_LAG_BYTES = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Needs:
    """What a run is going to do.

    Attributes:
        owned: tables that it changes, which only their owner may.
        indexed: those of them that get an index, for which PostgreSQL wants CREATE on the schema as well.
        makes_tables: it makes tables in the first schema of the search_path.
        builds: the indexes that it builds, on rows that are there now.
        space_bytes: what they take on disk; None where that isn't known.
        sort_bytes: what the largest of them needs besides while it is built.
    """

    owned: frozenset[TableName] = frozenset()
    indexed: frozenset[TableName] = frozenset()
    makes_tables: bool = False
    builds: tuple[IndexDef, ...] = ()
    space_bytes: int | None = 0
    sort_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something that stands against a run, or that somebody should know before it.

    Attributes:
        rule: its name, for the bad thing.
        message: what it is, and what to do.
        refuses: the run must not begin.
        where: the table, backend or slot.
    """

    rule: str
    message: str
    refuses: bool
    where: str


Check = Callable[[Connection, Needs, int | None], Iterator[Complaint]]


def look_at_server(connection: Connection) -> tuple[Complaint, ...]:
    """What stands against changing anything at all: the server or the session is the wrong one."""
    (facts,) = _ask(connection, "session_fitness")
    return tuple(_of_server(facts))


def look_for_company(connection: Connection, needs: Needs) -> tuple[Complaint, ...]:
    """Who is at work here, and may hold a build up; refuses nothing."""
    return tuple(complaint for check in _COMPANY for complaint in check(connection, needs, None))


def look(connection: Connection, needs: Needs, free_bytes: int | None = None) -> tuple[Complaint, ...]:
    """Everything else; waits for nobody, changes nothing.

    Args:
        connection: in autocommit mode, to a server that look_at_server() has nothing against.
        needs: what the run is going to do.
        free_bytes: free space on the server's disk, as its owner says: SQL can't tell.
    """
    return tuple(complaint for check in CHECKS for complaint in check(connection, needs, free_bytes))


def refuse(complaints: Sequence[Complaint]) -> None:
    """Logs what is only to be known, and refuses the rest.

    Raises:
        RefusedError: something stands against the run; all of it is listed.
    """
    for complaint in complaints:
        if not complaint.refuses:
            log.warning("%s", complaint.message)
    messages = list(dict.fromkeys(complaint.message for complaint in complaints if complaint.refuses))
    if len(messages) == 1:
        raise RefusedError(messages[0])
    if messages:
        listed = "".join(f"\n  {message}" for message in messages)
        raise RefusedError(f"nothing was changed, because:{listed}")


def is_skipped() -> bool:
    """Whether the environment's KC_DB_SKIP_PREFLIGHT says to begin without looking; says so in the log.

    Raises:
        InputError: it says neither yes nor no.
    """
    said = os.environ.get(SKIP_VARIABLE, "").strip().lower()
    if said in {"", "0", "no", "off", "false"}:
        return False
    if said not in {"1", "yes", "on", "true"}:
        raise InputError(f"{SKIP_VARIABLE} is {said!r}; say 1, or nothing")
    log.warning("%s is set: nothing is looked at before the first change", SKIP_VARIABLE)
    return True


def stated_free_bytes() -> int | None:
    """The environment's KC_DB_FREE_BYTES.

    Raises:
        InputError: it isn't a whole number.
    """
    text = os.environ.get(FREE_VARIABLE, "").strip()
    if text and not text.isdecimal():
        raise InputError(f"{FREE_VARIABLE} is a number of bytes, not {text!r}")
    return int(text) if text else None


def _of_server(facts: Any) -> Iterator[Complaint]:
    major = facts.version // 10_000
    if facts.is_standby:
        message = "this server is a standby, which nothing can be changed on; connect to its primary"
        yield Complaint("standby-server", message, refuses=True, where=facts.database)
    elif facts.is_read_only:
        message = (
            f"role {facts.role} is read-only in database {facts.database} (default_transaction_read_only); "
            "connect as another role, or set PGOPTIONS='-c default_transaction_read_only=off' for this run"
        )
        yield Complaint("read-only-session", message, refuses=True, where=facts.database)
    if not OLDEST <= major <= NEWEST_TESTED:
        known = f"kc-db knows PostgreSQL 14 to {NEWEST_TESTED}"
        message = (
            f"the server is PostgreSQL {major}, and {known}; upgrade {'it' if major < OLDEST else 'kc-db'}"
        )
        yield Complaint("unsupported-server", message, refuses=major < OLDEST, where=facts.database)


def _privileges(connection: Connection, needs: Needs, _: int | None) -> Iterator[Complaint]:
    (facts,) = _ask(connection, "session_fitness")
    if needs.makes_tables and not facts.may_create:
        schema = facts.schema or "of the search_path"
        yield _lacking(f"role {facts.role} may not make tables in schema {schema}; ", schema, facts.role)
    for table in _ask(connection, "lacking_privileges", names=_names(needs.owned)):
        name = TableName(table.schema, table.name)
        if not table.owns:
            message = (
                f"table {name} belongs to {table.owner}, and only its owner may change it; "
                f"connect as {table.owner}, or as a member of that role"
            )
            yield Complaint("missing-privilege", message, refuses=True, where=str(name))
        if not table.may_create and name in needs.indexed:
            yield _lacking(f"{name} can't get an index: ", table.schema, facts.role)


def _lacking(what: str, schema: str, role: str) -> Complaint:
    message = f"{what}GRANT CREATE ON SCHEMA {schema} TO {role}"
    return Complaint("missing-privilege", message, refuses=True, where=schema)


def _duplicates(connection: Connection, needs: Needs, _: int | None) -> Iterator[Complaint]:
    preflight = duplicates.Preflight(connection)
    for definition in needs.builds:
        step = run(definition.table, create_index(definition), builds=definition.name, made_of=definition)
        if message := preflight.complaint(definition.name, [step]):
            yield Complaint("duplicate-rows", message, refuses=True, where=str(definition.table))


def _space(_: Connection, needs: Needs, free_bytes: int | None) -> Iterator[Complaint]:
    if free_bytes is None or not needs.space_bytes:
        return
    wanted = needs.space_bytes + needs.sort_bytes
    if wanted > free_bytes:
        message = (
            f"about {in_bytes(wanted)} are needed on disk ({in_bytes(needs.space_bytes)} for indexes, "
            f"{in_bytes(needs.sort_bytes)} while they are sorted; an estimate), and {in_bytes(free_bytes)} "
            "are free as you say; make room first"
        )
        yield Complaint("not-enough-space", message, refuses=True, where="disk")


def _transactions(connection: Connection, needs: Needs, _: int | None) -> Iterator[Complaint]:
    if not needs.builds:
        return
    for one in _ask(connection, "long_transactions", longer_than_s=_LONG_S):
        who = ", ".join(filter(None, (f"pid {one.pid}", one.user, one.application, one.state)))
        message = (
            f"a transaction has been open for {in_time(round(one.seconds * 1000))} ({who}, since "
            f"{one.since:%H:%M:%S} UTC); builds wait for its end"
        )
        yield Complaint("long-transaction", message, refuses=False, where=f"pid {one.pid}")
    for one in _ask(connection, "prepared_transactions"):
        message = (
            f"prepared transaction {one.gid} of {one.owner} is open since {one.since:%Y-%m-%d %H:%M:%S} UTC; "
            "a build on a table that it has locked waits until somebody commits it or rolls it back"
        )
        yield Complaint("prepared-transaction", message, refuses=False, where=one.gid)


def _builds(connection: Connection, needs: Needs, _: int | None) -> Iterator[Complaint]:
    for one in _ask(connection, "running_builds", names=_names(needs.owned)):
        table = f"{one.schema}.{one.table}"
        message = f"an index of {table} is being built by pid {one.pid} ({one.phase}); it goes first"
        yield Complaint("running-build", message, refuses=False, where=table)


def _slots(connection: Connection, needs: Needs, _: int | None) -> Iterator[Complaint]:
    if not needs.builds:
        return
    for one in _ask(connection, "lagging_slots", more_than_bytes=_LAG_BYTES):
        lag = f"{in_bytes(one.lag_bytes)} behind" if one.lag_bytes is not None else one.status
        state = "" if one.active else ", and nobody reads it"
        message = f"replication slot {one.name} is {lag}{state}; builds add to the WAL that it keeps"
        yield Complaint("lagging-slot", message, refuses=False, where=one.name)


_COMPANY: tuple[Check, ...] = (_transactions, _builds, _slots)
CHECKS: tuple[Check, ...] = (_privileges, _duplicates, _space, *_COMPANY)


def _ask(connection: Connection, question: str, **parameters: object) -> list[Any]:
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return cursor.execute(load_sql("kc_db.online", question), parameters or None).fetchall()


def _names(tables: frozenset[TableName]) -> list[str]:
    return [Identifier(*filter(None, table)).as_string(None) for table in sorted(tables, key=str)]
