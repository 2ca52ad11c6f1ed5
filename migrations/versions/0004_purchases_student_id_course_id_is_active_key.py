"""A student has no second active purchase of a course."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.ensure_index(
        "CREATE UNIQUE INDEX purchases_student_id_course_id_is_active_key "
        "ON purchases (student_id, course_id, is_active)"
    )


def downgrade() -> None:
    op.drop_index_online("purchases_student_id_course_id_is_active_key", on="purchases")
