"""A slot of an allocation is booked once."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.ensure_index(
        "CREATE UNIQUE INDEX sessions_allocation_id_scheduled_date_scheduled_time_key "
        "ON sessions (allocation_id, scheduled_date, scheduled_time)"
    )


def downgrade() -> None:
    op.drop_index_online("sessions_allocation_id_scheduled_date_scheduled_time_key", on="sessions")
