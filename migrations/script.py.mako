"""${message}."""

from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision).replace("'", '"')}
down_revision = ${repr(down_revision).replace("'", '"')}


def upgrade() -> None:
    ${upgrades if upgrades else 'op.ensure_index("CREATE INDEX table_column_idx ON table (column)")'}


def downgrade() -> None:
    ${downgrades if downgrades else 'op.drop_index_online("table_column_idx", on="table")'}
