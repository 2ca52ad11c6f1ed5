"""Serve a student's payments of one status, by time."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.ensure_index(
        "CREATE INDEX payments_student_id_status_created_at_idx ON payments (student_id, status, created_at)"
    )


def downgrade() -> None:
    op.drop_index_online("payments_student_id_status_created_at_idx", on="payments")
