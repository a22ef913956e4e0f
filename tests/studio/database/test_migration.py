"""A database of the first version, with rows in it, brought up to date: nothing is lost, all is found, in order."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from studio.database.connection import Database, engine_for
from studio.database.tables import MIGRATIONS, upgrade
from studio.library.edits import Library
from studio.library.export_files import json_file
from studio.library.import_merge import preview_import
from studio.library.import_reader import File
from studio.library.search_query import Order, Query
from studio.sending.attempt_store import Store
from studio.sending.attempts import NeedsDecision, Status
from tests.studio.helpers import ME, YOU, a_request, claim, image, press_in

NOON = datetime(2025, 12, 31, 12)  # without a zone, as the database keeps it
BLANK: dict[str, Any] = {
    "sent_at": None, "ended_at": None, "description": "", "style": None, "vocal_start": None, "vocal_end": None,
    "persona_id": "", "cause": "", "code": None, "message": "", "http_status": None, "raw": "", "repeats": 0,
    "wait_until": None, "replaces": "", "executor": "",
}  # fmt: skip
OLD: list[dict[str, Any]] = [
    {"name": "Harbour", "persona_id": "9d2f6c1ab37e", "code": 200, "raw": '{"code": 200}', "http_status": 200},
    {"name": "'; DROP TABLE attempts; --", "status": "refused", "code": 422, "cause": "input", "message": "'\"\\%_"},
    {"name": "Éclair 🎤 \u202eabc", "description": "two\r\nlines", "style": "", "vocal_start": 0.1, "vocal_end": 21.3},
    {"name": "夜の東京タワー", "status": "unknown", "cause": "no_answer", "executor": "gone"},
    {"name": "x" * 5_000, "description": "y " * 2_500},
    {"name": "", "status": "refused", "repeats": 5},
    {"name": "waits", "status": "queued", "repeats": 1, "wait_until": NOON},
    {"name": "sends", "status": "sending", "sent_at": NOON},
    {"name": "Secret", "account": YOU},
]
"""The oldest first. The third and the fourth are of one moment."""
MOMENTS = [0, 1, 2, 2, 3, 4, 5, 6, 7]


def old_rows() -> list[dict[str, Any]]:
    return [
        {
            **BLANK,
            "id": f"{number:032x}",
            "account": ME,
            "status": "created",
            "created_at": NOON + timedelta(microseconds=moment),
            "task_id": f"task-{number}",
            "audio_id": f"audio-{number}",
            **row,
        }
        for number, (moment, row) in enumerate(zip(MOMENTS, OLD, strict=True))
    ]


def to_first_version(engine: sa.Engine, *rows: dict[str, Any]) -> None:
    to_version(engine, "0001", *rows)


def to_version(engine: sa.Engine, version: str, *rows: dict[str, Any]) -> None:
    """Make the tables as a version of the program made them, and fill in attempts."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.execution_options(write=True).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)
        attempts = sa.Table("attempts", sa.MetaData(), autoload_with=connection)
        for row in rows:
            connection.execute(sa.insert(attempts).values(row))


@pytest.fixture(scope="module")
def upgraded(new_database: Callable[[], str]) -> Iterator[Store]:
    url = new_database()
    engine = engine_for(url)
    to_first_version(engine, *reversed(old_rows()))
    engine.dispose()
    store = Store(Database(url))
    yield store
    store.database.close()


@pytest.fixture(scope="module")
def library(upgraded: Store) -> Library:
    return Library(upgraded.database)


def names(library: Library, text: str = "", **conditions: Any) -> list[str]:
    return [attempt.request.name for attempt in library.find(ME, Query(text, **conditions)).attempts]


def test_nothing_is_lost(library: Library) -> None:
    rows = {row["id"]: row for row in image(library, ME) + image(library, YOU)}
    moments = ("created_at", "sent_at", "ended_at", "wait_until")
    for row in rows.values():
        row["wait_until"] = row["due_at"]  # its name since
        row.update({name: row[name] and row[name].replace(tzinfo=None) for name in moments})
    assert [{name: rows[row["id"]][name] for name in row} for row in old_rows()] == old_rows()


def test_what_came_later_is_empty(library: Library) -> None:
    later = {"note": "", "tags": "", "favourite": False, "settled": "", "origin": "", "deleted_at": None, "author": ""}
    assert [{name: row[name] for name in later} | {"story": row["story"]} for row in image(library, ME)] == [
        later | {"story": []}
    ] * 8


def test_the_order_is_kept_also_within_a_moment(library: Library) -> None:
    mine = [row["name"] for row in OLD[:8]]
    assert (names(library), names(library, order=Order.OLDEST)) == (mine[::-1], mine)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("harb 9d2f6c", "Harbour"),
        ("drop table", "'; DROP TABLE attempts; --"),
        ("ECLAIR lines", "Éclair 🎤 \u202eabc"),
        ("東京", "夜の東京タワー"),
        ("task-4 audio-4", "x" * 5_000),
        ("x" * 5_000, "x" * 5_000),
        ("audio-5", ""),
    ],
    ids=lambda text: ascii(text)[:20],
)
def test_every_attempt_is_found(library: Library, text: str, name: str) -> None:
    assert names(library, text) == [name]


def test_outcomes_are_heaps_in_the_search_too(library: Library) -> None:
    assert names(library, "audio", statuses=(Status.REFUSED, Status.UNKNOWN)) == [
        "", "夜の東京タワー", "'; DROP TABLE attempts; --",
    ]  # fmt: skip


def test_names_are_sorted(library: Library) -> None:
    found = names(library, "task", order=Order.NAME)
    assert [found.index(name) for name in ("", "Éclair 🎤 \u202eabc", "Harbour", "sends", "waits")] == [0, 2, 3, 4, 5]


def test_accounts_stay_apart(library: Library) -> None:
    assert [attempt.request.name for attempt in library.find(YOU, Query("audio")).attempts] == ["Secret"]


def test_what_was_promised_still_holds(upgraded: Store) -> None:
    assert press_in(upgraded, a_request("audio-6"))[0].request.name == "waits"
    for audio_id in ("audio-0", "audio-3"):
        with pytest.raises(NeedsDecision):
            press_in(upgraded, a_request(audio_id))


def test_what_goes_out_is_the_same_when_it_comes_in(library: Library) -> None:
    file = json_file(library, ME, Query(statuses=(Status.REFUSED,))).read()
    seen = preview_import(library, ME, File(file, datetime.now(UTC)))
    assert (seen.new, seen.same, seen.different) == (0, 2, 0)


def test_the_search_follows_changes_of_old_attempts(library: Library) -> None:
    this = f"{5:032x}"
    library.annotate(ME, this, note="winter", favourite=True)
    library.delete(ME, f"{1:032x}")
    assert (names(library, "winter", favourites=True), names(library, "drop")) == ([""], [])
    library.annotate(ME, this, note="", favourite=False)
    library.restore(ME, f"{1:032x}")
    assert (names(library, "winter"), names(library, "drop")) == ([], ["'; DROP TABLE attempts; --"])


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    engine = engine_for(database_url)
    yield engine
    engine.dispose()


def test_a_database_without_rows_is_brought_up_to_date(engine: sa.Engine) -> None:
    to_first_version(engine)
    upgrade(engine)
    with engine.begin() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM attempts")).scalar() == 0


def test_a_persona_id_of_any_length_is_brought_along(engine: sa.Engine) -> None:
    drawn = random.Random(1)
    long = "".join(drawn.choice("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(9_000))
    to_first_version(engine, old_rows()[0] | {"persona_id": long})
    upgrade(engine)
    with engine.begin() as connection:
        assert connection.execute(sa.text("SELECT persona_id FROM attempts")).scalar() == long


def test_if_bringing_up_to_date_fails_everything_stays(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    to_first_version(engine, *old_rows())

    def fails(name: str) -> str:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr("studio.database.search_words.sortable", fails)
        with pytest.raises(ZeroDivisionError):
            upgrade(engine)
    with engine.begin() as connection:
        assert connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() == "0001"
        assert connection.execute(sa.text("SELECT count(*) FROM attempts")).scalar() == len(OLD)
    upgrade(engine)


def test_a_name_with_nul_in_it_is_brought_along_where_it_could_be_kept(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/studio.db"
    engine = engine_for(url)
    to_first_version(engine, old_rows()[0] | {"name": "Har\0bour", "persona_id": "p\0q"})
    engine.dispose()
    store = Store(Database(url))
    found = names(Library(store.database), "bour", order=Order.NAME)
    store.database.close()
    assert found == ["Har\0bour"]


# The version before: attempts in every state, their stories, and boosts in a table of their own

STATES = ("queued", "sending", "created", "refused", "unknown")
STORY = [("asked_again", '{"by": "x"}', "ines"), ("late_answer", '{"was": "unknown", "persona_id": ""}', "")]
BOOSTS: list[dict[str, Any]] = [
    {"id": "b" * 32, "status": "created", "content": "warm", "text": "Warm and wide", "price": 0.4},
    {"id": "c" * 32, "status": "sending", "content": "cold", "text": "", "price": None},
    {"id": "d" * 32, "status": "refused", "content": "dry", "text": "", "price": None, "code": 402, "cause": "credits"},
]


def rows_of_the_version_before() -> list[dict[str, Any]]:
    more = {"author": "ines", "note": "a note", "tags": "alto\nwarm", "track_title": "Pier", "track_tags": "jazz",
            "track_model": "V5", "track_audio_url": "https://x.example/a.mp3", "track_image_url": "", "words": "quay",
            "sort_name": "quay", "origin": "", "settled": "", "favourite": True, "track_duration": 61.5,
            "credits_before": 12.5, "credits_after": None, "track_created_at": NOON, "deleted_at": None}  # fmt: skip
    return [
        old_rows()[0]
        | more
        | {"id": f"{number:032x}", "status": status, "audio_id": f"audio-{number}", "number": number + 1}
        | {"wait_until": NOON if status == "queued" else None, "sent_at": None if status == "queued" else NOON}
        for number, status in enumerate(STATES)
    ]


@pytest.fixture(scope="module")
def from_the_version_before(new_database: Callable[[], str]) -> Iterator[Store]:
    url = new_database()
    engine = engine_for(url)
    to_version(engine, "0003", *rows_of_the_version_before())
    blank = {"account": ME, "created_at": NOON, "executor": "gone", "cause": "", "code": None, "message": ""}
    with engine.execution_options(write=True).begin() as connection:
        known = sa.MetaData()
        boosts, events = (sa.Table(name, known, autoload_with=connection) for name in ("boosts", "events"))
        connection.execute(sa.insert(boosts), [blank | row for row in BOOSTS])
        told = [{"attempt_id": f"{2:032x}", "at": NOON, "kind": k, "detail": d, "author": a} for k, d, a in STORY]
        connection.execute(sa.insert(events), told)
    engine.dispose()
    store = Store(Database(url))
    yield store
    store.database.close()


def test_every_attempt_of_the_version_before_is_as_it_was(from_the_version_before: Store) -> None:
    rows = {row["id"]: row for row in image(from_the_version_before, ME)}
    for before in rows_of_the_version_before():
        row = rows[before["id"]]
        row["wait_until"] = row["due_at"]
        for name, value in before.items():
            now = row[name].replace(tzinfo=None) if isinstance(row[name], datetime) else row[name]
            assert now == value, (before["status"], name)


def test_the_stories_of_the_version_before_are_as_they_were(from_the_version_before: Store) -> None:
    story = Library(from_the_version_before.database).events(ME, f"{2:032x}")
    assert [(event.kind, event.author) for event in story] == [(kind, author) for kind, _, author in STORY]


def test_the_boosts_of_the_version_before_are_attempts(from_the_version_before: Store) -> None:
    created, sending, refused = (from_the_version_before.get(ME, str(row["id"])) for row in BOOSTS)
    assert created
    assert sending
    assert refused
    assert (created.kind, created.body) == ("boost", '{"content": "warm"}')
    assert created.outcome.result == {"text": "Warm and wide", "price": 0.4}
    assert (sending.status, sending.executor) == (Status.SENDING, "gone")
    assert (refused.cause, refused.code) == ("credits", 402)


def test_boosts_of_the_version_before_are_in_no_list_of_personas(from_the_version_before: Store) -> None:
    library = Library(from_the_version_before.database)
    assert library.count(ME, Query()) == len(STATES)
    assert library.count(ME, Query("quay")) == len(STATES)


def test_what_waited_in_the_version_before_goes_on(from_the_version_before: Store) -> None:
    claimed = claim(from_the_version_before).attempt
    assert claimed
    assert (claimed.id, claimed.request.name) == (f"{0:032x}", "Harbour")
    from_the_version_before.release(claimed)
