"""What the migrations do to constraints: state, one statement, state again; locks are held for a moment."""

from collections.abc import Callable, Iterator, Sequence

from kc_db.database import Connection
from kc_db.errors import RefusedError
from kc_db.indexes.load_catalog import load_catalog
from kc_db.indexes.match import Match, match_tables
from kc_db.indexes.model import IndexDef, LiveIndex, Spec, TableName
from kc_db.indexes.repair import as_written, plan_unusable
from kc_db.indexes.statements import create_index
from kc_db.indexes.steps import Step, drop_step, run, waiting
from kc_db.logs import log
from kc_db.online import constraint as statements
from kc_db.online import not_null
from kc_db.online.constraint import Constraint
from kc_db.online.constraint_state import LiveConstraint, State, Wanted, load_state, server_words
from kc_db.online.converge import converge
from kc_db.online.duplicates import Preflight
from kc_db.online.patience import Patience
from kc_db.online.violations import complaint, violation_of

_FOREIGN_KEYS_MAY_BE_NOT_VALID = 180_000  # on a partitioned table


def ensure(connection: Connection, constraint: Constraint, patience: Patience | None = None) -> None:
    """A validated constraint of this definition is there afterwards, under its own name or another one.

    Args:
        connection: in autocommit mode, holding the deploy lock.
        constraint: what is wanted.
        patience: how long to wait for locks.

    Raises:
        RefusedError: rows stand against it, its name means something else, or the table can't have it online.
        ServerError: every attempt met a lock.
        psycopg.Error: the server can't make it.
    """
    state = load_state(connection, constraint.table)
    wanted = server_words(connection, constraint)
    kept = _kept(state, constraint, wanted)
    if kept and kept.validated:
        log.info("%s is there%s", constraint, f", named {kept.name}" * (kept.name != constraint.name))
    elif constraint.kind in "up":
        _on_index(connection, constraint, state, wanted, patience)
    else:
        _validated(connection, constraint, state, wanted, patience)


def drop(connection: Connection, name: str, table: TableName, patience: Patience | None = None) -> None:
    """The constraint is away afterwards, with the index that it stands on.

    Args:
        connection: in autocommit mode, holding the deploy lock.
        name: the constraint's.
        table: its table.
        patience: how long to wait for locks.

    Raises:
        RefusedError: a foreign key stands on it.
        ServerError: every attempt met a lock.
    """
    from psycopg import errors

    try:
        if not converge(connection, lambda: plan_drop(load_state(connection, table), name, table), patience):
            log.info("%s.%s isn't there", table, name)
    except errors.DependentObjectsStillExist as error:
        raise RefusedError(f"{table}.{name} is not dropped: {error.diag.message_detail}") from error


def plan_drop(state: State, name: str, table: TableName) -> Sequence[Step]:
    """What drop() would do in this state."""
    return (run(table, statements.drop(table, name)),) if state.named(name) else ()


def plan_ensure(
    connection: Connection, constraint: Constraint
) -> tuple[LiveConstraint | None, Sequence[Step]]:
    """What ensure() would do as things are now: the constraint that is kept, if one is, and the steps.

    Raises:
        RefusedError: as ensure(), but for rows that stand against it, which it doesn't look for.
        psycopg.Error: the server can't make it, or the role may not ask how it would.
    """
    state = load_state(connection, constraint.table)
    wanted = server_words(connection, constraint)
    kept = _kept(state, constraint, wanted)
    if kept and kept.validated:
        return kept, ()
    if constraint.kind not in "up":
        _refuse_not_valid(constraint, state)
        return kept, _plan_validated(kept, constraint)
    _refuse_index(constraint, state)
    return kept, (*_plan_columns(constraint, state), *_plan_index(_match(connection, constraint), constraint))


def plan_new(constraint: Constraint, state: State) -> Sequence[Step]:
    """What ensure() would do if none like it is there; the server isn't asked: it can't know the columns.

    Args:
        constraint: what is wanted.
        state: its table's, with the columns that will be there.

    Raises:
        RefusedError: its name means something else, or the table can't have it online.
    """
    if state.named(constraint.name):
        raise RefusedError(f"{constraint} exists with another definition; rename or drop it")
    if constraint.index is None:
        _refuse_not_valid(constraint, state)
        return _plan_validated(None, constraint)
    _refuse_index(constraint, state)
    return (*_plan_columns(constraint, state), *_build(constraint, constraint.index))


def _kept(state: State, constraint: Constraint, wanted: Wanted) -> LiveConstraint | None:
    """The one of our name, if it is what is wanted; else an equal one, validated ones first."""
    own = state.named(constraint.name)
    if own and own.text not in wanted.texts:
        raise RefusedError(
            f"{constraint} exists with another definition (want {wanted.texts[0]}, have {own.text}); "
            "rename or drop it"
        )
    equal = [one for one in state.constraints if one.text in wanted.texts]
    return own or next(iter(sorted(equal, key=lambda one: not one.validated)), None)


def _validated(
    connection: Connection, constraint: Constraint, state: State, wanted: Wanted, patience: Patience | None
) -> None:
    """NOT VALID first, which reads no row, then VALIDATE, behind which nobody queues."""
    from psycopg import errors

    table = constraint.table
    _refuse_not_valid(constraint, state)
    violates = violation_of(constraint, wanted)
    if found := complaint(
        connection, table, state, wanted.columns, violates, f"constraint {constraint.name}"
    ):
        raise RefusedError(found)

    def plan() -> Sequence[Step]:
        return _plan_validated(_kept(load_state(connection, table), constraint, wanted), constraint)

    done: list[Step] = []
    try:
        converge(connection, plan, patience, done)
    except (errors.CheckViolation, errors.ForeignKeyViolation) as error:
        left = "it stays NOT VALID"
        if done:  # our own: it would reject updates of rows that were fine before
            drop(connection, constraint.name, table, patience)
            left = "nothing is left of it"
        said = error.diag.message_detail or error.diag.message_primary
        raise RefusedError(
            f"{table} has rows against constraint {constraint.name}; {left}. {said} "
            "Mend the rows, then run this again"
        ) from error


def _refuse_not_valid(constraint: Constraint, state: State) -> None:
    if constraint.references and state.kind == "p" and state.version < _FOREIGN_KEYS_MAY_BE_NOT_VALID:
        raise RefusedError(
            f"{constraint} can't be added online: before PostgreSQL 18 a partitioned table takes no foreign "
            "key that is NOT VALID; add it to each partition instead"
        )


def _plan_validated(kept: LiveConstraint | None, constraint: Constraint) -> Sequence[Step]:
    table = constraint.table
    if kept:
        return () if kept.validated else (run(table, statements.validate(table, kept.name)),)
    return (
        run(table, statements.add(constraint, not_valid=True)),
        run(table, statements.validate(table, constraint.name)),
    )


def _on_index(
    connection: Connection, constraint: Constraint, state: State, wanted: Wanted, patience: Patience | None
) -> None:
    """A unique index is built CONCURRENTLY, or found; then the constraint takes it over."""
    _refuse_index(constraint, state)
    preflight = Preflight(connection)
    first = _plan_index(_match(connection, constraint), constraint)[:1]
    if found := preflight.complaint(constraint.name, first):  # before a column becomes NOT NULL for nothing
        raise RefusedError(found)
    if constraint.kind == "p":
        for column in constraint.columns:  # else ADD PRIMARY KEY would look through the table, locked
            not_null.ensure_not_null(connection, column, constraint.table, patience)

    def plan() -> Sequence[Step]:
        if _kept(load_state(connection, constraint.table), constraint, wanted):
            return ()
        steps = _plan_index(_match(connection, constraint), constraint)
        if found := preflight.complaint(constraint.name, steps[:1]):  # a leftover goes in any case
            raise RefusedError(found)
        return steps

    converge(connection, plan, patience)


def _refuse_index(constraint: Constraint, state: State) -> None:
    if state.kind == "p":
        raise RefusedError(
            f"{constraint} can't be added online: a partitioned table's constraint can't be made of an "
            "index; op.ensure_index makes a unique index on it"
        )
    if constraint.kind == "p" and state.primary_key:
        raise RefusedError(
            f"{constraint} can't be added: ({', '.join(state.primary_key)}) is the primary key of "
            f"{constraint.table}"
        )


def _plan_columns(constraint: Constraint, state: State) -> Iterator[Step]:
    for column in constraint.columns if constraint.kind == "p" else ():
        yield from not_null.plan_ensure(state, column, constraint.table)


def _plan_index(match: Match, constraint: Constraint) -> Sequence[Step]:
    building = next(((index, index.build) for index in match.live.indexes if index.build), None)
    if building:  # two builds on one table deadlock
        return (waiting(*building),)
    own = match.same_name
    made_of = next(filter(_is_free(match), sorted(match.live.indexes, key=lambda one: one != own)), None)
    if own and own != made_of:
        if own.usable or own.stands_for:
            raise RefusedError(
                f"{constraint} can't be added: an index of this name is there, and is another one; rename it"
            )
        goes = plan_unusable(match.live, own)
        is_gone = goes == (drop_step(own),)
        return (*goes, *_build(constraint, as_written(match))) if is_gone else goes
    if match.name_taken_by:
        raise RefusedError(f"{constraint} can't be added: the name is taken by {match.name_taken_by}")
    if made_of:
        return (run(constraint.table, statements.add_using_index(constraint, made_of.name)),)
    return _build(constraint, as_written(match))


def _build(constraint: Constraint, index: IndexDef) -> Sequence[Step]:
    """Builds an index of the constraint's name, of which the constraint is made."""
    table = constraint.table
    return (
        run(table, create_index(index), builds=constraint.name, made_of=index),
        run(table, statements.add_using_index(constraint, constraint.name)),
    )


def _is_free(match: Match) -> Callable[[LiveIndex], bool]:
    def is_free(index: LiveIndex) -> bool:
        is_plain = index.usable and index.immediate and not index.constraint and not index.attached_to
        return is_plain and index.definition.shape == match.want.shape

    return is_free


def _match(connection: Connection, constraint: Constraint) -> Match:
    if constraint.index is None:
        raise ValueError(constraint)
    spec = Spec(constraint.index, file="", line=0)
    (table,) = match_tables([spec], load_catalog(connection, [spec.definition]))
    (match,) = table.matches
    return match
