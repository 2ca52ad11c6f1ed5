"""Serve a student's upcoming sessions."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.ensure_index(
        "CREATE INDEX sessions_student_id_scheduled_date_idx ON sessions (student_id, scheduled_date)"
    )


def downgrade() -> None:
    op.drop_index_online("sessions_student_id_scheduled_date_idx", on="sessions")
