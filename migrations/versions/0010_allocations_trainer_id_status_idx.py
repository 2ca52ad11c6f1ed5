"""Serve a trainer's open assignments."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.ensure_index("CREATE INDEX allocations_trainer_id_status_idx ON allocations (trainer_id, status)")


def downgrade() -> None:
    op.drop_index_online("allocations_trainer_id_status_idx", on="allocations")
