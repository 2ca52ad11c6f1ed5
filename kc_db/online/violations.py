"""Looks for rows that stand against a constraint before it is added; VALIDATE finds them after hours."""

from collections.abc import Sequence
from typing import Any

from psycopg import sql

from kc_db.database import Connection
from kc_db.indexes.model import TableName
from kc_db.indexes.statements import quoted
from kc_db.logs import log
from kc_db.online.constraint import Constraint, as_name
from kc_db.online.constraint_state import State, Wanted
from kc_db.sql import load_sql

PREFLIGHT_TIMEOUT_S = 60
_SAMPLES = 5
_LONGEST = 100


def violation_of(constraint: Constraint, wanted: Wanted) -> str:
    """The condition that is true of a row which stands against a CHECK or a foreign key."""
    if not constraint.references:
        return f"({wanted.expression}) IS FALSE"
    other, referenced = constraint.references
    own = [f"{quoted(constraint.table.name)}.{quoted(column)}" for column in constraint.columns]
    pairs = zip(own, referenced, strict=False)  # that they aren't as many the server says
    equal = " AND ".join(f"kc_referenced.{quoted(theirs)} = {ours}" for ours, theirs in pairs)
    values = f"pg_catalog.num_nulls({', '.join(own)})"
    without = f"NOT EXISTS (SELECT FROM {as_name(other)} AS kc_referenced WHERE {equal})"
    partly = f" OR {values} BETWEEN 1 AND {len(own) - 1}" if constraint.match_full and len(own) > 1 else ""
    return f"{values} = 0 AND {without}{partly}"


def complaint(  # noqa: PLR0913, PLR0917 - each says one thing of the question
    connection: Connection,
    table: TableName,
    state: State,
    columns: Sequence[str],
    violates: str,
    what: str,
) -> str | None:
    """Why a constraint can't hold: how many rows stand against it, and some of them.

    Nobody waits for the search, and it ends after a minute; then it is left to VALIDATE to find out.

    Args:
        connection: in autocommit mode.
        table: whose rows are searched.
        state: what is known of it.
        columns: those that the constraint is about.
        violates: the condition that is true of such a row.
        what: how to name the constraint.
    """
    shown = tuple(dict.fromkeys((*state.primary_key, *columns))) or state.columns
    rows = _violating(connection, table, shown, violates, what)
    if not rows:
        return None
    number = rows[0][0]
    listed = "; ".join(_sample(shown, row[1:]) for row in rows)
    return (
        f"{table} has {number} row{'s' if number != 1 else ''} against {what}; nothing was changed. "
        f"{listed}{' and others' if number > len(rows) else ''}. Mend the rows, then run this again"
    )


def _violating(
    connection: Connection, table: TableName, shown: Sequence[str], violates: str, what: str
) -> Sequence[Sequence[Any]]:
    import psycopg

    qualified = (f"{quoted(table.name)}.{quoted(column)}::text" for column in shown)
    # type: ignore, because sql.SQL wants a literal; PostgreSQL's own parser has read what isn't quoted here
    query = sql.SQL(load_sql("kc_db.online", "violating_rows")).format(
        shown=sql.SQL(", ".join(qualified)),  # type: ignore[arg-type, unused-ignore]
        table=sql.SQL(as_name(table)),  # type: ignore[arg-type, unused-ignore]
        violates=sql.SQL(violates),  # type: ignore[arg-type, unused-ignore]
        most=sql.Literal(_SAMPLES),
    )
    settings = {
        "transaction_read_only": "on",
        "statement_timeout": f"{PREFLIGHT_TIMEOUT_S}s",
        "lock_timeout": "2s",
        "row_security": "off",  # the constraint is about hidden rows too
    }
    try:
        with connection.transaction():
            for name, value in settings.items():
                connection.execute("SELECT pg_catalog.set_config(%s, %s, true)", (name, value))
            return connection.execute(query).fetchall()
    except psycopg.Error as error:
        if connection.closed:
            raise
        reason = str(error).strip().partition("\n")[0]
        log.warning("%s isn't searched for rows against %s: %s", table, what, reason)
        return ()


def _sample(columns: Sequence[str], values: Sequence[object]) -> str:
    shown = ", ".join("null" if value is None else _cut(str(value)) for value in values)
    return f"({', '.join(columns)}) = ({shown})"


def _cut(value: str) -> str:
    text = value.replace("\n", " ")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
