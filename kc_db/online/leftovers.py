"""What a build that was given up leaves behind: an INVALID index, which costs writes, or rejects them."""

from kc_db.database import Connection
from kc_db.indexes.statements import as_text, drop_index, quoted
from kc_db.indexes.steps import Step
from kc_db.logs import log
from kc_db.online.session import patient_session
from kc_db.sql import load_sql

_CREATE = ("CREATE INDEX CONCURRENTLY ", "CREATE UNIQUE INDEX CONCURRENTLY ")


class Leftovers:
    """The indexes that a run itself has begun to build.

    Args:
        connection: in autocommit mode.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._begun: dict[str, Step] = {}

    def begin(self, step: Step) -> None:
        """To be called before a step is run; remembers it if it makes an index that isn't there yet."""
        name = _name(step)
        if step.text.startswith(_CREATE) and name not in self._begun and self._state(name) is None:
            self._begun[name] = step

    def end(self, step: Step) -> None:
        """To be called when a step has succeeded."""
        self._begun.pop(_name(step), None)

    def drop(self, lock_timeout_ms: int) -> None:
        """Drops what is INVALID of those, without waiting long: the next run would do it as well.

        Args:
            lock_timeout_ms: how long to wait for each lock, and for each transaction that uses the index.
        """
        import psycopg

        for name, step in self._begun.items():
            if not self._state(name):
                continue
            statement = drop_index(step.table, step.builds or "")
            log.info("%s", as_text(statement))
            try:
                with patient_session(self._connection, lock_timeout_ms):
                    self._connection.execute(statement)
            except psycopg.Error as error:
                if self._connection.closed:
                    raise
                reason = str(error).strip().partition("\n")[0]
                log.warning("%s stays, INVALID, until the next run: %s", step.builds, reason)

    def _state(self, name: str) -> bool | None:
        """Whether it is to go; None where there is no such index."""
        row = self._connection.execute(load_sql("kc_db.online", "leftover"), {"name": name}).fetchone()
        return bool(row[0]) if row else None


def _name(step: Step) -> str:
    return ".".join(quoted(part) for part in (step.table.schema, step.builds or "") if part is not None)
