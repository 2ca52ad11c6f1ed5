"""Create the four tables, or adopt those that are there.

Students, courses and trainers belong to other services: their ids are kept without foreign keys. A table that
somebody else made is adopted if it has the columns that the indexes need.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0001"
down_revision = None


def upgrade() -> None:
    metadata = sa.MetaData()
    op.ensure_tables(payments(metadata), purchases(metadata), allocations(metadata), sessions(metadata))


def downgrade() -> None:
    op.drop_empty_tables("sessions", "allocations", "purchases", "payments")


def payments(metadata: sa.MetaData) -> sa.Table:
    """What a student paid for a purchase; a row per payment of the provider."""
    return sa.Table(
        "payments",
        metadata,
        _id(),
        sa.Column("student_id", sa.Uuid, nullable=False),
        sa.Column(
            "purchase_id", sa.Uuid, comment="the purchase service's; unknown until the webhook names it"
        ),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("provider_payment_id", sa.Text, comment="null until the provider has answered"),
        sa.Column("status", sa.Text, nullable=False, server_default="pending"),
        sa.Column("amount_minor", sa.BigInteger, nullable=False, comment="in the currency's minor unit"),
        sa.Column("currency", sa.CHAR(3), nullable=False, comment="ISO 4217"),
        *_timestamps(),
        _one_of("payments", "pending", "authorized", "captured", "failed", "refunded"),
        sa.CheckConstraint("amount_minor >= 0", name="payments_amount_minor_check"),
        sa.CheckConstraint("currency = upper(currency)", name="payments_currency_check"),
        info={"needed": ("provider_payment_id", "student_id", "status", "created_at")},
    )


def purchases(metadata: sa.MetaData) -> sa.Table:
    """A course that a student bought."""
    return sa.Table(
        "purchases",
        metadata,
        _id(),
        sa.Column("student_id", sa.Uuid, nullable=False),
        sa.Column("course_id", sa.Uuid, nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("price_minor", sa.BigInteger, nullable=False, comment="in the currency's minor unit"),
        sa.Column("currency", sa.CHAR(3), nullable=False, comment="ISO 4217"),
        *_timestamps(),
        sa.CheckConstraint("price_minor >= 0", name="purchases_price_minor_check"),
        sa.CheckConstraint("currency = upper(currency)", name="purchases_currency_check"),
        info={"needed": ("student_id", "course_id", "is_active", "created_at")},
    )


def allocations(metadata: sa.MetaData) -> sa.Table:
    """A trainer who teaches a course to a student."""
    return sa.Table(
        "allocations",
        metadata,
        _id(),
        sa.Column("student_id", sa.Uuid, nullable=False),
        sa.Column("course_id", sa.Uuid, nullable=False),
        sa.Column("trainer_id", sa.Uuid, comment="null until a trainer is found"),
        sa.Column("status", sa.Text, nullable=False, server_default="requested"),
        *_timestamps(),
        _one_of("allocations", "requested", "active", "completed", "cancelled"),
        info={"needed": ("id", "student_id", "course_id", "trainer_id", "status")},
    )


def sessions(metadata: sa.MetaData) -> sa.Table:
    """A lesson in the calendar. Its foreign key is covered by the unique index of its slot."""
    return sa.Table(
        "sessions",
        metadata,
        _id(),
        sa.Column(
            "allocation_id",
            sa.Uuid,
            sa.ForeignKey("allocations.id", name="sessions_allocation_id_fkey"),
            nullable=False,
        ),
        sa.Column("student_id", sa.Uuid, nullable=False),
        sa.Column("trainer_id", sa.Uuid, nullable=False),
        sa.Column("scheduled_date", sa.Date, nullable=False),
        sa.Column("scheduled_time", pg.TIME, nullable=False, comment="in the student's time zone"),
        sa.Column("duration_minutes", sa.SmallInteger, nullable=False, server_default="60"),
        sa.Column("status", sa.Text, nullable=False, server_default="scheduled"),
        *_timestamps(),
        _one_of("sessions", "scheduled", "held", "missed", "cancelled"),
        sa.CheckConstraint("duration_minutes BETWEEN 1 AND 480", name="sessions_duration_minutes_check"),
        info={"needed": ("allocation_id", "student_id", "trainer_id", "scheduled_date", "scheduled_time")},
    )


def _id() -> sa.Column[object]:
    return sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.func.gen_random_uuid())


def _timestamps() -> tuple[sa.Column[object], sa.Column[object]]:
    now = sa.func.now()
    return (
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=now),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=now),
    )


def _one_of(table: str, *states: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(sa.column("status").in_(states), name=f"{table}_status_check")
