"""Before the first pending revision runs: finds what would stop one, while nothing is changed yet."""

import re
from collections.abc import Sequence

from kc_db.database import Connection
from kc_db.errors import RefusedError
from kc_db.indexes.match import TableMatch
from kc_db.indexes.model import TableName
from kc_db.indexes.repair import plan_table
from kc_db.logs import log
from kc_db.online.plan.model import Planned, PlannedRevision
from kc_db.online.plan.planner import Pending, plan_revisions
from kc_db.online.preflight import (
    Needs,
    is_skipped,
    look,
    look_at_server,
    look_for_company,
    refuse,
    stated_free_bytes,
)

_BY_OWNER = re.compile(r"(CREATE (UNIQUE )?INDEX|ALTER|DROP|COMMENT|REINDEX)\b")
_INDEXES = re.compile(r"CREATE (UNIQUE )?INDEX\b")


def look_before_upgrade(connection: Connection, pending: Sequence[Pending]) -> None:
    """Refuses an upgrade that couldn't come to its end, before it begins.

    Args:
        connection: in autocommit mode, holding the deploy lock.
        pending: the revisions that are to run, in their order.

    Raises:
        RefusedError: something stands against it; all that does is listed.
        InputError: KC_DB_FREE_BYTES isn't a number.
    """
    if not pending or is_skipped():
        return
    free_bytes = stated_free_bytes()
    refuse(look_at_server(connection))
    revisions = plan_revisions(connection, pending)
    for revision in revisions:
        if revision.refused:
            log.info("revision %s would stop, so that none is begun", revision.identifier)
            raise RefusedError(revision.refused)
        if revision.unknown:
            log.info("%s isn't looked at beforehand: %s", revision.identifier, revision.unknown)
    refuse(look(connection, needs_of(revisions), free_bytes))


def look_before_repair(connection: Connection, tables: Sequence[TableMatch]) -> None:
    """Refuses a repair that could change nothing; what stands against one table is found with that table.

    Args:
        connection: in autocommit mode, holding the deploy lock.
        tables: what is to be repaired.

    Raises:
        RefusedError: something stands against changing anything.
    """
    steps = [step for table in tables for step in plan_table(table) if step.statement]
    if not steps or is_skipped():
        return
    refuse(look_at_server(connection))
    builds = tuple(step.made_of for step in steps if step.made_of)
    needs = Needs(frozenset(step.table for step in steps), builds=builds)
    refuse(look_for_company(connection, needs))


def needs_of(revisions: Sequence[PlannedRevision]) -> Needs:
    """What the revisions need, as far as none of them changes what it needs."""
    statements = [one for revision in revisions for one in revision.statements]
    certain = [one for one in statements if one.certain]
    builds = [one for one in certain if one.made_of and any(size.size_bytes for _, size in one.sizes)]
    spaces = [one.space_bytes for one in statements]
    return Needs(
        owned=frozenset(table for one in certain if _BY_OWNER.match(one.sql) for table in _changed(one)),
        indexed=frozenset(table for one in certain if _INDEXES.match(one.sql) for table in _changed(one)),
        makes_tables=any(one.effect.makes and not one.effect.makes.schema for one in certain),
        builds=tuple(one.made_of for one in builds if one.made_of),
        space_bytes=sum(space or 0 for space in spaces),
        sort_bytes=max((one.space_bytes or 0 for one in builds), default=0),
    )


def _changed(planned: Planned) -> list[TableName]:
    """Its own table; a foreign key's other one needs only REFERENCES."""
    there = dict(planned.sizes)
    return [lock.on for lock in (planned.effect.locks or ())[:1] if lock.on in there and not lock.only_index]
