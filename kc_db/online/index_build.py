"""What the migrations do to one index."""

from collections.abc import Sequence

from kc_db.database import Connection
from kc_db.errors import RefusedError
from kc_db.indexes.load_catalog import load_catalog
from kc_db.indexes.match import Match, TableMatch, match_tables
from kc_db.indexes.model import IndexDef, LiveIndex, Spec, TableName
from kc_db.indexes.repair import plan_match, plan_table, plan_unusable
from kc_db.indexes.repair_partitioned import left_over
from kc_db.indexes.steps import Step, drop_step, waiting
from kc_db.logs import log
from kc_db.online.converge import Patience, converge
from kc_db.online.duplicates import Preflight


def ensure(
    connection: Connection,
    definition: IndexDef,
    patience: Patience | None = None,
    *,
    exactly: bool = False,
) -> None:
    """A usable index of this definition is there afterwards, under its own name or another one.

    Args:
        connection: in autocommit mode, holding the deploy lock.
        definition: the index that is wanted.
        patience: how long to wait for locks; None: as the user's environment says.
        exactly: under its own name: an equal one is renamed, one of another definition replaced.

    Raises:
        RefusedError: the table is missing, the name means another definition, duplicate rows stand against
            it, a partitioned table can't have it, or whether it is there can't be decided.
        ServerError: every attempt met a lock.
    """
    builds = False
    preflight = Preflight(connection)

    def plan() -> Sequence[Step]:
        nonlocal builds
        table, match = _match(connection, definition)
        if builds and _built(match) and not match.satisfied_by:
            return ()
        steps = _plan(match, exactly=exactly)
        if complaint := preflight.complaint(definition.name, steps):
            raise RefusedError(complaint)
        builds = any(step.builds for step in steps)
        return _after_others(table, steps)

    done = converge(connection, plan, patience)
    _, match = _match(connection, definition)
    kept = match.satisfied_by or (_built(match) if builds else None)
    if not kept:
        raise RefusedError(
            f"{definition.table}.{definition.name} was built and is not usable; run this again"
        )
    if not match.satisfied_by:
        log.warning("another run won't recognise this index: %s; write it so", _unsure(match))
    elif not done:
        log.info("%s is there%s", definition.name, f", named {kept.name}" * (kept.name != definition.name))


def plan_ensure(
    connection: Connection, definition: IndexDef, *, exactly: bool = False
) -> tuple[LiveIndex | None, Sequence[Step]]:
    """What ensure() would do as things are now: the index that is kept, if one is, and the steps.

    Raises:
        RefusedError: as ensure(), but for duplicate rows, which it doesn't look for.
    """
    table, match = _match(connection, definition)
    return match.satisfied_by, _after_others(table, _plan(match, exactly=exactly))


def _plan(match: Match, *, exactly: bool) -> Sequence[Step]:
    _refuse(match, exactly=exactly)
    return _plan_leftover(match) if match.satisfied_by and not exactly else plan_match(match)


def _built(match: Match) -> LiveIndex | None:
    """What the server made of this run's own statement, where it spells an expression in its own way."""
    made = match.same_name
    return made if made and made.usable and not match.differences else None


def _plan_leftover(match: Match) -> tuple[Step, ...]:
    """Where an equal index is kept under another name, an INVALID one of our own name only costs writes."""
    leftover = match.same_name
    return plan_unusable(match.live, leftover) if leftover and not leftover.usable else ()


def _after_others(table: TableMatch, steps: Sequence[Step]) -> Sequence[Step]:
    """Two builds on one table deadlock: one that runs goes first, an orphaned backend's for example."""
    indexes = table.live.indexes if table.live else ()
    running = next(((index, index.build) for index in indexes if index.build), None)
    return (waiting(*running),) if steps and running else steps


def repair_table(
    connection: Connection,
    specs: Sequence[Spec],
    done: list[Step] | None = None,
    patience: Patience | None = None,
) -> Sequence[Step]:
    """Takes one table to its specs, as far as statements can.

    Args:
        connection: in autocommit mode, holding the deploy lock.
        specs: all specs of the table.
        done: gets each step that was run, also where an error ends it.
        patience: how long to wait for locks; None: as the user's environment says.

    Returns:
        The steps that were run.

    Raises:
        RefusedError: duplicate rows stand against unique indexes, which were left as they are; the table's
            others have been mended, unless their names are mixed up with those.
    """
    definitions = [spec.definition for spec in specs]
    preflight = Preflight(connection)

    def plan() -> Sequence[Step]:
        (table,) = match_tables(specs, load_catalog(connection, definitions))
        refused = preflight.refused(table)
        if refused and table.has_mixed_up_names:
            return ()
        return plan_table(table, without=refused)

    run = converge(connection, plan, patience, done)
    if preflight.complaints:
        raise RefusedError(". ".join(preflight.complaints.values()))
    return run


def drop(
    connection: Connection,
    name: str,
    table: str,
    patience: Patience | None = None,
    *,
    only_invalid: bool = False,
) -> None:
    """The index is away afterwards, unless it never was there, something stands on it, or it is partitioned.

    Args:
        connection: in autocommit mode, holding the deploy lock.
        name: the index's name.
        table: its table, `table` or `schema.table`.
        patience: how long to wait for locks; None: as the user's environment says.
        only_invalid: a usable one is left alone as well.

    Raises:
        ServerError: every attempt met a lock.
    """

    def plan() -> Sequence[Step]:
        return plan_drop(connection, name, table, only_invalid=only_invalid)

    done = converge(connection, plan, patience)
    if left := plan():
        log.warning("%s", left[0].text.removeprefix("-- "))
    elif not done:
        log.info("%s is left alone: it isn't there, or not only an index", name)


def plan_drop(
    connection: Connection, name: str, table: str, *, only_invalid: bool = False
) -> tuple[Step, ...]:
    """What drop() would do as things are now."""
    schema, _, relation = table.rpartition(".")
    anything = IndexDef(TableName(schema or None, relation), name, keys=())
    live = load_catalog(connection, [anything]).tables.get(anything.table)
    return tuple(
        step
        for index in (live.indexes if live else ())
        if index.name == name and not (only_invalid and index.usable)
        for step in _plan_drop(index)
    )


def _plan_drop(index: LiveIndex) -> tuple[Step, ...]:
    if index.stands_for or index.attached_to:
        return ()
    if index.partitioned:
        return (left_over(index),)
    return (waiting(index, index.build),) if index.build else (drop_step(index),)


def _match(connection: Connection, definition: IndexDef) -> tuple[TableMatch, Match]:
    spec = Spec(definition, file="", line=0)
    (table,) = match_tables([spec], load_catalog(connection, [definition]))
    if not table.matches:
        raise RefusedError(
            f"there is no table {definition.table} to build {definition.name} on; is search_path right?"
        )
    return table, table.matches[0]


def _refuse(match: Match, *, exactly: bool) -> None:
    name = f"{match.want.table}.{match.want.name}"
    if match.satisfied_by and not exactly:
        return
    if match.undecided:
        raise RefusedError(
            f"can't decide whether {name} is there ({_unsure(match)}); write it as the server gives it back"
        )
    if not exactly and match.differences and match.same_name and match.same_name.usable:
        differing = "; ".join(f"{d.attribute}: want {d.want}, have {d.have}" for d in match.differences)
        raise RefusedError(
            f"{name} exists with another definition ({differing}); "
            "rename it, or let kc-db repair-indexes --apply replace it"
        )
    advice = next(
        (step for step in plan_match(match) if step.statement is None and not step.waits_for_pid), None
    )
    if advice:
        raise RefusedError(f"{name} can't be built: {advice.text.removeprefix('-- ')}")


def _unsure(match: Match) -> str:
    return "; ".join(f"{d.attribute}: want {d.want}, have {d.have}" for d in match.undecided)
