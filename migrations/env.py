"""Alembic's way in; everything special is in kc_db.online."""

from kc_db.online.environment import run_migrations

run_migrations()
