"""Looks at one database, or at many of them at the same time: specs in, findings out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from threading import Thread

from kc_db.database import Connection, Target
from kc_db.errors import KcDbError
from kc_db.findings import Finding, Problem, Severity
from kc_db.indexes.load_catalog import load_catalog
from kc_db.indexes.load_facts import Standby, with_facts
from kc_db.indexes.lock_file import Lock
from kc_db.indexes.model import Spec
from kc_db.indexes.scope import Scope, expand, matching_schemas
from kc_db.indexes.unverified import UNVERIFIED
from kc_db.indexes.verify import verify
from kc_db.rulebook import Rule
from kc_db.sql import load_sql


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look for, in whichever database.

    Attributes:
        specs: as they are written.
        rulebook: the verifier's rules.
        schemas: patterns of those in which specs that name none are looked for; none: the search_path.
        lock: canonical forms that were recorded, for where the server can't be asked for them.
        standbys: asked for their scans of indexes that the server itself never scans.
    """

    specs: Sequence[Spec]
    rulebook: Sequence[Rule]
    schemas: Sequence[str] = ()
    lock: Lock | None = None
    standbys: Sequence[Standby] = ()


@dataclass(frozen=True, slots=True)
class Inspection:
    """What came out of looking at one database.

    Attributes:
        target: its label.
        findings: the worst first.
        specs: how many specs there are, as they are written.
        tables: how many tables were looked at.
        schemas: those that the patterns mean there; empty where the search_path counts.
        error: why it could not be looked at, if it couldn't.
        accepted: how many findings a baseline took out of the report.
    """

    target: str
    findings: tuple[Finding, ...] = ()
    specs: int = 0
    tables: int = 0
    schemas: tuple[str, ...] = ()
    error: KcDbError | None = None
    accepted: int = 0


def find_scope(connection: Connection, specs: Sequence[Spec], patterns: Sequence[str]) -> Scope:
    """Where the specs are looked for on this server.

    Raises:
        NothingToCheckError: a pattern means no schema.
        InputError: the patterns don't go with the specs.
    """
    if not patterns:
        return Scope(tuple(specs), len(specs))
    rows = connection.execute(load_sql("kc_db.indexes", "schemas")).fetchall()
    return expand(specs, matching_schemas(patterns, [name for (name,) in rows]))


def inspect(connection: Connection, label: str, wanted: Wanted) -> Inspection:
    """How the database of a connection stands to the specs.

    Args:
        connection: in autocommit mode.
        label: how to name the database.
        wanted: what to look for.

    Raises:
        KcDbError: it could not be looked at.
    """
    scope = find_scope(connection, wanted.specs, wanted.schemas)
    catalog = load_catalog(connection, [spec.definition for spec in scope.specs], wanted.lock)
    catalog = with_facts(connection, catalog, wanted.standbys)
    return found(label, scope, verify(scope.specs, catalog, wanted.rulebook))


def found(label: str, scope: Scope, findings: Sequence[Finding]) -> Inspection:
    """What was found in a scope."""
    return Inspection(label, tuple(findings), scope.written, scope.tables, scope.schemas)


def inspect_targets(
    targets: Sequence[Target],
    look: Callable[[Target], Inspection],
    *,
    connections: int,
    done: Callable[[Inspection], None],
) -> list[Inspection]:
    """Every target's inspection, in their order; one that fails doesn't keep the others from theirs.

    Args:
        targets: the databases.
        look: opens a connection to one and inspects it.
        connections: how many are looked at at the same time, at most.
        done: gets each inspection as it ends, in the caller's thread.

    Raises:
        Exception: anything but a KcDbError that looking raised.
    """
    waiting: SimpleQueue[int] = SimpleQueue()
    ended: SimpleQueue[tuple[int, Inspection | BaseException]] = SimpleQueue()
    for position in range(len(targets)):
        waiting.put(position)

    def work() -> None:
        while True:
            try:
                position = waiting.get_nowait()
            except Empty:
                return
            ended.put((position, _inspection(targets[position], look)))

    for _ in range(min(connections, len(targets))):
        Thread(target=work, daemon=True).start()  # a signal ends the command, whatever a server is doing
    inspections: dict[int, Inspection] = {}
    for _ in targets:
        position, outcome = ended.get()
        if isinstance(outcome, BaseException):
            raise outcome
        inspections[position] = outcome
        done(outcome)
    return [inspections[position] for position in range(len(targets))]


def _inspection(target: Target, look: Callable[[Target], Inspection]) -> Inspection | BaseException:
    try:
        inspection = look(target)
    except KcDbError as error:
        finding = Finding(UNVERIFIED, Severity.UNDETERMINED, Problem(target.label, str(error)), target.label)
        return Inspection(target.label, (finding,), error=error)
    except BaseException as error:  # noqa: BLE001 - it goes to the thread that asked
        return error
    stamped = tuple(replace(finding, target=target.label) for finding in inspection.findings)
    return replace(inspection, findings=stamped)
