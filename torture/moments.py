"""When a deploy is hurt. Most moments are held open by somebody who stands in the deploy's way."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import LiteralString

from kc_db.online.deploy_lock import deploy_lock
from torture.scene import Scene
from torture.states import STATES, State

_OURS: LiteralString = "datname = current_database() AND application_name LIKE 'kc-db/alembic%'"
_WRITE: tuple[LiteralString, ...] = (
    "BEGIN",
    "LOCK TABLE payments, purchases, allocations, sessions IN ROW EXCLUSIVE MODE",
)
_DROPPING: LiteralString = (
    "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() "
    "AND query LIKE 'DROP INDEX CONCURRENTLY%' AND state = 'active' AND wait_event_type = 'Lock')"
)
_DEAD: LiteralString = f"{_DROPPING} AND EXISTS (SELECT FROM pg_index WHERE NOT indislive)"
_STAMPING: LiteralString = (
    "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = to_regclass('alembic_version') "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
)
_AWAITING_TURN: LiteralString = (
    f"SELECT EXISTS (SELECT FROM pg_stat_activity WHERE {_OURS} AND query LIKE '%pg_try_advisory_lock%')"
)
_CONNECTED: LiteralString = f"SELECT EXISTS (SELECT FROM pg_stat_activity WHERE {_OURS})"
_BEFORE_IT_CONNECTS = 0.1
_START_S = 0.8


def _phase(name: LiteralString) -> LiteralString:
    return (
        "SELECT EXISTS (SELECT FROM pg_stat_progress_create_index "
        "WHERE datname = current_database() AND phase = '" + name + "')"
    )


_BEFORE_BUILD, _BEFORE_VALIDATION, _SNAPSHOTS = (
    _phase("waiting for writers before build"),
    _phase("waiting for writers before validation"),
    _phase("waiting for old snapshots"),
)
_QUICK_PHASES: tuple[LiteralString, ...] = (
    "building index: scanning table",
    "building index: sorting live tuples",
    "building index: loading tuples in tree",
    "index validation: scanning index",
    "index validation: sorting tuples",
    "index validation: scanning table",
)


def _nothing(_: Scene) -> None:
    return


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment of a deploy.

    Attributes:
        name: what the report calls it.
        reach: returns when the deploy is there.
        prepare: what is done before the deploy starts.
        possible: whether a deploy that begins in a state comes there.
    """

    name: str
    reach: Callable[[Scene], None]
    prepare: Callable[[Scene], object] = _nothing
    possible: Callable[[State], bool] = lambda _: True

    @property
    def is_certain(self) -> bool:
        """Whether a deploy that never comes there is wrong, not only quick."""
        return self.prepare is not _nothing

    @property
    def states(self) -> tuple[State, ...]:
        """The states in which a deploy that comes there may begin."""
        return tuple(state for state in STATES if self.possible(state))


def _hold_writers(scene: Scene) -> None:
    scene.hold(*_WRITE)


def _reach(question: LiteralString, scene: Scene) -> None:
    scene.wait_for(question)


def _reach_second(first: LiteralString, second: LiteralString, scene: Scene) -> None:
    """CONCURRENTLY waits twice, each time for those who were there when the wait began."""
    scene.wait_for(first)
    there = scene.hold(*_WRITE)
    scene.release_others(there)
    scene.wait_for(second)


def _reach_anything(scene: Scene) -> None:
    if scene.random.random() < _BEFORE_IT_CONNECTS:
        scene.sleep(scene.random.uniform(0, _START_S))
        return
    scene.wait_for(_CONNECTED)
    scene.sleep(scene.random.uniform(0, scene.duration_s))


def _hold_deploy_lock(scene: Scene) -> None:
    holder = scene.hold()
    deploy_lock(holder).__enter__()  # it is free again when the session has ended


RANDOM = Moment("random", _reach_anything)
MOMENTS = (
    *[RANDOM] * 4,
    Moment(
        "waiting for the deploy lock",
        partial(_reach, _AWAITING_TURN),
        _hold_deploy_lock,
    ),
    Moment(
        "dropping a leftover: still known",
        partial(_reach, _DROPPING),
        _hold_writers,
        lambda state: state.leftover,
    ),
    Moment(
        "dropping a leftover: dead",
        partial(_reach_second, _DROPPING, _DEAD),
        _hold_writers,
        lambda state: state.leftover and "half dropped" not in state.name,
    ),
    Moment(
        "waiting for writers before build",
        partial(_reach, _BEFORE_BUILD),
        _hold_writers,
        lambda state: state.has_tables and not state.leftover,
    ),
    *(
        Moment(phase, partial(_reach, _phase(phase)), possible=lambda s: s.has_tables)
        for phase in _QUICK_PHASES
    ),
    Moment(
        "waiting for writers before validation",
        partial(_reach_second, _BEFORE_BUILD, _BEFORE_VALIDATION),
        _hold_writers,
        lambda state: state.has_tables and not state.leftover,
    ),
    Moment(
        "waiting for old snapshots",
        partial(_reach, _SNAPSHOTS),
        lambda scene: scene.hold("BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT 1"),
    ),
    Moment(
        "between build and stamp",
        partial(_reach, _STAMPING),
        lambda scene: scene.hold("BEGIN", "LOCK TABLE alembic_version IN SHARE ROW EXCLUSIVE MODE"),
        lambda state: state.has_revision,
    ),
)
