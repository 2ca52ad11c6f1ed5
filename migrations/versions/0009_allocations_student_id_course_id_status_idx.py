"""Serve a student's allocation for a course."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.ensure_index(
        "CREATE INDEX allocations_student_id_course_id_status_idx "
        "ON allocations (student_id, course_id, status)"
    )


def downgrade() -> None:
    op.drop_index_online("allocations_student_id_course_id_status_idx", on="allocations")
