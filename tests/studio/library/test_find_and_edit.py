"""The library, on SQLite and on PostgreSQL: who finds what among many, and what people do with it afterwards."""

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

from kie import Track
from studio.database.connection import Database
from studio.database.search_words import words_in
from studio.database.tables import attempts, events
from studio.exceptions import NotSaved
from studio.library.edits import Library
from studio.library.import_merge import import_records
from studio.library.search import Page
from studio.library.search_query import Order, Query
from studio.sending.attempt_store import Store
from studio.sending.attempts import Attempt, Event, NeedsDecision, NotAllowed, Outcome, Seen, Settled, Status
from studio.sending.kinds import body_of
from studio.sending.kinds.boost import BOOST
from tests.studio.helpers import (
    CREATED,
    EPOCH,
    ME,
    REFUSED,
    UNKNOWN,
    YOU,
    Clock,
    a_request,
    add,
    claim,
    filed,
    image,
    now,
    over,
    press_in,
    sent,
)

TRACK = Track("audio-1", "Lighthouse", "folk", "", "V5", 181.5, "https://a.example/1", "https://i.example/1", EPOCH)


@pytest.fixture
def library(store: Store) -> Library:
    return Library(store.database)


def names(page: Page) -> list[str]:
    return [attempt.request.name for attempt in page.attempts]


def found(library: Library, text: str = "", account: str = ME, **conditions: Any) -> list[str]:
    """The names of what is found."""
    return names(library.find(account, Query(text, **conditions)))


def ids(library: Library, text: str = "", account: str = ME, **conditions: Any) -> list[str]:
    return [attempt.id for attempt in library.find(account, Query(text, **conditions)).attempts]


# Finding. One shelf for many questions, because nobody changes it.

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
SHELF: list[dict[str, Any]] = [
    HARBOUR,
    {"name": "Éclair", "status": "refused", "favourite": True, "note": "Straße, Überkai, İstanbul"},
    {"name": "夜の東京タワー", "status": "unknown", "description": "서울 야경"},
    {"name": "ジョン・レノン"},
    {"name": "100% 'quoted' \"twice\" back\\slash", "style": "under_score"},
    {"name": "Ёлка", "description": "ΟΔΟΣ naïve ﬁne ＡＢＣ"},
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
def shelf(new_database: Callable[[], str]) -> Iterator[Library]:
    store = Store(Database(new_database()))
    for account, rows in ((ME, SHELF), (YOU, SECRETS)):
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


def test_a_search_finds_beginnings_of_words_in_each_text(shelf: Library) -> None:
    for column, text in BEGINNINGS:
        assert all(any(word.startswith(part) for word in words_in(HARBOUR[column])) for part in words_in(text)), column
        assert found(shelf, text) == ["Harbour at Night"], column


def test_a_search_finds_each_text_as_it_stands(shelf: Library) -> None:
    for column, _ in BEGINNINGS:
        assert "Harbour at Night" in found(shelf, HARBOUR[column]), column


def test_what_no_word_begins_with_is_not_found(shelf: Library) -> None:
    for text in ("arbour", "79be8e", "ighthouse", "harbour zebra", "harbournight", "90bpm"):
        assert found(shelf, text) == found(shelf, text, deleted=True) == [], text


def test_case_accents_and_scripts_without_spaces_are_found(shelf: Library) -> None:
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
        ("abc", "Ёлка"),
        ("東京", "夜の東京タワー"),
        ("京", "夜の東京タワー"),
        ("ﾀﾜｰ", "夜の東京タワー"),
        ("서", "夜の東京タワー"),
        ("夜 야경", "夜の東京タワー"),
        ("ジョン・レノン", "ジョン・レノン"),
        ("・レノン", "ジョン・レノン"),
    ]:
        assert found(shelf, text) == [name], text


def test_signs_of_query_languages_mean_nothing(shelf: Library) -> None:
    for text, name in [
        ("100%", "100% 'quoted' \"twice\" back\\slash"),
        ("'quoted'", "100% 'quoted' \"twice\" back\\slash"),
        ('"twice"', "100% 'quoted' \"twice\" back\\slash"),
        ("back\\sl", "100% 'quoted' \"twice\" back\\slash"),
        ("under_score", "100% 'quoted' \"twice\" back\\slash"),
        ("never AND near", "Never and near"),
        ("NOT OR", "Never and near"),
        ("NEAR(never near)", "Never and near"),
        ("nev*", "Never and near"),
    ]:
        assert found(shelf, text) == [name], text


def test_a_sign_stands_for_no_other_character(shelf: Library) -> None:
    for sign in ("_", "%", "*", "'", '"', "\\", "・"):
        assert found(shelf, f"h{sign}rbour") == [], sign


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
def test_no_search_fails_or_finds_what_is_anothers(shelf: Library, text: str) -> None:
    for deleted in (False, True):
        query = Query(text, deleted=deleted)
        page = shelf.find(ME, query)
        told = [row.name for row in shelf.rows(ME, query, ["name"])]
        assert (told, shelf.count(ME, query)) == (names(page), len(page.attempts))
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


# Notes, tags, stars


def test_a_note_tags_and_a_star_read_back(library: Library) -> None:
    this = filed(library)
    library.annotate(ME, this, note="two\nlines 🎤", tags=["demo", "slow song"], favourite=True)
    (shown,) = library.find(ME, Query()).attempts
    assert (shown.note, shown.tags, shown.favourite) == ("two\nlines 🎤", ("demo", "slow song"), True)


@pytest.mark.parametrize("change", [{"note": "New"}, {"tags": ["new"]}, {"favourite": False}], ids=str)
def test_what_is_not_given_stays(library: Library, change: dict[str, Any]) -> None:
    this = filed(library, note="Old", tags="old", favourite=True)
    library.annotate(ME, this, **change)
    (shown,) = library.find(ME, Query()).attempts
    kept: dict[str, Any] = {"note": "Old", "tags": ("old",), "favourite": True} | change
    assert (shown.note, shown.tags, shown.favourite) == (kept["note"], tuple(kept["tags"]), kept["favourite"])


def test_nothing_given_changes_nothing(library: Library) -> None:
    this = filed(library, note="Old", tags="old", favourite=True)
    before = image(library, ME)
    library.annotate(ME, this)
    assert image(library, ME) == before


def test_a_note_and_tags_can_be_taken_away(library: Library) -> None:
    this = filed(library, note="Old", tags="old")
    library.annotate(ME, this, note="", tags=[])
    (shown,) = library.find(ME, Query()).attempts
    assert (shown.note, shown.tags) == ("", ())


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ([" demo ", "demo", ""], ("demo",)),
        (["slow   song", "slow\nsong"], ("slow song",)),
        (["b", "a"], ("b", "a")),
        (["Demo", "demo"], ("Demo", "demo")),
        (["x" * 40] + [str(number) for number in range(19)], ("x" * 40, *map(str, range(19)))),
    ],
    ids=str,
)
def test_tags_are_kept_without_blanks_and_doubles(library: Library, given: list[str], kept: tuple[str, ...]) -> None:
    library.annotate(ME, filed(library), tags=given)
    assert library.find(ME, Query()).attempts[0].tags == kept


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tags": ["x" * 41]}, "Tags: use at most 40 characters"),
        ({"tags": ["a,b"]}, "no comma"),
        ({"tags": ["a\0b"]}, "Tags:"),
        ({"tags": ["a\ud800"]}, "Tags:"),
        ({"tags": [str(number) for number in range(21)]}, "Tags: keep at most 20"),
        ({"note": "x" * 5001}, "Note: it has 5,001 characters. Shorten it to 5,000"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_cannot_be_kept_is_refused_with_a_reason(library: Library, change: dict[str, Any], words: str) -> None:
    this = filed(library, note="Old", tags="old")
    before = image(library, ME)
    with pytest.raises(ValueError, match=words):
        library.annotate(ME, this, favourite=True, **change)
    assert image(library, ME) == before


@pytest.mark.parametrize("note", ["a\0b", "a\ud800b"], ids=ascii)
def test_a_note_with_what_no_database_takes_is_kept_without_it(library: Library, note: str) -> None:
    library.annotate(ME, filed(library), note=note)
    assert library.find(ME, Query()).attempts[0].note == "a?b"


def test_the_tags_in_use_are_sorted_and_without_doubles(library: Library) -> None:
    for tags in ("b\nA", "c\nb", ""):
        filed(library, tags=tags)
    filed(library, tags="gone", deleted_at=EPOCH)
    assert library.tags(ME) == ["A", "b", "c"]


def test_what_kie_says_of_a_track_is_kept(library: Library) -> None:
    this = filed(library, audio_id="audio-1")
    library.record_track(ME, this, TRACK)
    assert library.find(ME, Query("lighth")).attempts[0].track == TRACK


def test_a_track_that_is_known_from_the_start_is_kept_and_found(store: Store, library: Library) -> None:
    press_in(store, a_request(), track=TRACK, author="ines@example.org", credits_before=12.5)
    (shown,) = library.find(ME, Query("lighth ines")).attempts
    assert (shown.track, shown.author, shown.credits_before) == (TRACK, "ines@example.org", 12.5)


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


# Settling what is unknown


def story(library: Library, attempt_id: str) -> list[tuple[str, dict[str, str], str]]:
    return [(event.kind, event.detail, event.author) for event in library.events(ME, attempt_id)]


def test_what_was_not_made_is_refused_and_says_who_said_so(store: Store, library: Library, clock: Clock) -> None:
    attempt = over(store, clock, UNKNOWN)
    library.not_made(ME, attempt.id, "ines@example.org")
    after = now(store, attempt)
    assert (after.status, after.settled, after.message) == (Status.REFUSED, Settled.NOT_MADE, UNKNOWN.message)
    assert library.events(ME, attempt.id) == [Event(clock(), "not_made", {}, "ines@example.org")]


def test_what_was_not_made_may_be_tried_again(store: Store, library: Library, clock: Clock) -> None:
    library.not_made(ME, over(store, clock, UNKNOWN).id)
    assert add(store, name="Changed").status is Status.QUEUED


def test_what_was_found_by_hand_is_a_persona_that_can_be_searched(store: Store, library: Library, clock: Clock) -> None:
    attempt = over(store, clock, UNKNOWN)
    library.found_by_hand(ME, attempt.id, " 9d2f6c1ab37e\n", "ines@example.org")
    after = now(store, attempt)
    assert (after.status, after.settled, after.persona_id) == (Status.CREATED, Settled.BY_HAND, "9d2f6c1ab37e")
    assert story(library, attempt.id) == [("by_hand", {"persona_id": "9d2f6c1ab37e"}, "ines@example.org")]
    assert ids(library, "9d2f6c") == [attempt.id]


def test_what_was_found_by_hand_needs_a_decision_to_be_replaced(store: Store, library: Library, clock: Clock) -> None:
    library.found_by_hand(ME, over(store, clock, UNKNOWN).id, "p-1")
    with pytest.raises(NeedsDecision):
        press_in(store, a_request())


def test_what_cannot_be_a_persona_id_is_not_kept(library: Library) -> None:
    this = filed(library, status="unknown")
    before = image(library, ME)
    for given in ("", "  ", "two words", "a\nb", "a\0b", "é", "x" * 201, "\ud800"):
        with pytest.raises(ValueError, match="Persona ID:"):
            library.found_by_hand(ME, this, given)
        assert image(library, ME) == before, given


SETTLE: dict[str, Callable[[Library, str], None]] = {
    "not_made": lambda library, this: library.not_made(ME, this),
    "found_by_hand": lambda library, this: library.found_by_hand(ME, this, "p-2"),
}


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.UNKNOWN])
def test_only_what_is_unknown_can_be_settled(library: Library, status: Status) -> None:
    this = filed(library, status=status.value, persona_id="p-1")
    before = image(library, ME)
    for settle in SETTLE.values():
        with pytest.raises(NotAllowed, match="Its outcome is known by now"):
            settle(library, this)
        assert image(library, ME) == before


def test_what_is_settled_cannot_be_settled_again(library: Library) -> None:
    this = filed(library, status="unknown")
    library.not_made(ME, this)
    with pytest.raises(NotAllowed):
        library.found_by_hand(ME, this, "p-1")


# Asked again, replaced


def ended(store: Store, attempt: Attempt, outcome: Outcome) -> None:
    """Send a filed attempt, and write how it ended."""
    claimed = claim(store, attempt.account).attempt
    assert claimed
    assert claimed.id == attempt.id
    store.finish(claimed, outcome)


def test_asking_again_is_in_the_story_and_leads_to_the_repeat(store: Store, library: Library, clock: Clock) -> None:
    lost = over(store, clock, UNKNOWN)
    again, _ = press_in(store, lost.request, replaces=lost.seen, author="ines@example.org")
    assert story(library, lost.id) == [("asked_again", {"by": again.id}, "ines@example.org")]
    assert [each.id for each in library.sent_again(ME, lost.id)] == [again.id]


@pytest.mark.parametrize(
    ("outcome", "settled"),
    [(CREATED, Settled.ASKED_AGAIN), (REFUSED, Settled.NOT), (UNKNOWN, Settled.NOT)],
    ids=["created", "refused", "unknown"],
)
def test_a_lost_answer_is_settled_once_the_repeat_is_created(
    store: Store, clock: Clock, outcome: Outcome, settled: Settled
) -> None:
    lost = over(store, clock, UNKNOWN)
    ended(store, press_in(store, lost.request, replaces=lost.seen)[0], outcome)
    assert (now(store, lost).settled, now(store, lost).status) == (settled, Status.UNKNOWN)


def test_another_text_for_the_same_track_is_a_replacement(store: Store, library: Library, clock: Clock) -> None:
    made = over(store, clock, CREATED)
    again = add(store, name="Changed", replaces=made.seen)
    assert story(library, made.id) == [("replaced", {"by": again.id}, "")]


def test_another_text_does_not_tell_that_the_same_request_was_answered(store: Store, clock: Clock) -> None:
    lost = over(store, clock, UNKNOWN)
    ended(store, add(store, name="Changed", replaces=lost.seen), CREATED)
    assert now(store, lost).settled is not Settled.ASKED_AGAIN


def test_a_persona_that_was_replaced_is_not_settled(store: Store, clock: Clock) -> None:
    made = over(store, clock, CREATED)
    ended(store, press_in(store, made.request, replaces=made.seen)[0], CREATED)
    assert now(store, made) == made


def test_a_first_request_leaves_no_story(store: Store, library: Library, clock: Clock) -> None:
    assert library.events(ME, over(store, clock, CREATED).id) == []


# Answers that come after all


def test_an_answer_after_all_is_in_the_story(store: Store, library: Library, clock: Clock) -> None:
    attempt = over(store, clock, UNKNOWN)
    store.finish(attempt, CREATED)
    assert library.events(ME, attempt.id) == [Event(clock(), "late_answer", {"was": "unknown", "persona_id": ""})]


def test_an_answer_after_all_keeps_the_id_that_was_typed_in_the_story(
    store: Store, library: Library, clock: Clock
) -> None:
    attempt = over(store, clock, UNKNOWN)
    library.found_by_hand(ME, attempt.id, "typed-in")
    store.finish(attempt, CREATED)
    assert now(store, attempt).persona_id == "persona-1"
    assert story(library, attempt.id)[-1] == ("late_answer", {"was": "created", "persona_id": "typed-in"}, "")


@pytest.mark.parametrize("settle", SETTLE)
def test_an_answer_after_all_takes_the_place_of_what_a_person_said(
    store: Store, library: Library, clock: Clock, settle: str
) -> None:
    attempt = over(store, clock, UNKNOWN)
    SETTLE[settle](library, attempt.id)
    store.finish(attempt, CREATED)
    after = now(store, attempt)
    assert (after.status, after.persona_id, after.settled) == (Status.CREATED, "persona-1", Settled.NOT)


def test_an_answer_after_all_is_found_by_its_id(store: Store, library: Library, clock: Clock) -> None:
    attempt = over(store, clock, UNKNOWN)
    store.finish(attempt, CREATED)
    assert ids(library, "persona 1", statuses=(Status.CREATED,)) == [attempt.id]


def test_an_answer_in_time_has_no_story(store: Store, library: Library, clock: Clock) -> None:
    assert library.events(ME, over(store, clock, CREATED).id) == []


def test_writing_an_answer_once_more_adds_nothing(store: Store, library: Library, clock: Clock) -> None:
    attempt = over(store, clock, CREATED)
    before = image(library, ME)
    store.finish(attempt, CREATED)
    assert [row["story"] for row in image(library, ME)] == [[]]
    assert [row["words"] for row in image(library, ME)] == [row["words"] for row in before]


def test_an_id_of_any_length_is_written(store: Store, clock: Clock) -> None:
    attempt = sent(store)
    drawn = random.Random(1)
    long = "".join(drawn.choice("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(9_000))
    store.finish(attempt, Outcome(Status.CREATED, persona_id=long))
    assert now(store, attempt).persona_id == long


# Deleting, bringing back, forgetting


def test_a_deleted_attempt_is_in_the_list_of_deleted_ones_only(store: Store, library: Library, clock: Clock) -> None:
    this = over(store, clock, CREATED).id
    library.delete(ME, this, "ines@example.org")
    assert (ids(library), ids(library, "quay"), library.count(ME, Query("quay")), store.newest(ME, 9)) == (
        [], [], 0, [],
    )  # fmt: skip
    assert ids(library, deleted=True) == ids(library, "quay", deleted=True) == [this]
    assert story(library, this) == [("deleted", {}, "ines@example.org")]


def test_a_deleted_attempt_comes_back_as_it_was(store: Store, library: Library, clock: Clock) -> None:
    attempt = over(store, clock, CREATED)
    library.delete(ME, attempt.id)
    library.restore(ME, attempt.id, "ines@example.org")
    assert now(store, attempt) == attempt
    assert ids(library) == ids(library, "quay", statuses=(Status.CREATED,)) == [attempt.id]
    assert story(library, attempt.id)[1:] == [("restored", {}, "ines@example.org")]


def test_what_a_persona_was_used_for_stands_in_its_story(library: Library) -> None:
    this = filed(library, persona_id="p-1")
    library.record_use(ME, this, "  Autumn album,\n track 3 ", "ines@example.org")
    library.record_use(ME, this, "=trailer")
    library.record_use(ME, this, "  ")
    assert story(library, this) == [
        ("used", {"for": "Autumn album, track 3"}, "ines@example.org"),
        ("used", {"for": "=trailer"}, ""),
    ]
    with pytest.raises(ValueError, match="Used for: it has 201 characters"):
        library.record_use(ME, this, "x" * 201)
    with pytest.raises(NotAllowed):
        library.record_use(ME, filed(library, status="refused", persona_id=""), "nothing")


def test_deleting_and_bringing_back_twice_is_told_once(library: Library) -> None:
    this = filed(library)
    for change in (library.restore, library.delete, library.delete, library.restore, library.restore):
        change(ME, this)
    assert [kind for kind, _, _ in story(library, this)] == ["deleted", "restored"]


def test_a_deleted_persona_still_needs_a_decision(store: Store, library: Library, clock: Clock) -> None:
    library.delete(ME, over(store, clock, CREATED).id)
    with pytest.raises(NeedsDecision):
        press_in(store, a_request(name="Changed"))


@pytest.mark.parametrize("make", [add, sent], ids=["queued", "sending"])
def test_what_is_on_its_way_is_not_deleted(store: Store, library: Library, make: Callable[[Store], Attempt]) -> None:
    attempt = make(store)
    with pytest.raises(NotAllowed, match="on its way"):
        library.delete(ME, attempt.id)
    assert now(store, attempt) == attempt


@pytest.mark.parametrize("change", [Library.not_made, Library.delete, Library.annotate])
def test_what_is_not_there_cannot_be_changed(library: Library, change: Callable[[Library, str, str], None]) -> None:
    with pytest.raises(NotAllowed, match="not in this library"):
        change(library, ME, "f" * 32)


def test_forgetting_leaves_nothing_of_an_account(store: Store, library: Library, clock: Clock) -> None:
    over(store, clock, CREATED)
    library.not_made(ME, over(store, clock, UNKNOWN, audio_id="audio-2").id)
    library.delete(ME, over(store, clock, REFUSED, audio_id="audio-3").id)
    assert library.erase_account(ME) == 3
    assert (image(library, ME), rows_in(library, events), indexed(library)) == ([], 0, 0)


def test_forgetting_leaves_what_is_anothers(store: Store, library: Library, clock: Clock) -> None:
    over(store, clock, CREATED)
    library.not_made(YOU, over(store, clock, UNKNOWN, account=YOU).id)
    for who in (ME, YOU):
        store.add(who, BOOST, body_of({"content": "warm"}))
        boost = claim(store, who).attempt
        assert boost
        store.finish(boost, CREATED)
    before = image(library, YOU)
    library.erase_account(ME)
    assert (image(library, ME), image(library, YOU)) == ([], before)


@pytest.mark.parametrize("make", [add, sent], ids=["queued", "sending"])
def test_nothing_is_forgotten_while_something_is_on_its_way(
    store: Store, library: Library, clock: Clock, make: Callable[..., Attempt]
) -> None:
    library.not_made(ME, over(store, clock, UNKNOWN).id)
    make(store, audio_id="audio-2")
    before = image(library, ME)
    with pytest.raises(NotAllowed, match="on its way"):
        library.erase_account(ME)
    assert image(library, ME) == before


def rows_in(library: Library, table: sa.FromClause) -> int:
    with library.database.reading() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def indexed(library: Library) -> int:
    """How many attempts the search index has."""
    if library.database.kind == "postgresql":
        return rows_in(library, attempts)
    return rows_in(library, sa.table("attempts_words"))


# The search follows every change


def test_a_new_attempt_is_found_at_once(store: Store, library: Library) -> None:
    attempt = add(store, name="Harbour")
    assert ids(library, "harb", statuses=(Status.QUEUED,)) == [attempt.id]


def test_an_outcome_moves_an_attempt_to_another_heap(store: Store, library: Library) -> None:
    attempt = sent(store)
    heaps = [Status.SENDING, Status.CREATED]
    before = [ids(library, "quay", statuses=(status,)) for status in heaps]
    store.finish(attempt, CREATED)
    after = [ids(library, "quay", statuses=(status,)) for status in heaps]
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


# Two accounts


@pytest.fixture
def theirs(store: Store, library: Library, clock: Clock) -> dict[str, str]:
    """What another account has, by what became of it."""
    made = over(store, clock, CREATED, account=YOU, name="Secret")
    lost = over(store, clock, UNKNOWN, account=YOU, name="Secret", audio_id="audio-2")
    again, _ = press_in(store, lost.request, YOU, replaces=lost.seen)
    ended(store, again, UNKNOWN)
    library.annotate(YOU, again.id, note="Secret", tags=["secret"], favourite=True)
    waits = sent(store, account=YOU, name="Secret", audio_id="audio-3")
    store.postpone(waits, 60, REFUSED)
    gone = filed(store, YOU, name="Secret", deleted_at=EPOCH, tags="secret")
    library.delete(YOU, filed(store, YOU, name="Secret"))
    return {"created": made.id, "lost": lost.id, "unknown": again.id, "waits": waits.id, "deleted": gone}


LOOKS: dict[str, Callable[[Library, str], object]] = {
    "find": lambda library, this: library.find(ME, Query()).attempts,
    "find deleted": lambda library, this: library.find(ME, Query(deleted=True)).attempts,
    "find favourites": lambda library, this: library.find(ME, Query(favourites=True)).attempts,
    "find by status": lambda library, this: library.find(ME, Query(statuses=(Status.CREATED,))).attempts,
    "find by name": lambda library, this: library.find(ME, Query("secret", order=Order.NAME)).attempts,
    "find by account": lambda library, this: library.find(ME, Query(YOU)).attempts,
    "count": lambda library, this: library.count(ME, Query()),
    "count by word": lambda library, this: library.count(ME, Query("secret")),
    "rows": lambda library, this: list(library.rows(ME, Query(), ["id", "name"])),
    "story": lambda library, this: library.events(ME, this),
    "sent again": lambda library, this: library.sent_again(ME, this),
    "tags": lambda library, this: library.tags(ME),
    "of tracks": lambda library, this: library.of_tracks(ME, ["audio-1", "audio-2"]),
}


def test_nothing_of_another_account_is_seen(library: Library, theirs: dict[str, str]) -> None:
    assert [
        (name, this) for name, look in LOOKS.items() for this, its_id in theirs.items() if look(library, its_id)
    ] == []


DEEDS: dict[str, Callable[[Store, Library, str], object]] = {
    "annotate": lambda store, library, this: library.annotate(ME, this, note="Mine", tags=["mine"], favourite=False),
    "know track": lambda store, library, this: library.record_track(ME, this, TRACK),
    "not made": lambda store, library, this: library.not_made(ME, this),
    "used": lambda store, library, this: library.record_use(ME, this, "mine"),
    "by hand": lambda store, library, this: library.found_by_hand(ME, this, "mine"),
    "delete": lambda store, library, this: library.delete(ME, this),
    "restore": lambda store, library, this: library.restore(ME, this),
    "cancel": lambda store, library, this: store.cancel(ME, this),
    "forget": lambda store, library, this: library.erase_account(ME),
    "replace": lambda store, library, this: replace_it(store, this),
    "take in": lambda store, library, this: _take_in_what_is(library, this),
}


def replace_it(store: Store, this: str) -> None:
    ended(store, add(store, replaces=Seen(this, Status.UNKNOWN), audio_id=f"a {this}"), CREATED)


def _take_in_what_is(library: Library, this: str) -> None:
    from studio.library.import_reader import Record

    values = {"id": this, "status": "created", "persona_id": "mine", "name": "Mine", "created_at": EPOCH}
    import_records(library, ME, [Record("Row 2", values)], overwrite=True)


def test_nothing_of_another_account_is_changed(store: Store, library: Library, theirs: dict[str, str]) -> None:
    before = image(library, YOU)
    changed = []
    for (name, deed), (this, its_id) in itertools.product(DEEDS.items(), theirs.items()):
        with suppress(NotAllowed):
            deed(store, library, its_id)
        if image(library, YOU) != before:
            changed.append((name, this))
            before = image(library, YOU)
    assert changed == []


def test_a_repeat_of_an_attempt_of_another_account_is_refused(store: Store, clock: Clock) -> None:
    lost = over(store, clock, UNKNOWN, account=YOU)
    with pytest.raises(NotAllowed):
        add(store, replaces=lost.seen)
    assert now(store, lost) == lost


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
