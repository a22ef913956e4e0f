"""The tables, and bringing a database up to them. Knows SQL; does not know what an attempt means."""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, make_url

HEAD = "0003"
"""The newest schema version; `migrations/versions` leads to it."""
MIGRATIONS = Path(__file__).parent / "migrations"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class DatabaseTooNew(RuntimeError):
    """The database was written by a newer version of this program."""


class Moment(sa.types.TypeDecorator[datetime]):
    """A point in time: stored in UTC on every database, read with its zone."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return value.astimezone(UTC).replace(tzinfo=None) if value else None

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value else None

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Any:
        if dialect.name == "sqlite":  # its texts are read in one step, which is felt over 100,000 rows
            return lambda value: datetime.fromisoformat(f"{value}+00:00") if value else None
        return super().result_processor(dialect, coltype)


def number_at(moment: datetime, attempt_id: str) -> int:
    """Return a row's place in time: microseconds since 1970, with 10 bits of its ID below for those of one moment.

    A database's integers hold it from 1685 to 2255; a moment before or after has the first or the last place.
    """
    number = (moment - EPOCH) // MICROSECOND * 1024 + int(attempt_id[:3], 16) // 4
    return max(-(2**63), min(number, 2**63 - 1))


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


metadata = sa.MetaData()

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("account", sa.String(12), nullable=False),
    sa.Column("status", sa.String(8), nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("sent_at", Moment),
    sa.Column("ended_at", Moment),
    sa.Column("task_id", sa.Text, nullable=False),
    sa.Column("audio_id", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("style", sa.Text),
    sa.Column("vocal_start", sa.Float),
    sa.Column("vocal_end", sa.Float),
    sa.Column("persona_id", sa.Text, nullable=False, default=""),
    sa.Column("cause", sa.String(16), nullable=False, default=""),
    sa.Column("code", sa.Integer),
    sa.Column("message", sa.Text, nullable=False, default=""),
    sa.Column("http_status", sa.Integer),
    sa.Column("raw", sa.Text, nullable=False, default=""),
    sa.Column("repeats", sa.Integer, nullable=False, default=0),
    sa.Column("wait_until", Moment),
    sa.Column("replaces", sa.String(32), nullable=False, default=""),
    sa.Column("executor", sa.String(32), nullable=False, default=""),
    sa.Column("author", sa.Text, nullable=False, default=""),
    sa.Column("origin", sa.String(8), nullable=False, default=""),
    sa.Column("settled", sa.String(12), nullable=False, default=""),
    sa.Column("note", sa.Text, nullable=False, default=""),
    sa.Column("tags", sa.Text, nullable=False, default=""),
    sa.Column("favourite", sa.Boolean, nullable=False, default=False),
    sa.Column("track_title", sa.Text, nullable=False, default=""),
    sa.Column("track_tags", sa.Text, nullable=False, default=""),
    sa.Column("track_model", sa.Text, nullable=False, default=""),
    sa.Column("track_duration", sa.Float),
    sa.Column("track_audio_url", sa.Text, nullable=False, default=""),
    sa.Column("track_image_url", sa.Text, nullable=False, default=""),
    sa.Column("track_created_at", Moment),
    sa.Column("credits_before", sa.Float),
    sa.Column("credits_after", sa.Float),
    sa.Column("deleted_at", Moment),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("words", sa.Text, nullable=False, default=""),
    sa.Column("sort_name", sa.Text, nullable=False, default=""),
    sa.Index("attempts_by_number", "number", unique=True),
    sa.Index("attempts_of_account", "account", "number", **_where("deleted_at IS NULL")),
    sa.Index("attempts_by_status", "account", "status", "number", **_where("deleted_at IS NULL")),
    sa.Index("attempts_by_name", "account", "sort_name", "number", **_where("deleted_at IS NULL")),
    sa.Index("attempts_favourite", "account", "number", **_where("favourite AND deleted_at IS NULL")),
    sa.Index("attempts_tagged", "account", "number", **_where("tags <> '' AND deleted_at IS NULL")),
    sa.Index("attempts_deleted", "account", "number", **_where("deleted_at IS NOT NULL")),
    sa.Index("attempts_of_track", "account", "audio_id", "created_at"),
    sa.Index("attempts_of_persona", "account", sa.text("substr(persona_id, 1, 200)"), **_where("persona_id <> ''")),
    sa.Index(
        "one_in_flight",
        "account",
        "audio_id",
        unique=True,
        **_where("status IN ('queued', 'sending')"),
    ),
)
"""`one_in_flight` is the promise, held by the database: one request at a time for one track of one account.

`number` orders the rows by time (`number_at`). `words` is what a search looks in; each database has an index of its own
for that, which the migrations make and nothing here knows.
"""

events = sa.Table(
    "events",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("attempt_id", sa.String(32), nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("detail", sa.Text, nullable=False, default=""),
    sa.Column("author", sa.Text, nullable=False, default=""),
    sa.Index("events_of_attempt", "attempt_id", "id"),
)
"""What was decided about attempts after they were sent; `detail` is a JSON object."""

boosts = sa.Table(
    "boosts",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("account", sa.String(12), nullable=False),
    sa.Column("status", sa.String(8), nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("executor", sa.String(32), nullable=False),
    sa.Column("text", sa.Text, nullable=False, default=""),
    sa.Column("price", sa.Float),
    sa.Column("cause", sa.String(16), nullable=False, default=""),
    sa.Column("code", sa.Integer),
    sa.Column("message", sa.Text, nullable=False, default=""),
    sa.Index("boosts_of_account", "account", "status"),
)
"""Descriptions that KIE made richer, for credits."""

executors = sa.Table(
    "executors",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("seen_at", Moment, nullable=False),
)
"""The processes at work on this database; one that has not been seen for a while is gone."""


def engine_for(database_url: str) -> sa.Engine:
    """Return an engine whose transactions are real ones on SQLite too: its writers take their turn from the start."""
    url = make_url(database_url)
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != "sqlite":
        # Nothing is prepared: a plan that suits a common word is a hundred times too slow for a rare one.
        return sa.create_engine(url, pool_pre_ping=True, connect_args={"prepare_threshold": None})
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url)

    def write_ahead(connection: Any) -> None:
        """Ask again while another process opens the same new file: for this one change SQLite does not wait."""
        for _ in range(200):
            with suppress(sqlite3.OperationalError):
                connection.execute("PRAGMA journal_mode=WAL")
                return
            time.sleep(0.05)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA busy_timeout=30000")
        write_ahead(connection)
        connection.execute("PRAGMA synchronous=FULL")

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("write") else "BEGIN")

    return engine


def upgrade(engine: sa.Engine) -> None:
    """Bring the database to `HEAD`, one process at a time. Raises `DatabaseTooNew`."""
    with engine.execution_options(write=True).begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(72617001)"))
        if sa.inspect(connection).has_table("alembic_version"):
            version = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
            if version == HEAD:
                return
            if not any(MIGRATIONS.glob(f"versions/{version}_*.py")):
                raise DatabaseTooNew(
                    "The database was written by a newer version of Persona Studio. Update the program, "
                    "or point DATABASE_URL to another database. Nothing was changed."
                )
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
