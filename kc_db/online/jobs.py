"""Takes many tables to their specs: one after the other, or several at the same time."""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, TypeAlias

from kc_db.database import Connection, second_connection
from kc_db.errors import RefusedError, ServerError
from kc_db.indexes.load_catalog import load_catalog
from kc_db.indexes.match import TableMatch, match_tables
from kc_db.indexes.model import Spec, TableName
from kc_db.indexes.partitions import descendants
from kc_db.indexes.repair import plan_table
from kc_db.indexes.steps import Step
from kc_db.logs import log
from kc_db.online.deploy_lock import deploy_lock, joined_deploy_lock, shared_deploy_lock
from kc_db.online.index_build import repair_table
from kc_db.online.patience import DEFAULT_PATIENCE, Patience
from kc_db.online.plan.before import look_before_repair
from kc_db.online.pooler import refuse_transaction_pooling
from kc_db.online.resources import Resources, granted
from kc_db.online.session import patient_session
from kc_db.sql import load_sql

if TYPE_CHECKING:
    import psycopg

_CANCEL_S = 0.2
_GOODBYE_S = 5.0
Group: TypeAlias = tuple[TableMatch, ...]


@dataclass(slots=True)
class Repairs:
    """What a run has done, and what it met.

    Attributes:
        done: the steps that were run, in the order in which they ended.
        errors: why tables are not mended, but for duplicate rows.
    """

    done: list[Step] = field(default_factory=list)
    errors: "list[psycopg.Error | ServerError]" = field(default_factory=list)


def repair_tables(
    connection: Connection,
    specs: Sequence[Spec],
    jobs: int = 1,
    resources: Resources | None = None,
    patience: Patience = DEFAULT_PATIENCE,
) -> Sequence[Step]:
    """Mends each table that needs it; one that can't be mended doesn't keep the others from it.

    Args:
        connection: in autocommit mode; holds the deploy lock, and waits while jobs work.
        specs: all of them.
        jobs: how many tables at the same time, at most; from two on, each on a connection of its own.
        resources: what each build may take.
        patience: how long to wait for others.

    Returns:
        The steps that were run.

    Raises:
        InputError: the server refuses a setting; nothing was changed.
        ServerError: a table couldn't be mended; raised after the others have been.
        psycopg.Error: likewise, the server refused a statement.
    """
    repairs = Repairs()
    resources = resources or Resources()
    refuse_transaction_pooling(connection)
    with granted(connection, resources), patient_session(connection), deploy_lock(connection):
        catalog = load_catalog(connection, [spec.definition for spec in specs])
        look_before_repair(connection, match_tables(specs, catalog))
        groups = group([table for table in match_tables(specs, catalog) if plan_table(table)])
        if jobs == 1 or len(groups) <= 1:
            for together in groups:
                _repair(connection, together, repairs, patience)
        else:
            with shared_deploy_lock(connection):
                crew = _Crew(connection, resources, patience, repairs)
                crew.work(_biggest_first(connection, groups), jobs)
    if repairs.errors:
        raise repairs.errors[0]
    return repairs.done


def group(tables: Sequence[TableMatch]) -> list[Group]:
    """Tables of one partition tree belong together: what is done to one of them may lock another."""
    groups: list[tuple[set[TableName], list[TableMatch]]] = []
    for table in tables:
        tree = {level.name for level in (table.live, *descendants(table.live))} if table.live else set()
        touched = [one for one in groups if one[0] & tree]
        groups = [one for one in groups if not one[0] & tree]
        names = tree.union(*(names for names, _ in touched))
        groups.append((names, [member for _, members in touched for member in members] + [table]))
    return [tuple(members) for _, members in groups]


def in_order(groups: Iterable[Group], sizes: Mapping[int, int]) -> list[Group]:
    """The most work first, so that the last job doesn't begin with the longest.

    Args:
        groups: what has to be done together.
        sizes: bytes of each table, by its oid.
    """

    def work(group: Group) -> int:
        builds = (sum(bool(step.builds) for step in plan_table(table)) for table in group)
        bytes_of = (sizes.get(table.live.oid or 0, 0) if table.live else 0 for table in group)
        return sum(count * size for count, size in zip(builds, bytes_of, strict=True))

    return sorted(groups, key=work, reverse=True)


def _biggest_first(connection: Connection, groups: Sequence[Group]) -> list[Group]:
    oids = [table.live.oid for group in groups for table in group if table.live]
    rows = connection.execute(load_sql("kc_db.online", "table_sizes"), {"oids": oids}).fetchall()
    return in_order(groups, dict(rows))


def _repair(connection: Connection, group: Group, repairs: Repairs, patience: Patience) -> None:
    import psycopg

    for table in group:
        try:
            repair_table(connection, table.specs, repairs.done, patience)
        except RefusedError as error:
            log.error("%s", error)
        except ServerError as error:
            log.error("%s is not mended: %s", table.table, error)
            repairs.errors.append(error)
        except psycopg.Error as error:
            if connection.closed:
                raise
            patience.sleep(0)  # ends a run that was stopped, which this error may come from
            log.error("%s is not mended", table.table)
            repairs.errors.append(error)


class _StoppedError(BaseException):
    """The run has been stopped: no table of it is reported as not mended."""


class _Crew:
    """Threads that mend groups of tables, each group on a connection of its own."""

    def __init__(
        self, connection: Connection, resources: Resources, patience: Patience, repairs: Repairs
    ) -> None:
        self._connection, self._resources, self._repairs = connection, resources, repairs
        self._patience = replace(patience, sleep=self._sleep)
        self._stopped = threading.Event()
        self._at_work: dict[int, Connection] = {}
        self._waiting: SimpleQueue[tuple[int, Group]] = SimpleQueue()
        self._ended: SimpleQueue[BaseException | None] = SimpleQueue()

    def work(self, groups: Sequence[Group], jobs: int) -> None:
        """Mends all of them; a signal ends what runs, and is raised again."""
        for numbered in enumerate(groups, 1):
            self._waiting.put(numbered)
        threads = [threading.Thread(target=self._run, daemon=True) for _ in range(min(jobs, len(groups)))]
        try:
            for thread in threads:
                thread.start()
            outcomes = [self._ended.get() for _ in threads]
        except BaseException:
            self._stop(threads)
            raise
        for error in filter(None, outcomes):
            raise error

    def _run(self) -> None:
        try:
            with suppress(Empty):
                while not self._stopped.is_set():
                    self._mend(*self._waiting.get_nowait())
        except BaseException as error:  # noqa: BLE001 - it goes to the thread that waits
            self._ended.put(error)
        else:
            self._ended.put(None)

    def _mend(self, number: int, group: Group) -> None:
        import psycopg

        try:
            with self._connected(number) as connection:
                _repair(connection, group, self._repairs, self._patience)
        except (psycopg.Error, ServerError) as error:
            if self._stopped.is_set():
                return
            names = ", ".join(str(table.table) for table in group)
            reason = str(error).strip().partition("\n")[0]
            log.error("%s: not mended to the end: %s", names, reason)
            self._repairs.errors.append(error)

    @contextmanager
    def _connected(self, number: int) -> Iterator[Connection]:
        with ExitStack() as stack:
            connection = stack.enter_context(second_connection(self._connection, f"job-{number}"))
            self._at_work[number] = connection
            stack.callback(self._at_work.pop, number)
            stack.enter_context(joined_deploy_lock(connection))
            stack.enter_context(granted(connection, self._resources))
            yield connection

    def _sleep(self, seconds: float) -> None:
        if self._stopped.wait(seconds):
            raise _StoppedError

    def _stop(self, threads: Sequence[threading.Thread]) -> None:
        """Cancels whatever runs, again and again: between two statements there is nothing to cancel."""
        import psycopg

        self._stopped.set()
        for _ in range(int(_GOODBYE_S / _CANCEL_S)):
            for connection in list(self._at_work.values()):
                with suppress(psycopg.Error):
                    connection.cancel_safe(timeout=_GOODBYE_S)
            for thread in threads:
                thread.join(_CANCEL_S / len(threads))
            if not any(thread.is_alive() for thread in threads):
                return
