"""Finding the song and the track on the create page: what is pasted, what each card says, words for the description."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from kie import MusicTask, NoAnswer
from sandbox import Server
from studio import facade
from studio.facade import Studio
from studio.people.token_store import Account, account_of
from studio.song import description_draft, pasted_text
from studio.song.pasted_text import Pasted
from tests.pages.helpers import MAIN, button_of, description, ended, run_until, said, screen_state
from tests.scenarios import scenario, task_of
from views.shared import persona_requests
from views.shared.screen_state import KEY, PastedText, SongLookup, Window


def paste(page: AppTest, text: str) -> AppTest:
    page.text_area(key="task_id").input(text).run()
    return page


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Callable[[Pasted], None]:
    """Say what is found in the next text that is pasted; what is pasted later is read as ever."""
    find_ids = pasted_text.find_ids

    def instead(pasted: Pasted) -> None:
        def once(text: str, known_token: Callable[[str], bool]) -> Pasted:
            monkeypatch.setattr(pasted_text, "find_ids", find_ids)
            return pasted

        monkeypatch.setattr(pasted_text, "find_ids", once)

    return instead


def answer(key: str) -> str:
    song = scenario(key)
    return json.dumps({"code": 200, "msg": "success", "data": {"taskId": song.task_id}})


def button_keys(page: AppTest) -> set[str]:
    return {str(button.key) for button in page.button}


def test_an_answer_of_kie_becomes_its_task_id_and_its_tracks(signed_in: AppTest) -> None:
    page = paste(signed_in, answer("finished"))
    assert page.text_area(key="task_id").value == scenario("finished").task_id
    assert f"use_{scenario('finished').audio_id}" in button_keys(page)


@pytest.mark.parametrize("typed", ["{}", " {}\n", '"{}",'])
@pytest.mark.parametrize("spelled", [str, str.upper])
def test_a_task_id_alone_becomes_its_tracks(signed_in: AppTest, typed: str, spelled: Callable[[str], str]) -> None:
    song = scenario("finished")
    page = paste(signed_in, typed.format(spelled(song.task_id)))
    assert page.text_area(key="task_id").value == song.task_id
    assert f"use_{song.audio_id}" in button_keys(page)


def test_a_task_id_that_did_not_change_is_not_asked_for_again(signed_in: AppTest, kie: Server) -> None:
    page = paste(signed_in, scenario("finished").task_id)
    before = len(kie.sandbox.requests())
    page = paste(page, scenario("finished").task_id)
    assert len(kie.sandbox.requests()) == before
    assert f"use_{scenario('finished').audio_id}" in button_keys(page)


def test_without_a_token_a_task_id_gets_a_sentence_and_nothing_is_asked(page: AppTest, kie: Server) -> None:
    before = len(kie.sandbox.requests())
    paste(page, scenario("finished").task_id)
    assert persona_requests.NO_TOKEN in said(page)
    assert len(kie.sandbox.requests()) == before


def test_what_has_no_task_id_is_not_asked_for_until_it_is_looked_up(
    signed_in: AppTest, kie: Server, found: Callable[[Pasted], None]
) -> None:
    before, audio_id = len(kie.sandbox.requests()), scenario("finished").audio_id
    found(Pasted(problem="Task ID: this is an audio ID."))
    page = paste(signed_in, audio_id)
    assert "Task ID: this is an audio ID." in said(page)
    assert len(kie.sandbox.requests()) == before
    found(Pasted(problem="Task ID: this is an audio ID."))
    page.button(key="find_tracks").click().run()
    assert page.info[0].value == r"Task ID\: this is an audio ID\."
    assert kie.sandbox.requests()[-1].query["taskId"] == audio_id
    assert page.text_area(key="task_id").value == audio_id


def test_the_lines_of_a_paste_stay_apart(signed_in: AppTest) -> None:
    song = scenario("finished")
    page = paste(signed_in, f"audioId: {song.audio_id}\ntaskId: {song.task_id}\nstatus: done")
    assert page.text_area(key="task_id").value == song.task_id
    assert page.text_input(key="audio_id").value == song.audio_id


def test_of_several_tracks_none_is_chosen(signed_in: AppTest, found: Callable[[Pasted], None]) -> None:
    tracks = tuple(track.audio_id for track in task_of("finished").tracks)
    signed_in.text_input(key="audio_id").input("of-another-song").run()
    found(Pasted((scenario("finished").task_id,), tracks))
    page = paste(signed_in, "whatever it was")
    assert page.text_input(key="audio_id").value == ""
    assert {f"use_{audio_id}" for audio_id in tracks} <= button_keys(page)
    assert "Copy one" not in said(page)


def test_of_several_tracks_one_that_was_chosen_before_stays(
    signed_in: AppTest, found: Callable[[Pasted], None]
) -> None:
    tracks = tuple(track.audio_id for track in task_of("finished").tracks)
    signed_in.text_input(key="audio_id").input(tracks[1]).run()
    found(Pasted((scenario("finished").task_id,), tracks))
    assert paste(signed_in, "whatever it was").text_input(key="audio_id").value == tracks[1]


def test_several_tracks_are_said_where_their_song_cannot_be_looked_up(
    page: AppTest, found: Callable[[Pasted], None]
) -> None:
    found(Pasted(("t1",), ("audio-1", "audio-2")))
    told = said(paste(page, "whatever it was"))
    assert "There are 2 audio IDs in what you pasted." in told
    assert "audio-1" in told
    assert "audio-2" in told


def test_a_note_is_shown_beside_what_was_found_and_goes_with_it(
    signed_in: AppTest, found: Callable[[Pasted], None]
) -> None:
    found(Pasted((scenario("finished").task_id,), note="It is of [x](http://tracker.test) :red[red] *here*."))
    page = paste(signed_in, "whatever it was")
    [note] = [info.value for info in page.info if "tracker" in info.value]
    assert note == r"It is of \[x\]\(http\:\/\/tracker\.test\) \:red\[red\] \*here\*\."
    assert f"use_{scenario('finished').audio_id}" in button_keys(page)
    assert "tracker" not in said(paste(page, scenario("callback").task_id))


AUDIO_ID = "3b0f6c52-8d1e-4a77-9c24-5e6f7a8b9c0d"


@pytest.mark.parametrize("typed", [f'"{AUDIO_ID}"', f" {AUDIO_ID}\t", f"'{AUDIO_ID}',", AUDIO_ID.upper(), AUDIO_ID])
def test_what_was_copied_around_an_audio_id_is_taken_off(signed_in: AppTest, typed: str) -> None:
    assert signed_in.text_input(key="audio_id").input(typed).run().text_input(key="audio_id").value == AUDIO_ID


def test_an_audio_id_beside_the_task_id_is_filled_in(signed_in: AppTest) -> None:
    song = scenario("finished")
    page = paste(signed_in, f'curl -d \'{{"taskId":"{song.task_id}","audioId":"{song.audio_id}"}}\'')
    assert page.text_input(key="audio_id").value == song.audio_id


def test_the_choice_of_a_song_is_there_again_after_another_page_and_goes_with_a_new_search(signed_in: AppTest) -> None:
    page = paste(signed_in, answer("finished") + answer("callback"))
    page.switch_page("../pages/library.py").run()
    page.switch_page("../pages/create.py").run()
    assert page.selectbox(key="task_chosen")
    page.text_area(key="task_id").set_value(scenario("finished").task_id)
    page.button(key="find_tracks").click().run()
    assert not screen_state(page, PastedText).task_ids


def test_several_songs_mean_a_choice(signed_in: AppTest) -> None:
    page = paste(signed_in, answer("finished") + answer("callback"))
    page.selectbox(key="task_chosen").select(scenario("callback").task_id).run()
    assert page.text_area(key="task_id").value == scenario("callback").task_id
    assert f"use_{scenario('callback').audio_id}" in button_keys(page)


def test_text_without_an_id_gets_a_sentence_and_stays(signed_in: AppTest) -> None:
    page = paste(signed_in, "my song about the sea")
    assert [error.value for error in page.error if error.value.startswith("Task ID: ")]
    assert page.text_area(key="task_id").value == "my song about the sea"


@pytest.fixture
def other_token(kie: Server) -> str:
    return kie.sandbox.new_account()


@pytest.fixture
def with_token(signed_in: AppTest, other_token: str) -> AppTest:
    """The page after somebody pasted a curl line with a token that is not in use here."""
    song = scenario("finished")
    return paste(signed_in, f"curl -H 'Authorization: Bearer {other_token}' https://api.kie.ai/x?taskId={song.task_id}")


def test_a_token_in_what_is_pasted_is_taken_out(with_token: AppTest, other_token: str) -> None:
    assert other_token not in said(with_token)
    assert all(other_token not in str(field.value) for field in with_token.text_input)
    assert with_token.text_area(key="task_id").value == scenario("finished").task_id


def test_a_token_is_used_only_after_a_yes(with_token: AppTest, other_token: str, studio: facade.Studio) -> None:
    assert studio.token_store.account(account_of(other_token)) is None
    with_token.button(key="use_pasted_token").click().run()
    assert with_token.session_state["account_id"] == account_of(other_token)


def test_a_token_that_kie_does_not_accept_is_said_to_be_so_and_the_account_stays(signed_in: AppTest) -> None:
    account = signed_in.session_state["account_id"]
    page = paste(signed_in, f"curl -H 'Authorization: Bearer {'0123456789abcdef' * 2}' https://api.kie.ai/x")
    page.button(key="use_pasted_token").click().run()
    assert "KIE did not accept the token." in said(page)
    assert page.session_state["account_id"] == account


def test_where_the_installation_has_its_own_token_a_pasted_one_is_taken_out_and_not_offered(
    studio: facade.Studio, kie: Server, other_token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = studio.token_store.add(kie.sandbox.new_account(), kie.base_url, shared=True)
    monkeypatch.setattr(studio, "shared", shared)
    page = paste(AppTest.from_file(str(MAIN), default_timeout=30).run(), f"Authorization: Bearer {other_token}")
    assert "This installation uses one of its own." in said(page)
    assert "use_pasted_token" not in button_keys(page)
    assert page.text_area(key="task_id").value == ""


def test_a_choice_of_songs_stays_when_the_token_that_was_pasted_with_it_is_used(page: AppTest, kie: Server) -> None:
    ids = f"taskId={scenario('finished').task_id} taskId={scenario('callback').task_id}"
    paste(page, f"curl -H 'Authorization: Bearer {kie.sandbox.new_account()}' {ids}")
    assert page.selectbox(key="task_chosen")
    page.button(key="use_pasted_token").click().run()
    page.selectbox(key="task_chosen").select(scenario("callback").task_id).run()
    assert f"use_{scenario('callback').audio_id}" in button_keys(page)


def test_a_refused_token_leaves_the_tracks_of_the_song_that_was_pasted_with_it(signed_in: AppTest) -> None:
    song = scenario("finished")
    page = paste(
        signed_in, f"curl -H 'Authorization: Bearer {'0123456789abcdef' * 2}' https://x/?taskId={song.task_id}"
    )
    page.button(key="use_pasted_token").click().run()
    assert "KIE did not accept the token." in said(page)
    assert f"use_{song.audio_id}" in button_keys(page)


def test_a_token_typed_as_a_task_id_before_anybody_has_signed_in_is_in_no_key_of_the_session(page: AppTest) -> None:
    token = "0123456789abcdef" * 2
    paste(page, token)
    assert page.text_area(key="task_id").value == token
    assert token not in repr(page.session_state[KEY])


def test_an_answer_for_a_song_that_was_given_up_meanwhile_is_not_shown(
    signed_in: AppTest, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    music_task = studio.music_task

    def slow(account: Account, task_id: str) -> MusicTask:
        screen_state(signed_in, SongLookup).clear()  # as a newer run does, after another song was typed
        return music_task(account, task_id)

    monkeypatch.setattr(studio, "music_task", slow)
    page = paste(signed_in, answer("finished"))
    assert screen_state(page, SongLookup).task is None


def test_a_token_that_is_not_wanted_is_forgotten(with_token: AppTest, other_token: str) -> None:
    with_token.button(key="forget_pasted_token").click().run()
    assert not screen_state(with_token, PastedText).token


def test_a_token_that_was_pasted_is_forgotten_with_the_page(with_token: AppTest) -> None:
    with_token.switch_page("../pages/library.py").run()
    assert not screen_state(with_token, PastedText).token
    with_token.switch_page("../pages/create.py").run()
    assert "use_pasted_token" not in button_keys(with_token)


def test_ones_own_token_pasted_by_mistake_is_taken_out(page: AppTest, kie: Server) -> None:
    token = kie.sandbox.new_account()
    page.text_input(key="token").input(token).run()
    paste(page, token)
    assert page.text_area(key="task_id").value == ""
    assert "this was your token" in said(page)


@pytest.mark.parametrize(
    ("key", "badge", "reason"),
    [
        ("finished", "Can become a persona", ""),
        ("callback", "Can become a persona", ""),
        ("instrumental", "Can become a persona", ""),
        ("first_track", "Not yet", "Not finished yet."),
        ("old_model", "Cannot", "Made with V3.5. KIE makes personas from V4 and later."),
        ("tiny", "Cannot", "8.2 s long"),
    ],
)
def test_each_song_shows_what_its_tracks_can_become(signed_in: AppTest, key: str, badge: str, reason: str) -> None:
    page = paste(signed_in, answer(key))
    assert badge in said(page)
    assert reason in said(page)


@pytest.mark.parametrize("key", ["failed", "sensitive"])
def test_a_song_that_failed_says_so_in_kies_words(signed_in: AppTest, key: str) -> None:
    page = paste(signed_in, answer(key))
    error = task_of(key).error
    assert error is not None
    assert error[1] in said(page)


def test_a_track_with_a_persona_says_made_already(signed_in: AppTest, create: Callable[..., AppTest]) -> None:
    create("finished")
    page = paste(signed_in, answer("finished") + " ")
    assert "It has a persona in your library." in said(page)


def use(page: AppTest, key: str, number: int = 0) -> AppTest:
    page.button(key=f"use_{task_of(key).tracks[number].audio_id}").click().run()
    return page


def test_choosing_a_track_fills_only_what_is_empty(signed_in: AppTest) -> None:
    signed_in.text_input(key="name").input("My own name")
    page = use(paste(signed_in, answer("finished")), "finished")
    tags = task_of("finished").tracks[0].tags
    assert page.text_input(key="name").value == "My own name"
    assert description(page).casefold() == tags.casefold()
    assert page.text_input(key="style").value == tags.split(",")[0]


def test_a_short_track_gets_a_window_that_fits(signed_in: AppTest) -> None:
    page = use(paste(signed_in, answer("short")), "short")
    assert (page.number_input(key="vocal_start").value, page.number_input(key="vocal_end").value) == (0.0, 22.4)


def test_a_click_that_comes_before_the_fields_show_it_sends_the_window_that_fits(
    signed_in: AppTest, kie: Server, studio: Studio
) -> None:
    page = use(paste(signed_in, answer("short")), "short")
    for key in ("vocal_start", "vocal_end"):
        page.number_input(key=key).set_value(None)  # as a browser says that has not drawn them yet
    page.button(key="create").click().run()
    ended(page, studio)
    assert not page.error
    sent = kie.sandbox.requests("/api/v1/generate/generate-persona")[-1].json
    assert (sent["vocalStart"], sent["vocalEnd"]) == (0, 22.4)


def test_two_edges_that_are_typed_before_the_page_is_drawn_anew_both_count(signed_in: AppTest) -> None:
    page = use(paste(signed_in, answer("finished")), "finished")
    page.number_input(key="vocal_start").set_value(20.0)
    page.number_input(key="vocal_end").set_value(22.0)
    page.run()
    assert (page.number_input(key="vocal_start").value, page.number_input(key="vocal_end").value) == (12.0, 22.0)


def test_a_long_track_gets_no_window(signed_in: AppTest) -> None:
    page = use(paste(signed_in, answer("finished")), "finished")
    assert (page.number_input(key="vocal_start").value, page.number_input(key="vocal_end").value) == (None, None)


def test_the_suggestion_sets_a_window_and_says_why(signed_in: AppTest) -> None:
    page = use(paste(signed_in, answer("finished")), "finished")
    page.button(key="suggest").click().run()
    start, end = page.number_input(key="vocal_start").value, page.number_input(key="vocal_end").value
    assert start is not None
    assert end is not None
    assert 10 <= end - start <= 30.0001
    assert "singing" in said(page)


def test_a_suggestion_that_is_asked_for_while_the_song_is_looked_up_again_comes(
    signed_in: AppTest, studio: facade.Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = use(paste(signed_in, answer("finished")), "finished")
    song, music_task = scenario("finished"), studio.music_task
    drawn = screen_state(page, Window, song.task_id, song.audio_id)  # which the button has

    def press_meanwhile(account: Account, task_id: str) -> MusicTask:
        drawn.words_wanted = True
        return music_task(account, task_id)

    monkeypatch.setattr(studio, "music_task", press_meanwhile)
    page.button(key="find_tracks").click().run()
    assert "singing" in said(page)


def test_without_words_the_suggestion_says_that_it_guessed(signed_in: AppTest) -> None:
    page = use(paste(signed_in, answer("instrumental")), "instrumental")
    page.button(key="suggest").click().run()
    assert "guess" in said(page)


def test_the_draft_is_added_to_what_was_typed(signed_in: AppTest) -> None:
    signed_in.text_area(key="description").input("Mine")
    page = use(paste(signed_in, answer("finished")), "finished")
    page.button(key="draft").click().run()
    task = screen_state(page, SongLookup).task
    assert task is not None
    chosen = task.tracks[0]
    assert page.text_area(key="description").value == f"Mine\n{description_draft.draft(chosen)}"
    typed = f"mine, {description_draft.draft(chosen).lower()}"
    page.text_area(key="description").input(typed)
    assert page.button(key="draft").click().run().text_area(key="description").value == typed


def test_the_error_of_one_track_does_not_stand_under_another(
    signed_in: AppTest, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*asked: object) -> None:
        raise NoAnswer("Nobody there.")

    page = use(paste(signed_in, answer("finished")), "finished")
    monkeypatch.setattr(studio, "timed_words", refuse)
    page.button(key="suggest").click().run()
    assert "KIE did not answer" in said(page) or "no answer came back" in said(page)
    use(page, "finished", 1)
    assert not page.warning
    use(page, "finished", 0)
    assert page.warning


def test_a_boost_is_shown_with_its_price_and_used_only_on_request(signed_in: AppTest) -> None:
    signed_in.text_area(key="description").input("warm folk")
    page = run_until(signed_in.button(key="boost").click().run(), "It cost")
    assert page.text_area(key="description").value == "warm folk"
    assert "It cost 0.4 credits." in said(page)
    button_of(page, "boost_use").click().run()
    assert description(page).startswith("Warm folk")


def test_a_boost_stays_in_sight_whatever_becomes_of_the_task_id(signed_in: AppTest) -> None:
    signed_in.text_area(key="description").input("warm folk")
    page = run_until(signed_in.button(key="boost").click().run(), "It cost")
    assert "It cost" in said(paste(page, scenario("callback").task_id))


def test_a_boost_is_there_again_after_another_account(signed_in: AppTest, kie: Server) -> None:
    token = kie.sandbox.new_account()
    signed_in.button(key="leave").click().run()
    signed_in.text_input(key="token").input(token).run()
    signed_in.text_area(key="description").input("warm folk")
    page = run_until(signed_in.button(key="boost").click().run(), "It cost")
    page.button(key="leave").click().run()
    page.text_input(key="token").input(kie.sandbox.new_account()).run()
    assert "It cost" not in said(page)
    page.button(key="leave").click().run()
    assert "It cost" in said(page.text_input(key="token").input(token).run())


def test_another_account_may_boost_while_a_boost_of_the_first_is_on_its_way(
    signed_in: AppTest, kie: Server, token: str
) -> None:
    kie.sandbox.fault("delay", path="/api/v1/style/generate", token=token, seconds=2.0)
    signed_in.text_area(key="description").input("warm folk")
    page = signed_in.button(key="boost").click().run()
    assert page.button(key="boost").disabled
    page.button(key="leave").click().run()
    page.text_input(key="token").input(kie.sandbox.new_account()).run()
    assert not page.button(key="boost").disabled


def test_an_empty_description_is_not_boosted(signed_in: AppTest, kie: Server) -> None:
    before = kie.sandbox.count("/api/v1/style/generate")
    page = signed_in.button(key="boost").click().run()
    assert "Description: write a few words first" in said(page)
    assert kie.sandbox.count("/api/v1/style/generate") == before
