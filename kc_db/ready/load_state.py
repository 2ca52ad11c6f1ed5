"""Asks the server, one question after the other, and times each; one that fails keeps no other from it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from kc_db.database import Connection, Target, translated_errors
from kc_db.errors import InputError, KcDbError
from kc_db.ready.model import Indexes, Limit, Look, Replay, Revisions, Role, Room, Schema, Server
from kc_db.sql import load_sql

_PACKAGE = "kc_db.ready"
Answer = Role | Replay | Schema | Indexes | Room


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        check: its name.
        ask: gets the answer from a connection in autocommit mode.
    """

    check: str
    ask: Callable[[Connection], Answer]


def looks(
    target: Target,
    connect: Callable[[], AbstractContextManager[Connection]],
    questions: Sequence[Question],
    opened: Callable[[Connection], None],
) -> Iterator[Look]:
    """The answers, in order; ends early where the server is lost.

    Args:
        target: the database.
        connect: opens a connection to it.
        questions: what to ask it; first of all it is asked for an answer.
        opened: gets the connection as soon as there is one.

    Raises:
        InputError: what was asked can't be asked of any server.
    """
    started = perf_counter()
    try:
        with connect() as connection:
            opened(connection)
            version = connection.info.parameter_status("server_version") or "of unknown version"
            yield Look("server", _ms(started), Server(version.partition(" ")[0]))
            for question in questions:
                yield _look(target, connection, question)
                if connection.closed:
                    return
    except InputError:
        raise
    except KcDbError as error:
        yield Look("server", _ms(started), error=str(error))


def read_role(connection: Connection) -> Role:
    """Whether the server is a standby."""
    return Role(_row(connection, "server_role")[0])


def read_replay(connection: Connection) -> Replay:
    """How far a standby is behind; of a primary, nothing."""
    return Replay(*_row(connection, "replay_lag"))


def read_room(connection: Connection) -> Room:
    """What is left of the limits on connections."""
    return Room(tuple(Limit(*row) for row in connection.execute(load_sql(_PACKAGE, "connections"))))


def schema_reader(table: str, revisions: Revisions) -> Callable[[Connection], Schema]:
    """What reads Alembic's version table.

    Args:
        table: its name, as `alembic_version` or `schema.alembic_version`.
        revisions: the code's.
    """
    from psycopg import sql

    name = sql.Identifier(*table.split("."))

    def read(connection: Connection) -> Schema:
        found = connection.execute(load_sql(_PACKAGE, "version_table"), {"name": name.as_string()}).fetchone()
        if not found or found[0] is None:
            return Schema(table, None, revisions)
        rows = connection.execute(sql.SQL("SELECT version_num FROM {} ORDER BY 1").format(name)).fetchall()
        return Schema(table, tuple(str(version) for (version,) in rows), revisions)

    return read


def _look(target: Target, connection: Connection, question: Question) -> Look:
    started = perf_counter()
    try:
        with translated_errors(target.conninfo, target.label):
            value = question.ask(connection)
    except InputError:
        raise
    except KcDbError as error:
        return Look(question.check, _ms(started), error=str(error))
    return Look(question.check, _ms(started), value)


def _row(connection: Connection, name: str) -> tuple[Any, ...]:
    row = connection.execute(load_sql(_PACKAGE, name)).fetchone()
    if row is None:
        raise AssertionError(f"{name}.sql gives one row")
    return row


def _ms(started: float) -> float:
    return (perf_counter() - started) * 1000
