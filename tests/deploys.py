"""What the tests of migrations share: Alembic as a user and as a program runs it, and what it left behind."""

import io
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from psycopg import sql

from kc_db.findings import Finding
from kc_db.indexes import rules
from kc_db.indexes.load_catalog import load_catalog
from kc_db.indexes.load_specs import load_specs
from kc_db.indexes.parse import index_from_text
from kc_db.indexes.verify import verify
from kc_db.logs import log
from kc_db.online.converge import DEFAULT_PATIENCE, Patience
from kc_db.online.index_build import ensure
from kc_db.rulebook import load_rules

REPOSITORY = Path(__file__).parent.parent
Connection = psycopg.Connection[Any]
_PATIENCE_S = 30.0
_SNAPSHOT = """
SELECT 'relation', c.oid::regclass::text, c.relkind::text FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace
UNION ALL
SELECT 'column', attrelid::regclass || '.' || attname,
       concat_ws(' ', format_type(atttypid, atttypmod), attnotnull, col_description(attrelid, attnum),
                 (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef
                  WHERE adrelid = attrelid AND adnum = attnum))
FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
WHERE attnum > 0 AND c.relnamespace = 'public'::regnamespace AND c.relkind <> 'i'
UNION ALL
SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT 'index', pg_get_indexdef(indexrelid), concat_ws(' ', indisvalid, indisready, indislive)
FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE c.relnamespace = 'public'::regnamespace
"""


def alembic_config(url: str | None = None) -> Config:
    """The repository's configuration, as a program that calls Alembic has it."""
    config = Config(REPOSITORY / "alembic.ini", output_buffer=io.StringIO())
    if url:
        config.attributes["database_url"] = url
    return config


def upgrade(url: str, revision: str = "head") -> None:
    command.upgrade(alembic_config(url), revision)


def downgrade(url: str, revision: str = "base") -> None:
    command.downgrade(alembic_config(url), revision)


def script(direction: Callable[..., None], revisions: str) -> str:
    """What `alembic upgrade|downgrade <revisions> --sql` prints."""
    config = alembic_config()
    direction(config, revisions, sql=True)
    return str(config.output_buffer.getvalue())  # type: ignore[attr-defined]


@contextmanager
def start(*arguments: str, url: str | None = None, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """The real `alembic`, as its user starts it; gone at the end, whatever happens."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PG") and name not in {"DATABASE_URL", "CORRELATION_ID", "KC_DB_LOG_FORMAT"}
    }
    environment: Mapping[str, str] = {**inherited, **({"DATABASE_URL": url} if url else {}), **variables}
    with subprocess.Popen(
        [sys.executable, "-m", "alembic", "-c", str(REPOSITORY / "alembic.ini"), *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise


def run(*arguments: str, url: str | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """The same, to its end."""
    with start(*arguments, url=url, **variables) as process:
        out, err = process.communicate(timeout=_PATIENCE_S)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def snapshot(connection: Connection) -> set[tuple[str, str, str]]:
    """The whole schema `public`, as far as a migration could change it."""
    return set(connection.execute(_SNAPSHOT.encode()).fetchall())


def revisions(connection: Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT version_num FROM alembic_version")]


def findings(connection: Connection) -> tuple[Finding, ...]:
    """What kc-db verify-indexes would say, with the repository's specs."""
    rulebook = load_rules(rules)
    specs = load_specs(REPOSITORY / "index_specs", [rule.name for rule in rulebook])
    catalog = load_catalog(connection, [spec.definition for spec in specs])
    return tuple(verify(specs, catalog, rulebook))


def ensure_index(connection: Connection, text: str, patience: Patience = DEFAULT_PATIENCE) -> None:
    """What op.ensure_index does once Alembic has called it."""
    ensure(connection, index_from_text(text), patience)


def damage(connection: Connection, index: str, flags: str = "indisvalid") -> None:
    """Leaves an index as a build that was stopped does; needs a superuser."""
    changes = sql.SQL(", ").join(sql.SQL("{} = false").format(sql.Identifier(flag)) for flag in flags.split())
    statement = sql.SQL("UPDATE pg_index SET {} WHERE indexrelid = {}::regclass").format(changes, index)
    assert connection.execute(statement).rowcount == 1


def wait_until(connection: Connection, question: str) -> None:
    """Polls until the question's answer is true; outside of transactions, where statistics stand still."""
    deadline = time.monotonic() + _PATIENCE_S
    while not (row := connection.execute(question.encode()).fetchone()) or not row[0]:
        assert time.monotonic() < deadline, (question, _sessions(connection))
        time.sleep(0.05)


def _sessions(connection: Connection) -> list[tuple[object, ...]]:
    return connection.execute(
        "SELECT application_name, state, wait_event, left(query, 80) FROM pg_stat_activity "
        "WHERE datname = current_database()"
    ).fetchall()


@contextmanager
def listening() -> Iterator[list[str]]:
    """What kc-db remarks while the block runs."""
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield said
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
