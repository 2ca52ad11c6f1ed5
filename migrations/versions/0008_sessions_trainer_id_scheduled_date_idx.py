"""Serve a trainer's calendar."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.ensure_index(
        "CREATE INDEX sessions_trainer_id_scheduled_date_idx ON sessions (trainer_id, scheduled_date)"
    )


def downgrade() -> None:
    op.drop_index_online("sessions_trainer_id_scheduled_date_idx", on="sessions")
