"""The create page: what each kind of bad input, bad day and good day shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from kie import MusicTask
from sandbox import SCENARIOS, Server
from studio.facade import Studio
from studio.people.token_store import account_of
from studio.settings import Settings
from tests.pages.helpers import MAIN, button_of, description, ended, field_of, said
from tests.scenarios import scenario, task_of


def test_without_a_token_the_page_says_where_to_get_one_and_offers_the_demo(page: AppTest) -> None:
    assert "kie.ai/api-key" in said(page)
    assert page.button(key="try_demo").label == "Try the demo"
    assert not page.exception


def test_create_without_a_token_names_the_token_and_keeps_the_text(page: AppTest) -> None:
    page.text_input(key="name").input("Alto")
    page.button(key="create").click().run()
    assert page.error[0].value.startswith("Token: ")
    assert page.text_input(key="name").value == "Alto"


def test_a_good_token_shows_credits_and_account_and_leaves_the_page(signed_in: AppTest) -> None:
    assert signed_in.metric[0].label == "Credits left"
    assert "Account " in said(signed_in)
    assert not [field for field in signed_in.text_input if field.key == "token"]
    assert "token" not in signed_in.session_state or not signed_in.session_state["token"]


def test_a_token_that_is_pasted_with_its_header_is_the_same_account(page: AppTest, token: str) -> None:
    page.text_input(key="token").input(f'"Authorization: Bearer {token}"').run()
    assert page.session_state["account_id"] == account_of(token)


def test_the_headers_word_without_a_token_gets_a_sentence(page: AppTest) -> None:
    page.text_input(key="token").input("Bearer").run()
    assert "this is only the word “Bearer”" in said(page)


def test_the_demo_says_on_the_page_that_nothing_is_real(page: AppTest) -> None:
    page.button(key="try_demo").click().run()
    assert "No song, persona or credit here is real." in said(page)


@pytest.mark.parametrize(
    ("widget", "label"),
    [("task_id", "Task ID: "), ("audio_id", "Audio ID: "), ("name", "Name: "), ("description", "Description: ")],
)
def test_an_empty_field_is_named_and_nothing_is_sent(
    create: Callable[..., AppTest], kie: Server, token: str, widget: str, label: str
) -> None:
    before = kie.sandbox.count(token=token)
    page = create("finished", **{widget: ""})
    assert [error.value for error in page.error if error.value.startswith(label)]
    assert kie.sandbox.count(token=token) == before


def test_a_window_of_nine_seconds_is_refused_here(
    create: Callable[..., AppTest], signed_in: AppTest, kie: Server, token: str
) -> None:
    before = kie.sandbox.count(token=token)
    signed_in.number_input(key="vocal_start").set_value(10.0)
    signed_in.number_input(key="vocal_end").set_value(19.0)
    page = create("finished")
    assert "10 to 30 s apart" in said(page)
    assert kie.sandbox.count(token=token) == before


def test_the_window_that_was_typed_is_the_one_that_is_sent(
    create: Callable[..., AppTest], signed_in: AppTest, kie: Server, token: str
) -> None:
    signed_in.number_input(key="vocal_start").set_value(5.25)
    signed_in.number_input(key="vocal_end").set_value(25.8)
    create("finished")
    sent = kie.sandbox.requests("/api/v1/generate/generate-persona", token)[-1].json
    assert (sent["vocalStart"], sent["vocalEnd"]) == (5.25, 25.8)


def test_a_success_shows_the_id_to_copy_and_the_history(create: Callable[..., AppTest], kie: Server) -> None:
    page = create("finished")
    persona_id = page.code[0].value
    assert "Here is your persona" in said(page)
    assert page.dataframe[0].value["persona_id"].tolist() == [persona_id]
    assert page.dataframe[0].value["status"].tolist() == [["Created"]]


REFUSALS = {
    "code_401": "KIE did not accept the token.",
    "code_402": "The KIE account has too few credits.",
    "credits_as_500": "The KIE account has too few credits.",
    "code_404": "KIE does not know this task or track.",
    "code_409": "KIE says that a persona was already made from this track.",
    "code_422": "KIE did not accept one of the fields.",
    "code_433": "This token has reached the spending limit that was set for it.",
    "code_451": "KIE could not fetch the track's audio.",
    "code_455": "KIE is down for maintenance.",
    "code_500": "Something went wrong on KIE's side.",
    "code_501": "KIE tried, and making the persona failed.",
    "code_505": "KIE has switched this feature off.",
    "one_refused": "KIE cannot make a persona from this track.",
    "not_ready": "KIE does not see the finished track yet.",
}


def test_every_refusal_of_the_sandbox_is_among_them() -> None:
    waits = {"code_429"}  # which is sent again by itself, below
    assert {each.key for each in SCENARIOS if each.group == "refusal"} - waits - REFUSALS.keys() == set()


@pytest.mark.parametrize("key", list(REFUSALS))
def test_a_refusal_says_the_cause_the_next_step_and_kies_own_words_and_keeps_the_text(
    create: Callable[..., AppTest], key: str
) -> None:
    page = create(key, name="Typed by hand")
    assert REFUSALS[key] in said(page)
    assert page.code[0].value
    assert page.text_input(key="name").value == "Typed by hand"
    assert page.dataframe[0].value["status"].tolist() == [["Refused"]]


@pytest.mark.parametrize(
    ("key", "headline"),
    [
        ("answer_lost", "Sent, no answer"),
        ("cut_off", "Sent, no answer"),
        ("html_page", "Sent, no readable answer"),
        ("no_persona_id", "Sent, no readable answer"),
        ("dropped", "Sent, no answer"),
    ],
)
def test_a_lost_or_unreadable_answer_is_unknown_and_asking_again_sends_the_same_text(
    create: Callable[..., AppTest], kie: Server, token: str, studio: Studio, key: str, headline: str
) -> None:
    page = create(key)
    assert headline in [each.value for each in page.subheader]
    assert page.dataframe[0].value["status"].tolist() == [["Unknown"]]
    page.text_input(key="name").input("Changed meanwhile")
    button_of(page, "ask_again").click().run()
    page = ended(page, studio)
    assert "Here is your persona" in said(page)
    first, second = kie.sandbox.requests("/api/v1/generate/generate-persona", token)[-2:]
    assert first.json == second.json


def test_a_limited_request_waits_visibly_and_is_sent_again_by_itself(
    create: Callable[..., AppTest], kie: Server, token: str
) -> None:
    before = kie.sandbox.count(token=token)
    page = create("code_429")
    assert "Here is your persona" in said(page)
    assert kie.sandbox.count(token=token) == before + 2
    assert len(page.dataframe[0].value) == 1


def test_a_second_persona_for_a_track_stops_and_shows_both_texts(
    create: Callable[..., AppTest], kie: Server, token: str, studio: Studio
) -> None:
    create("finished", name="First name")
    before = kie.sandbox.count(token=token)
    page = create("finished", name="Second name")
    assert "This track already has a persona" in said(page)
    assert {"First name", "Second name"} <= {text.value for text in page.text}
    assert kie.sandbox.count(token=token) == before
    button_of(page, "send_over").click().run()
    page = ended(page, studio)
    assert kie.sandbox.count(token=token) == before + 1
    assert page.dataframe[0].value["name"].tolist() == ["Second name", "First name"]


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("generating", "This song is still being made."),
        ("failed", "This song failed at KIE"),
        ("sensitive", "This song failed at KIE"),
        ("unknown", "KIE has no record of this song."),
        ("old_model", "Made with V3.5."),
        ("tiny", "It is 8.2 s long"),
        ("first_track", "Not finished yet."),
    ],
)
def test_find_tracks_says_why_a_song_cannot_become_a_persona(signed_in: AppTest, key: str, sentence: str) -> None:
    signed_in.text_area(key="task_id").input(scenario(key).task_id)
    signed_in.button(key="find_tracks").click().run()
    assert sentence in said(signed_in)


@pytest.mark.parametrize("key", ["finished", "callback", "documented", "instrumental"])
def test_choosing_a_track_fills_what_is_empty_and_never_what_was_typed(signed_in: AppTest, key: str) -> None:
    song = scenario(key)
    signed_in.text_area(key="task_id").input(song.task_id)
    signed_in.text_input(key="name").input("Typed by hand")
    signed_in.button(key="find_tracks").click().run()
    track = task_of(song).tracks[1]
    signed_in.button(key=f"use_{track.audio_id}").click().run()
    assert signed_in.text_input(key="audio_id").value == track.audio_id
    assert signed_in.text_input(key="name").value == "Typed by hand"
    assert description(signed_in).casefold().startswith(track.tags.casefold())


def test_a_database_that_cannot_be_opened_is_said_and_nothing_is_sent(
    kie: Server, token: str, tmp_path: Path, in_place: Callable[[Studio], object]
) -> None:
    (tmp_path / "file").write_text("not a folder")
    broken = Settings(base_url=kie.base_url, database_url=f"sqlite:///{tmp_path}/file/studio.db")
    in_place(Studio(broken))
    page = AppTest.from_file(str(MAIN), default_timeout=30).run()
    page.text_input(key="token").input(kie.sandbox.new_account()).run()
    assert "nothing new will be sent" in said(page)
    before = kie.sandbox.count(token=token)
    page.text_area(key="task_id").input("t")
    page.text_input(key="audio_id").input("a")
    page.text_input(key="name").input("n")
    page.text_area(key="description").input("d")
    page.button(key="create").click().run()
    assert "so nothing was sent" in said(page)
    assert kie.sandbox.count(token=token) == before


def test_the_demo_can_show_a_kie_that_cannot_be_reached(page: AppTest, studio: Studio) -> None:
    page.button(key="try_demo").click().run()
    page.selectbox(key="demo_scene").select("finished").run()
    page.toggle(key="demo_unplugged").set_value(True).run()
    page.button(key="create").click().run()
    page = ended(page, studio)
    assert "Could not reach KIE. Nothing was sent." in said(page)
    page.toggle(key="demo_unplugged").set_value(False).run()
    page.button(key="create").click().run()
    assert "Here is your persona" in said(ended(page, studio))


def test_a_song_that_lists_one_track_twice_shows_it_once(
    signed_in: AppTest, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    track = {"id": "same", "title": "Twice", "audioUrl": "https://media.example.com/a.mp3", "duration": 60}
    data = {"status": "SUCCESS", "response": {"sunoData": [track, track]}}
    monkeypatch.setattr(studio, "music_task", lambda account, task_id: MusicTask.read(task_id, data))
    signed_in.text_area(key="task_id").input("t")
    signed_in.button(key="find_tracks").click().run()
    assert len([button for button in signed_in.button if button.label == "Use this track"]) == 1


def test_a_finished_song_without_tracks_is_said(
    signed_in: AppTest, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = MusicTask.read("t", {"status": "SUCCESS", "response": {"sunoData": []}})
    monkeypatch.setattr(studio, "music_task", lambda account, task_id: empty)
    signed_in.text_area(key="task_id").input("t")
    signed_in.button(key="find_tracks").click().run()
    assert "KIE lists no track for this song." in said(signed_in)


def test_the_reasons_of_a_broken_database_stay_on_the_server(kie: Server, in_place: Callable[[Studio], object]) -> None:
    broken = Settings(base_url=kie.base_url, database_url="postgresql://somebody:secret@127.0.0.1:1/inner")
    in_place(Studio(broken))
    page = AppTest.from_file(str(MAIN), default_timeout=30).run()
    page.text_input(key="token").input(kie.sandbox.new_account()).run()
    assert "The server's log says why." in said(page)
    assert not {word for word in ("127.0.0.1", "secret", "somebody", "inner") if word in said(page)}


def test_the_balance_is_asked_for_again_on_request(signed_in: AppTest, kie: Server) -> None:
    before = kie.sandbox.count("/api/v1/chat/credit")
    page = signed_in.run().button(key="refresh_balance").click().run()
    assert not page.exception
    assert kie.sandbox.count("/api/v1/chat/credit") == before + 1


def test_a_window_that_is_typed_by_hand_is_sent_in_hundredths(
    create: Callable[..., AppTest], signed_in: AppTest, kie: Server, token: str
) -> None:
    signed_in.number_input(key="vocal_start").set_value(12.345)
    signed_in.number_input(key="vocal_end").set_value(32.299999999999997)
    assert not create("finished").error
    sent = kie.sandbox.requests("/api/v1/generate/generate-persona", token)[-1].json
    assert (sent["vocalStart"], sent["vocalEnd"]) == (round(12.345, 2), 32.3)


def test_a_track_of_another_song_is_named_and_nothing_is_sent(
    create: Callable[..., AppTest], signed_in: AppTest, kie: Server, token: str
) -> None:
    field_of(signed_in, "task_id").input(scenario("finished").task_id).run()
    page = create("finished", audio_id=scenario("instrumental").audio_id)
    assert "Audio ID: it is no track of this song." in said(page)
    assert kie.sandbox.count(token=token) == 0


def test_an_attempt_that_kie_accepted_can_be_looked_for_again(
    create: Callable[..., AppTest], kie: Server, studio: Studio, token: str
) -> None:
    page = create("job_without_id")
    assert "Sent, no readable answer" in [each.value for each in page.subheader]
    assert "Asking again starts a second job" in said(page)
    [job] = kie.sandbox.account(token).jobs.values()  # type: ignore[union-attr]
    assert job.job_id in [each.value for each in page.code]
    job.result["data"]["persona_id"] = "found-later"
    button_of(page, "look_again").click().run()
    page = ended(page, studio)
    assert "found-later" in [each.value for each in page.code]
    assert "Here is your persona" in said(page)
