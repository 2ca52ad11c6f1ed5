"""The same two indexes as Alembic projects: built by op.ensure_index, and by a plain op.create_index."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg

OURS, PLAIN = "op.ensure_index", "op.create_index"
_INDEXES = {  # as index_specs/payments.sql has them
    "payments_provider_payment_id_key": ("provider_payment_id",),
    "payments_student_id_status_created_at_idx": ("student_id", "status", "created_at"),
}
_UNIQUE = "payments_provider_payment_id_key"
_ENVIRONMENTS = {
    OURS: "from kc_db.online.environment import run_migrations\n\nrun_migrations()\n",
    PLAIN: """
import os
import sqlalchemy as sa
from alembic import context

url = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://")
with sa.create_engine(url).connect() as connection:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
""",
}


def write_revisions(folder: Path, way: str) -> Path:
    """An Alembic project that builds the indexes in one of the ways; gives the folder back."""
    (folder / "versions").mkdir(parents=True)
    (folder / "alembic.ini").write_text(f"[alembic]\nscript_location = {folder}\n")
    (folder / "env.py").write_text(_ENVIRONMENTS[way])
    before = None
    for index, columns in _INDEXES.items():
        unique = index == _UNIQUE
        if way == OURS:
            kind = "UNIQUE INDEX" if unique else "INDEX"
            call = f'op.ensure_index("CREATE {kind} {index} ON payments ({", ".join(columns)})")'
        else:
            call = f'op.create_index("{index}", "payments", {list(columns)}, unique={unique})'
        (folder / "versions" / f"{index}.py").write_text(
            f"from alembic import op\n\nrevision = {index[:20]!r}\ndown_revision = {before!r}\n\n\n"
            f"def upgrade() -> None:\n    {call}\n"
        )
        before = index[:20]
    return folder


def upgrade(url: str, folder: Path) -> None:
    """`alembic upgrade head`, as a deploy runs it.

    Raises:
        RuntimeError: it failed; with what it said.
    """
    done = subprocess.run(
        [sys.executable, "-m", "alembic", "-c", folder / "alembic.ini", "upgrade", "head"],
        env={**os.environ, "DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"alembic ended with {done.returncode}: {done.stdout}{done.stderr}")


def leave_invalid(url: str) -> None:
    """What an earlier deploy left that was stopped: the unique index, INVALID, which has to go first."""
    with psycopg.connect(url) as reader, psycopg.connect(url, autocommit=True) as builder:
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT 1")  # the build waits for this snapshot at the latest
        builder.execute("SET statement_timeout = '1s'")
        try:
            builder.execute(
                f"CREATE UNIQUE INDEX CONCURRENTLY {_UNIQUE} ON payments (provider_payment_id)".encode()
            )
        except psycopg.errors.QueryCanceled:
            return
    raise RuntimeError("the build was to be stopped, and came to its end")


def undo(connection: psycopg.Connection) -> None:
    """As if neither had been built."""
    for index in _INDEXES:
        connection.execute(f"DROP INDEX {index}".encode())
    connection.execute("DROP TABLE alembic_version")
