"""The tables, made from the columns' descriptions, and the upgrade of a database to them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from studio.database.attempt_columns import COLUMNS, Column
from studio.exceptions import DatabaseTooNew

HEAD = "0004"
"""The newest schema version; `migrations/versions` leads to it."""
MIGRATIONS = Path(__file__).parent / "migrations"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Moment(sa.types.TypeDecorator[datetime]):
    """A point in time: stored in UTC on every database, read with its zone."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return value.astimezone(UTC).replace(tzinfo=None) if value else None

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value else None

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Any:
        if dialect.name == "sqlite":  # one step for each text, because a list may have 100,000
            return lambda value: datetime.fromisoformat(f"{value}+00:00") if value else None
        return super().result_processor(dialect, coltype)


def number_at(moment: datetime, attempt_id: str) -> int:
    """Return a row's sort key: microseconds since 1970, and below them 10 bits of its ID for rows of one moment.

    64-bit integers hold it from 1685 to 2255; other moments get the least or the greatest.
    """
    number = (moment - EPOCH) // MICROSECOND * 1024 + int(attempt_id[:3], 16) // 4
    return max(-(2**63), min(number, 2**63 - 1))


TYPES: dict[str, Any] = {
    "text": sa.Text,
    "time": Moment,
    "number": sa.Float,
    "whole": sa.Integer,
    "big": sa.BigInteger,
    "flag": sa.Boolean,
}
BLANK: dict[str, Any] = {"text": "", "short": "", "whole": 0, "flag": False}


def _column(column: Column) -> sa.Column[Any]:
    kind = sa.String(column.length) if column.type == "short" else TYPES[column.type]
    default = None if column.optional or column.required else BLANK[column.type]
    return sa.Column(column.name, kind, primary_key=column.name == "id", nullable=column.optional, default=default)


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


metadata = sa.MetaData()

IN_FLIGHT = "status IN ('queued', 'sending', 'working')"
QUEUED = "status = 'queued' AND NOT held"
SENDING = "status = 'sending'"
WORKING = "status = 'working'"
"""Conditions of partial indexes. Queries use the same text, so that the index is used."""
ALIVE = "deleted_at IS NULL"

attempts = sa.Table(
    "attempts",
    metadata,
    *(_column(column) for column in COLUMNS),
    sa.Index("attempts_by_number", "number", unique=True),
    sa.Index("attempts_of_account", "account", "makes", "number", **_where(ALIVE)),
    sa.Index("attempts_by_status", "account", "makes", "status", "number", **_where(ALIVE)),
    sa.Index("attempts_by_name", "account", "makes", "sort_name", "number", **_where(ALIVE)),
    sa.Index("attempts_favourite", "account", "makes", "number", **_where(f"favourite AND {ALIVE}")),
    sa.Index("attempts_tagged", "account", "makes", "number", **_where(f"tags <> '' AND {ALIVE}")),
    sa.Index("attempts_deleted", "account", "makes", "number", **_where("deleted_at IS NOT NULL")),
    sa.Index("attempts_of_subject", "account", "subject", "created_at"),
    sa.Index("attempts_of_persona", "account", sa.text("substr(persona_id, 1, 200)"), **_where("persona_id <> ''")),
    sa.Index("attempts_replacing", "account", "replaces", **_where("replaces <> ''")),
    sa.Index("attempts_queued", "account", "priority", "due_at", "number", **_where(QUEUED)),
    sa.Index("attempts_sending", "executor", **_where(SENDING)),
    sa.Index("attempts_working", "account", "due_at", **_where(WORKING)),
    sa.Index("attempts_of_batch", "batch", "status", **_where("batch <> ''")),
    sa.Index("one_in_flight", "account", "subject", unique=True, **_where(IN_FLIGHT)),
)
"""`one_in_flight` is the promise, held by the database: one request at a time for one subject of one account.

`number` orders the rows by time (`number_at`). `words` is searched; the migrations make an index of it on each kind of
database, which is not described here.
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
"""The event log of attempts: what was decided after they were sent. `detail` is a JSON object."""

departures = sa.Table(
    "departures",
    metadata,
    sa.Column("claim", sa.String(32), primary_key=True),
    sa.Column("account", sa.String(12), nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Index("departures_of_account", "account", "at"),
)
"""When requests left, for the rate limit; entries older than two periods are deleted now and then."""

batches = sa.Table(
    "batches",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("account", sa.String(12), nullable=False),
    sa.Column("name", sa.Text, nullable=False, default=""),
    sa.Column("status", sa.String(9), nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("author", sa.Text, nullable=False, default=""),
    sa.Index("batches_of_account", "account", "created_at"),
)
"""Attempts that were started together."""

executors = sa.Table(
    "executors",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("seen_at", Moment, nullable=False),
)
"""The processes that use this database, and their last heartbeats."""

installation = sa.Table(
    "installation",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("identity", sa.Text, nullable=False),
)
"""One row: the `Database.identity` that was used last. A restored backup has another one."""


def upgrade(engine: sa.Engine) -> None:
    """Migrate the database to `HEAD`, one process at a time. Raises `DatabaseTooNew`."""
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
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
