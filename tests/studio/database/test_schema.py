"""Bringing a database up to date, on SQLite and on PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from studio.database.connection import engine_for
from studio.database.tables import HEAD, MIGRATIONS, executors, metadata, upgrade
from studio.exceptions import DatabaseTooNew

ROOT = Path(__file__).parents[3]
UPGRADE = """
import sys
from studio.database.connection import engine_for
from studio.database.tables import upgrade
engine = engine_for(sys.argv[1])
import alembic.command
print("ready", flush=True)
sys.stdin.readline()
upgrade(engine)
"""


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    engine = engine_for(database_url)
    yield engine
    engine.dispose()


def version(engine: sa.Engine) -> object:
    with engine.begin() as connection:
        return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def is_known(name: str | None) -> bool:
    """Whether the program knows it; the search index and what keeps it are the migrations' own."""
    return name != "found" and not (name or "").startswith("attempts_words")


def picture(engine: sa.Engine) -> dict[str, list[str]]:
    """All tables that the program knows, with their columns and indexes, as the database tells them."""
    inspector = sa.inspect(engine)
    found = {}
    for table in filter(is_known, inspector.get_table_names()):
        columns = [each for each in inspector.get_columns(table) if is_known(each["name"])]
        indexes = [each for each in inspector.get_indexes(table) if is_known(each["name"])]
        found[table] = sorted(
            [f"{each['name']} {each['type']} {each['nullable']}" for each in columns] + [told(each) for each in indexes]
        )
    return found


def told(index: sa.engine.interfaces.ReflectedIndex) -> str:
    condition = {name: str(value) for name, value in index.get("dialect_options", {}).items()}
    return f"{index['name']} {index['column_names']} {index['unique']} {condition}"


def test_an_empty_database_gets_every_table(engine: sa.Engine) -> None:
    upgrade(engine)
    assert set(filter(is_known, sa.inspect(engine).get_table_names())) == {*metadata.tables, "alembic_version"}


def test_the_search_index_is_there_with_all_that_keeps_it(engine: sa.Engine) -> None:
    upgrade(engine)
    asked = {
        "sqlite": """SELECT name, type FROM sqlite_master
            WHERE sql LIKE 'CREATE VIRTUAL TABLE attempts_words %' OR type = 'trigger' ORDER BY name""",
        "postgresql": """SELECT attname::text, indexdef LIKE '%USING gin (found)' FROM pg_attribute, pg_indexes
            WHERE attrelid = 'attempts'::regclass AND attgenerated = 's' AND indexname = 'attempts_words'""",
    }
    there = {
        "sqlite": [
            ("attempts_words", "table"),
            ("attempts_words_added", "trigger"),
            ("attempts_words_changed", "trigger"),
            ("attempts_words_erased", "trigger"),
        ],
        "postgresql": [("found", True)],
    }
    with engine.begin() as connection:
        found = [tuple(row) for row in connection.execute(sa.text(asked[engine.dialect.name]))]
    assert found == there[engine.dialect.name]


def test_the_migrations_lead_to_the_tables_that_the_program_knows(engine: sa.Engine) -> None:
    upgrade(engine)
    opts = {"include_object": lambda thing, name, *_: is_known(name)}
    with engine.begin() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=opts), metadata) == []


def test_the_migrations_lead_to_the_very_columns_and_indexes(engine: sa.Engine) -> None:
    upgrade(engine)
    migrated = picture(engine)
    del migrated["alembic_version"]
    with engine.execution_options(write=True).begin() as connection:
        metadata.drop_all(connection)
        connection.execute(sa.text("DROP TABLE alembic_version"))
        metadata.create_all(connection)
    assert migrated == picture(engine)


def test_the_newest_migration_is_the_one_that_is_asked_for() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_upgrading_again_keeps_what_is_there(engine: sa.Engine) -> None:
    upgrade(engine)
    with engine.execution_options(write=True).begin() as connection:
        connection.execute(sa.text("INSERT INTO executors VALUES ('one', '2026-03-01 12:00:00')"))
    upgrade(engine)
    with engine.begin() as connection:
        assert connection.execute(sa.select(executors.c.id)).scalars().all() == ["one"]


def test_threads_that_upgrade_at_the_same_moment_all_succeed(database_url: str) -> None:
    start = threading.Barrier(8)

    def one_of_them(_: int) -> object:
        engine = engine_for(database_url)
        start.wait()
        upgrade(engine)
        try:
            return version(engine)
        finally:
            engine.dispose()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(one_of_them, range(8))) == [HEAD] * 8


def test_processes_that_upgrade_at_the_same_moment_all_succeed(database_url: str) -> None:
    command = [sys.executable, "-c", UPGRADE, database_url]
    pipe = subprocess.PIPE
    processes = [subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(2)]
    for process in processes:
        assert process.stdout
        process.stdout.readline()
    for process in processes:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    ends = [(process.communicate(timeout=30)[1], process.returncode) for process in processes]
    assert [code for _, code in ends] == [0, 0], ends


def test_a_database_of_a_newer_program_is_refused(engine: sa.Engine) -> None:
    upgrade(engine)
    with engine.execution_options(write=True).begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseTooNew, match="Nothing was changed"):
        upgrade(engine)


def test_a_database_of_a_newer_program_is_left_as_it_is(engine: sa.Engine) -> None:
    with engine.execution_options(write=True).begin() as connection:
        connection.execute(sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
        connection.execute(sa.text("INSERT INTO alembic_version VALUES ('9999')"))
        connection.execute(sa.text("CREATE TABLE attempts (quite INTEGER, different INTEGER)"))
    before = picture(engine)
    with pytest.raises(DatabaseTooNew):
        upgrade(engine)
    assert (picture(engine), version(engine)) == (before, "9999")


def test_sqlite_writes_ahead_so_that_readers_never_wait(tmp_path: Path) -> None:
    engine = engine_for(f"sqlite:///{tmp_path}/deep/folder/studio.db")
    with engine.begin() as connection:
        mode = connection.execute(sa.text("PRAGMA journal_mode")).scalar()
    engine.dispose()
    assert mode == "wal"
