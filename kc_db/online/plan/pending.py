"""Which revisions haven't run on a database, by its alembic_version and the folder of revisions."""

from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError

from kc_db.database import Connection
from kc_db.errors import InputError
from kc_db.online.plan.planner import Pending, pending_of
from kc_db.sql import load_sql


def load_pending(connection: Connection, configuration: Path) -> tuple[tuple[str, ...], tuple[Pending, ...]]:
    """Where the database is, and what `alembic upgrade heads` would run, in its order.

    Args:
        connection: in autocommit mode.
        configuration: the project's alembic.ini.

    Raises:
        InputError: there is no such configuration, or it doesn't know where the database is.
    """
    if not configuration.is_file():
        raise InputError(f"there is no {configuration}; --alembic-config says where your alembic.ini is")
    there = connection.execute("SELECT pg_catalog.to_regclass('alembic_version') IS NOT NULL").fetchone()
    rows = connection.execute(load_sql("kc_db.online.plan", "alembic_version")) if there and there[0] else ()
    at = tuple(str(row[0]) for row in rows)
    try:
        script = ScriptDirectory.from_config(Config(str(configuration)))
        newest_first = list(script.iterate_revisions("heads", at or None, implicit_base=True))
        return at, pending_of(reversed(newest_first))
    except (CommandError, RevisionError) as error:
        raise InputError(f"{error}; is {configuration} of this database's project?") from error
