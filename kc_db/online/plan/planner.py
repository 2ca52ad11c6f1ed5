"""Plans the pending revisions on the state that the database is in now."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.operations import MigrateOperation

from kc_db.database import Connection
from kc_db.errors import RefusedError
from kc_db.indexes.model import TableName
from kc_db.indexes.statements import as_text, create_index
from kc_db.online import index_build, tables
from kc_db.online.offline import create_tables
from kc_db.online.operations import DropIndexOnline, EnsureIndex, EnsureTables
from kc_db.online.plan import constraints
from kc_db.online.plan.estimate import index_size, time_ms
from kc_db.online.plan.locks import effect_of
from kc_db.online.plan.model import Effect, Lock, Planned, PlannedRevision, Size, Work
from kc_db.online.plan.record import NotRecordedError, Recorded, record, rendered
from kc_db.online.plan.steps import of_steps
from kc_db.sql import load_sql

_OWN: tuple[type[MigrateOperation], ...] = (
    EnsureIndex,
    DropIndexOnline,
    EnsureTables,
    *constraints.OPERATIONS,
)
_EMPTY = Size(rows=0, size_bytes=0, index_bytes=0)


@dataclass(frozen=True, slots=True)
class Pending:
    """A revision that hasn't run.

    Attributes:
        identifier: Alembic's.
        documentation: its docstring.
        file: where it is written.
        upgrade: its function.
    """

    identifier: str
    documentation: str
    file: str
    upgrade: Callable[[], None]


def pending_of(scripts: Iterable[Any]) -> tuple[Pending, ...]:
    """Alembic's Script objects, as they are planned."""
    return tuple(
        Pending(one.revision, one.doc or "", str(Path(one.path)), one.module.upgrade) for one in scripts
    )


def plan_revisions(connection: Connection, pending: Sequence[Pending]) -> tuple[PlannedRevision, ...]:
    """What each pending revision would run, were it the first one; changes nothing.

    A table that an earlier one makes is taken to be there, and empty. Each revision's upgrade() is called, in
    a context that connects to nothing.

    Args:
        connection: in autocommit mode.
        pending: in the order in which they would run.

    Raises:
        psycopg.Error: the server refused a question.
    """
    engine = sa.create_engine(
        "postgresql+psycopg://",
        creator=lambda: connection,
        poolclass=sa.pool.StaticPool,
        pool_reset_on_return=None,  # it stays ours, and a lost one would be complained about
        hide_parameters=True,
    )
    with engine.connect() as bind:
        planner = _Planner(connection, bind)
        return tuple([planner.plan(one) for one in pending])


@dataclass(slots=True)
class _Planner:
    connection: Connection
    bind: sa.Connection
    made: dict[str, str] = field(default_factory=dict)  # table -> revision, without schemas: see _size()
    changed: set[str] = field(default_factory=set)
    is_lost: bool = False  # something may have been done to anything

    def plan(self, pending: Pending) -> PlannedRevision:
        says = pending.documentation.strip().partition("\n")[0]
        planned = PlannedRevision(pending.identifier, says, pending.file)
        statements: list[Planned] = []
        remarks: list[str] = []
        table: str | None = None
        try:
            for recorded in record(pending.upgrade, _OWN):
                table = _table_of(recorded.operation)
                found, said = self._operation(recorded)
                remarks += said
                statements += self._noted(pending, recorded, found)
        except NotRecordedError as error:
            planned = replace(planned, unknown=str(error))
            self.is_lost = True
        except RefusedError as error:
            planned = replace(planned, **self._stopped(str(error), table))
        return replace(planned, statements=tuple(statements), remarks=tuple(dict.fromkeys(remarks)))

    def _noted(self, pending: Pending, recorded: Recorded, found: Sequence[Planned]) -> Iterator[Planned]:
        """Measured; an operation's own steps don't make each other uncertain."""
        together = isinstance(recorded.operation, constraints.OPERATIONS)
        groups = [found] if together else [[one] for one in found]
        for group in groups:
            measured = [self._measured(one) for one in group]
            for one in measured:
                self._note(pending, one)
            yield from measured

    def _stopped(self, reason: str, table: str | None) -> dict[str, Any]:
        if self.is_lost or table in self.changed:
            return {"unknown": f"an earlier statement may change what now stands against it: {reason}"}
        return {"refused": reason}

    def _note(self, pending: Pending, planned: Planned) -> None:
        """What later statements will find changed; an index that is built changes nothing for them."""
        if made := planned.effect.makes:
            self.made[made.name] = pending.identifier
            self.changed.add(made.name)
        elif planned.effect.locks is None:
            self.is_lost = True
        elif not planned.made_of:
            self.changed.update(lock.on.name for lock in planned.effect.locks)

    def _operation(self, recorded: Recorded) -> tuple[list[Planned], list[str]]:
        operation = recorded.operation
        if isinstance(operation, EnsureIndex):
            return self._ensure_index(operation)
        if isinstance(operation, DropIndexOnline):
            steps = index_build.plan_drop(
                self.connection, operation.name, operation.on, only_invalid=operation.only_invalid
            )
            return of_steps(steps, f"{operation.name} is left alone: it isn't there, or not only an index")
        if isinstance(operation, EnsureTables):
            return self._ensure_tables(operation, recorded.transaction)
        if isinstance(operation, constraints.OPERATIONS):
            name = constraints.table_of(operation).name
            is_changed = self.is_lost or name in self.changed
            made_by = self.made.get(name)
            return constraints.plan_operation(self.connection, operation, made_by, is_changed=is_changed)
        if type(operation).__module__.startswith("kc_db."):
            name = type(operation).__name__
            raise NotRecordedError(f"{name} decides when it runs; the README says which locks it takes")
        return [Planned(sql, effect_of(sql), recorded.transaction) for sql in recorded.statements], []

    def _ensure_index(self, operation: EnsureIndex) -> tuple[list[Planned], list[str]]:
        definition = operation.definition
        if made_by := self.made.get(definition.table.name):
            text = as_text(create_index(definition))
            remark = f"{definition.table} is made by {made_by}: it is empty then"
            return [Planned(text, effect_of(text), made_of=definition)], [remark]
        kept, steps = index_build.plan_ensure(self.connection, definition, exactly=operation.exactly)
        name = f", named {kept.name}" if kept and kept.name != definition.name else ""
        return of_steps(steps, f"{definition.name} is there{name}")

    def _ensure_tables(self, operation: EnsureTables, transaction: int) -> tuple[list[Planned], list[str]]:
        missing = tables.missing_tables(self.bind, operation.wanted)
        names = [table.name for table in operation.wanted if table not in missing]
        adopted = [f"table {name} is there and fits: adopted" for name in names]
        texts = rendered(lambda operations: create_tables(operations, missing))
        effects = [(text, effect_of(text)) for text in texts]
        return [
            Planned(text, effect, transaction) for text, effect in effects if effect != Effect(())
        ], adopted

    def _measured(self, planned: Planned) -> Planned:
        """With the sizes of its tables, and how long it takes."""
        locks = planned.effect.locks
        is_known = not self.is_lost and not any(lock.on.name in self.changed for lock in locks or ())
        planned = replace(planned, certain=is_known)
        if locks is None:
            return replace(planned, time_ms=None, space_bytes=None)
        if not locks:
            return planned
        found = [(lock, *self._size(lock)) for lock in locks]
        known = {lock: (name, size) for lock, name, size in found if size}
        named = tuple(
            dict.fromkeys(replace(lock, on=known[lock][0]) if lock in known else lock for lock in locks)
        )
        sizes = tuple(dict(known.values()).items())
        measured = replace(planned, effect=replace(planned.effect, locks=named), sizes=sizes)
        first = known.get(locks[0], (None, None))[1]
        return (
            replace(measured, time_ms=None, space_bytes=None)
            if first is None
            else self._timed(measured, first)
        )

    def _timed(self, planned: Planned, table: Size) -> Planned:
        work = planned.effect.work
        concurrently = " CONCURRENTLY " in planned.sql
        if work is Work.BUILD and planned.made_of:
            size = index_size(self.connection, planned.made_of, table) if table.size_bytes else (0, 8192)
            rows, space = size or (table.rows, None)
            duration = time_ms(work, table, rows, concurrently=concurrently)
            return replace(planned, time_ms=duration, space_bytes=space)
        space = {Work.MOMENT: 0, Work.SCAN: 0, Work.REWRITE: table.size_bytes + table.index_bytes}.get(work)
        return replace(planned, time_ms=time_ms(work, table, concurrently=concurrently), space_bytes=space)

    def _size(self, lock: Lock) -> tuple[TableName, Size | None]:
        if lock.on.name in self.made:
            return lock.on, _EMPTY
        if lock.only_index:
            return lock.on, _EMPTY
        name = _quoted(lock.on)
        row = self.connection.execute(
            load_sql("kc_db.online.plan", "table_sizes"), {"names": [name]}
        ).fetchone()
        if row is None:
            return lock.on, None
        _, schema, relation, rows, size, indexes = row
        return TableName(schema, relation), Size(rows, size or 0, indexes or 0)


def _table_of(operation: MigrateOperation | None) -> str | None:
    if isinstance(operation, EnsureIndex):
        return operation.definition.table.name
    if isinstance(operation, constraints.OPERATIONS):
        return constraints.table_of(operation).name
    return operation.on.rpartition(".")[2] if isinstance(operation, DropIndexOnline) else None


def _quoted(name: TableName) -> str:
    from psycopg import sql

    return sql.Identifier(*filter(None, name)).as_string(None)
