"""The library page: what is found, kept, settled, moved and erased, and whose it is."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from sqlalchemy import event
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block, Code, Dataframe, Multiselect, Text, TextArea, TextInput

from kie import PersonaRequest, Track
from sandbox import Server
from studio import facade
from studio.database.attempt_columns import COLUMNS, Column
from studio.facade import Studio
from studio.library import export_files, import_merge
from studio.library.import_reader import OWN_READERS, File
from studio.library.search_query import Query
from studio.people.token_store import Account
from studio.sending.attempts import Attempt, Settled, Status
from studio.settings import Settings
from tests.pages.helpers import MAIN, START, button_of, buttons_of, elements, ended, said
from tests.polling import eventually
from tests.scenarios import scenario
from views.library import search_list
from views.library.search_list import MOST
from views.shared.field_values import PAGE as CREATE_PAGE

LIBRARY = "../pages/library.py"


@pytest.fixture
def other_account(studio: Studio, kie: Server) -> Account:
    return studio.sign_in(kie.sandbox.new_account())


@pytest.fixture
def library(studio: Studio, account: Account) -> Callable[..., AppTest]:
    """Open the library in a new session of the account, or of another one; `attempt` stands in its address."""

    def in_a_new_session(attempt: str = "", of: Account = account) -> AppTest:
        page = AppTest.from_file(str(MAIN), default_timeout=30)
        page.session_state["account_id"] = of.id
        page.switch_page(LIBRARY)
        if attempt:
            page.query_params["attempt"] = attempt
        return page.run()

    return in_a_new_session


@pytest.fixture
def asked(studio: Studio, account: Account) -> Callable[..., Attempt]:
    """Ask the stand-in KIE for a persona, and wait for what becomes of it."""

    def ask(key: str, **values: Any) -> Attempt:
        song = scenario(key)
        texts = {"name": "Alto", "description": "Low", **values}
        attempt = studio.create_persona(account, PersonaRequest(song.task_id, song.audio_id, **texts))

        def over() -> Attempt | None:
            now = on_file(studio, account, attempt.id)
            return now if now.saved and not now.in_flight else None

        return eventually(over, 30)

    return ask


@pytest.fixture
def turned_to(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where buttons lead. Without a browser they cannot turn the page themselves: `on_the_create_page` does."""
    pages: list[str] = []
    monkeypatch.setattr(st, "switch_page", pages.append)
    return pages


def on_file(studio: Studio, account: Account, attempt_id: str) -> Attempt:
    attempt = studio.attempt(account, attempt_id)
    assert attempt is not None
    return attempt


def on_the_create_page(page: AppTest) -> AppTest:
    return page.switch_page(CREATE_PAGE).run()


def cheered(page: AppTest) -> list[str]:
    """Return what went well, in words."""
    return [str(element.value) for element in page.success]


def names(page: AppTest) -> list[str]:
    """Return the names in the list, in its order."""
    return list(page.dataframe[0].value["name"]) if page.dataframe else []


def card(page: AppTest) -> bool:
    """Whether an attempt is open."""
    return any(button.key == "library_close" for button in page.button)


def fields(page: AppTest) -> dict[str, Any]:
    """Return what the create page has in its fields."""
    widgets = [*page.text_input, *page.text_area, *page.number_input]
    keys = ("task_id", "audio_id", "name", "description", "style", "vocal_start", "vocal_end")
    return {str(widget.key): widget.value for widget in widgets if widget.key in keys}


# What is found.


def test_without_a_token_the_library_says_how_to_begin(studio: Studio) -> None:
    page = AppTest.from_file(str(MAIN), default_timeout=30).switch_page(LIBRARY).run()
    assert "Paste your KIE token in the sidebar" in said(page)
    assert page.button(key="try_demo_here").label == "Try the demo"
    assert not page.exception


def test_an_empty_library_says_what_it_will_keep_and_leads_to_the_create_page(library: Callable[..., AppTest]) -> None:
    page = library()
    assert "Nothing here yet." in said(page)
    assert [link.label for link in elements(page, "page_link")] == ["Create a persona"]
    assert not page.dataframe


def test_one_persona_stands_in_the_list_with_its_outcome_id_and_name(
    library: Callable[..., AppTest], asked: Callable[..., Attempt]
) -> None:
    attempt = asked("finished", name="Harbour Alto")
    row = library().dataframe[0].value.iloc[0]
    assert (row["status"], row["persona_id"], row["name"]) == (["Created"], attempt.persona_id, "Harbour Alto")


def search(page: AppTest, text: str) -> AppTest:
    return page.text_input(key="library_search").input(text).run()


def choose_outcomes(page: AppTest, *words: str) -> AppTest:
    return page.pills(key="library_outcomes").set_value(list(words)).run()


def choose_days(page: AppTest, *days: date) -> AppTest:
    return page.date_input(key="library_days").set_value(days).run()


def sort(page: AppTest, words: str) -> AppTest:
    return page.selectbox(key="library_order").select(words).run()


def favourites(page: AppTest) -> AppTest:
    return page.toggle(key="library_favourites").set_value(True).run()


ATTEMPTS: tuple[dict[str, Any], ...] = (
    {"name": "Ähre", "description": "smoky", "style": "Chamber jazz", "persona_id": "p-one", "favourite": True},
    {"name": "brass", "note": "for the trailer", "tags": "choir\nbright", "status": "refused", "persona_id": ""},
    {"name": "Cello", "track_title": "Lanterns on the quay", "audio_id": "3b0f6c52-8d1e-4a77", "status": "unknown"},
)
FOUND: dict[str, tuple[Callable[[AppTest], AppTest], list[str]]] = {
    "name, without accents": (lambda page: search(page, "ahre"), ["Ähre"]),
    "description": (lambda page: search(page, "SMOKY"), ["Ähre"]),
    "style": (lambda page: search(page, "jazz cham"), ["Ähre"]),
    "note, by the beginning of a word": (lambda page: search(page, "trail"), ["brass"]),
    "tag": (lambda page: search(page, "choir"), ["brass"]),
    "track title": (lambda page: search(page, "quay"), ["Cello"]),
    "persona ID": (lambda page: search(page, "p-one"), ["Ähre"]),
    "audio ID": (lambda page: search(page, "3b0f6c52-8d1e"), ["Cello"]),
    "two words of different attempts": (lambda page: search(page, "smoky choir"), []),
    "one outcome": (lambda page: choose_outcomes(page, "Refused"), ["brass"]),
    "two outcomes": (lambda page: choose_outcomes(page, "Created", "Unknown"), ["Cello", "Ähre"]),
    "favourites": (favourites, ["Ähre"]),
    "days": (lambda page: choose_days(page, date(2026, 3, 2), date(2026, 3, 2)), ["brass"]),
    "from a day": (lambda page: choose_days(page, date(2026, 3, 2)), ["brass"]),
    "oldest first": (lambda page: sort(page, "Oldest first"), ["Ähre", "brass", "Cello"]),
    "by name": (lambda page: sort(page, "Name, A to Z"), ["Ähre", "brass", "Cello"]),
    "by name, backwards": (lambda page: sort(page, "Name, Z to A"), ["Cello", "brass", "Ähre"]),
    "all together": (lambda page: search(favourites(choose_outcomes(page, "Created")), "smoky"), ["Ähre"]),
}


@pytest.mark.parametrize("which", list(FOUND))
def test_search_filters_and_order_leave_what_fits(
    library: Callable[..., AppTest], add_attempts: Callable[..., list[str]], which: str
) -> None:
    add_attempts(*({**row, "created_at": START + timedelta(days=day)} for day, row in enumerate(ATTEMPTS)))
    act, found = FOUND[which]
    page = act(library())
    assert names(page) == found
    assert ("Nothing fits." in said(page)) == (not found)


def test_fifty_attempts_make_a_page_and_looking_for_something_begins_at_the_first(
    library: Callable[..., AppTest], add_attempts: Callable[..., list[str]]
) -> None:
    add_attempts(*({"name": f"Name {number:03}"} for number in range(120)))
    page = library()
    assert (names(page)[0], names(page)[-1], len(names(page))) == ("Name 119", "Name 070", 50)
    assert "1 to 50 of 120" in said(page)
    assert page.button(key="library_back").disabled
    page.button(key="library_more").click().run().button(key="library_more").click().run()
    assert (names(page)[0], names(page)[-1]) == ("Name 019", "Name 000")
    assert "101 to 120 of 120" in said(page)
    assert page.button(key="library_more").disabled
    page.button(key="library_back").click().run()
    assert names(page)[0] == "Name 069"
    assert names(search(page, "Name 1"))[0] == "Name 119"


def test_very_many_attempts_are_not_counted_to_the_end(
    library: Callable[..., AppTest], add_attempts: Callable[..., list[str]]
) -> None:
    add_attempts(*({} for _ in range(MOST + 1)))
    assert f"1 to 50 of more than {MOST:,}" in said(library())


@pytest.mark.parametrize(("author", "shown"), [("", []), ("ada@example.com", ["ada@example.com"])])
def test_who_asked_stands_in_the_list_where_people_sign_in_and_takes_no_other_columns_place(
    library: Callable[..., AppTest],
    add_attempts: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
    author: str,
    shown: list[str],
) -> None:
    monkeypatch.setattr(search_list, "COLUMNS", "name author description")
    add_attempts({"author": author, "description": "Low"})
    row = library().dataframe[0].value.iloc[0]
    assert row.tolist() == ["Name 0", *shown, "Low"]


# One attempt, open.


def test_the_address_opens_an_attempt_with_all_that_was_sent_and_answered(
    library: Callable[..., AppTest], asked: Callable[..., Attempt], token: str
) -> None:
    attempt = asked("finished", name="Harbour Alto", style="Chamber jazz", vocal_start=5.25, vocal_end=25.8)
    page = library(attempt.id)
    told = [code.value for code in page.code]
    assert told[0] == attempt.persona_id
    assert {"vocalStart": 5.25, "style": "Chamber jazz"}.items() <= json.loads(told[1]).items()
    assert json.loads(told[2])["data"]["personaId"] == attempt.persona_id
    assert "Credits before: 100" in said(page)
    assert token not in said(page)


def test_closing_and_opening_change_the_address(
    library: Callable[..., AppTest], add_attempts: Callable[..., list[str]]
) -> None:
    [attempt_id] = add_attempts({})
    page = library(attempt_id)
    assert card(page)
    page.button(key="library_close").click().run()
    assert not card(page)
    assert "attempt" not in page.query_params


def test_the_list_beside_an_open_attempt_is_another_table_so_that_the_browser_brings_no_old_selection_back(
    library: Callable[..., AppTest], add_attempts: Callable[..., list[str]]
) -> None:
    [attempt_id] = add_attempts({})
    page = library(attempt_id)
    [beside] = page.dataframe
    page.button(key="library_close").click().run()
    [alone] = page.dataframe
    assert beside.proto.id != alone.proto.id


@pytest.mark.parametrize("guess", ["the other's", "an invented one", "nonsense"])
def test_an_address_of_somebody_else_shows_nothing(
    library: Callable[..., AppTest], add_attempts: Callable[..., list[str]], other_account: Account, guess: str
) -> None:
    [theirs] = add_attempts({"name": "Secret voice"}, of=other_account)
    add_attempts({"name": "Mine"})
    page = library({"the other's": theirs, "an invented one": uuid.uuid4().hex, "nonsense": "'; --%_\\"}[guess])
    assert "This attempt is not in the library of this account." in said(page)
    assert names(page) == ["Mine"]
    assert not card(page)
    assert "Secret" not in said(page)


def test_what_a_persona_was_used_for_is_kept_and_listed(
    library: Callable[..., AppTest], add_attempts: Callable[..., list[str]]
) -> None:
    made, lost = add_attempts({"name": "Alto"}, {"status": "unknown", "persona_id": ""})
    page = library(made)
    page.text_input(key=f"used_{made}").input("![x](http://tracker.test)").run()
    assert page.text_input(key=f"used_{made}").value == ""
    assert any(text.value.endswith("  ![x](http://tracker.test)") for text in library(made).text)
    assert not [field for field in library(lost).text_input if field.key == f"used_{lost}"]


def test_note_tags_and_favourite_are_saved_at_once_and_there_in_a_new_session(
    library: Callable[..., AppTest], add_attempts: Callable[..., list[str]], studio: Studio, account: Account
) -> None:
    [attempt_id] = add_attempts({})
    page = library(attempt_id)
    page.text_area(key=f"note_{attempt_id}").input("For the trailer.\nNot too loud.").run()
    assert on_file(studio, account, attempt_id).note == "For the trailer.\nNot too loud."
    page.multiselect(key=f"tags_{attempt_id}").set_value(["choir", " warm  voice "]).run()
    assert on_file(studio, account, attempt_id).tags == ("choir", "warm voice")
    button_of(page, "library_star").click().run()
    assert on_file(studio, account, attempt_id).favourite
    later = library(attempt_id)
    assert later.text_area(key=f"note_{attempt_id}").value == "For the trailer.\nNot too loud."
    assert later.multiselect(key=f"tags_{attempt_id}").value == ["choir", "warm voice"]
    assert button_of(later, "library_star").label == "★ Favourite"
    assert list(later.dataframe[0].value["favourite"]) == ["★"]


def test_a_tag_that_cannot_be_one_is_refused_with_a_sentence_and_nothing_is_changed(
    library: Callable[..., AppTest], add_attempts: Callable[..., list[str]], studio: Studio, account: Account
) -> None:
    [attempt_id] = add_attempts({"tags": "choir"})
    page = library(attempt_id)
    page.multiselect(key=f"tags_{attempt_id}").set_value(["choir", "x" * 41]).run()
    assert [error.value for error in page.error] == ["Tags: use at most 40 characters, and no comma."]
    assert on_file(studio, account, attempt_id).tags == ("choir",)


def test_looking_the_track_up_keeps_its_title_and_says_how_long_its_files_live(
    library: Callable[..., AppTest], asked: Callable[..., Attempt], studio: Studio, account: Account
) -> None:
    attempt = asked("finished")
    page = library(attempt.id)
    button_of(page, "library_look_up").click().run()
    track = on_file(studio, account, attempt.id).track
    assert track is not None
    assert track.title == "Lanterns on the quay"
    assert "KIE deletes the song’s files in 13 days" in said(page)
    assert [button.label for button in page.download_button if button.key == "library_clip"] == ["Keep the source clip"]


def test_files_that_kie_has_deleted_are_not_offered(
    library: Callable[..., AppTest], add_attempts: Callable[..., list[str]]
) -> None:
    old = datetime.now(UTC) - timedelta(days=15)
    [attempt_id] = add_attempts(
        {"track_title": "Old", "track_audio_url": "https://media.example.com/a.mp3", "track_created_at": old}
    )
    page = library(attempt_id)
    assert "this one’s are gone. The persona stays." in said(page)
    assert not [button for button in page.download_button if button.key == "library_clip"]
    assert not page.get("audio")


MEDIA = {
    "track_title": "Pier",
    "track_image_url": "https://tracker.example/a",
    "track_audio_url": "https://b.example/s",
}


def loaded(page: AppTest) -> set[str]:
    """Return the hosts that stand anywhere on the page but in what is printed as it is."""
    return set(re.findall(r"[a-z]+\.example", interpreted(page)))


def test_the_media_of_an_attempt_that_came_from_a_file_load_on_a_click(
    library: Callable[..., AppTest], add_attempts: Callable[..., list[str]], studio: Studio, account: Account
) -> None:
    [stranger, mine] = add_attempts(MEDIA | {"origin": "import"}, MEDIA)
    assert loaded(library(mine)) == {"tracker.example", "b.example"}
    page = library(stranger)
    assert loaded(page) == set()
    assert any(text.value.endswith("Its cover and sound are at: b.example, tracker.example") for text in page.text)
    button_of(page, "library_media").click().run()
    assert loaded(page) == {"tracker.example", "b.example"}
    track = Track("audio0", "Pier", image_url="https://other.example/a", audio_url="https://other.example/b")
    studio.library.record_track(account.id, stranger, track)
    assert loaded(page.run()) == set()


def test_addresses_that_may_not_be_loaded_are_not_offered(
    library: Callable[..., AppTest], add_attempts: Callable[..., list[str]]
) -> None:
    [attempt_id] = add_attempts({"track_audio_url": "http://127.0.0.1/a", "track_title": "Pier", "origin": "import"})
    page = library(attempt_id)
    assert "Its address is not one that this page may play." in said(page)
    assert not buttons_of(page, "library_media")


def test_a_song_that_was_made_at_the_end_of_all_calendars_has_no_clock(
    library: Callable[..., AppTest], add_attempts: Callable[..., list[str]]
) -> None:
    late = datetime.max.replace(tzinfo=UTC)
    page = library(*add_attempts({"track_title": "Pier", "track_created_at": late}))
    assert not page.exception
    assert "KIE deletes" not in said(page)


# Ways out.


def test_asking_again_about_an_attempt_from_a_file_takes_none_of_its_addresses(
    library: Callable[..., AppTest],
    add_attempts: Callable[..., list[str]],
    studio: Studio,
    account: Account,
    turned_to: list[str],
) -> None:
    song = scenario("finished")
    ids = {"task_id": song.task_id, "audio_id": song.audio_id, "description": "Low", "status": "unknown"}
    [stranger] = add_attempts(MEDIA | ids | {"persona_id": "", "origin": "import"})
    page = library(stranger)
    button_of(page, "library_ask_again").click().run()
    [newest] = studio.history(account, 1)
    assert (newest.origin, newest.replaces) == ("", stranger)
    assert newest.track is None or "tracker.example" not in newest.track.image_url


def test_after_a_strangers_file_asking_again_sends_the_text_that_was_sent(
    library: Callable[..., AppTest],
    asked: Callable[..., Attempt],
    studio: Studio,
    kie: Server,
    token: str,
    turned_to: list[str],
) -> None:
    unknown = asked("answer_lost", name="Half heard")
    stranger = {"id": unknown.id, "created_at": START.isoformat(), "status": "unknown", "name": "Another"}
    stranger |= {"description": "Another", "style": "Another", "audio_id": "another", "note": "theirs"}
    page = bring_in(library(unknown.id), "stranger.jsonl", json_lines([stranger]))
    assert "For 1 attempt the file has another name, text or outcome than what was sent from here" in said(page)
    [differs] = [table.value for table in page.dataframe if "In the file" in table.value]
    assert differs["Column"].tolist() == ["note"]
    page.checkbox(key="library_overwrite").check().run()
    page.button(key="library_import").click().run()
    assert cheered(page) == ["1 brought in."]
    page = library(unknown.id)
    button_of(page, "library_ask_again").click().run()
    ended(on_the_create_page(page), studio)
    [first, second] = kie.sandbox.requests("/api/v1/generate/generate-persona", token)
    assert first.json == second.json


def test_asking_again_where_kie_gives_the_same_id_settles_the_unknown_attempt(
    library: Callable[..., AppTest],
    asked: Callable[..., Attempt],
    studio: Studio,
    account: Account,
    kie: Server,
    token: str,
    turned_to: list[str],
) -> None:
    unknown = asked("answer_lost", name="Half heard")
    track = Track(unknown.request.audio_id, "Half a conversation", "folk", "", "V5", 61.0, "", "", START)
    studio.library.record_track(account.id, unknown.id, track)
    page = library(unknown.id)
    button_of(page, "library_ask_again").click().run()
    assert turned_to == [CREATE_PAGE]
    assert "Here is your persona" in said(ended(on_the_create_page(page), studio))
    [first, second] = kie.sandbox.requests("/api/v1/generate/generate-persona", token)
    assert first.json == second.json
    assert on_file(studio, account, unknown.id).settled is Settled.ASKED_AGAIN
    page = library(unknown.id)
    assert "The same request was sent again later, and KIE answered that one." in said(page)
    assert "Sent again with exactly the same text" in said(page)
    [later, _] = studio.history(account, 2)
    assert later.track == track
    page.button(key=f"open_{later.id}").click().run()
    assert page.code[0].value == later.persona_id


def test_asking_again_where_kie_says_409_leaves_the_other_ways_out_open(
    library: Callable[..., AppTest],
    asked: Callable[..., Attempt],
    studio: Studio,
    account: Account,
    kie: Server,
    monkeypatch: pytest.MonkeyPatch,
    turned_to: list[str],
) -> None:
    monkeypatch.setattr(kie.sandbox, "once", "conflict")
    unknown = asked("answer_lost")
    page = library(unknown.id)
    button_of(page, "library_ask_again").click().run()
    page = ended(on_the_create_page(page), studio)
    assert "KIE says that a persona was already made from this track." in said(page)
    assert on_file(studio, account, unknown.id).status is Status.UNKNOWN
    page = library(unknown.id)
    page.text_input(key=f"by_hand_{unknown.id}").input("  0123abcd ").run()
    button_of(page, "library_by_hand").click().run()
    assert on_file(studio, account, unknown.id).persona_id == "0123abcd"


def test_an_id_found_by_hand_is_kept_and_marked_so(
    library: Callable[..., AppTest], asked: Callable[..., Attempt], studio: Studio, account: Account
) -> None:
    unknown = asked("dropped")
    page = library(unknown.id)
    page.text_input(key=f"by_hand_{unknown.id}").input("0123abcd").run()
    button_of(page, "library_by_hand").click().run()
    assert page.code[0].value == "0123abcd"
    assert "This ID was typed in by hand, from KIE’s logs." in said(page)
    assert list(page.dataframe[0].value["persona_id"]) == ["0123abcd"]
    now = on_file(studio, account, unknown.id)
    assert (now.status, now.settled) == (Status.CREATED, Settled.BY_HAND)


@pytest.mark.parametrize("typed", ["", "persona: 0123", "x" * 201, "ünïcode"])
def test_what_cannot_be_an_id_is_not_kept(
    library: Callable[..., AppTest],
    add_attempts: Callable[..., list[str]],
    studio: Studio,
    account: Account,
    typed: str,
) -> None:
    [attempt_id] = add_attempts({"status": "unknown", "persona_id": ""})
    page = library(attempt_id)
    page.text_input(key=f"by_hand_{attempt_id}").input(typed).run()
    button_of(page, "library_by_hand").click().run()
    assert page.error[0].value.startswith("Persona ID: ")
    assert on_file(studio, account, attempt_id).status is Status.UNKNOWN


def test_what_was_not_made_can_be_changed_and_sent_without_a_further_question(
    library: Callable[..., AppTest],
    asked: Callable[..., Attempt],
    studio: Studio,
    account: Account,
    turned_to: list[str],
) -> None:
    unknown = asked("dropped", name="Paper boat", style="Chamber jazz", vocal_start=2.0, vocal_end=20.5)
    page = library(unknown.id)
    button_of(page, "library_not_made").click().run()
    assert on_file(studio, account, unknown.id).settled is Settled.NOT_MADE
    assert "You said that KIE made nothing." in said(page)
    button_of(page, "library_change").click().run()
    assert turned_to == [CREATE_PAGE]
    page = on_the_create_page(page)
    assert fields(page) == {
        "task_id": scenario("dropped").task_id,
        "audio_id": scenario("dropped").audio_id,
        "name": "Paper boat",
        "description": "Low",
        "style": "Chamber jazz",
        "vocal_start": 2.0,
        "vocal_end": 20.5,
    }
    page.text_input(key="name").input("Paper ship")
    page.button(key="create").click().run()
    assert "Here is your persona" in said(ended(page, studio))


def test_a_refused_attempt_can_be_changed_with_everything_filled_in(
    library: Callable[..., AppTest], asked: Callable[..., Attempt], turned_to: list[str]
) -> None:
    refused = asked("code_422", name="Square peg", description="Two\nlines", vocal_start=1.5, vocal_end=30.0)
    page = library(refused.id)
    assert "KIE did not accept one of the fields." in said(page)
    assert "422 description contains characters that are not supported" in [code.value for code in page.code]
    button_of(page, "library_change").click().run()
    assert turned_to == [CREATE_PAGE]
    page = on_the_create_page(page)
    assert fields(page) == {
        "task_id": scenario("code_422").task_id,
        "audio_id": scenario("code_422").audio_id,
        "name": "Square peg",
        "description": "Two\nlines",
        "style": "",
        "vocal_start": 1.5,
        "vocal_end": 30.0,
    }


def test_a_window_that_no_track_has_does_not_keep_the_create_page_from_opening(
    library: Callable[..., AppTest], add_attempts: Callable[..., list[str]], turned_to: list[str]
) -> None:
    [attempt_id] = add_attempts({"status": "refused", "persona_id": "", "name": "From a file", "vocal_start": -5.0})
    page = library(attempt_id)
    button_of(page, "library_change").click().run()
    page = on_the_create_page(page)
    assert (fields(page)["name"], fields(page)["vocal_start"]) == ("From a file", None)
    assert not page.exception


def test_the_story_says_what_was_decided_and_by_whom(
    library: Callable[..., AppTest], asked: Callable[..., Attempt], studio: Studio, account: Account
) -> None:
    unknown = asked("html_page")
    studio.library.not_made(account.id, unknown.id, "ada@example.com")
    studio.library.delete(account.id, unknown.id)
    studio.library.restore(account.id, unknown.id)
    page = library(unknown.id)
    [story] = [box for box in page.expander if box.label.startswith("Its story")]
    told = [text.value.partition("  ")[2] for text in story.text]
    assert told[0] == "Filed"
    assert told[1] == "Sent"
    assert told[2].startswith("Ended, ")
    assert told[3:] == ["Marked as not made, by ada@example.com", "Deleted from this library", "Brought back"]
    assert story.label == "Its story (6)"


def test_the_story_says_who_brought_it_in_and_what_only_a_file_says(
    library: Callable[..., AppTest], studio: Studio, account: Account
) -> None:
    entry = {"id": uuid.uuid4().hex, "created_at": START.isoformat(), "status": "created", "persona_id": "p1"}
    entry |= {"author": "boss@example.com", "origin": ""}
    story = [{"kind": "not_made", "author": "boss@example.com"}, {"kind": "late_answer", "author": ""}]
    content = json_lines([entry | {"story": [{"at": START.isoformat(), "detail": {}} | event for event in story]}])
    import_merge.import_records(studio.library, account.id, File(content, START), author="ines@example.org")
    page = library(entry["id"])
    [box] = [box for box in page.expander if box.label.startswith("Its story")]
    assert [text.value.partition("  ")[2] for text in box.text] == [
        "Filed (brought in from a file), by boss@example.com (says a file)",
        "Marked as not made, by boss@example.com (says a file)",
        "KIE’s answer came after it had been given up (says a file)",
        "Brought in from a file, by ines@example.org",
    ]


def test_of_a_very_long_story_fifty_entries_are_drawn_at_a_time(
    library: Callable[..., AppTest], studio: Studio, account: Account
) -> None:
    story = [
        {"at": START.isoformat(), "kind": "used", "detail": {"for": f"song {number}", "x" * 6000: "x"}}
        for number in range(120)
    ]
    entry = {"id": uuid.uuid4().hex, "created_at": START.isoformat(), "status": "created", "persona_id": "p1"}
    content = json_lines([entry | {"story": story}])
    import_merge.import_records(studio.library, account.id, File(content, START))

    def uses(page: AppTest) -> list[str]:
        return [text.value.partition("  ")[2] for text in page.text if "song " in text.value]

    def details(page: AppTest) -> list[str]:
        return [code.value for code in page.code if code.value.startswith("for: song")]

    page = library(entry["id"])
    assert [box.label for box in page.expander if box.label.startswith("Its story")] == ["Its story (121)"]
    assert uses(page) == [f"song {number}" for number in range(119, 69, -1)]
    assert details(page)[0].startswith("for: song 70\nxxx")
    assert (len(details(page)), max(len(each) for each in details(page)) < 5100) == (50, True)
    page.button(key="library_events_used_earlier").click().run()
    page.button(key="library_events_used_earlier").click().run()
    assert uses(page) == [f"song {number}" for number in range(19, -1, -1)]
    assert page.button(key="library_events_used_earlier").disabled
    assert details(page)[0].startswith("for: song 70\n")
    page.button(key="library_events__earlier").click().run()
    assert details(page)[0].startswith("for: song 20\n")
    page.button(key="library_events__later").click().run()
    assert details(page)[0].startswith("for: song 70\n")
    assert page.button(key="library_events__later").disabled


def test_attempts_that_name_each_other_or_themselves_open_all_the_same(
    library: Callable[..., AppTest], add_attempts: Callable[..., list[str]]
) -> None:
    one, other, alone = (uuid.uuid4().hex for _ in range(3))
    add_attempts({"id": one, "replaces": other}, {"id": other, "replaces": one}, {"id": alone, "replaces": alone})
    for attempt_id in (one, other, alone):
        page = library(attempt_id)
        assert not page.exception
        assert card(page)


# Deleting.


def test_a_deleted_attempt_is_gone_and_undo_brings_it_back(
    library: Callable[..., AppTest], add_attempts: Callable[..., list[str]]
) -> None:
    [first, _] = add_attempts({"name": "First"}, {"name": "Second"})
    page = library(first)
    button_of(page, "library_delete").click().run()
    assert names(page) == ["Second"]
    assert not card(page)
    assert cheered(page) == ["Deleted from this library. KIE keeps its own."]
    button_of(page, "library_undo").click().run()
    assert names(page) == ["Second", "First"]
    assert card(page)
    assert not buttons_of(page, "library_undo")


def test_deleted_attempts_have_a_list_of_their_own_and_come_back_from_there(
    library: Callable[..., AppTest], add_attempts: Callable[..., list[str]], studio: Studio, account: Account
) -> None:
    [first, _] = add_attempts({"name": "First"}, {"name": "Second"})
    page = library()
    page.toggle(key="library_deleted").set_value(True).run()
    assert "Nothing is deleted." in said(page)
    studio.library.delete(account.id, first)
    assert names(page.run()) == ["First"]
    page = library(first)
    button_of(page, "library_restore").click().run()
    assert names(page) == ["Second", "First"]


@pytest.mark.parametrize("typed", ["", "forget", "{other}"])
def test_an_account_is_not_forgotten_until_its_characters_were_typed(
    library: Callable[..., AppTest], add_attempts: Callable[..., list[str]], other_account: Account, typed: str
) -> None:
    add_attempts({"name": "Kept"})
    page = library()
    page.text_input(key="forget_account").input(typed.format(other=other_account.id)).run()
    page.button(key="forget").click().run()
    assert "Nothing was erased." in page.error[0].value
    assert names(page) == ["Kept"]


def test_forgetting_an_account_erases_all_of_it_and_nothing_of_others(
    library: Callable[..., AppTest],
    add_attempts: Callable[..., list[str]],
    account: Account,
    other_account: Account,
    studio: Studio,
) -> None:
    [first, second] = add_attempts({}, {})
    studio.library.delete(account.id, second)
    add_attempts({"name": "Theirs"}, of=other_account)
    page = library(first)
    page.text_input(key="forget_account").input(f" {account.id} ").run()
    page.button(key="forget").click().run()
    assert cheered(page) == ["Erased here, of this account: 2 attempts."]
    assert "Nothing here yet." in said(page)
    page.toggle(key="library_deleted").set_value(True).run()
    assert "Nothing is deleted." in said(page)
    assert names(library(of=other_account)) == ["Theirs"]


# Out and in.


def bring_in(page: AppTest, name: str, content: bytes) -> AppTest:
    return page.file_uploader[0].set_value((name, content, "text/plain")).run()


def counts(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.main.metric}


def test_a_file_is_counted_before_and_written_after_the_button_and_twice_changes_nothing(
    library: Callable[..., AppTest], studio: Studio, account: Account
) -> None:
    table = b"persona_id,name,audio_id\np1,One,a1\np2,Two,a2\n"
    page = bring_in(library(), "personas.csv", table)
    assert counts(page) == {"New": "2", "Here already": "0", "Different here": "0"}
    assert studio.history(account, 10) == []
    page.button(key="library_import").click().run()
    assert sorted(names(page.run())) == ["One", "Two"]
    assert cheered(page) == ["2 brought in."]
    page = bring_in(page, "personas.csv", table)
    assert counts(page) == {"New": "0", "Here already": "2", "Different here": "0"}
    assert "Nothing to bring in: all of it is here already." in said(page)


def test_what_differs_is_shown_beside_and_taken_over_only_when_ticked(
    library: Callable[..., AppTest], add_attempts: Callable[..., list[str]]
) -> None:
    [attempt_id] = add_attempts({"persona_id": "p1", "audio_id": "a1", "name": "Here", "origin": "import"})
    page = bring_in(library(attempt_id), "other.csv", b"persona_id,audio_id,name\np1,a1,There\n")
    assert counts(page)["Different here"] == "1"
    [differs] = [table.value for table in page.dataframe if "In the file" in table.value]
    assert differs.iloc[0].tolist() == ["Row 2", "name", "Here", "There"]
    assert not buttons_of(page, "library_import")
    page.checkbox(key="library_overwrite").check().run()
    page.button(key="library_import").click().run()
    assert names(page.run()) == ["There"]
    assert "Changed by a file; what stood here before:" in said(page)
    assert "name: Here" in [code.value for code in page.code]


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b"persona_id,code\np1,1\np2,many\n", "Row 3, “code”"),
        (b"name,audio_id\nAlto,a1\n", "Row 1: there is no column “persona_id”."),
        (b'{"format": "persona-studio",\n"version": 1, "attem', "Row 2, character"),
        ("persona_id,name\np1,Ähre\n".encode("latin-1"), "Row 2, about character 1 of its cell"),
        (b"", "The file is empty."),
    ],
)
def test_a_bad_file_is_said_by_row_and_column_and_nothing_is_written(
    library: Callable[..., AppTest], studio: Studio, account: Account, content: bytes, where: str
) -> None:
    page = bring_in(library(), "bad.csv", content)
    assert "This file cannot be taken in. Nothing was written." in said(page)
    assert where in said(page)
    assert studio.history(account, 10) == []


def test_what_changed_since_the_preview_is_looked_at_again(
    library: Callable[..., AppTest], studio: Studio, account: Account
) -> None:
    page = bring_in(library(), "one.csv", b"persona_id,audio_id,name\np1,a1,One\np2,a2,Two\n")
    page.button(key="library_import").click()
    import_merge.import_records(studio.library, account.id, File(b"persona_id,audio_id,name\np1,a1,One\n", START))
    page.run()
    assert cheered(page) == ["1 brought in."]
    assert sorted(names(page.run())) == ["One", "Two"]


def test_nothing_is_brought_into_an_account_that_was_left_in_another_tab(
    library: Callable[..., AppTest], studio: Studio, account: Account
) -> None:
    page = bring_in(library(), "one.csv", b"persona_id,name\np1,One\n")
    studio.leave_account("", account)
    page.button(key="library_import").click().run()
    assert studio.history(account, 10) == []
    assert page.text_input(key="token").label == "Token"


def test_if_the_database_stops_in_the_middle_the_page_says_what_is_in_and_what_to_do(
    library: Callable[..., AppTest], studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = studio.open().result()[0].database.engine
    inserted = []

    def stop(connection: object, cursor: object, statement: str, *rest: object) -> None:
        if "INSERT INTO attempts" in statement:
            inserted.append(statement)
            if len(inserted) == 2:
                raise facade.NotSaved

    monkeypatch.setattr(import_merge, "PORTION", 1)
    page = bring_in(library(), "two.csv", b"persona_id,name\np1,One\np2,Two\n")
    event.listen(engine, "before_cursor_execute", stop)
    page.button(key="library_import").click().run()
    event.remove(engine, "before_cursor_execute", stop)
    said_so = "The database broke off. Brought in so far: 1, and they stay. Bring the same file in again for the rest."
    assert said_so in [error.value for error in page.error]
    assert names(page.run()) == ["One"]


def test_of_very_many_new_ones_the_first_are_shown(
    library: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_merge, "SHOWN", 2)
    page = bring_in(library(), "five.csv", b"persona_id\n" + b"".join(b"p%d\n" % number for number in range(5)))
    assert "The first 2 of 5 new ones." in said(page)


# Whose it is.

MARK = "tracker.test"
HOSTILE = (
    f"![x](http://{MARK}/pixel.png) **bold** [link](http://{MARK}) <img src=http://{MARK}/a> <script>{MARK}</script> "
    f":material/home: :red[{MARK}] $x^2$ `code`"
)


LITERAL = (Text, Code, Dataframe, TextArea, TextInput, Multiselect)
"""The elements that print their value as it is; of their labels that is not so."""


FIXED = {
    "id": "only hex digits stay",
    "status": "one of few words",
    "settled": "one of few words",
    "kind": "one of few words",
    "track_image_url": "an address that must not be loaded, below",
    "track_audio_url": "an address that must not be loaded, below",
    "replaces": "only in the key of a button, which is no text for a person",
}
"""Columns of the file that a file cannot fill with a hostile text, or need not."""
TEXTS = [
    column for column in COLUMNS if column.type in ("text", "short") and column.in_file and column.name not in FIXED
]


def hostile_text(column: Column) -> str:
    """Return the most hostile text that the import accepts for a column."""
    for text in (HOSTILE, json.dumps({"seen_id": HOSTILE}), f"![x](http://{MARK}),<b>{MARK}</b>", f"*{MARK}*"):
        with suppress(ValueError):
            OWN_READERS[column.name](text)
            return text
    raise AssertionError(f"{column.name} takes no hostile text: say why in FIXED")


def interpreted(page: AppTest) -> str:
    """Return all that the page gives to elements that make more of a text than its characters."""

    def parts(node: Any) -> Iterator[str]:
        if isinstance(node, Block):
            yield str(getattr(node, "proto", ""))
            for child in node.children.values():
                yield from parts(child)
        else:
            yield str(getattr(node, "label", "")) if isinstance(node, LITERAL) else str(node.proto)

    return "\n".join(parts(page._tree))


def json_lines(attempts: list[dict[str, Any]]) -> bytes:
    """The library's file with these attempts."""
    head = {"format": export_files.FORMAT, "version": export_files.VERSION}
    return "".join(f"{json.dumps(line)}\n" for line in (head, *attempts)).encode()


def test_hostile_texts_are_only_ever_printed_as_they_are(library: Callable[..., AppTest], turned_to: list[str]) -> None:
    hostile: dict[str, Any] = {column.name: hostile_text(column) for column in TEXTS} | {"code": 500}
    hostile |= dict.fromkeys(("track_image_url", "track_audio_url"), f"http://{MARK}/pixel.png")
    hostile |= {"created_at": START.isoformat(), "sent_at": START.isoformat(), "ended_at": START.isoformat()}
    hostile["story"] = [{"at": START.isoformat(), "kind": "![x](y)", "detail": {HOSTILE: HOSTILE}, "author": MARK}]
    ids = {status: uuid.uuid4().hex for status in ("created", "refused", "unknown")}
    attempts = [hostile | {"id": attempt_id, "status": status} for status, attempt_id in ids.items()]
    pages = [bring_in(library(), "hostile.jsonl", json_lines(attempts))]
    assert counts(pages[0])["New"] == "3"
    shown = interpreted(pages[0])
    pages[0].button(key="library_import").click().run()
    for attempt_id in ids.values():
        page = library(attempt_id)
        assert HOSTILE in [text.value for text in page.text]
        assert not page.exception
        shown += interpreted(page)
    changed = [attempt | {"name": f"{HOSTILE} changed"} for attempt in attempts]
    shown += interpreted(bring_in(library(), "changed.jsonl", json_lines(changed)))
    page = library(ids["refused"])
    button_of(page, "library_delete").click().run()
    assert HOSTILE in [text.value for text in page.text]
    shown += interpreted(page)
    button_of(page, "library_undo").click().run()
    button_of(page, "library_change").click().run()
    shown += interpreted(on_the_create_page(page))
    assert MARK not in shown
    assert "![x](y)" not in shown


def test_two_accounts_see_nothing_of_each_other(
    library: Callable[..., AppTest], add_attempts: Callable[..., list[str]], account: Account, other_account: Account
) -> None:
    mine = add_attempts(*({"name": f"Mine {number}", "tags": "mine"} for number in range(3)))
    theirs = add_attempts({"name": "Theirs", "tags": "theirs", "note": "shared word"}, of=other_account)
    page, their_page = library(mine[0]), library(theirs[0], of=other_account)
    assert (names(page), names(their_page)) == (["Mine 2", "Mine 1", "Mine 0"], ["Theirs"])
    assert page.multiselect(key=f"tags_{mine[0]}").options == ["mine"]
    assert their_page.multiselect(key=f"tags_{theirs[0]}").options == ["theirs"]
    assert "3 in all" in said(page)
    assert "1 in all" in said(their_page)
    assert names(search(page, "shared word")) == []
    assert names(search(their_page, "mine")) == []


def test_signing_in_with_another_token_leaves_nothing_of_the_account_before(
    library: Callable[..., AppTest], add_attempts: Callable[..., list[str]], kie: Server, token: str
) -> None:
    deleted, opened = add_attempts({"name": "Secret voice"}, {"name": "Also secret"})
    page = library(deleted)
    button_of(page, "library_delete").click().run()
    assert "Secret voice" in said(page)
    page.button(key="leave").click().run()
    page.text_input(key="token").input(kie.sandbox.new_account()).run()
    assert "Nothing here yet." in said(page)
    assert "ecret" not in said(page)
    assert not buttons_of(page, "library_undo")
    assert not page.warning
    assert opened not in str(page.query_params)


def test_files_hold_only_the_rows_of_their_account(
    add_attempts: Callable[..., list[str]], studio: Studio, account: Account, other_account: Account
) -> None:
    add_attempts({"name": "Mine"})
    add_attempts({"name": "Theirs"}, of=other_account)
    files = [
        make(studio.library, account.id, Query()).read() for make in (export_files.csv_file, export_files.json_file)
    ]
    assert all(b"Mine" in file and b"Theirs" not in file for file in files)


def test_a_database_that_stops_working_is_said_on_each_page(
    kie: Server, tmp_path: Path, token: str, in_place: Callable[[Studio], object]
) -> None:
    studio = Studio(Settings(base_url=kie.base_url, database_url=f"sqlite:///{tmp_path}/studio.db"))
    in_place(studio)
    page = AppTest.from_file(str(MAIN), default_timeout=30)
    page.session_state["account_id"] = studio.sign_in(token).id
    page.run()
    store, _ = studio.open().result(30)
    with store.database.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE attempts RENAME TO elsewhere")
    for name in ("../pages/create.py", LIBRARY):
        page.switch_page(name).run()
        assert "The history cannot be read or written now" in said(page)
        assert not page.exception
    with store.database.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO attempts")
    studio.close()


def test_a_database_that_cannot_be_opened_is_said(
    kie: Server, tmp_path: Path, token: str, in_place: Callable[[Studio], object]
) -> None:
    (tmp_path / "file").write_text("not a folder")
    broken = Studio(Settings(base_url=kie.base_url, database_url=f"sqlite:///{tmp_path}/file/studio.db"))
    in_place(broken)
    page = AppTest.from_file(str(MAIN), default_timeout=30)
    page.session_state["account_id"] = broken.sign_in(token).id
    page.switch_page(LIBRARY).run()
    assert "The history cannot be read or written now" in said(page)
    assert not page.exception
