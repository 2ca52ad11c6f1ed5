"""Memory and workers of a run's builds: the session gets back what it had."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from kc_db.database import Connection
from kc_db.errors import InputError
from kc_db.online.session import set_setting


@dataclass(frozen=True, slots=True)
class Resources:
    """What each build may take, as the server's settings say it; None leaves a setting as it is.

    Attributes:
        maintenance_work_mem: memory of one build, all its workers together, such as `1GB`.
        max_parallel_maintenance_workers: how many backends help it; 0 for none.
    """

    maintenance_work_mem: str | None = None
    max_parallel_maintenance_workers: str | None = None

    @property
    def settings(self) -> Mapping[str, str]:
        """Those that are to be set, by the server's name of it."""
        wanted = {
            "maintenance_work_mem": self.maintenance_work_mem,
            "max_parallel_maintenance_workers": self.max_parallel_maintenance_workers,
        }
        return {name: value for name, value in wanted.items() if value}


def resources_of(environment: Mapping[str, str] = os.environ) -> Resources:
    """KC_DB_MAINTENANCE_WORK_MEM and KC_DB_MAX_PARALLEL_MAINTENANCE_WORKERS."""
    return Resources(
        environment.get("KC_DB_MAINTENANCE_WORK_MEM", "").strip() or None,
        environment.get("KC_DB_MAX_PARALLEL_MAINTENANCE_WORKERS", "").strip() or None,
    )


@contextmanager
def granted(connection: Connection, resources: Resources) -> Iterator[None]:
    """Builds of the block have these resources.

    Args:
        connection: in autocommit mode; may leave it inside, and has to be back at the end.
        resources: what to set for the session.

    Raises:
        InputError: the server refuses a value.
    """
    import psycopg

    before: dict[str, str] = {}
    try:
        for name, value in resources.settings.items():
            row = connection.execute("SELECT pg_catalog.current_setting(%s)", (name,)).fetchone()
            _set(connection, name, value)
            before[name] = row[0] if row else ""
        yield
    finally:
        with suppress(psycopg.OperationalError):  # a lost connection has no next user
            for name, value in before.items():
                set_setting(connection, name, value)


def _set(connection: Connection, name: str, value: str) -> None:
    from psycopg import errors

    try:
        set_setting(connection, name, value)
    except errors.InvalidParameterValue as error:
        parts = (error.diag.message_primary, error.diag.message_hint)
        raise InputError(f"{name}: {'; '.join(filter(None, parts))}") from None
