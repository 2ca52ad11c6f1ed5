"""Serve a student's purchases, listed by time."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.ensure_index("CREATE INDEX purchases_student_id_created_at_idx ON purchases (student_id, created_at)")


def downgrade() -> None:
    op.drop_index_online("purchases_student_id_created_at_idx", on="purchases")
