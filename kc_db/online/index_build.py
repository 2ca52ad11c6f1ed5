"""What the migrations do to one index."""

from collections.abc import Sequence

from kc_db.database import Connection
from kc_db.errors import RefusedError
from kc_db.indexes.load_catalog import load_catalog
from kc_db.indexes.match import Match, TableMatch, match_tables
from kc_db.indexes.model import IndexDef, LiveIndex, Spec, TableName
from kc_db.indexes.repair import Step, drop_step, plan_match, plan_table, waiting
from kc_db.logs import log
from kc_db.online.converge import converge


def ensure(connection: Connection, definition: IndexDef) -> None:
    """A usable index of this definition is there afterwards, under its own name or another one.

    Raises:
        RefusedError: the table is missing or partitioned, the name means another definition, duplicate rows
            stand against it, or whether it is there can't be decided.
    """

    def plan() -> Sequence[Step]:
        table, match = _match(connection, definition)
        _refuse(match)
        running = next(
            (index for index in (table.live.indexes if table.live else ()) if index.building_pid), None
        )
        if running:
            return (waiting(running),)
        return () if match.satisfied_by else plan_match(match)

    if not converge(connection, plan):
        kept = _match(connection, definition)[1].satisfied_by
        log.info(
            "%s is there%s",
            definition.name,
            f", named {kept.name}" if kept and kept.name != definition.name else "",
        )
    if not _match(connection, definition)[1].satisfied_by:
        raise RefusedError(
            f"{definition.table}.{definition.name} was built and is not usable; run this again"
        )


def repair_table(connection: Connection, specs: Sequence[Spec]) -> Sequence[Step]:
    """Takes one table to its specs, as far as statements can.

    Args:
        connection: in autocommit mode, holding the deploy lock.
        specs: all specs of the table.

    Returns:
        The steps that were run.

    Raises:
        RefusedError: duplicate rows stand against a unique index.
    """
    definitions = [spec.definition for spec in specs]

    def plan() -> Sequence[Step]:
        (table,) = match_tables(specs, load_catalog(connection, definitions))
        return plan_table(table)

    return converge(connection, plan)


def drop(connection: Connection, name: str, table: str) -> None:
    """The index is away afterwards, unless it never was there or something stands on it."""
    schema, _, relation = table.rpartition(".")
    anything = IndexDef(TableName(schema or None, relation), name, keys=())

    def plan() -> Sequence[Step]:
        live = load_catalog(connection, [anything]).tables.get(anything.table)
        return tuple(
            step
            for index in (live.indexes if live else ())
            if index.name == name
            for step in _plan_drop(index)
        )

    if not converge(connection, plan):
        log.info("%s is left alone: it isn't there, or not only an index", name)


def _plan_drop(index: LiveIndex) -> tuple[Step, ...]:
    if index.stands_for or index.partitioned:
        return ()
    return (waiting(index),) if index.building_pid else (drop_step(index),)


def _match(connection: Connection, definition: IndexDef) -> tuple[TableMatch, Match]:
    spec = Spec(definition, file="", line=0)
    (table,) = match_tables([spec], load_catalog(connection, [definition]))
    if not table.matches:
        raise RefusedError(
            f"there is no table {definition.table} to build {definition.name} on; is search_path right?"
        )
    return table, table.matches[0]


def _refuse(match: Match) -> None:
    name = f"{match.want.table}.{match.want.name}"
    if match.satisfied_by:
        return
    if match.undecided:
        unsure = "; ".join(f"{d.attribute}: want {d.want}, have {d.have}" for d in match.undecided)
        raise RefusedError(
            f"can't decide whether {name} is there ({unsure}); write it as the server gives it back"
        )
    if match.differences and match.same_name and match.same_name.usable:
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
