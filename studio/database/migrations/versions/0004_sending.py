"""Attempts of every kind in one table, boosts among them; what the rate limit, batches and backups need."""

import hashlib
import json
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

ALIVE = "deleted_at IS NULL"
OLD_INDEXES = (
    "attempts_of_account",
    "attempts_by_status",
    "attempts_by_name",
    "attempts_favourite",
    "attempts_tagged",
    "attempts_deleted",
    "attempts_of_track",
    "one_in_flight",
)
# As in migration 0002, with one mark more: what an attempt makes.
MARKED = """SELECT {row}.number, char(57344) || {row}.account || ' ' || char(57345) || {row}.status
    || ' ' || char(57347) || {row}.makes
    || CASE WHEN {row}.favourite THEN ' ' || char(57346) ELSE '' END || ' ' || {row}.words"""
NEW = f"INSERT INTO attempts_words (rowid, words) {MARKED.format(row='new')} WHERE new.deleted_at IS NULL;"
OLD = "DELETE FROM attempts_words WHERE rowid = old.number;"
SQLITE = (
    "CREATE VIRTUAL TABLE attempts_words USING fts5(words, prefix='1 2 3 4 5 6', detail=none, tokenize='ascii')",
    f"INSERT INTO attempts_words (rowid, words) {MARKED.format(row='attempts')} FROM attempts WHERE {ALIVE}",
    f"CREATE TRIGGER attempts_words_added AFTER INSERT ON attempts BEGIN {NEW} END",
    f"""CREATE TRIGGER attempts_words_changed
    AFTER UPDATE OF words, account, status, makes, favourite, deleted_at, number ON attempts BEGIN {OLD} {NEW} END""",
    f"CREATE TRIGGER attempts_words_erased AFTER DELETE ON attempts BEGIN {OLD} END",
)


COLUMNS = """id account status kind makes subject body result created_at sent_at executor cause code message number
    favourite held priority repeats task_id audio_id name description persona_id raw replaces""".split()  # noqa: SIM905


def upgrade() -> None:
    bind = op.get_bind()
    sqlite = bind.dialect.name == "sqlite"
    if sqlite:
        for name in ("added", "changed", "erased"):
            op.execute(f"DROP TRIGGER attempts_words_{name}")
        op.execute("DROP TABLE attempts_words")
    for name in OLD_INDEXES:
        op.drop_index(name, "attempts")
    op.execute("ALTER TABLE attempts RENAME COLUMN wait_until TO due_at")
    for name, length in (("kind", 16), ("makes", 8), ("batch", 32), ("claim", 32)):
        default = "persona" if name in ("kind", "makes") else ""
        op.add_column("attempts", sa.Column(name, sa.String(length), nullable=False, server_default=default))
    for name in ("subject", "body", "handle", "result"):
        op.add_column("attempts", sa.Column(name, sa.Text, nullable=False, server_default=""))
    op.add_column("attempts", sa.Column("held", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("attempts", sa.Column("priority", sa.Integer, nullable=False, server_default="0"))
    op.execute("UPDATE attempts SET subject = audio_id")
    op.execute("UPDATE attempts SET due_at = created_at WHERE status = 'queued' AND due_at IS NULL")
    boosts_to_attempts()
    op.drop_table("boosts")
    index("attempts_of_account", ["account", "makes", "number"], ALIVE)
    index("attempts_by_status", ["account", "makes", "status", "number"], ALIVE)
    index("attempts_by_name", ["account", "makes", "sort_name", "number"], ALIVE)
    index("attempts_favourite", ["account", "makes", "number"], f"favourite AND {ALIVE}")
    index("attempts_tagged", ["account", "makes", "number"], f"tags <> '' AND {ALIVE}")
    index("attempts_deleted", ["account", "makes", "number"], "deleted_at IS NOT NULL")
    index("attempts_of_subject", ["account", "subject", "created_at"])
    index("attempts_replacing", ["account", "replaces"], "replaces <> ''")
    index("attempts_queued", ["account", "priority", "due_at", "number"], "status = 'queued' AND NOT held")
    index("attempts_sending", ["executor"], "status = 'sending'")
    index("attempts_working", ["account", "due_at"], "status = 'working'")
    index("attempts_of_batch", ["batch", "status"], "batch <> ''")
    index("one_in_flight", ["account", "subject"], "status IN ('queued', 'sending', 'working')", unique=True)
    op.create_table(
        "departures",
        sa.Column("claim", sa.String(32), primary_key=True),
        sa.Column("account", sa.String(12), nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
    )
    op.create_index("departures_of_account", "departures", ["account", "at"])
    op.create_table(
        "batches",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("account", sa.String(12), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("status", sa.String(9), nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
    )
    op.create_index("batches_of_account", "batches", ["account", "created_at"])
    op.create_table(
        "installation",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("identity", sa.Text, nullable=False),
    )
    for statement in SQLITE if sqlite else ():
        bind.exec_driver_sql(statement)


def index(name: str, columns: list[object], condition: str = "", unique: bool = False) -> None:
    where = sa.text(condition) if condition else None
    op.create_index(name, "attempts", columns, unique=unique, sqlite_where=where, postgresql_where=where)


def boosts_to_attempts() -> None:
    """File each boost as an attempt. Written out here, so that later versions of the program may differ."""
    bind = op.get_bind()
    texts = map(sa.column, "id account status content executor text price cause code message".split())  # noqa: SIM905
    boosts = sa.table("boosts", *texts, sa.column("created_at", sa.DateTime))
    attempts = sa.table("attempts", *map(sa.column, COLUMNS))
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    for row in bind.execute(sa.select(boosts).order_by(boosts.c.created_at, boosts.c.id)):
        micros = round((row.created_at.replace(tzinfo=UTC) - epoch).total_seconds() * 1_000_000)
        number = micros * 1024 + int(hashlib.sha256(row.id.encode()).hexdigest()[:2], 16)
        while bind.execute(sa.select(attempts.c.id).where(attempts.c.number == number)).first():
            number += 1
        result = {"text": row.text, "price": row.price} if row.text else {}
        content = {"content": row.content}
        bind.execute(
            sa.insert(attempts).values(
                id=row.id,
                account=row.account,
                status=row.status,
                kind="boost",
                makes="text",
                subject="boost " + hashlib.sha256(json.dumps(content).encode()).hexdigest(),
                body=json.dumps(content, ensure_ascii=False),
                result=json.dumps(result, ensure_ascii=False) if result else "",
                created_at=row.created_at,
                sent_at=row.created_at,
                executor=row.executor,
                cause=row.cause,
                code=row.code,
                message=row.message,
                number=number,
                favourite=False,
                held=False,
                priority=0,
                repeats=0,
                **dict.fromkeys(("task_id", "audio_id", "name", "description", "persona_id", "raw", "replaces"), ""),
            )
        )
