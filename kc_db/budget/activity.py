"""What --live saw of a server beside its limits: who is connected, and what roles and databases may hold."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

UNLIMITED = -1


@dataclass(frozen=True, slots=True)
class Sessions:
    """The client backends of one role, under one application_name, in one database.

    Walsenders, autovacuum and parallel workers are none: they take no slot of max_connections.

    Attributes:
        role: who logged in (SET ROLE doesn't change it).
        application_name: as the client set it; empty if it didn't.
        database: where they are connected.
        count: sessions that are certainly client backends.
        hidden: sessions of which kc-db's role may not see what they are: a parallel worker looks the same.
        is_privileged: they may use reserved slots: superusers, members of pg_use_reserved_connections.
    """

    role: str
    application_name: str
    database: str
    count: int
    hidden: int = 0
    is_privileged: bool = False


class RoleState(NamedTuple):
    """A role as the server has it.

    Attributes:
        name: its name.
        connection_limit: pg_roles.rolconnlimit; UNLIMITED for none. It doesn't hold for a superuser.
        is_superuser: pg_roles.rolsuper.
        can_login: pg_roles.rolcanlogin.
    """

    name: str
    connection_limit: int = UNLIMITED
    is_superuser: bool = False
    can_login: bool = True


class DatabaseLimit(NamedTuple):
    """A database that doesn't let everybody in.

    Attributes:
        name: its name.
        quoted: its name as SQL writes it.
        connection_limit: pg_database.datconnlimit, 0 or more.
        is_current: kc-db is connected to it.
    """

    name: str
    quoted: str
    connection_limit: int
    is_current: bool = False


class PendingSetting(NamedTuple):
    """A setting that was changed in the configuration and waits for a restart.

    Attributes:
        name: its name.
        running: the value that counts until then.
        configured: the value that will count; None if kc-db's role may not read it.
    """

    name: str
    running: str
    configured: str | None = None


@dataclass(frozen=True)
class Activity:
    """What a server looked like at one moment; kc-db's own session is left out.

    Attributes:
        at: that moment, in UTC, ISO 8601.
        sessions: its client backends.
        roles: its roles, PostgreSQL's own ones left out.
        databases: databases with a connection limit.
        pending: settings that wait for a restart.
    """

    at: str = ""
    sessions: tuple[Sessions, ...] = ()
    roles: tuple[RoleState, ...] = ()
    databases: tuple[DatabaseLimit, ...] = ()
    pending: tuple[PendingSetting, ...] = ()

    @cached_property
    def role_states(self) -> dict[str, RoleState]:
        """The roles by name."""
        return {role.name: role for role in self.roles}

    def of_role(self, name: str) -> Iterator[Sessions]:
        """The sessions of a role."""
        return (sessions for sessions in self.sessions if sessions.role == name)

    def of_application(self, name: str) -> Iterator[Sessions]:
        """The sessions under an application_name, whichever role they have."""
        return (sessions for sessions in self.sessions if sessions.application_name == name)


def certain(sessions: Iterable[Sessions]) -> int:
    """How many client backends these are at least."""
    return sum(one.count for one in sessions)


def possible(sessions: Iterable[Sessions]) -> int:
    """How many client backends these are at most."""
    return sum(one.count + one.hidden for one in sessions)
