"""Files into the library, on SQLite and on PostgreSQL: what is new, what is here already, what is in conflict."""

from __future__ import annotations

import csv
import io
import itertools
import json
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kie import Track
from studio.database.connection import Database
from studio.database.tables import events, metadata, number_at
from studio.exceptions import BadFile, NotSaved
from studio.library import import_merge
from studio.library.edits import Library
from studio.library.export_files import FIELDS, csv_file, json_file
from studio.library.import_merge import Preview, import_records, preview_import
from studio.library.import_reader import File
from studio.library.search_query import Order, Query
from studio.sending.attempt_store import Store
from studio.sending.attempts import NeedsDecision, Outcome, Settled, Status
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

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def library(store: Store) -> Library:
    return Library(store.database)


def file(library: Library, content: bytes | str) -> File:
    return File(content if isinstance(content, bytes) else content.encode(), library.now())


def preview(library: Library, content: bytes | str, account: str = ME) -> Preview:
    return preview_import(library, account, file(library, content))


def bring_in(
    library: Library, content: bytes | str, account: str = ME, overwrite: bool = False, author: str = ""
) -> int:
    it = file(library, content)
    return import_records(library, account, it, overwrite, author, it.order)


def counts(seen: Preview) -> tuple[int, int, int]:
    return seen.new, seen.same, seen.different


def as_json(library: Library, account: str = ME, order: Order = Order.NEWEST) -> bytes:
    return json_file(library, account, Query(order=order)).read()


def as_csv(library: Library, account: str = ME) -> bytes:
    return csv_file(library, account, Query()).read()


def names(library: Library, account: str = ME, **conditions: Any) -> list[str]:
    return [attempt.request.name for attempt in library.find(account, Query(**conditions)).attempts]


def empty(library: Library) -> None:
    with library.database.writing() as connection:
        for table in metadata.tables.values():
            connection.execute(table.delete())


def entry(**values: object) -> dict[str, object]:
    """One attempt of a file."""
    return {"id": uuid.uuid4().hex, "created_at": NOON.isoformat(), "status": "created", "persona_id": "p-1"} | values


def a_json(*entries: object) -> str:
    head = {"format": "persona-studio", "version": 2}
    return "".join(f"{json.dumps(line)}\n" for line in (head, *entries))


@pytest.fixture
def full(store: Store, library: Library, clock: Clock) -> Library:
    """A library with one of everything that has ended."""
    track = Track("audio-1", "Pier", "folk", "", "V5", 181.56789, "https://a.example", "https://i.example", EPOCH)
    made, _ = press_in(store, a_request(style="folk", vocal_start=0.1), track=track, credits_before=12.5)
    claimed = claim(store).attempt
    assert claimed
    store.finish(claimed, CREATED)
    clock.forward(2)
    library.annotate(ME, made.id, note="=two\nlines", tags=["demo", "slow song"], favourite=True)
    lost = over(store, clock, UNKNOWN, audio_id="audio-2", name='\'Éclair, "quoted"')
    library.not_made(ME, lost.id, "ines@example.org")
    over(store, clock, UNKNOWN, audio_id="audio-3", style="")
    clock.forward(0.5)
    by_hand = over(store, clock, UNKNOWN, audio_id="audio-4")
    library.found_by_hand(ME, by_hand.id, "typed-in")
    over(store, clock, CREATED, audio_id="audio-4", replaces=now(store, by_hand).seen, name="Pier")
    return library


# What is new


def test_a_json_brings_everything_back(full: Library) -> None:
    before, file = image(full, ME), as_json(full)
    empty(full)
    assert bring_in(full, file) == len(before)
    kept = [column for column in before[0] if column not in ("executor", "claim", "origin", "words")]
    assert [[row[name] for name in kept] for row in image(full, ME)] == [[row[name] for name in kept] for row in before]


def test_a_csv_brings_its_columns_back(full: Library) -> None:
    file = as_csv(full)
    empty(full)
    bring_in(full, file)
    assert as_csv(full) == file


def test_what_came_from_a_table_says_so(library: Library) -> None:
    bring_in(library, "persona_id\np-1\n")
    assert [row["origin"] for row in image(library, ME)] == ["import"]


def test_what_comes_in_is_listed_and_found_at_once(library: Library) -> None:
    bring_in(library, "persona_id,name,note,track_title,favourite\n9d2f6c,Éclair,autumn,Pier,yes\nx,Other,,,\n")
    for text in ("9d2f", "eclair", "autumn", "pier"):
        assert names(library, text=text, favourites=True, statuses=(Status.CREATED,)) == ["Éclair"]


def test_rows_of_a_table_without_times_keep_their_order(library: Library) -> None:
    bring_in(library, "persona_id,name\np-1,one\np-2,two\np-3,three\n")
    assert names(library) == ["one", "two", "three"]


def test_what_comes_in_stands_at_its_time(library: Library) -> None:
    filed(library, name="middle", created_at=NOON)
    days = {"before": NOON - timedelta(days=1), "after": NOON + timedelta(days=1)}
    bring_in(library, a_json(*(entry(name=name, created_at=day.isoformat()) for name, day in days.items())))
    assert names(library, order=Order.OLDEST) == ["before", "middle", "after"]


def test_a_track_whose_persona_came_in_needs_a_decision(store: Store, library: Library) -> None:
    bring_in(library, "persona_id,audio_id\np-1,audio-1\n")
    with pytest.raises(NeedsDecision):
        press_in(store, a_request())


def test_what_was_on_its_way_is_left_out(library: Library) -> None:
    content = a_json(entry(status="sending"), entry(name="Quay"), entry(status="queued"))
    assert preview(library, content).on_their_way == 2
    assert (bring_in(library, content), names(library)) == (1, ["Quay"])


def test_looking_at_a_file_writes_nothing(full: Library) -> None:
    before = image(full, ME)
    preview(full, a_json(entry()))
    preview(full, as_json(full).replace(b"Pier", b"Dock"))
    assert image(full, ME) == before


def test_many_attempts_come_in_at_once(library: Library) -> None:
    rows = "".join(f"p-{number},name {number}\n" for number in range(700))
    assert bring_in(library, f"persona_id,name\n{rows}") == library.count(ME, Query()) == 700
    assert counts(preview(library, f"persona_id,name\n{rows}")) == (0, 700, 0)


def test_whatever_is_read_can_be_taken_in(library: Library) -> None:
    failed = []
    values: list[Any] = [None, "", 0, "0", [], "x"]
    for field, value in itertools.product(FIELDS, values):
        with suppress(BadFile):
            content = a_json(entry() | {field: value})
            preview(library, content)
            try:
                bring_in(library, content)
            except Exception as error:  # noqa: BLE001  # whatever it is, it comes too late
                failed.append((field, value, type(error)))
    assert failed == []


@pytest.mark.parametrize("year", [1970, 2000, 2025])
def test_any_time_that_is_read_can_be_taken_in(library: Library, year: int) -> None:
    bring_in(library, a_json(entry(created_at=NOON.replace(year=year).isoformat())))
    assert library.find(ME, Query()).attempts[0].created_at.year == year


# What is here already


@pytest.mark.parametrize("write", [as_json, as_csv])
def test_what_is_here_is_the_same(full: Library, write: Callable[[Library], bytes]) -> None:
    seen = preview(full, write(full))
    assert (counts(seen), seen.kept) == ((0, 5, 0), 0)


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("write", [as_json, as_csv])
def test_taking_a_file_in_twice_changes_nothing(
    full: Library, write: Callable[[Library], bytes], overwrite: bool
) -> None:
    file = write(full)
    empty(full)
    bring_in(full, file)
    before = image(full, ME)
    assert (bring_in(full, file, overwrite=overwrite), image(full, ME)) == (0, before)


@pytest.mark.parametrize(
    "table",
    [
        "persona_id\np-1\np-2\n",
        "persona_id,name,audio_id\np-1,Quay,a-1\np-1,Quay,a-2\n",
        "persona_id,status,name,audio_id\n,refused,Quay,a-1\n,unknown,Pier,a-1\n",
        "id,persona_id\nnumber 1,p-1\nnumber 2,p-1\n",
        "id,persona_id\n0123456789ABCDEF0123456789ABCDEF,p-1\n0123456789abcdef0123456789abcdef,p-1\n",
    ],
    ids=["personas", "tracks", "without persona", "IDs of others", "capitals"],
)
def test_a_table_without_our_ids_is_the_same_the_second_time(library: Library, table: str) -> None:
    assert bring_in(library, table) == 2
    before = image(library, ME)
    assert (counts(preview(library, table)), bring_in(library, table, overwrite=True)) == ((0, 2, 0), 0)
    assert image(library, ME) == before


def test_a_persona_twice_in_one_table_is_taken_in_once(library: Library) -> None:
    assert counts(preview(library, "persona_id,name\np-1,Quay\np-1,Quay\n")) == (1, 1, 0)


def test_a_deleted_attempt_stays_deleted(full: Library) -> None:
    file = as_json(full)
    this = full.find(ME, Query("eclair")).attempts[0].id
    full.delete(ME, this)
    assert counts(preview(full, file)) == (0, 5, 0)
    assert names(full, text="eclair", deleted=True) == ['\'Éclair, "quoted"']


@pytest.mark.parametrize("column", ["style", "name", "note", "tags", "favourite", "track_title", "code", "message"])
def test_a_table_without_a_column_says_nothing_about_it(library: Library, column: str) -> None:
    rich: dict[str, Any] = {
        "style": "folk",
        "name": "Quay",
        "note": "x",
        "tags": "x",
        "favourite": True,
        "track_title": "Pier",
    }
    filed(library, persona_id="p-1", audio_id="a-1", code=200, message="x", **rich)
    columns = [name for name in ("style", "name", "note") if name != column]
    table = ",".join(["persona_id", *columns]) + "\n" + ",".join(["p-1", *(str(rich[name]) for name in columns)]) + "\n"
    assert counts(preview(library, table)) == (0, 1, 0)


# What is in conflict


def test_a_conflict_says_what_differs(library: Library) -> None:
    this = filed(library, origin="import", persona_id="p-1", name="Quay", note="here", favourite=True)
    changed = as_json(library).replace(b'"Quay"', b'"Pier"').replace(b'"here"', b'"there"')
    (conflict,) = preview(library, changed).first_conflicts
    assert (conflict.place, conflict.attempt_id) == ("Row 2", this)
    assert conflict.differs == {"name": ("Quay", "Pier"), "note": ("here", "there")}


def test_without_being_told_to_nothing_is_overwritten(full: Library) -> None:
    file = as_json(full).replace(b"Pier", b"Dock")
    before = image(full, ME)
    assert (bring_in(full, file), image(full, ME)) == (0, before)


def test_what_is_overwritten_goes_to_the_story(library: Library, clock: Clock) -> None:
    this = filed(library, origin="import", name="Quay", persona_id="p", note="two\nlines", vocal_start=1.5)
    file = as_json(library).replace(b'"Quay"', b'"Pier"').replace(b'"two\\nlines"', b'""').replace(b"1.5", b"2.5")
    assert bring_in(library, file, overwrite=True, author="ines@example.org") == 1
    (event,) = library.events(ME, this)
    assert (event.at, event.kind, event.author) == (clock(), "from_file", "ines@example.org")
    assert event.detail == {"name": "Quay", "note": "two\nlines", "vocal_start": "1.5"}


def test_what_is_overwritten_is_found_by_its_new_words(library: Library) -> None:
    filed(library, origin="import", persona_id="p-1", name="Quay")
    bring_in(library, as_json(library).replace(b'"Quay"', b'"Pier"'), overwrite=True)
    assert (names(library, text="quay"), names(library, text="pier", order=Order.NAME)) == ([], ["Pier"])


def test_a_file_that_was_taken_over_is_the_same_from_then_on(full: Library) -> None:
    before = as_json(full)
    empty(full)
    bring_in(full, before)
    file = before.replace(b"Pier", b"Dock")
    assert bring_in(full, file, overwrite=True) == 2
    assert counts(preview(full, file)) == (0, 5, 0)


def test_a_later_story_is_taken_over_without_doubles(library: Library) -> None:
    this = filed(library, status="unknown")
    early = as_json(library)
    library.not_made(ME, this)
    library.delete(ME, this)
    library.restore(ME, this)
    late, story = as_json(library), library.events(ME, this)
    library.erase_account(ME)
    bring_in(library, early)
    bring_in(library, late, overwrite=True)
    assert library.events(ME, this)[:3] == story
    assert [event.kind for event in library.events(ME, this)] == ["not_made", "deleted", "restored", "from_file"]


def test_an_earlier_story_takes_nothing_away(library: Library) -> None:
    this = filed(library, status="unknown")
    library.delete(ME, this)
    library.restore(ME, this)
    file = as_json(library)
    library.delete(ME, this)
    library.restore(ME, this)
    before = image(library, ME)
    assert (counts(preview(library, file)), bring_in(library, file, overwrite=True)) == ((0, 1, 0), 0)
    assert image(library, ME) == before


# What was sent from here

MADE_UP: dict[str, Any] = {
    **dict.fromkeys(("name", "description", "task_id", "audio_id", "style", "author", "track_title"), "other"),
    **dict.fromkeys(("track_audio_url", "track_image_url"), "https://tracker.example/pixel.png"),
    **dict.fromkeys(("vocal_start", "vocal_end", "credits_before", "credits_after", "track_duration"), 99.5),
    **dict.fromkeys(("created_at", "sent_at", "track_created_at"), "2020-01-01T00:00:00+00:00"),
    **{"body": '{"name": "other"}', "kind": "boost", "repeats": 9, "replaces": "f" * 32},
}


def changed(library: Library, **values: Any) -> str:
    """The library's file, each of its attempts with these values."""
    head, *rows = as_json(library).decode().splitlines()
    return "\n".join([head, *(json.dumps(json.loads(row) | values) for row in rows)])


@pytest.mark.parametrize("outcome", [CREATED, UNKNOWN], ids=["created", "unknown"])
@pytest.mark.parametrize("column", MADE_UP)
def test_no_file_changes_what_was_sent_from_here(
    store: Store, library: Library, clock: Clock, column: str, outcome: Outcome
) -> None:
    over(store, clock, outcome)
    before, content = image(library, ME), changed(library, **{column: MADE_UP[column]})
    seen = preview(library, content)
    assert (counts(seen), seen.kept) == ((0, 1, 0), int(column != "created_at"))
    assert (bring_in(library, content, overwrite=True), image(library, ME)) == (0, before)


def test_a_table_changes_nothing_of_what_was_sent_from_here(store: Store, library: Library, clock: Clock) -> None:
    over(store, clock, CREATED)
    before, table = image(library, ME), "persona_id,name,description\npersona-1,Other,x\npersona-1,Third,y\n"
    seen = preview(library, table)
    assert (counts(seen), seen.kept) == ((0, 2, 0), 2)
    assert (bring_in(library, table, overwrite=True), image(library, ME)) == (0, before)


def test_of_what_was_sent_from_here_a_file_may_change_the_marks(store: Store, library: Library, clock: Clock) -> None:
    attempt = over(store, clock, CREATED)
    content = changed(library, name="Other", note="theirs", favourite=True, persona_id="p-9")
    seen = preview(library, content)
    assert (counts(seen), seen.kept) == ((0, 0, 1), 1)
    assert seen.first_conflicts[0].differs == {"note": ("", "theirs"), "favourite": (False, True)}
    assert bring_in(library, content, overwrite=True) == 1
    shown = now(store, attempt)
    assert (shown.request, shown.persona_id, shown.note) == (attempt.request, "persona-1", "theirs")
    assert preview(library, content).same == 1


LATE = {"status": "created", "persona_id": "p-9", "settled": ""}


@pytest.mark.parametrize("outcome", [UNKNOWN, REFUSED], ids=["unknown", "refused"])
def test_a_file_may_fill_in_a_persona_that_is_not_known_here(
    store: Store, library: Library, clock: Clock, outcome: Outcome
) -> None:
    attempt = over(store, clock, outcome)
    content = changed(library, name="Other", **LATE)
    assert preview(library, content).different == 1
    bring_in(library, content, overwrite=True)
    shown = now(store, attempt)
    assert (shown.request, shown.persona_id) == (attempt.request, "p-9")
    assert [event.kind for event in library.events(ME, attempt.id)] == ["from_file"]


def test_a_file_may_replace_a_persona_that_a_person_typed_in(store: Store, library: Library, clock: Clock) -> None:
    attempt = over(store, clock, UNKNOWN)
    library.found_by_hand(ME, attempt.id, "mistyped")
    bring_in(library, changed(library, **LATE), overwrite=True)
    assert now(store, attempt).persona_id == "p-9"


def test_an_answer_that_comes_before_a_file_is_written_stays(
    store: Store, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = sent(store)
    store.finish(attempt, UNKNOWN)
    content, writing = changed(library, **LATE), Database.writing

    def answered_before(database: Database) -> AbstractContextManager[sa.Connection]:
        monkeypatch.setattr(Database, "writing", writing)
        store.finish(attempt, CREATED)
        return writing(database)

    monkeypatch.setattr(Database, "writing", answered_before)
    bring_in(library, content, overwrite=True)
    assert now(store, attempt).outcome == CREATED


def test_a_file_does_not_turn_the_links_of_what_was_sent_from_here(library: Library) -> None:
    theirs, this = filed(library, YOU), filed(library, persona_id="p-1")
    mine = filed(library, replaces=theirs)
    bring_in(library, a_json(entry(id=theirs, replaces=this)))
    assert next(row["replaces"] for row in image(library, ME) if row["id"] == mine) == theirs


# Who says so, where people sign in

BOSS, INES = "boss@example.com", "ines@example.org"
INVENTED: list[dict[str, Any]] = [
    {"at": NOON.isoformat(), "kind": "not_made", "detail": {}, "author": BOSS},
    {"at": NOON.isoformat(), "kind": "imported", "detail": {}, "author": BOSS},
    {"at": NOON.isoformat(), "kind": "late_answer", "detail": {}, "author": ""},
]


def told(library: Library, account: str = ME) -> list[tuple[str, str]]:
    """The story of the only attempt: what, and by whom."""
    (attempt,) = library.find(account, Query()).attempts
    return [(event.kind, event.author) for event in library.events(account, attempt.id)]


def test_a_strangers_file_says_who_imported_it_and_that_the_rest_is_claimed(library: Library) -> None:
    bring_in(library, a_json(entry(author=BOSS, origin="", story=INVENTED)), author=INES)
    (row,) = image(library, ME)
    assert (row["author"], row["origin"]) == ("boss@example.com (says a file)", "import")
    assert told(library) == [
        ("not_made", "boss@example.com (says a file)"),
        ("imported", "boss@example.com (says a file)"),
        ("late_answer", "(says a file)"),
        ("imported", INES),
    ]


def test_where_nobody_signs_in_a_file_is_kept_as_it_is(library: Library) -> None:
    bring_in(library, a_json(entry(author=BOSS, story=INVENTED)))
    assert [event.author for event in library.events(ME, image(library, ME)[0]["id"])] == [BOSS, BOSS, ""]
    assert image(library, ME)[0]["author"] == BOSS


@pytest.mark.parametrize("write", [as_json, as_csv])
def test_a_library_of_claims_is_the_same_as_its_files(library: Library, write: Callable[[Library], bytes]) -> None:
    original = a_json(entry(author=BOSS, story=INVENTED))
    bring_in(library, original, author=INES)
    before = image(library, ME)
    for content in (original, write(library)):
        assert counts(preview(library, content)) == (0, 1, 0)
        assert bring_in(library, content, overwrite=True, author="ada@example.org") == 0
    assert image(library, ME) == before


def test_marks_of_claims_do_not_pile_up(library: Library) -> None:
    bring_in(library, a_json(entry(author="x" * 200, story=[INVENTED[0] | {"author": "y" * 200}])), author=INES)
    content = as_json(library)
    bring_in(library, content, YOU, author="ada@example.org")
    assert told(library, YOU) == [
        ("not_made", "y" * 200 + " (says a file)"),
        ("imported", f"{INES} (says a file)"),
        ("imported", "ada@example.org"),
    ]
    assert image(library, YOU)[0]["author"] == "x" * 200 + " (says a file)"
    assert counts(preview(library, as_csv(library, YOU), YOU)) == (0, 1, 0)


def test_what_is_taken_over_is_marked_too(store: Store, library: Library, clock: Clock) -> None:
    bring_in(library, a_json(entry(id=f"{1:032x}")), author=INES)
    bring_in(library, a_json(entry(id=f"{1:032x}", author=BOSS)), overwrite=True, author=INES)
    assert image(library, ME)[0]["author"] == "boss@example.com (says a file)"
    empty(library)
    over(store, clock, UNKNOWN)
    bring_in(library, changed(library, story=INVENTED[:1]), overwrite=True, author=INES)
    assert told(library) == [("not_made", "boss@example.com (says a file)"), ("imported", INES)]


# What a file's times do to sending


@pytest.mark.parametrize("moment", [NOON, datetime(2199, 1, 1, tzinfo=UTC)], ids=["now", "2199"])
def test_what_came_from_a_file_counts_for_nothing_in_the_rate_limit(
    store: Store, library: Library, moment: datetime
) -> None:
    bring_in(library, a_json(*(entry(sent_at=NOON.isoformat(), ended_at=NOON.isoformat()) for _ in range(30))))
    for number in range(30):  # an earlier version took any time
        at = moment + timedelta(seconds=number)
        filed(library, origin="import", created_at=at, sent_at=at, ended_at=at)
    attempt = add(store, audio_id="another")
    claimed = claim(store).attempt
    assert claimed
    assert claimed.id == attempt.id


@pytest.mark.parametrize("status", ["created", "unknown", "refused"])
def test_what_came_from_a_file_does_not_let_a_double_click_through(
    store: Store, library: Library, clock: Clock, status: str
) -> None:
    first = sent(store)
    store.finish(first, REFUSED)
    ahead = (clock() + timedelta(hours=20)).isoformat()
    bring_in(library, a_json(entry(status=status, audio_id="audio-1", created_at=ahead, sent_at=ahead)))
    assert press_in(store, a_request())[0].id == first.id


# In portions


@pytest.fixture
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.library.import_merge.PORTION", 2)
    monkeypatch.setattr("studio.library.import_merge.PAUSE", 0)


@pytest.fixture
def breaks_off(monkeypatch: pytest.MonkeyPatch, small_portions: None) -> Callable[[int], None]:
    """Let the database stop after so many portions."""
    writing = Database.writing

    def after(portions: int) -> None:
        left = itertools.count(portions, -1)

        def some(database: Database) -> AbstractContextManager[sa.Connection]:
            if next(left) <= 0:
                raise NotSaved
            return writing(database)

        monkeypatch.setattr(Database, "writing", some)

    return after


FILES = {
    "JSON": a_json(*(entry(id=f"{number:032x}", name=f"name {number}") for number in range(7))),
    "table": "persona_id,name\n" + "".join(f"p-{number},name {number}\n" for number in range(7)),
    "one persona": "persona_id,name\n" + "".join(f"p-1,name {number}\n" for number in range(7)),
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_a_file_of_many_portions_comes_in_as_one(library: Library, small_portions: None, content: str) -> None:
    assert (preview(library, content).new, bring_in(library, content)) == (7, 7)
    assert names(library) == [f"name {number}" for number in range(7)]


def test_if_the_database_stops_at_once_nothing_is_in(library: Library, breaks_off: Callable[[int], None]) -> None:
    breaks_off(0)
    with pytest.raises(NotSaved) as raised:
        bring_in(library, FILES["JSON"])
    assert (str(raised.value), image(library, ME)) == ("", [])


def test_if_the_database_stops_in_the_middle_it_is_said_what_is_in(
    library: Library, breaks_off: Callable[[int], None]
) -> None:
    breaks_off(2)
    with pytest.raises(NotSaved, match="Brought in so far: 4, and they stay"):
        bring_in(library, FILES["JSON"])
    assert library.count(ME, Query()) == 4


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_what_broke_off_is_completed_by_the_same_file(
    library: Library, breaks_off: Callable[[int], None], content: str
) -> None:
    breaks_off(2)
    with suppress(NotSaved):
        bring_in(library, content)
    breaks_off(9)
    assert (counts(preview(library, content)), bring_in(library, content)) == ((3, 4, 0), 3)
    assert sorted(names(library)) == [f"name {number}" for number in range(7)]


def test_what_came_in_since_the_preview_is_not_doubled(library: Library) -> None:
    content = a_json(entry(name="one"), entry(name="two"))
    assert preview(library, content).new == 2
    bring_in(library, "".join(content.splitlines(keepends=True)[:2]))
    assert (bring_in(library, content), library.count(ME, Query())) == (1, 2)


def test_what_comes_in_between_look_up_and_writing_is_not_doubled(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, content = Database.writing, "persona_id\np-1\np-2\n"

    def too_late(database: Database) -> AbstractContextManager[sa.Connection]:
        monkeypatch.setattr(Database, "writing", writing)
        bring_in(library, content)
        return writing(database)

    monkeypatch.setattr(Database, "writing", too_late)
    assert (bring_in(library, content), library.count(ME, Query())) == (0, 2)


def test_if_somebody_is_always_quicker_it_ends(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(database: Database) -> AbstractContextManager[sa.Connection]:
        raise sa.exc.IntegrityError("", {}, Exception())

    monkeypatch.setattr(Database, "writing", never)
    with pytest.raises(NotSaved, match="Somebody else"):
        bring_in(library, a_json(entry()))


def test_what_is_on_its_way_here_is_not_overwritten(store: Store, library: Library) -> None:
    attempt = add(store)
    (before,) = image(library, ME)
    content = a_json(entry(id=attempt.id, audio_id="audio-1"), entry(name="new"))
    assert bring_in(library, content, overwrite=True) == 1
    assert before in image(library, ME)


def test_if_the_database_fails_nothing_of_a_portion_is_written(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.database.connection.REST", 0)
    monkeypatch.setattr("studio.library.import_merge.events", sa.table("nowhere", sa.column("at"), sa.column("kind")))
    with pytest.raises(NotSaved):
        bring_in(library, a_json(entry(), entry(story=[{"at": NOON.isoformat(), "kind": "x", "detail": {}}])))
    assert image(library, ME) == []


@pytest.mark.parametrize("content", [a_json(entry(), entry()), "persona_id\np-1\np-2\n"], ids=["JSON", "table"])
def test_of_two_that_take_the_same_in_at_once_one_does(open_store: Callable[[], Store], content: str) -> None:
    libraries = [Library(open_store().database), Library(open_store().database)]
    start = threading.Barrier(2)

    def one_of_them(number: int) -> int:
        start.wait()
        return bring_in(libraries[number], content)

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(one_of_them, range(2))) == [0, 2]
    assert libraries[0].count(ME, Query()) == 2


def test_very_many_are_overwritten_in_small_transactions(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.library.import_merge.PAUSE", 0)
    bring_in(library, FILES["JSON"])
    monkeypatch.setattr("studio.library.import_merge.ROWS_AT_FIRST", 2)
    monkeypatch.setattr("studio.library.import_merge.FEWEST_ROWS", 2)
    assert bring_in(library, FILES["JSON"].replace("name ", "other "), overwrite=True) == 7
    assert names(library) == [f"other {number}" for number in range(7)]


def test_transactions_become_as_long_as_they_may_be(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.library.import_merge.PAUSE", 0)
    clock, pieces = iter([0.0, 0, 0.3, 0.3, 0.3, 0.3 + 1e-9]), [list[int]()]
    monkeypatch.setattr("studio.library.import_merge.monotonic", lambda: next(clock))
    turns = import_merge._Transactions(library)
    for piece in turns.pieces(range(1000)):
        pieces.append(list(piece))
        if len(pieces) == 4:
            break
        with turns.writing(len(piece)):
            pass
    assert [len(piece) for piece in pieces[1:]] == [100, 50, 500]


def test_between_two_portions_others_can_write(
    library: Library, open_store: Callable[[], Store], monkeypatch: pytest.MonkeyPatch, small_portions: None
) -> None:
    other, paused = open_store(), list[float]()
    monkeypatch.setattr("studio.library.import_merge.PAUSE", 5)

    def instead_of_waiting(seconds: float) -> None:
        paused.append(seconds)
        other.processes.heartbeat("other")

    monkeypatch.setattr("studio.library.import_merge.sleep", instead_of_waiting)
    bring_in(library, FILES["JSON"])
    assert len(paused) == 4
    if library.database.kind == "sqlite":
        assert paused[0] == 0
        assert all(3 < seconds <= 5 for seconds in paused[1:])


def test_a_persona_of_very_many_attempts_is_looked_up_only_so_far(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.library.import_merge.MOST_OF_ONE", 2)
    bring_in(library, FILES["one persona"])
    seen = preview(library, "persona_id,name\np-1,other\n")
    assert (counts(seen), seen.first_conflicts[0].differs["name"][1]) == ((0, 0, 1), "other")


def test_how_much_was_read_is_told_after_each_portion(library: Library, small_portions: None) -> None:
    content, told = FILES["JSON"], list[int]()
    preview_import(library, ME, file(library, content), told.append)
    assert len(told) == 4
    assert told == sorted(told)
    assert told[-1] == len(content) - len(content.splitlines(keepends=True)[0])


def test_a_preview_keeps_the_first_of_very_many(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.library.import_merge.SHOWN", 2)
    seen = preview(library, FILES["JSON"])
    assert (seen.new, [record.values["name"] for record in seen.first_new]) == (7, ["name 0", "name 1"])


def test_a_preview_keeps_the_beginning_of_a_long_text(library: Library) -> None:
    filed(library, origin="import", id=f"{1:032x}", persona_id="p-1", raw="x" * 9000)
    seen = preview(library, a_json(entry(id=f"{1:032x}", raw="y" * 9000), entry(raw="z" * 9000)))
    assert (seen.first_conflicts[0].differs["raw"], seen.first_new[0].values["raw"]) == (
        ("x" * 300, "y" * 300), "z" * 300,
    )  # fmt: skip


# Very long stories


def used(number: int) -> dict[str, Any]:
    return {"at": NOON.isoformat(), "kind": "used", "detail": {"for": f"song {number}"}, "author": ""}


def test_of_a_long_story_only_what_the_file_has_is_kept_in_memory(library: Library) -> None:
    this = entry(story=[used(number) for number in range(15_000)])
    assert bring_in(library, a_json(this)) == 1
    assert counts(preview(library, a_json(this))) == (0, 1, 0)
    records = list(file(library, a_json(this | {"story": [used(5), used(-1)]})))
    assert [len(log) for log in import_merge._logs(library, [str(this["id"])], records).values()] == [1]


# The same moment


def test_attempts_of_one_moment_keep_their_order(library: Library) -> None:
    alike = [entry(id=f"{number:032x}", name=f"name {number}") for number in (3, 1, 2)]
    bring_in(library, a_json(*alike))
    assert names(library) == ["name 3", "name 1", "name 2"]


@pytest.mark.parametrize("order", Order)
def test_attempts_of_one_moment_keep_their_order_in_every_file(
    library: Library, small_portions: None, order: Order
) -> None:
    bring_in(library, a_json(*(entry(name="Quay", persona_id=f"p-{number}") for number in range(7))))
    content = as_json(library, order=order)
    empty(library)
    bring_in(library, content)
    assert as_json(library, order=order) == content


def test_attempts_that_once_had_to_step_aside_keep_their_order(library: Library) -> None:
    for place, later in enumerate([2, 0, 1]):
        number = number_at(NOON, "000") + 4000 + place
        moment = NOON + timedelta(microseconds=later)
        filed(library, created_at=moment, number=number, name=f"{place}", persona_id="p-1")
    content = as_json(library)
    empty(library)
    bring_in(library, content)
    assert as_json(library) == content


def test_a_moment_that_is_crowded_here_takes_more_in(library: Library) -> None:
    for number in range(3):
        filed(library, created_at=NOON, number=number_at(NOON, "000") + number)
    bring_in(library, a_json(entry(id=f"000{1:029x}"), entry(id=f"000{2:029x}")))
    assert library.count(ME, Query()) == 5


def test_a_table_of_one_day_can_be_followed_by_another(library: Library) -> None:
    for file in range(3):
        rows = "".join(f"p-{file}-{number},2026-03-01\n" for number in range(300))
        bring_in(library, f"persona_id,created_at\n{rows}")
    assert library.count(ME, Query()) == 900


# Two accounts


def test_another_account_gets_copies_of_its_own(full: Library) -> None:
    mine, file = image(full, ME), as_json(full)
    assert counts(preview(full, file, YOU)) == (5, 0, 0)
    assert bring_in(full, file, YOU) == 5
    assert image(full, ME) == mine
    assert {row["id"] for row in image(full, YOU)}.isdisjoint(row["id"] for row in mine)
    assert [row["name"] for row in sorted(image(full, YOU), key=lambda row: row["created_at"])] == [
        row["name"] for row in sorted(mine, key=lambda row: row["created_at"])
    ]


@pytest.mark.parametrize("overwrite", [False, True])
def test_another_account_takes_a_file_in_twice_and_nothing_changes(full: Library, overwrite: bool) -> None:
    file = as_json(full)
    bring_in(full, file, YOU)
    before = image(full, ME), image(full, YOU)
    assert (counts(preview(full, file, YOU)), preview(full, file, YOU).kept) == ((0, 5, 0), 0)
    assert bring_in(full, file, YOU, overwrite) == 0
    assert (image(full, ME), image(full, YOU)) == before


def test_another_account_overwrites_its_own_copies_only(full: Library) -> None:
    mine, file = image(full, ME), as_json(full)
    bring_in(full, file, YOU)
    assert bring_in(full, file.replace(b"Pier", b"Dock"), YOU, overwrite=True) == 2
    assert (image(full, ME), names(full, YOU, text="dock")) == (mine, ["Dock", "Quay"])


def test_a_file_tells_nothing_about_another_account(library: Library) -> None:
    this = filed(library, YOU, persona_id="p-1", audio_id="a-1", name="Secret")
    for file in (a_json(entry(id=this, name="Mine")), "persona_id,audio_id\np-1,a-1\n", "persona_id\np-1\n"):
        seen = preview(library, file)
        assert (counts(seen), "Secret" in repr(seen)) == ((1, 0, 0), False)


def test_a_copy_stays_linked_to_the_copy_that_it_repeats(full: Library) -> None:
    bring_in(full, as_json(full), YOU)
    again = next(row for row in image(full, YOU) if row["replaces"])
    assert again["replaces"] in {row["id"] for row in image(full, YOU)}


# What goes out comes back


@pytest.mark.parametrize(
    "what",
    [
        {"persona_id": "two\nlines"},
        {"persona_id": "x" * 1_000},
        {"track_title": "x" * 6_000},
        {"track_tags": "x" * 6_000},
        {"track_model": "two\nlines"},
        {"handle": "x" * 300},
        {"author": "x" * 300},
    ],
    ids=lambda what: str(what)[2:30],
)
def test_whatever_was_kept_once_does_not_keep_a_file_out(library: Library, what: dict[str, Any]) -> None:
    filed(library, **{"persona_id": "p-1", **what})
    file = as_json(library)
    empty(library)
    assert bring_in(library, file) == 1


def test_a_story_with_a_long_answer_does_not_keep_a_file_out(library: Library) -> None:
    filed(library, origin="import", persona_id="p-1", raw="x" * 9_000)
    bring_in(library, as_json(library).replace(b"x" * 9_000, b"y"), overwrite=True)
    file = as_json(library)
    empty(library)
    assert bring_in(library, file) == 1


printable = st.characters(exclude_categories=["Cs", "Cc", "Cf", "Cn", "Co", "Zl", "Zp", "Zs"])
pieces = st.one_of(
    st.sampled_from([*"=+-@'\",;\t\r\n＝＠ ", "\r\n", "🎤", "\u202e", "א", "\ufeff", "NULL", "null", "\u2028", "\x1f"]),
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
)
nasty = st.lists(pieces, max_size=8).map("".join)
an_id = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20)
name = st.text(printable, max_size=12)
number = st.none() | st.floats(-1e6, 1e6) | st.sampled_from([0.1, 1 / 3, -0.0, 181.56])
moment = st.datetimes(datetime(1970, 1, 2), datetime(2026, 3, 1), timezones=st.just(UTC))  # with a zone
whole = st.none() | st.integers(-(2**31) + 1, 2**31 - 1)
tags = st.lists(
    st.text(printable.filter(lambda letter: letter != ","), min_size=1, max_size=9), max_size=3, unique=True
)
ATTEMPT = {
    "status": st.sampled_from(["created", "refused", "unknown"]),
    **dict.fromkeys(("sent_at", "ended_at", "track_created_at"), st.none() | moment),
    **dict.fromkeys(("name", "description", "message", "raw", "note", "track_title", "track_tags"), nasty),
    **dict.fromkeys(("track_audio_url", "track_image_url"), nasty),
    **dict.fromkeys(("vocal_start", "vocal_end", "track_duration", "credits_before", "credits_after"), number),
    **dict.fromkeys(("task_id", "audio_id"), an_id),
    **dict.fromkeys(("author", "track_model"), name),
    **dict.fromkeys(("code", "http_status"), whole),
    "persona_id": an_id.filter(bool),
    "style": st.none() | nasty,
    "cause": st.sampled_from(["", "input", "no_answer"]),
    "repeats": st.integers(0, 9),
    "replaces": st.just("") | st.uuids().map(lambda drawn: drawn.hex),
    "settled": st.sampled_from([settled.value for settled in Settled]),
    "tags": tags.map("\n".join),
    "favourite": st.booleans(),
    "body": st.just("") | st.dictionaries(nasty, nasty, max_size=2).map(json.dumps),
    "result": st.just("") | st.dictionaries(nasty, nasty, max_size=2).map(json.dumps),
    "handle": nasty,
}
EVENT = {
    "at": moment,
    "kind": st.sampled_from(["not_made", "late_answer", "from_file"]),
    "detail": st.dictionaries(nasty, nasty, max_size=2).map(lambda detail: json.dumps(detail, ensure_ascii=False)),
    "author": name,
}
drawn_attempts = st.lists(
    st.tuples(st.uuids(), st.fixed_dictionaries(ATTEMPT), st.lists(st.fixed_dictionaries(EVENT), max_size=2)),
    max_size=4,
    unique_by=lambda drawn: drawn[0],
)

A_TEXT = '=\r\n\'"",;\t\u2028\u202e\ufeff🎤NULL\x1f\n\r'
WORST: dict[str, Any] = {
    **dict.fromkeys(("name", "description", "style", "message", "raw", "note", "track_title", "track_tags"), A_TEXT),
    **dict.fromkeys(("persona_id", "task_id", "audio_id", "author", "track_model"), "'=\"'@,"),
    **dict.fromkeys(("vocal_start", "vocal_end", "track_duration", "credits_before", "credits_after"), -1 / 3),
    **dict.fromkeys(("sent_at", "ended_at", "track_created_at"), NOON + timedelta(microseconds=1)),
    "status": "unknown",
    "settled": "not_made",
    "tags": "=tag\n'tag\n🎤",
    "favourite": True,
    "code": -(2**31) + 1,
}
WORST_EVENT = {
    "at": NOON,
    "kind": "from_file",
    "detail": json.dumps({A_TEXT: A_TEXT}, ensure_ascii=False),
    "author": "@",
}


def cells(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(drawn_attempts)
@example([(uuid.UUID(int=1), WORST, [WORST_EVENT]), (uuid.UUID(int=2), WORST | {"style": None, "settled": ""}, [])])
def test_whatever_is_kept_comes_back_from_a_file(library: Library, drawn: list[tuple[Any, Any, Any]]) -> None:
    empty(library)
    for place, (its_id, columns, story) in enumerate(drawn):
        filed(library, id=its_id.hex, created_at=EPOCH + timedelta(seconds=place, microseconds=place * 7), **columns)
        with library.database.writing() as connection:
            for event in story:
                connection.execute(sa.insert(events).values(event | {"attempt_id": its_id.hex}))
    json_before, csv_before = as_json(library), as_csv(library)
    empty(library)
    bring_in(library, json_before)
    assert (as_json(library), as_csv(library)) == (json_before, csv_before)
    assert counts(preview(library, csv_before)) == (0, len(drawn), 0)
    empty(library)
    bring_in(library, csv_before)
    assert cells(as_csv(library)) == cells(csv_before)


def test_a_late_answer_from_a_file_is_no_answer_from_kie(store: Store, library: Library, clock: Clock) -> None:
    attempt = over(store, clock, UNKNOWN)
    late = as_json(library).replace(b'"unknown"', b'"created"').replace(b'"persona_id": ""', b'"persona_id": "p-9"')
    bring_in(library, late, overwrite=True)
    store.finish(attempt, Outcome(Status.CREATED, persona_id="p-1"))
    (shown,) = library.find(ME, Query()).attempts
    assert shown.persona_id == "p-1"
    assert [event.detail.get("persona_id") for event in library.events(ME, attempt.id)] == ["", "p-9"]
