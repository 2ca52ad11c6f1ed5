"""Role limits as SQL: what to paste, and how it is run."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from psycopg import errors, sql

from kc_db.budget.activity import certain
from kc_db.budget.enforce.limits import Enforcement, RoleLimit
from kc_db.errors import RefusedError, ServerError

if TYPE_CHECKING:
    from kc_db.budget.activity import Activity, RoleState
    from kc_db.database import Connection

# ALTER ROLE waits for one thing: another session that has altered the same role and hasn't committed. Nobody
# waits for ALTER ROLE, and no login does: it takes ROW EXCLUSIVE on pg_authid and locks the role's row.
LOCK_TIMEOUT = "3s"


def statement(limit: RoleLimit) -> str:
    """The statement that sets one limit."""
    return _alter(limit).as_string(None)


def script(found: Enforcement, limits: Sequence[RoleLimit]) -> Iterator[str]:
    """What --apply would run, with the arithmetic of each limit as a comment above it."""
    yield "\n".join(_heading(found))
    yield "BEGIN;"
    yield f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}';"
    for limit in limits:
        yield f"-- {limit.made_of}\n{statement(limit)};"
    yield "COMMIT;"


def apply(connection: "Connection", limits: Iterable[RoleLimit]) -> None:
    """Sets the limits, all or none.

    Args:
        connection: in autocommit mode, to the primary.
        limits: what to set.

    Raises:
        RefusedError: somebody else alters one of the roles at the same time, or this is a standby.
        ServerError: kc-db's role may not do that.
        psycopg.Error: anything else; database.connect turns it into a ServerError.
    """
    try:
        with connection.transaction():
            connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(LOCK_TIMEOUT)))
            for limit in limits:
                connection.execute(_alter(limit))
    except (
        errors.LockNotAvailable,
        errors.InternalError_,
    ) as error:  # the latter: tuple concurrently updated
        raise RefusedError(
            f"another session alters one of these roles ({_said(error)}); nothing was changed, run it again"
        ) from error
    except errors.ReadOnlySqlTransaction as error:
        raise RefusedError("that server is a standby: connect to its primary; nothing was changed") from error
    except errors.InsufficientPrivilege as error:
        raise ServerError(f"{_said(error)}; nothing was changed. {_RIGHTS}") from error


_RIGHTS = (
    "Connect as a superuser (on RDS: the master user), or as a role with CREATEROLE and, from PostgreSQL 16 "
    "on, the ADMIN option on each of these roles"
)


def to_set(found: Enforcement) -> list[RoleLimit]:
    """The limits that the server doesn't have yet; all of them, if it wasn't looked at.

    Raises:
        RefusedError: a role is missing, or no limit holds for it; all such roles are told.
    """
    if found.primary.activity is None:
        return list(found.limits)
    states = found.primary.activity.role_states
    _check_roles(found, states)
    return [limit for limit in found.limits if states[limit.role].connection_limit != limit.limit]


def refuse_crowded(limits: Iterable[RoleLimit], activity: "Activity") -> None:
    """Refuses limits that would turn a service away at once: the budget is wrong about it.

    Raises:
        RefusedError: a role holds more sessions than its limit; all such roles are told.
    """
    open_now = {limit: certain(activity.of_role(limit.role)) for limit in limits}
    crowded = [
        f"{one.role} {count} (limit {one.limit})" for one, count in open_now.items() if count > one.limit
    ]
    if crowded:
        raise RefusedError(
            f"these roles have more sessions open than their limits: {', '.join(crowded)}; new ones would be "
            "refused at once, so nothing was changed. Mend the service or the budget "
            "(kc-db check-pool-budget --live), or paste what is printed without --apply"
        )


def _check_roles(found: Enforcement, states: "dict[str, RoleState]") -> None:
    """Refuses what can't end well, before anything is changed.

    Raises:
        RefusedError: a role is missing, or no limit holds for it; all such roles are told.
    """
    wanted = [limit.role for limit in found.limits]
    if missing := [role for role in wanted if role not in states]:
        raise RefusedError(
            f"no such role on the server: {', '.join(missing)}; nothing was changed. Create it, or mend "
            "`role` in the budget file"
        )
    if exempt := [role for role in wanted if states[role].is_superuser]:
        raise RefusedError(
            f"a CONNECTION LIMIT doesn't hold a superuser: {', '.join(exempt)}; nothing was changed. "
            "Let the service log in as an ordinary role, and say that in the budget file"
        )


def _alter(limit: RoleLimit) -> sql.Composed:
    return sql.SQL("ALTER ROLE {} CONNECTION LIMIT {}").format(
        sql.Identifier(limit.role), sql.Literal(limit.limit)
    )


def _heading(found: Enforcement) -> Iterator[str]:
    for share in found.shares:
        usable = share.server.usable_connections
        kept = usable - share.capacity
        beside = f" ({usable} usable, {kept} kept for fixed sessions and migrations)" if kept else ""
        yield f"-- {share.server.name}: {share.limits} of {share.capacity} connections{beside}"


def _said(error: errors.Error) -> str:
    return " ".join((error.diag.message_primary or str(error)).split())
