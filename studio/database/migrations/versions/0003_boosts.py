"""Descriptions that KIE made richer, for credits."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "boosts",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("account", sa.String(12), nullable=False),
        sa.Column("status", sa.String(8), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("executor", sa.String(32), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("price", sa.Float),
        sa.Column("cause", sa.String(16), nullable=False),
        sa.Column("code", sa.Integer),
        sa.Column("message", sa.Text, nullable=False),
    )
    op.create_index("boosts_of_account", "boosts", ["account", "status"])
