"""The search of the library, on SQLite and on PostgreSQL: who finds what, and that it follows each change."""

from __future__ import annotations

import itertools
import random
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from studio.database.connection import Database
from studio.database.search_words import words_in
from studio.exceptions import NotSaved
from studio.library.edits import Library
from studio.library.search import Page
from studio.library.search_query import Order, Query
from studio.sending.attempt_store import Store
from studio.sending.attempts import NotAllowed, Status
from tests.studio.helpers import (
    CREATED,
    EPOCH,
    ME,
    YOU,
    add,
    filed,
    image,
    sent,
)
from tests.studio.library.helpers import TRACK, found, ids, indexed, names

# Finding. One library for many questions, because nobody changes it.

HARBOUR = {
    "name": "Harbour at Night",
    "description": "A warm low voice",
    "style": "sea shanty, 90 bpm",
    "note": "For the autumn album",
    "tags": "demo\nslow song",
    "track_title": "Lighthouse",
    "persona_id": "9d2f6c1ab37e",
    "task_id": "5c79be8e-4a1f-4d0c",
    "audio_id": "e231c0de-77aa",
    "author": "ines@example.org",
}


ATTEMPTS: list[dict[str, Any]] = [
    HARBOUR,
    {"name": "Éclair", "status": "refused", "favourite": True, "note": "Straße, Überkai, İstanbul"},
    {"name": "夜の東京タワー", "status": "unknown", "description": "서울 야경"},
    {"name": "ジョン・レノン"},
    {"name": "wholly% 'quoted' \"twice\" back\\slash", "style": "under_score"},
    {"name": "Ёлка", "description": "ΟΔΟΣ naïve ﬁne ＸＹＺ"},
    {"name": "Never and near", "description": "NOT OR"},
    {"name": "harbour of old", "favourite": True},
    {"name": "Harbour in the bin", "deleted_at": EPOCH},
]


SECRETS: list[dict[str, Any]] = [
    {**HARBOUR, "name": "Secret harbour"},
    {"name": "Secret eclair 東京 never", "favourite": True},
    {"name": "Secret bin", "deleted_at": EPOCH},
]


@pytest.fixture(scope="module")
def full(new_database: Callable[[], str]) -> Iterator[Library]:
    store = Store(Database(new_database()))
    for account, rows in ((ME, ATTEMPTS), (YOU, SECRETS)):
        for row in rows:
            filed(store, account, **row)
    yield Library(store.database)
    store.database.close()


BEGINNINGS = [
    ("name", "harb nig"),
    ("description", "warm vo"),
    ("style", "shan"),
    ("note", "autu"),
    ("tags", "demo slo"),
    ("track_title", "lightho"),
    ("persona_id", "9d2f6c1"),
    ("task_id", "5c79be8e-4a1"),
    ("audio_id", "e231c0de-7"),
    ("author", "ines@ex"),
]


def test_a_search_finds_beginnings_of_words_in_each_text(full: Library) -> None:
    for column, text in BEGINNINGS:
        assert all(any(word.startswith(part) for word in words_in(HARBOUR[column])) for part in words_in(text)), column
        assert found(full, text) == ["Harbour at Night"], column


def test_a_search_finds_each_text_as_it_stands(full: Library) -> None:
    for column, _ in BEGINNINGS:
        assert "Harbour at Night" in found(full, HARBOUR[column]), column


def test_what_no_word_begins_with_is_not_found(full: Library) -> None:
    for text in ("arbour", "79be8e", "ighthouse", "harbour zebra", "harbournight", "90bpm"):
        assert found(full, text) == found(full, text, deleted=True) == [], text


def test_case_accents_and_scripts_without_spaces_are_found(full: Library) -> None:
    for text, name in [
        ("eclair", "Éclair"),
        ("ÉCLAIR", "Éclair"),
        ("E\u0301clai", "Éclair"),
        ("strasse", "Éclair"),
        ("uber", "Éclair"),
        ("ISTANBUL", "Éclair"),
        ("елка", "Ёлка"),
        ("οδοσ", "Ёлка"),
        ("NAIVE fi", "Ёлка"),
        ("xyz", "Ёлка"),
        ("東京", "夜の東京タワー"),
        ("京", "夜の東京タワー"),
        ("ﾀﾜｰ", "夜の東京タワー"),
        ("서", "夜の東京タワー"),
        ("夜 야경", "夜の東京タワー"),
        ("ジョン・レノン", "ジョン・レノン"),
        ("・レノン", "ジョン・レノン"),
    ]:
        assert found(full, text) == [name], text


def test_signs_of_query_languages_mean_nothing(full: Library) -> None:
    for text, name in [
        ("wholly%", "wholly% 'quoted' \"twice\" back\\slash"),
        ("'quoted'", "wholly% 'quoted' \"twice\" back\\slash"),
        ('"twice"', "wholly% 'quoted' \"twice\" back\\slash"),
        ("back\\sl", "wholly% 'quoted' \"twice\" back\\slash"),
        ("under_score", "wholly% 'quoted' \"twice\" back\\slash"),
        ("never AND near", "Never and near"),
        ("NOT OR", "Never and near"),
        ("NEAR(never near)", "Never and near"),
        ("nev*", "Never and near"),
    ]:
        assert found(full, text) == [name], text


def test_a_sign_stands_for_no_other_character(full: Library) -> None:
    for sign in ("_", "%", "*", "'", '"', "\\", "・"):
        assert found(full, f"h{sign}rbour") == [], sign


HOSTILE = {
    "a quote": "'",
    "two quotes": '"',
    "an open phrase": '"harbour',
    "a closed word": "harbour' OR '1'='1",
    "percent": "%",
    "stars": "* harbour**",
    "operators": "AND",
    "operators at the ends": "OR harbour NOT",
    "near": 'NEAR("a" "b", 5)',
    "a column": "words : harbour",
    "an account": f"{ME} OR {YOU}",
    "the index's own marks": f"\ue000{YOU} \ue001created \ue002",
    "a column filter": "- {words} : a ^b + c",
    "backslashes": "\\ \\\\ harbour\\",
    "tsquery": "harbour:* | !x & <-> <2> (",
    "nul": "harbour\0",
    "only nul": "\0",
    "half a pair": "harbour\ud800",
    "only half a pair": "\udfff",
    "a mark of direction": "\u202eharbour\u2066",
    "punctuation": "?!., ;:()[]{}<>|/\\`~@#$%^&*-+=_",
    "emoji": "🎤 👩🏽‍🎤",
    "a word of 10 kB": "x" * 10_000,
    "many words": " ".join(f"{number:x}" for number in range(2_500)),
    "a long text without spaces": "".join(map(chr, range(0x4E00, 0x4E00 + 3_300))),
    "a quote 10,000 times": "'\"" * 5_000,
    "letters that became letters late": "q\u19b0z \u1cf2q \u19b1",
    "letters younger than the database": "q\U0001e900z \ua7c0 \U00011f02",
    "marks": "q\u0e33z \u0345 \u093f \u20dd",
    "blanks": " \t\r\n\u2028\u3000",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_search_fails_or_finds_what_is_anothers(full: Library, text: str) -> None:
    for deleted in (False, True):
        query = Query(text, deleted=deleted)
        page = full.find(ME, query)
        told = [row.name for row in full.rows(ME, query, ["name"])]
        assert (told, full.count(ME, query)) == (names(page), len(page.attempts))
        assert not any("Secret" in name for name in told)


@pytest.mark.parametrize("text", ["q\u19b0z", "\u1cf2", "q\U0001e900z", "\ua7c0", "x\U00011f02y"], ids=ascii)
def test_what_is_written_in_any_script_is_found(library: Library, text: str) -> None:
    filed(library, name=text)
    assert found(library, text) == [text]


def meant(account: str, query: Query, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a query means, in plain words, among all rows from the oldest to the newest."""
    chosen = [
        row
        for row in rows
        if row["account"] == account
        and (row["deleted_at"] is not None) is query.deleted
        and (not query.statuses or row["status"] in query.statuses)
        and (row["favourite"] or not query.favourites)
        and (query.since is None or row["created_at"] >= query.since)
        and (query.until is None or row["created_at"] < query.until)
        and all(any(word.startswith(part) for word in row["all words"]) for part in words_in(query.text))
    ]
    if query.order in (Order.NAME, Order.NAME_BACK):
        chosen.sort(key=lambda row: row["name"].casefold())
    return chosen[::-1] if query.order in (Order.NEWEST, Order.NAME_BACK) else chosen


TEXTS = ("name", "description", "style", "note", "tags", "track_title", "persona_id", "task_id", "audio_id", "author")


def all_rows(where: Store | Library) -> list[dict[str, Any]]:
    rows = sorted(image(where, ME) + image(where, YOU), key=lambda row: row["number"])
    return [row | {"all words": words_in(*(row[name] or "" for name in TEXTS))} for row in rows]


@pytest.fixture(scope="module")
def many(new_database: Callable[[], str]) -> Iterator[tuple[Library, list[dict[str, Any]]]]:
    """Attempts of every kind, and the same as plain rows."""
    store = Store(Database(new_database()))
    kinds = itertools.product([ME, YOU], ["created", "refused", "unknown"], [False, True], [None, EPOCH])
    for number, (account, status, favourite, deleted_at) in enumerate([*kinds] * 2):
        name = ["Anna's song", "anna again", "Berta", "annABELLA"][number % 4] + f" {number % 3}"
        columns = {"name": name, "status": status, "favourite": favourite, "deleted_at": deleted_at}
        filed(store, account, **columns, note="shanty" if number % 2 else "", created_at=EPOCH + DAY * number)
    yield Library(store.database), all_rows(store)
    store.database.close()


DAY = timedelta(days=1)


WINDOWS = [(None, None), (EPOCH + DAY * 5, None), (EPOCH + DAY * 5, EPOCH + DAY * 40)]


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("text", ["", "ann", "anna shan"])
def test_every_combination_of_conditions_finds_what_it_says(
    many: tuple[Library, list[dict[str, Any]]], text: str, order: Order
) -> None:
    library, rows = many
    statuses: list[tuple[Status, ...]] = [(), (Status.CREATED, Status.REFUSED)]
    for which, favourites, window, deleted in itertools.product(statuses, [False, True], WINDOWS, [False, True]):
        query = Query(text, which, favourites, *window, deleted, order)
        page = library.find(ME, query, limit=len(rows))
        wanted = [row["id"] for row in meant(ME, query, rows)]
        assert ([attempt.id for attempt in page.attempts], page.more) == (wanted, False), query


def test_counting_agrees_with_finding(many: tuple[Library, list[dict[str, Any]]]) -> None:
    library, rows = many
    for text, favourites, deleted in itertools.product(["", "ann", "shanty"], [False, True], [False, True]):
        query = Query(text, favourites=favourites, deleted=deleted)
        assert library.count(ME, query) == len(meant(ME, query, rows)), query


def test_counting_stops_at_the_most(many: tuple[Library, list[dict[str, Any]]]) -> None:
    assert [many[0].count(ME, Query(), most) for most in (1, 11, 12, 13)] == [1, 11, 12, 12]


@pytest.mark.parametrize("text", ["", "ann"])
@pytest.mark.parametrize("order", Order)
def test_pages_follow_one_another_without_gap_or_double(
    many: tuple[Library, list[dict[str, Any]]], text: str, order: Order
) -> None:
    library, rows = many
    query = Query(text, order=order)
    wanted = [row["id"] for row in meant(ME, query, rows)]
    pages = [library.find(ME, query, offset, 3) for offset in range(0, len(wanted), 3)]
    assert [attempt.id for page in pages for attempt in page.attempts] == wanted
    assert [page.more for page in pages] == [True] * (len(pages) - 1) + [False]


def test_after_the_last_page_there_is_nothing(many: tuple[Library, list[dict[str, Any]]]) -> None:
    assert many[0].find(ME, Query(), 12, 3) == many[0].find(ME, Query("ann"), 10_000) == Page([], False)


@pytest.mark.parametrize("year", [1900, 1970, 2100, 2199])
@pytest.mark.parametrize("text", ["", "ann"])
def test_any_day_of_a_calendar_can_be_asked_for(
    many: tuple[Library, list[dict[str, Any]]], year: int, text: str
) -> None:
    day = EPOCH.replace(year=year)
    library, rows = many
    query = Query(text, since=day) if year < 2000 else Query(text, until=day)
    assert ids(library, **{name: getattr(query, name) for name in ("text", "since", "until")}) == [
        row["id"] for row in meant(ME, query, rows)
    ]


def test_lists_leave_the_raw_answers_on_disk(library: Library) -> None:
    filed(library, raw="{...}")
    assert library.find(ME, Query()).attempts[0].raw == ""


def test_an_outcome_that_could_not_be_written_yet_is_in_the_list(store: Store) -> None:
    attempt = sent(store)
    (shown,) = Library(store.database, {attempt.id: CREATED}).find(ME, Query()).attempts
    assert (shown.status, shown.persona_id, shown.saved) == (Status.CREATED, "persona-1", False)


def test_attempts_of_one_moment_each_have_their_place(library: Library) -> None:
    same: dict[str, Any] = {"created_at": EPOCH, "name": "Same"}
    filings = {filed(library, id=f"{number:032x}", number=number, **same) for number in range(5)}
    for order in Order:
        listed = [ids(library, order=order)] * 2
        assert (set(listed[0]), listed[0]) == (filings, listed[1])


def test_attempts_filed_in_one_moment_are_listed_as_they_were_filed(
    store: Store, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    alike = (uuid.UUID(int=number) for number in range(5, 0, -1))  # the same place in time, but for the last bits
    monkeypatch.setattr("uuid.uuid4", lambda: next(alike))
    filings = [add(store, audio_id=f"audio-{number}").id for number in range(5)]
    assert ids(library, order=Order.OLDEST) == filings


def test_the_tags_in_use_are_sorted_and_without_doubles(library: Library) -> None:
    for tags in ("b\nA", "c\nb", ""):
        filed(library, tags=tags)
    filed(library, tags="gone", deleted_at=EPOCH)
    assert library.tags(ME) == ["A", "b", "c"]


def test_of_a_track_the_persona_counts_more_than_a_refusal_after_it(library: Library) -> None:
    for status in ("refused", "created", "refused"):
        last = filed(library, audio_id="audio-1", name=status, status=status)
    refused = filed(library, audio_id="audio-2", status="refused")
    told = library.of_tracks(ME, ["audio-1", "audio-2", "audio-3"])
    assert {audio_id: attempt.status for audio_id, attempt in told.items()} == {
        "audio-1": Status.CREATED, "audio-2": Status.REFUSED,
    }  # fmt: skip
    assert (told["audio-1"].id != last, told["audio-2"].id) == (True, refused)


def test_of_a_track_the_newest_matter_counts(library: Library) -> None:
    filed(library, audio_id="audio-1", status="unknown")
    newest = filed(library, audio_id="audio-1", status="created")
    assert library.of_tracks(ME, ["audio-1"])["audio-1"].id == newest


# The search follows every change


def test_a_new_attempt_is_found_at_once(store: Store, library: Library) -> None:
    attempt = add(store, name="Harbour")
    assert ids(library, "harb", statuses=(Status.QUEUED,)) == [attempt.id]


def test_an_outcome_moves_an_attempt_to_another_list(store: Store, library: Library) -> None:
    attempt = sent(store)
    statuses = [Status.SENDING, Status.CREATED]
    before = [ids(library, "quay", statuses=(status,)) for status in statuses]
    store.finish(attempt, CREATED)
    after = [ids(library, "quay", statuses=(status,)) for status in statuses]
    assert (before, after) == ([[attempt.id], []], [[], [attempt.id]])


def test_a_star_is_found_and_lost_again(library: Library) -> None:
    this = filed(library)
    told = [ids(library, "quay", favourites=True)]
    for favourite in (True, False):
        library.annotate(ME, this, favourite=favourite)
        told.append(ids(library, "quay", favourites=True))
    assert told == [[], [this], []]


def test_a_changed_note_is_found_by_its_new_words_only(library: Library) -> None:
    this = filed(library, note="autumn")
    library.annotate(ME, this, note="winter")
    assert (ids(library, "autumn"), ids(library, "winter")) == ([], [this])


def test_a_note_that_goes_takes_no_word_of_the_name_along(library: Library) -> None:
    this = filed(library, name="Autumn", note="autumn winter")
    library.annotate(ME, this, note="")
    assert (ids(library, "autumn"), ids(library, "winter")) == ([this], [])


@pytest.mark.parametrize("seed", range(2))
def test_after_any_changes_the_search_finds_what_the_rows_say(store: Store, library: Library, seed: int) -> None:
    drawn = random.Random(seed)
    some = [filed(library, drawn.choice([ME, YOU]), name=name, status="unknown") for name in SOME_NAMES]
    owner = {row["id"]: row["account"] for account in (ME, YOU) for row in image(library, account)}
    for _ in range(50):
        this = drawn.choice(some)
        change = drawn.choice(list(CHANGES))
        with suppress(NotAllowed):
            CHANGES[change](store, library, owner[this], this, drawn)
    rows = all_rows(library)
    for account, text, favourites, status, deleted in itertools.product(
        [ME, YOU],
        ["ann", "song", "note", "p"],
        [False, True],
        [(), (Status.CREATED,), (Status.UNKNOWN,)],
        [False, True],
    ):
        query = Query(text, status, favourites, deleted=deleted)
        assert [attempt.id for attempt in library.find(account, query).attempts] == [
            row["id"] for row in meant(account, query, rows)
        ], query
    if library.database.kind == "sqlite":
        assert indexed(library) == sum(row["deleted_at"] is None for row in rows)


def late(store: Store, who: str, this: str) -> None:
    attempt = store.get(who, this)
    assert attempt
    store.finish(attempt, CREATED)


SOME_NAMES = ["Anna's song", "anna again", "Berta", "song of songs", "Pier", "Anchor"]


CHANGES: dict[str, Callable[[Store, Library, str, str, random.Random], object]] = {
    "note": lambda store, library, who, this, drawn: library.annotate(
        who, this, note=drawn.choice(["", "a note", "x"])
    ),
    "tags": lambda store, library, who, this, drawn: library.annotate(
        who, this, tags=drawn.sample(["song", "pop", "x"], 2)
    ),
    "star": lambda store, library, who, this, drawn: library.annotate(who, this, favourite=drawn.random() < 0.7),
    "track": lambda store, library, who, this, drawn: library.record_track(who, this, TRACK),
    "delete": lambda store, library, who, this, drawn: library.delete(who, this),
    "restore": lambda store, library, who, this, drawn: library.restore(who, this),
    "not made": lambda store, library, who, this, drawn: library.not_made(who, this) if drawn.random() < 0.3 else None,
    "by hand": lambda store, library, who, this, drawn: library.found_by_hand(who, this, f"p{drawn.randrange(9)}"),
    "late": lambda store, library, who, this, drawn: late(store, who, this) if drawn.random() < 0.3 else None,
}


# Trouble


def test_a_database_that_cannot_be_read_any_more_is_said(new_database: Callable[[], str]) -> None:
    store = Store(Database(new_database()))
    library = Library(store.database)
    with store.database.writing() as connection:
        connection.execute(sa.text("ALTER TABLE attempts RENAME TO elsewhere"))
    for look in (lambda: library.find(ME, Query()), lambda: library.count(ME, Query()), lambda: library.tags(ME)):
        with pytest.raises(NotSaved):
            look()
    with pytest.raises(NotSaved):
        list(library.rows(ME, Query(), ["id"]))
    with pytest.raises(NotSaved):
        store.newest(ME, 1)
    with pytest.raises(NotSaved):
        store.get(ME, "any")
    store.database.close()
