"""Looks for duplicate rows before a unique index is built; a build that meets them fails after hours."""

import time
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from kc_db.database import Connection
from kc_db.indexes.match import TableMatch
from kc_db.indexes.model import IndexDef
from kc_db.indexes.repair import incomplete, plan_match, plan_unusable, unusable
from kc_db.indexes.repair_partitioned import complete
from kc_db.indexes.statements import repeated_keys
from kc_db.indexes.steps import Step
from kc_db.logs import log

if TYPE_CHECKING:
    import psycopg

PREFLIGHT_TIMEOUT_S = 60
_SAMPLES = 5
_LONGEST = 100


class Preflight:
    """Looks once at the rows under each unique index that a run is to build.

    Args:
        connection: in autocommit mode.
        timeout_s: how long to look for one index; then it is left to the build to find out.

    Attributes:
        complaints: per index, why it can't be built: its table, how many keys are repeated, and some of them.
    """

    def __init__(self, connection: Connection, timeout_s: float = PREFLIGHT_TIMEOUT_S) -> None:
        self._connection = connection
        self._timeout_s = timeout_s
        self._seen: set[IndexDef] = set()
        self.complaints: dict[str, str] = {}

    def refused(self, table: TableMatch) -> Collection[str]:
        """The names of the table's indexes against which rows stand; nothing of them may be changed."""
        for match in table.matches:
            self.complaint(match.want.name, plan_match(match))
        for owner, index in unusable(table):
            self.complaint(index.name, plan_unusable(owner, index))
        if table.live:
            for index in incomplete(table):
                self.complaint(index.name, complete(table.live, index))
        return self.complaints

    def complaint(self, name: str, steps: Iterable[Step]) -> str | None:
        """Why a plan for this index can't come to its end, if rows stand against it."""
        built = (step.made_of for step in steps if step.statement and step.made_of)
        new = [definition for definition in dict.fromkeys(built) if definition.unique]
        deadline = time.monotonic() + self._timeout_s
        for definition in new:
            if definition not in self._seen:
                self._seen.add(definition)
                remaining_s = max(0.001, deadline - time.monotonic())
                if rows := _repeated(self._connection, definition, remaining_s):
                    self.complaints.setdefault(name, _complaint(name, definition, rows))
        return self.complaints.get(name)


def _complaint(name: str, definition: IndexDef, rows: Sequence[Sequence[Any]]) -> str:
    keys, all_rows, *_ = rows[0]
    samples = ", ".join(_sample(definition, row) for row in rows)
    what = "1 key is" if keys == 1 else f"{keys} keys are"
    return (
        f"{definition.table} has duplicate rows, so that {name} can't be built; nothing was changed. "
        f"{what} there more than once, in {all_rows} rows: {samples}"
        f"{' and others' if keys > len(rows) else ''}. Remove the duplicates, then run this again"
    )


def _repeated(connection: Connection, definition: IndexDef, timeout_s: float) -> Sequence[Sequence[Any]]:
    """The rows of repeated_keys.sql; nobody waits for this, and it waits for nobody long."""
    import psycopg

    query = repeated_keys(definition, most=_SAMPLES)
    settings = {
        "transaction_read_only": "on",
        "statement_timeout": f"{int(timeout_s * 1000)}ms",
        "lock_timeout": "2s",
        "row_security": "off",  # hidden rows are in the index too: an error is better than a false all-clear
    }
    try:
        with connection.transaction():
            for name, value in settings.items():
                connection.execute("SELECT pg_catalog.set_config(%s, %s, true)", (name, value))
            return connection.execute(query).fetchall()
    except psycopg.Error as error:
        if connection.closed:
            raise
        log.warning(
            "%s isn't searched for duplicate rows before %s is built: %s",
            definition.table,
            definition.name,
            _reason(error, timeout_s),
        )
        return ()


def _reason(error: "psycopg.Error", timeout_s: float) -> str:
    if error.sqlstate == "57014":
        return f"that was ended, after {timeout_s:.1f} s at the latest"
    return str(error).strip().partition("\n")[0]


def _sample(definition: IndexDef, row: Sequence[Any]) -> str:
    _, _, count, *values = row
    keys = ", ".join(str(key.of) for key in definition.keys)
    shown = ", ".join("null" if value is None else _cut(value) for value in values)
    return f"({keys}) = ({shown}) in {count} rows"


def _cut(value: str) -> str:
    text = value.replace("\n", " ")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
