"""What people add to attempts, the stories of attempts, and the indexes by which a library of 100,000 stays quick."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

TEXTS = (
    "author",
    "note",
    "tags",
    "track_title",
    "track_tags",
    "track_model",
    "track_audio_url",
    "track_image_url",
    "words",
    "sort_name",
)
ALIVE = "deleted_at IS NULL"
# In the index, marks come before an attempt's words: private characters, which no search can type, for its account,
# its outcome and its star. So one look-up combines them all, newest first, because the row's number is its place.
MARKED = """SELECT {row}.number, char(57344) || {row}.account || ' ' || char(57345) || {row}.status
    || CASE WHEN {row}.favourite THEN ' ' || char(57346) ELSE '' END || ' ' || {row}.words"""
NEW = f"INSERT INTO attempts_words (rowid, words) {MARKED.format(row='new')} WHERE new.deleted_at IS NULL;"
OLD = "DELETE FROM attempts_words WHERE rowid = old.number;"
SQLITE = (
    "CREATE VIRTUAL TABLE attempts_words USING fts5(words, prefix='1 2 3 4 5 6', detail=none, tokenize='ascii')",
    f"INSERT INTO attempts_words (rowid, words) {MARKED.format(row='attempts')} FROM attempts",
    f"CREATE TRIGGER attempts_words_added AFTER INSERT ON attempts BEGIN {NEW} END",
    f"""CREATE TRIGGER attempts_words_changed
    AFTER UPDATE OF words, account, status, favourite, deleted_at, number ON attempts BEGIN {OLD} {NEW} END""",
    f"CREATE TRIGGER attempts_words_erased AFTER DELETE ON attempts BEGIN {OLD} END",
)
# PostgreSQL's planner knows how common a lexeme is, but not how common a prefix is. So short beginnings are lexemes.
POSTGRESQL = (
    """CREATE FUNCTION beginnings(words text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(array_to_tsvector(array_agg(DISTINCT lexeme)), '') FROM (
        SELECT left(word, length) AS lexeme
        FROM unnest(string_to_array(words, ' ')) AS word, generate_series(1, 6) AS length
        UNION ALL SELECT word FROM unnest(string_to_array(words, ' ')) AS word
    ) AS found WHERE lexeme <> '' $$""",
    "ALTER TABLE attempts ADD COLUMN found tsvector GENERATED ALWAYS AS (beginnings(words)) STORED",
    "CREATE INDEX attempts_words ON attempts USING gin (found)",
)


def upgrade() -> None:
    for name in TEXTS:
        op.add_column("attempts", sa.Column(name, sa.Text, nullable=False, server_default=""))
    op.add_column("attempts", sa.Column("origin", sa.String(8), nullable=False, server_default=""))
    op.add_column("attempts", sa.Column("settled", sa.String(12), nullable=False, server_default=""))
    op.add_column("attempts", sa.Column("favourite", sa.Boolean, nullable=False, server_default=sa.false()))
    for name in ("track_duration", "credits_before", "credits_after"):
        op.add_column("attempts", sa.Column(name, sa.Float))
    for name in ("track_created_at", "deleted_at"):
        op.add_column("attempts", sa.Column(name, sa.DateTime))
    op.add_column("attempts", sa.Column("number", sa.BigInteger, nullable=False, server_default="0"))
    number_and_words()
    op.drop_index("attempts_of_account", "attempts")
    index("attempts_by_number", ["number"], unique=True)
    index("attempts_of_account", ["account", "number"], ALIVE)
    index("attempts_by_status", ["account", "status", "number"], ALIVE)
    index("attempts_by_name", ["account", "sort_name", "number"], ALIVE)
    index("attempts_favourite", ["account", "number"], f"favourite AND {ALIVE}")
    index("attempts_tagged", ["account", "number"], f"tags <> '' AND {ALIVE}")
    index("attempts_deleted", ["account", "number"], "deleted_at IS NOT NULL")
    index("attempts_of_persona", ["account", sa.text("substr(persona_id, 1, 200)")], "persona_id <> ''")
    op.create_table(
        "events",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("attempt_id", sa.String(32), nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
    )
    op.create_index("events_of_attempt", "events", ["attempt_id", "id"])
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.get_bind().exec_driver_sql(statement)


def index(name: str, columns: list[object], condition: str = "", unique: bool = False) -> None:
    where = sa.text(condition) if condition else None
    op.create_index(name, "attempts", columns, unique=unique, sqlite_where=where, postgresql_where=where)


def number_and_words() -> None:
    """Fill both for the attempts that are there. Written out here, so that later versions of the program may differ."""
    from studio.database.search_words import searchable, sortable

    rows = sa.table(
        "attempts",
        *(sa.column(name) for name in ("id", "number", "words", "sort_name", *FOUND_BY)),
        sa.column("created_at", sa.DateTime),
    )
    bind = op.get_bind()
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    last = 0
    changes = []
    for row in bind.execute(sa.select(rows).order_by(rows.c.created_at, rows.c.id)):
        micros = round((row.created_at.replace(tzinfo=UTC) - epoch).total_seconds() * 1_000_000)
        last = max(last + 1, micros * 1024 + int(row.id[:3], 16) // 4)
        changes.append(
            {
                "this": row.id,
                "n": last,
                "w": searchable(getattr(row, name) or "" for name in FOUND_BY),
                "s": sortable(row.name),
            }
        )
    change = (
        sa.update(rows)
        .where(rows.c.id == sa.bindparam("this"))
        .values(number=sa.bindparam("n"), words=sa.bindparam("w"), sort_name=sa.bindparam("s"))
    )
    for first in range(0, len(changes), 5000):
        bind.execute(change, changes[first : first + 5000])


FOUND_BY = ("name", "description", "style", "persona_id", "task_id", "audio_id")
