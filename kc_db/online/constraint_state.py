"""What a table has of constraints, and how the server writes one that is wanted."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from psycopg import sql

from kc_db.database import Connection
from kc_db.errors import RefusedError
from kc_db.indexes.model import TableName
from kc_db.online.constraint import Constraint, alter, as_name, foreign_key_text
from kc_db.sql import load_sql

NOT_VALID = " NOT VALID"
_ROUNDS = 3  # some expressions are written in another way when they are read again, and then stand still


@dataclass(frozen=True, slots=True)
class LiveConstraint:
    """A constraint of the catalog.

    Attributes:
        kind: pg_constraint.contype.
        validated: it holds for all rows, not only for those that were written since it is there.
        text: as pg_get_constraintdef() writes it, without NOT VALID.
        columns: that it is about.
    """

    name: str
    kind: str
    validated: bool
    text: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class State:
    """A table, as far as constraints are concerned.

    Attributes:
        kind: pg_class.relkind.
        columns: all that it has.
        not_null: those that may not be null (from 18 on also where not all rows have been checked).
        primary_key: its columns.
        constraints: all that it has.
        version: the server's, 180001 for example.
    """

    kind: str
    columns: tuple[str, ...]
    not_null: tuple[str, ...]
    primary_key: tuple[str, ...]
    constraints: tuple[LiveConstraint, ...]
    version: int

    def named(self, name: str) -> LiveConstraint | None:
        """The constraint of this name."""
        return next((one for one in self.constraints if one.name == name), None)


@dataclass(frozen=True, slots=True)
class Wanted:
    """How the server writes a constraint that is wanted.

    Attributes:
        texts: all the ways, the first one first.
        columns: that it is about.
        expression: what a CHECK demands.
    """

    texts: tuple[str, ...]
    columns: tuple[str, ...]
    expression: str = ""


def load_state(connection: Connection, table: TableName) -> State:
    """What is there.

    Raises:
        RefusedError: the table isn't there, or is no table.
    """
    parameters = {"table": as_name(table)}
    row = connection.execute(load_sql("kc_db.online", "constrained_table"), parameters).fetchone()
    if row is None:
        raise RefusedError(f"there is no table {table}; is search_path right?")
    kind, columns, not_null, primary_key = row
    if kind not in {"r", "p"}:
        raise RefusedError(f"{table} is not a table that can have constraints")
    rows = connection.execute(load_sql("kc_db.online", "constraints"), parameters).fetchall()
    there = tuple(
        LiveConstraint(name, of, validated, text.removesuffix(NOT_VALID), tuple(about))
        for name, of, validated, text, about in rows
    )
    version = connection.info.server_version
    return State(kind, tuple(columns), tuple(not_null), tuple(primary_key), there, version)


def server_words(connection: Connection, constraint: Constraint) -> Wanted:
    """How the server would write the constraint: an empty temporary table of the same name gets it.

    Args:
        connection: in autocommit mode.
        constraint: whose table is there.

    Raises:
        RefusedError: a foreign key's other table isn't there.
        psycopg.Error: the server can't make it, because a column is missing for example.
    """
    if constraint.references:
        other = as_name(constraint.references[0])
        row = connection.execute("SELECT pg_catalog.to_regclass(%s)::text", (other,)).fetchone()
        if not row or not row[0]:
            raise RefusedError(f"{constraint} can't be added: there is no table {constraint.references[0]}")
        return Wanted((foreign_key_text(constraint, row[0]),), constraint.columns)
    copy = TableName("pg_temp", constraint.table.name)
    definition, texts = constraint.definition, list[str]()
    with _rolled_back(connection):
        create = sql.SQL("CREATE TEMPORARY TABLE {} (LIKE {})")
        original = sql.SQL(as_name(constraint.table))  # type: ignore[arg-type, unused-ignore]
        connection.execute(create.format(sql.Identifier(copy.name), original))
        while len(texts) < _ROUNDS:
            name = f"kc_wanted_{len(texts)}"
            connection.execute(alter(copy, f"ADD CONSTRAINT {name} {definition}"))
            parameters = {"table": as_name(copy), "name": name}
            row = connection.execute(load_sql("kc_db.online", "wanted_constraint"), parameters).fetchone()
            definition, columns, expression = row or ("", (), "")
            if definition in texts:
                break
            texts.append(definition)
            if constraint.kind != "c":
                break
    return Wanted(tuple(texts), tuple(columns), expression or "")


@contextmanager
def _rolled_back(connection: Connection) -> Iterator[None]:
    from psycopg import Rollback

    with connection.transaction() as transaction:
        connection.execute("SELECT pg_catalog.set_config('lock_timeout', '5s', true)")
        yield
        raise Rollback(transaction)
