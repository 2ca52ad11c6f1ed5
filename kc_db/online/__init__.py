"""Migrations that hurt nobody: Alembic operations, the build, the deploy lock, adoption of what is there."""
