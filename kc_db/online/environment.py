"""The body of a migrations/env.py: where to, as whom, one deploy at a time, clear errors."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic import context
from alembic.runtime.migration import RevisionStep

from kc_db.database import find_target, open_connection, served, translated_errors
from kc_db.logs import configure_logs, correlation_id, log
from kc_db.online import operations  # noqa: F401 - registers op.ensure_index and the others
from kc_db.online.command_line import ends_the_command
from kc_db.online.deploy_lock import deploy_lock
from kc_db.online.patience import patience_of
from kc_db.online.plan.before import look_before_upgrade
from kc_db.online.plan.planner import Pending, pending_of
from kc_db.online.pooler import refuse_transaction_pooling
from kc_db.online.resources import granted, resources_of
from kc_db.online.session import patient_session

if TYPE_CHECKING:
    import psycopg

    from kc_db.database import Connection


def run_migrations(target_metadata: sa.MetaData | None = None) -> None:
    """Runs the migrations that Alembic was asked for, online or as SQL.

    Args:
        target_metadata: the application's tables, if autogenerate is to compare with them.

    Raises:
        KcDbError: there is no database, or it refused, where Alembic is called from Python. From the command
            line it becomes one line on stderr and kc-db's exit code.
    """
    arguments = context.config.cmd_opts
    if arguments is None:  # a program that calls Alembic has its own logging, and handles errors and signals
        _run(correlation_id(), target_metadata)
        return
    with ends_the_command(arguments):
        run_id = correlation_id()
        configure_logs(os.environ.get("KC_DB_LOG_FORMAT") or "text", run_id)
        _run(run_id, target_metadata)


def _run(run_id: str, target_metadata: sa.MetaData | None) -> None:
    options: dict[str, Any] = {"target_metadata": target_metadata, "transaction_per_migration": True}
    if context.is_offline_mode():
        context.configure(dialect_name="postgresql", literal_binds=True, **options)
        with context.begin_transaction():
            context.run_migrations()
    else:
        _run_online(run_id, options)


def _run_online(run_id: str, options: dict[str, Any]) -> None:
    patience_of()  # a variable that makes no sense stops the deploy before its first revision
    configured = context.config.attributes.get("database_url") or os.environ.get("DATABASE_URL")
    target = find_target(configured)
    with served(target) as conninfo, translated_errors(conninfo, target.label):
        engine = sa.create_engine(
            "postgresql+psycopg://",
            creator=lambda: open_connection(conninfo, "alembic", run_id),
            poolclass=sa.pool.NullPool,
            pool_reset_on_return=None,  # it is closed, and a lost one would be complained about
            hide_parameters=True,
        )
        with _driver_errors(), engine.connect() as connection:
            context.configure(connection=connection, **options)
            if _moves():
                driver: Any = connection.connection.driver_connection
                log.info("%s, %s", target.label, _server(driver))
                with _alone(driver), _outcome(target.label):
                    context.run_migrations()
            else:
                context.run_migrations()


def _moves() -> bool:
    """Whether the command has a destination, as upgrade, downgrade and stamp have, or only looks."""
    try:
        context.get_revision_argument()
    except KeyError:
        return False
    return True


def _pending() -> Sequence[Pending]:
    """The revisions that an upgrade is to run; none of a downgrade or a stamp."""
    migration = context.get_context()
    if migration.opts.get("dont_mutate"):
        return ()
    steps = migration.opts["fn"](migration.get_current_heads(), migration)
    return pending_of(step.revision for step in steps if isinstance(step, RevisionStep) and step.is_upgrade)


def _server(driver: "Connection") -> str:
    version = driver.info.parameter_status("server_version") or "of unknown version"
    return f"PostgreSQL {version.partition(' ')[0]}, as role {driver.info.user}"


@contextmanager
def _outcome(label: str) -> Iterator[None]:
    """Says in the end where the database stands."""
    before = context.get_context().get_current_heads()
    yield
    after = context.get_context().get_current_heads()
    unchanged = "nothing to do: " if set(after) == set(before) else ""
    log.info("%s%s is at %s", unchanged, label, _revisions(after))


def _revisions(heads: Sequence[str]) -> str:
    newest = set(context.script.get_heads())
    named = (f"{head} (head)" if head in newest else head for head in heads)
    return ", ".join(named) or "no revision (base)"


@contextmanager
def _alone(driver: "Connection | Any") -> Iterator[None]:
    """The deploy lock is taken and given back outside of every transaction."""
    driver.autocommit = True
    refuse_transaction_pooling(driver)
    with patient_session(driver), granted(driver, resources_of()), deploy_lock(driver):
        look_before_upgrade(driver, _pending())
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
    except (sa.exc.DBAPIError, psycopg.Error) as error:
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
        if not isinstance(cause, psycopg.Error):
            raise
        raise _cause(cause) from error


def _cause(error: "psycopg.Error") -> "psycopg.Error":
    """Where cleaning up found only that the connection is lost: the server's word on why."""
    import psycopg

    earlier: BaseException | None = error
    while earlier:
        if isinstance(earlier, psycopg.Error) and earlier.sqlstate:
            return earlier
        earlier = earlier.__context__
    return error
