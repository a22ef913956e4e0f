"""The library as a file: what a spreadsheet sees in the CSV, what the JSON keeps, and what comes back."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pandas
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kie import Track
from studio.database.connection import Database
from studio.database.tables import attempts
from studio.library.edits import Library
from studio.library.export_files import csv_file, csv_parts, guard, json_file, json_parts, unguard
from studio.library.search_query import Order, Query
from studio.sending.attempt_store import Store
from studio.sending.attempts import Outcome, Status
from tests.studio.helpers import CREATED, ME, REFUSED, UNKNOWN, YOU, Clock, a_request, add, claim, filed, press_in, sent

PROMISED = "created_at,status,persona_id,name,description,task_id,audio_id,style,vocal_start,vocal_end,code,message"
APPENDED = (
    "id,note,tags,favourite,settled,author,track_title,track_model,track_duration,track_created_at,"
    "credits_before,credits_after"
)
TEXTS = ["persona_id", "name", "description", "task_id", "audio_id", "style", "message"]
ADDED_TEXTS = ["note", "tags", "author", "track_title", "track_model"]
FORMULAS = tuple("=+-@＝＋－＠﹦﹢﹣﹫")
GUARDED = ["=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠"]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

pieces = st.one_of(
    st.sampled_from([*"=+-@'\",;\t\r\n＝＠ ", "\r\n", "🎤", "\u202e", "\u200f", "א", "\ufeff", "NA", "null"]),
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
)
nasty = st.lists(pieces, max_size=12).map("".join)


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One database for the whole file; what a file looks like does not depend on its kind."""
    store = Store(Database(f"sqlite:///{tmp_path_factory.mktemp('export')}/studio.db", Clock()))
    yield store
    store.database.close()


@pytest.fixture
def library(shared_store: Store) -> Library:
    return emptied(shared_store)


def emptied(shared_store: Store) -> Library:
    with shared_store.database.writing() as connection:
        connection.execute(attempts.delete())
    return Library(shared_store.database)


def lines(library: Library, query: Query = Query()) -> list[dict[str, str]]:  # noqa: B008  # frozen
    """The rows, as a program reads them."""
    text = csv_file(library, ME, query).read().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def cells(library: Library, **columns: Any) -> dict[str, str]:
    """The one row of a library that has nothing else."""
    filed(library, **columns)
    (row,) = lines(library)
    return row


def entries(library: Library, query: Query = Query()) -> list[dict[str, Any]]:  # noqa: B008  # frozen
    return [json.loads(line) for line in json_file(library, ME, query).read().decode().split("\n")[1:-1]]


# The CSV


def test_the_columns_are_in_the_promised_order(library: Library) -> None:
    assert csv_file(library, ME, Query()).read().decode("utf-8-sig").splitlines() == [f"{PROMISED},{APPENDED}"]


def test_the_file_begins_with_the_mark_that_tells_excel_its_encoding(library: Library) -> None:
    assert csv_file(library, ME, Query()).read().startswith(b"\xef\xbb\xbfcreated_at")


@pytest.mark.parametrize("order", [Order.NEWEST, Order.OLDEST])
def test_every_attempt_is_a_row_in_the_lists_order(library: Library, order: Order) -> None:
    names = ["one", "two", "three"]
    for name in names:
        filed(library, name=name)
    assert [row["name"] for row in lines(library, Query(order=order))] == names[:: -1 if order is Order.NEWEST else 1]


def test_the_file_has_what_the_list_shows_and_no_more(library: Library) -> None:
    for name, favourite in (("Quay", True), ("Quay", False), ("Harbour", True)):
        filed(library, name=name, favourite=favourite)
    filed(library, YOU, favourite=True)
    assert [row["name"] for row in lines(library, Query("qu", favourites=True))] == ["Quay"]


def test_a_long_list_comes_in_pieces(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.library.export_files.CHUNK", 2)
    for number in range(5):
        filed(library, name=f"name {number}")
    parts = list(csv_parts(library, ME, Query(order=Order.OLDEST)))
    assert [[f"name {number}" in part for number in range(5)] for part in parts[1:]] == [
        [True, True, False, False, False], [False, False, True, True, False], [False, False, False, False, True],
    ]  # fmt: skip


def test_times_are_iso_8601_with_their_offset(library: Library) -> None:
    at = datetime(2026, 3, 1, 12, 30, 5, 123456, timezone(timedelta(hours=2)))
    row = cells(library, created_at=at, track_created_at=at)
    assert (row["created_at"], row["track_created_at"]) == ("2026-03-01T10:30:05+00:00", "2026-03-01T10:30:05+00:00")


@pytest.mark.parametrize("start", [*GUARDED, "'"], ids=ascii)
def test_what_a_spreadsheet_could_take_for_a_formula_gets_an_apostrophe(library: Library, start: str) -> None:
    columns = [column for column in TEXTS + ADDED_TEXTS if (column, start) != ("tags", "\n")]  # it parts two tags
    row = cells(library, **dict.fromkeys(columns, f"{start}1+1"))
    assert {column: row[column] for column in columns} == dict.fromkeys(columns, f"'{start}1+1")


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("x;=cmd|'/C calc'!A0;y", "x;'=cmd|'/C calc'!A0;y"),
        ("Quay;=1+1", "Quay;'=1+1"),
        ("x; \xa0=1", "x;' \xa0=1"),
        (" =1", "' =1"),
        ("x\t=1", "x\t'=1"),
        ("\t=1", "'\t'=1"),
        ("x\n-1\r\n+1\u2028@1", "x\n'-1\r\n'+1\u2028'@1"),
        ('x";""=1', 'x";""\'=1'),
        (";＝1;﹢1", ";'＝1;'﹢1"),
        (";'=1", ";''=1"),
    ],
    ids=ascii,
)
def test_so_does_what_could_be_one_after_a_mark_that_parts_cells(library: Library, text: str, cell: str) -> None:
    assert cells(library, name=text)["name"] == cell


@pytest.mark.parametrize(
    "text", ["plain", "1=1", "", "🎤", "a - b", "one, -two", "close-miked; low", "two\r\n\r\nlines", "it's", 'a "b" c']
)
def test_other_texts_stay_as_they_are(library: Library, text: str) -> None:
    assert cells(library, name=text)["name"] == text
    assert unguard(text) == text


def test_negative_numbers_stay_numbers(library: Library) -> None:
    row = cells(library, code=-1, vocal_start=-2.5, vocal_end=-10.0, credits_after=-0.5)
    assert (row["code"], row["vocal_start"], row["vocal_end"], row["credits_after"]) == ("-1", "-2.5", "-10", "-0.5")


def test_what_is_not_known_is_empty(library: Library) -> None:
    row = cells(library)
    unknown = ["style", "vocal_start", "vocal_end", "code", "track_duration", "track_created_at", "credits_before"]
    assert [row[column] for column in unknown] == [""] * 7


def test_what_people_added_is_readable_in_a_cell(library: Library) -> None:
    row = cells(library, note="two\nlines", tags="demo\nslow song", favourite=True, settled="by_hand")
    assert (row["note"], row["tags"], row["favourite"], row["settled"]) == (
        "two\nlines", "demo, slow song", "yes", "by_hand",
    )  # fmt: skip


def test_an_outcome_that_could_not_be_written_yet_is_in_the_file(shared_store: Store, library: Library) -> None:
    this = filed(library, status="sending")
    filed(library, status="refused", message="No")
    unsaved = Library(shared_store.database, {this: Outcome(Status.CREATED, persona_id="=late", code=200)})
    assert [(row["status"], row["persona_id"], row["message"]) for row in lines(unsaved)] == [
        ("refused", "", "No"), ("created", "'=late", ""),
    ]  # fmt: skip


@given(nasty)
@example("'=1")
@example("\r")
@example("\0=1")
@example(";'=1;''")
@example(";\t \0'-")
def test_the_guard_comes_off_again(text: str) -> None:
    assert unguard(guard(text)) == text


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(pieces, max_size=12).map("".join), min_size=1, max_size=3))
@example(['";=1', '"; "-1', '\n"@1'])
@example(['x;"" -1', '"', "\0=1", ";\0-1"])
def test_no_program_finds_a_formula_in_any_cell(texts: list[str]) -> None:
    out = io.StringIO()
    csv.writer(out).writerows([["x", *map(guard, texts)]] * 2)
    content = out.getvalue()
    found = content.split('"')
    found += [cell for line in content.splitlines() for part in line.split(";") for cell in part.split("\t")]
    for delimiter in ",;\t":
        found += [cell for row in csv.reader(io.StringIO(content, newline=""), delimiter=delimiter) for cell in row]
    begun = [cell.strip(' \xa0\u3000\0\ufeff\x1f"') for cell in found]
    assert [cell for cell in begun if cell.startswith(FORMULAS)] == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.fixed_dictionaries(dict.fromkeys(TEXTS, nasty)), max_size=4))
@example([dict.fromkeys(TEXTS, "\r"), dict.fromkeys(TEXTS, "a\nb\rc\r\nd")])
@example([dict.fromkeys(TEXTS, '"'), dict.fromkeys(TEXTS, ',",\n"')])
@example([dict.fromkeys(TEXTS, "NA"), dict.fromkeys(TEXTS, "\ufeff")])
def test_pandas_reads_back_the_same_texts(shared_store: Store, wanted: list[dict[str, str]]) -> None:
    library = emptied(shared_store)
    for texts in wanted:
        filed(shared_store, **texts)
    content = csv_file(library, ME, Query(order=Order.OLDEST)).read()
    frame = pandas.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False, encoding="utf-8-sig")
    assert [{column: unguard(row[column]) for column in TEXTS} for row in frame.to_dict("records")] == wanted


# The JSON Lines


def test_a_json_says_what_it_is(library: Library) -> None:
    assert json_file(library, ME, Query()).read() == b'{"format": "persona-studio", "version": 2}\n'


@pytest.mark.parametrize("order", [Order.OLDEST, Order.NAME, Order.NAME_BACK])
def test_a_json_that_is_not_the_newest_first_says_its_order(library: Library, order: Order) -> None:
    head = {"format": "persona-studio", "version": 2, "order": order.value}
    assert json.loads(json_file(library, ME, Query(order=order)).read()) == head


def test_the_json_keeps_all_that_is_known_of_an_attempt(library: Library) -> None:
    at = NOON.isoformat()
    columns: dict[str, Any] = {
        "id": "0123456789abcdef0123456789abcdef", "status": "refused", "persona_id": "",
        "name": "Überkai 🎤", "description": "two\nlines", "task_id": "t", "audio_id": "a", "style": "",
        "vocal_start": 0.1, "vocal_end": 21.3, "cause": "input", "code": 422, "message": "No", "http_status": 200,
        "raw": '{"code": 422}', "repeats": 2, "replaces": "f" * 32, "author": "ines@example.org",
        "settled": "not_made", "note": "Mine", "favourite": True, "track_title": "Pier",
        "track_tags": "folk, slow", "track_model": "V5", "track_duration": 181.5, "track_audio_url": "https://a.example",
        "track_image_url": "https://i.example", "credits_before": 12.5, "credits_after": 12.0, "kind": "persona",
        "body": '{"audioId": "a"}', "handle": "h-1", "result": '{"seen_id": "p-1"}',
    }  # fmt: skip
    times: dict[str, Any] = dict.fromkeys(("created_at", "sent_at", "ended_at", "track_created_at"), NOON)
    filed(library, **columns, **times, tags="demo\nslow song")
    assert entries(library) == [columns | dict.fromkeys(times, at) | {"tags": ["demo", "slow song"], "story": []}]


def test_the_json_keeps_microseconds(library: Library) -> None:
    filed(library, created_at=NOON + timedelta(microseconds=1))
    assert entries(library)[0]["created_at"] == "2026-03-01T12:00:00.000001+00:00"


def test_the_json_keeps_the_story(library: Library) -> None:
    this = filed(library, status="unknown")
    library.not_made(ME, this, "ines@example.org")
    assert entries(library)[0]["story"] == [
        {"at": NOON.isoformat(), "kind": "not_made", "detail": {}, "author": "ines@example.org"}
    ]


def test_a_jsons_story_is_its_own(library: Library) -> None:
    this, _ = filed(library, status="unknown"), filed(library)
    library.not_made(ME, this)
    assert [len(entry["story"]) for entry in entries(library)] == [0, 1]


def test_the_json_leaves_out_what_is_on_its_way(library: Library) -> None:
    for status in Status:
        filed(library, status=status.value, name=status.value)
    assert [entry["name"] for entry in entries(library)] == ["unknown", "refused", "created"]


def test_the_json_has_one_line_for_each_attempt(library: Library) -> None:
    for _ in range(3):
        filed(library, name="two\nlines", description="\u2028\u0085")
    assert [entry["name"] for entry in entries(library)] == ["two\nlines"] * 3


def test_the_json_has_what_the_list_makes_and_no_more(library: Library) -> None:
    filed(library, name="persona")
    filed(library, name="text", kind="boost", makes="text")
    assert [entry["name"] for entry in entries(library)] == ["persona"]


def test_a_long_json_comes_in_pieces(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.library.export_files.CHUNK", 2)
    for number in range(5):
        this = filed(library, name=f"name {number}", status="unknown")
        library.not_made(ME, this, f"person {number}")
    parts = list(json_parts(library, ME, Query(order=Order.OLDEST)))[1:]
    assert [(entry["name"], entry["story"][0]["author"]) for entry in map(json.loads, parts)] == [
        (f"name {number}", f"person {number}") for number in range(5)
    ]


def test_logs_that_are_too_long_together_are_read_one_by_one(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        this = filed(library, persona_id=f"p-{number}")
        for song in range(3):
            library.record_use(ME, this, f"song {song}")
    before = entries(library)
    monkeypatch.setattr("studio.library.export_files.MOST_EVENTS", 2)
    assert entries(library) == before
    assert [len(entry["story"]) for entry in before] == [3, 3, 3]


def test_both_files_have_nothing_of_another_account(library: Library) -> None:
    filed(library, YOU, name="Secret")
    assert b"Secret" not in csv_file(library, ME, Query()).read() + json_file(library, ME, Query()).read()


def test_both_files_come_from_every_kind_of_database(store: Store) -> None:
    track = Track("audio-1", "Pier", duration=180.0, created_at=NOON)
    filing = press_in(store, a_request(), track=track, author="ines")[0]
    claimed = claim(store).attempt
    assert claimed
    assert claimed.id == filing.id
    store.finish(claimed, CREATED)
    for outcome in (UNKNOWN, REFUSED):
        attempt = sent(store, audio_id=outcome.status.value)
        store.finish(attempt, outcome)
    add(store, audio_id="on its way")
    library = Library(store.database)
    assert (
        sorted((row["status"], row["persona_id"], row["track_title"]) for row in lines(library)),
        sorted((entry["status"], entry["track_duration"]) for entry in entries(library)),
    ) == (
        [("created", "persona-1", "Pier"), ("queued", "", ""), ("refused", "", ""), ("unknown", "", "")],
        [("created", 180.0), ("refused", None), ("unknown", None)],
    )
