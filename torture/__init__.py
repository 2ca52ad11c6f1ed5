"""Deploys that are hurt, and deploys that race: what `alembic upgrade head` has to survive."""
