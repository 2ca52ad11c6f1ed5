"""What a revision would do, without doing it: its upgrade() runs, and its operations are written down."""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from alembic.operations import MigrateOperation, Operations
from alembic.runtime.migration import MigrationContext

_STARTS = {"BEGIN", "START TRANSACTION"}
_ENDS = {"COMMIT", "ROLLBACK"}


@dataclass(frozen=True, slots=True)
class Recorded:
    """One operation of a revision.

    Attributes:
        operation: Alembic's object, or None where the SQL was written by something else.
        statements: the SQL that Alembic, or the operation itself, prints for it.
        transaction: which of the revision's transactions it is in.
    """

    operation: MigrateOperation | None
    statements: tuple[str, ...]
    transaction: int


class NotRecordedError(Exception):
    """The revision asks the database itself, so that what it would do can't be told beforehand."""


def record(upgrade: Callable[[], None], own: Sequence[type[MigrateOperation]]) -> tuple[Recorded, ...]:
    """Calls a revision's upgrade() in a context that prints SQL and connects to nothing.

    Args:
        upgrade: the revision's.
        own: operations that are only written down: their SQL depends on the state of the database.

    Raises:
        NotRecordedError: it failed there.
    """
    out = io.StringIO()
    context = _printing(out)
    recorder = _Recorder(out, tuple(own))
    with Operations.context(context) as operations:
        # Every operation goes through here; a subclass of Operations would have no `op`.
        operations.__dict__["invoke"] = recorder.invoke(operations.invoke)
        try:
            upgrade()
        except Exception as error:
            raise NotRecordedError(_first_line(error)) from error
    recorder.flush(None)
    return tuple(recorder.recorded)


def rendered(work: Callable[[Operations], None]) -> tuple[str, ...]:
    """The statements that an operation prints."""
    out = io.StringIO()
    work(Operations(_printing(out)))
    return tuple(split_script(out.getvalue()))


def _printing(out: io.StringIO) -> MigrationContext:
    return MigrationContext.configure(
        dialect_name="postgresql",
        opts={"as_sql": True, "output_buffer": out, "literal_binds": True, "transactional_ddl": True},
    )


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0]


class _Recorder:
    def __init__(self, out: io.StringIO, own: tuple[type[MigrateOperation], ...]) -> None:
        self._out = out
        self._own = own
        self._transaction = 0
        self.recorded: list[Recorded] = []

    def invoke(self, original: Callable[[MigrateOperation], Any]) -> Callable[[MigrateOperation], Any]:
        """What stands in the place of Operations.invoke()."""

        def invoke(operation: MigrateOperation) -> Any:
            self.flush(None)
            if isinstance(operation, self._own):
                self._transaction += 1  # each commits what stands before it, and itself
                self.recorded.append(Recorded(operation, (), self._transaction))
                self._transaction += 1
                return None
            result = original(operation)
            self.flush(operation)
            return result

        return invoke

    def flush(self, operation: MigrateOperation | None) -> None:
        """Writes down what has been printed since."""
        text = self._out.getvalue()
        self._out.seek(0)
        self._out.truncate()
        statements: list[str] = []
        for statement in split_script(text):
            word = statement.rstrip(";").upper()
            if word in _ENDS | _STARTS:
                self._note(operation, statements)
                statements = []
                self._transaction += word in _ENDS
            else:
                statements.append(statement)
        self._note(operation, statements)

    def _note(self, operation: MigrateOperation | None, statements: Sequence[str]) -> None:
        if statements:
            self.recorded.append(Recorded(operation, tuple(statements), self._transaction))


def split_script(text: str) -> Iterator[str]:
    """The statements of a script, each with its semicolon; what can't be parsed stays in one piece."""
    from pglast import split
    from pglast.parser import ParseError

    if not text.strip():
        return
    try:
        parts = split(text)
    except ParseError:
        parts = (text,)
    for part in parts:
        if stripped := part.strip().rstrip(";"):
            yield f"{stripped};"
