"""The attempts, and the processes that work on them."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("account", sa.String(12), nullable=False),
        sa.Column("status", sa.String(8), nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("sent_at", sa.DateTime),
        sa.Column("ended_at", sa.DateTime),
        sa.Column("task_id", sa.Text, nullable=False),
        sa.Column("audio_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("style", sa.Text),
        sa.Column("vocal_start", sa.Float),
        sa.Column("vocal_end", sa.Float),
        sa.Column("persona_id", sa.Text, nullable=False),
        sa.Column("cause", sa.String(16), nullable=False),
        sa.Column("code", sa.Integer),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("http_status", sa.Integer),
        sa.Column("raw", sa.Text, nullable=False),
        sa.Column("repeats", sa.Integer, nullable=False),
        sa.Column("wait_until", sa.DateTime),
        sa.Column("replaces", sa.String(32), nullable=False),
        sa.Column("executor", sa.String(32), nullable=False),
    )
    op.create_index("attempts_of_account", "attempts", ["account", "created_at"])
    op.create_index("attempts_of_track", "attempts", ["account", "audio_id", "created_at"])
    in_flight = sa.text("status IN ('queued', 'sending')")
    op.create_index(
        "one_in_flight",
        "attempts",
        ["account", "audio_id"],
        unique=True,
        sqlite_where=in_flight,
        postgresql_where=in_flight,
    )
    op.create_table(
        "executors",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("seen_at", sa.DateTime, nullable=False),
    )
