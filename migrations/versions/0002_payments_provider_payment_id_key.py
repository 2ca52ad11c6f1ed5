"""A replayed provider webhook must not insert a payment twice."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.ensure_index("CREATE UNIQUE INDEX payments_provider_payment_id_key ON payments (provider_payment_id)")


def downgrade() -> None:
    op.drop_index_online("payments_provider_payment_id_key", on="payments")
