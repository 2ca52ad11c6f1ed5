"""The body of a migrations/env.py: where to, as whom, one deploy at a time, clear errors."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic import context
from alembic.config import Config

from kc_db.database import find_target, open_connection, served, translated_errors
from kc_db.errors import KcDbError
from kc_db.logs import configure_logs, correlation_id
from kc_db.online import operations  # noqa: F401 - registers op.ensure_index and the others
from kc_db.online.deploy_lock import deploy_lock

if TYPE_CHECKING:
    from kc_db.database import Connection


def run_migrations(target_metadata: sa.MetaData | None = None) -> None:
    """Runs the migrations that Alembic was asked for, online or as SQL.

    Args:
        target_metadata: the application's tables, if autogenerate is to compare with them.

    Raises:
        KcDbError: there is no database, or it refused, where Alembic is called from Python. From the command
            line it becomes one line on stderr and kc-db's exit code.
    """
    with _errors_end_the_command(context.config):
        run_id = correlation_id()
        configure_logs(os.environ.get("KC_DB_LOG_FORMAT", "text"), run_id)
        options: dict[str, Any] = {"target_metadata": target_metadata, "transaction_per_migration": True}
        if context.is_offline_mode():
            context.configure(dialect_name="postgresql", literal_binds=True, **options)
            with context.begin_transaction():
                context.run_migrations()
        else:
            _run_online(run_id, options)


def _run_online(run_id: str, options: dict[str, Any]) -> None:
    configured = context.config.attributes.get("database_url") or os.environ.get("DATABASE_URL")
    target = find_target(configured)
    with served(target) as conninfo, translated_errors(conninfo, target.label):
        engine = sa.create_engine(
            "postgresql+psycopg://",
            creator=lambda: open_connection(conninfo, "alembic", run_id),
            poolclass=sa.pool.NullPool,
            hide_parameters=True,
        )
        with _driver_errors(), engine.connect() as connection:
            context.configure(connection=connection, **options)
            reads_only = context.get_context().opts.get("dont_mutate", False)
            if reads_only:
                context.run_migrations()
            else:
                with _alone(connection.connection.driver_connection):
                    context.run_migrations()


@contextmanager
def _alone(driver: "Connection | Any") -> Iterator[None]:
    """The deploy lock is taken and given back outside of every transaction."""
    driver.autocommit = True
    with deploy_lock(driver):
        driver.autocommit = False
        try:
            yield
        finally:
            if not driver.closed:
                driver.rollback()
                driver.autocommit = True


@contextmanager
def _driver_errors() -> Iterator[None]:
    """SQLAlchemy wraps psycopg's errors, with the statement and its parameters."""
    import psycopg

    try:
        yield
    except sa.exc.DBAPIError as error:
        if isinstance(error.orig, psycopg.Error):
            raise error.orig from error
        raise


@contextmanager
def _errors_end_the_command(config: Config) -> Iterator[None]:
    called_from_python = config.cmd_opts is None
    try:
        yield
    except KcDbError as error:
        if called_from_python:
            raise
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)
