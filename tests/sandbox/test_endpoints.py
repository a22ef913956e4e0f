"""What each endpoint answers, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from sandbox import SCENARIOS, Scenario
from sandbox.replies import CREDIT_PATH, LYRICS_PATH, PERSONA_PATH, STYLE_PATH, TASK_PATH
from sandbox.scenarios import TASKS
from tests.sandbox.contracts import assert_agrees
from tests.sandbox.sandbox_caller import Caller, Clock
from tests.scenarios import BY_KEY, task_of

Code = Callable[[requests.Response], tuple[int, int]]

every_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.key)


def lyrics(caller: Caller, key: str) -> Any:
    scenario = BY_KEY[key]
    body = {"taskId": scenario.task_id, "audioId": scenario.audio_id}
    answer = caller.send("POST", LYRICS_PATH, json=body).json()
    assert_agrees("post", LYRICS_PATH, answer)
    return answer


@every_scenario
def test_every_task_answer_agrees_with_the_contract(scenario: Scenario, caller: Caller) -> None:
    assert_agrees("get", TASK_PATH, caller.task(scenario).json())


@pytest.mark.parametrize(
    "scenario",
    [scenario for scenario in SCENARIOS if scenario.group != "trouble" and scenario.key != "code_429"],
    ids=lambda scenario: scenario.key,
)
def test_every_persona_answer_agrees_with_the_contract(scenario: Scenario, caller: Caller) -> None:
    answer = caller.persona(scenario)
    assert answer.status_code == 200
    assert_agrees("post", PERSONA_PATH, answer.json())


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("finished", 200),
        ("generating", 500),
        ("first_track", 500),
        ("failed", 422),
        ("sensitive", 422),
        ("old_model", 422),
        ("instrumental", 200),
        ("short", 200),
        ("tiny", 422),
        ("callback", 200),
        ("documented", 200),
        ("unknown", 422),
        ("job_song", 422),
    ],
)
def test_each_song_gets_its_code(key: str, code: int, caller: Caller, code_of: Code) -> None:
    assert code_of(caller.persona(key)) == (200, code)


def test_ids_never_change() -> None:
    finished = BY_KEY["finished"]
    assert (finished.task_id, finished.audio_id) == (
        "ce61bcc4d81c6dedbf1ffcd18d1a651e",
        "7dfaf11c-0841-51be-9994-e1996a698ea7",
    )


def test_every_id_is_unique() -> None:
    tracks = [track.audio_id for task in TASKS.values() for track in task.tracks]
    assert len(set(tracks)) == len(tracks) == 2 * len(TASKS) == 2 * (len(SCENARIOS) - 1)


def test_a_finished_song_is_shaped_like_a_live_reply(caller: Caller) -> None:
    data = caller.task().json()["data"]
    first, second = data["response"]["sunoData"]
    assert data["status"] == "SUCCESS"
    assert data["type"] == first["modelName"] == "chirp-hawk"
    assert isinstance(first["createTime"], int)
    assert json.loads(data["param"])["model"] == "V6"
    assert first["id"] != second["id"]
    assert first["sourceAudioUrl"] == first["audioUrl"]
    assert first["audioUrl"].startswith(caller.server.base_url)


def test_the_documented_shape_has_text_dates_and_fewer_addresses(caller: Caller) -> None:
    data = caller.task("documented").json()["data"]
    track = data["response"]["sunoData"][0]
    assert data["type"] == "GENERATE"
    assert "createTime" not in data
    assert isinstance(track["createTime"], str)
    assert "sourceAudioUrl" not in track


def test_a_song_is_made_in_four_steps_from_the_first_request(own: Caller, clock: Clock) -> None:
    seen = []
    for seconds in (0.0, 5.0, 12.0, 20.0):
        clock.now = 1_790_000_000.0 + seconds
        data = own.task("generating").json()["data"]
        tracks = data["response"]["sunoData"] if data["response"] else []
        seen.append((data["status"], [bool(track["audioUrl"]) for track in tracks]))
    assert seen == [
        ("PENDING", []),
        ("TEXT_SUCCESS", [False, False]),
        ("FIRST_SUCCESS", [True, False]),
        ("SUCCESS", [True, True]),
    ]


def test_a_song_that_has_been_made_can_become_a_persona(own: Caller, clock: Clock, code_of: Code) -> None:
    own.task("generating")
    clock.now += 20
    assert code_of(own.persona("generating")) == (200, 200)


def test_a_persona_echoes_name_and_description(caller: Caller) -> None:
    made = caller.persona().json()["data"]
    assert (made["name"], made["description"]) == ("Harbour alto", "Low and smoky")
    assert len(bytes.fromhex(made["personaId"])) == 16


def test_asking_again_overwrites_and_keeps_the_id(caller: Caller) -> None:
    first = caller.persona().json()["data"]
    second = caller.persona(name="Brighter").json()["data"]
    assert second["personaId"] == first["personaId"]
    assert [made["name"] for made in caller.personas] == ["Brighter"]


def test_asking_again_is_a_conflict_where_that_is_the_rule(own: Caller, code_of: Code) -> None:
    own.server.sandbox.once = "conflict"
    own.persona()
    assert code_of(own.persona(name="Brighter")) == (200, 409)
    assert [made["name"] for made in own.personas] == ["Harbour alto"]


@pytest.mark.parametrize("name", ["taskId", "audioId", "name", "description"])
def test_a_missing_field_is_named(name: str, caller: Caller) -> None:
    for value in (None, "", "  ", 7):
        wrong: dict[str, Any] = {name: value}
        answer = caller.persona(**wrong).json()
        assert answer["code"] == 422
        assert name in answer["msg"]


@pytest.mark.parametrize(
    ("window", "code"),
    [
        ({"vocalStart": 0, "vocalEnd": 10}, 200),
        ({"vocalStart": 15.8, "vocalEnd": 25.8}, 200),
        ({"vocalStart": 0.07, "vocalEnd": 30.07}, 200),
        ({"vocalStart": 0, "vocalEnd": 9.99}, 422),
        ({"vocalEnd": 30.01}, 422),
        ({"vocalStart": 20.01}, 422),
        ({"vocalStart": 70, "vocalEnd": 90}, 422),
        ({"vocalStart": -1, "vocalEnd": 20}, 422),
        ({"vocalStart": "ten"}, 422),
    ],
)
def test_the_window_is_ten_to_thirty_seconds_of_the_track(window: dict[str, Any], code: int, caller: Caller) -> None:
    assert caller.persona(**window).json()["code"] == code


def test_the_usual_window_does_not_fit_a_short_track(caller: Caller) -> None:
    assert "22.4" in caller.persona("short", vocalEnd=30).json()["msg"]


def test_a_dead_key_is_ignored_and_logged(caller: Caller, code_of: Code) -> None:
    dead: dict[str, Any] = {" vocalStart": 25, "musicIndex": 0}
    assert code_of(caller.persona(**dead)) == (200, 200)
    (call,) = caller.server.sandbox.requests(PERSONA_PATH, caller.token)
    assert call.json[" vocalStart"] == 25


def test_a_track_of_another_task_does_not_exist(caller: Caller) -> None:
    answer = caller.persona(audioId=BY_KEY["callback"].audio_id).json()
    assert (answer["code"], answer["msg"]) == (422, "Music does not exist")


@pytest.mark.parametrize("key", ["unknown", "job_song", "job_slow"])
def test_a_task_that_the_direct_interface_does_not_know_is_answered_as_recorded(key: str, caller: Caller) -> None:
    assert caller.task(key).json() == {"code": 200, "msg": "success", "data": None}
    refused = {"code": 422, "msg": "Music does not exist", "data": None}
    assert caller.persona(key).json() == refused
    assert lyrics(caller, key) == {**refused, "msg": "The corresponding record does not exist"}


def test_a_fresh_song_is_refused_twice_then_works(caller: Caller) -> None:
    assert [caller.persona("not_ready").json()["code"] for _ in range(3)] == [500, 500, 200]


def test_the_other_track_of_a_refused_one_works(caller: Caller) -> None:
    tracks = task_of("one_refused").tracks
    codes = [caller.persona("one_refused", audioId=track.audio_id).json()["code"] for track in tracks]
    assert codes == [500, 200]


def test_a_wrong_token_is_refused_inside_http_200(caller: Caller) -> None:
    caller.token = "nobody"
    answer = caller.persona()
    assert answer.status_code == 200
    assert answer.json() == {"code": 401, "msg": "You do not have access permissions"}


def test_a_revoked_token_is_refused(caller: Caller, code_of: Code) -> None:
    caller.server.sandbox.revoke(caller.token)
    assert code_of(caller.task()) == (200, 401)


def test_an_empty_account_is_refused(caller: Caller, code_of: Code) -> None:
    caller.token = caller.server.sandbox.new_account(credits=0)
    assert code_of(caller.persona()) == (200, 402)


def test_the_balance_has_decimals(shared_server: Any) -> None:
    answer = Caller(shared_server, shared_server.token).send("GET", CREDIT_PATH).json()
    assert_agrees("get", CREDIT_PATH, answer)
    assert answer["data"] == 87.35


def test_a_boosted_style_costs_credits(caller: Caller) -> None:
    answer = caller.send("POST", STYLE_PATH, json={"content": "chamber jazz"}).json()
    assert_agrees("post", STYLE_PATH, answer)
    assert answer["data"]["creditsRemaining"] == caller.send("GET", CREDIT_PATH).json()["data"] == 99.6


def test_a_boosted_style_is_shaped_like_a_live_reply(own: Caller) -> None:
    data = own.send("POST", STYLE_PATH, json={"content": "chamber jazz"}).json()["data"]
    assert (data["param"], data["successFlag"], data["createTime"]) == ("chamber jazz", "成功", 1_790_000_000_000)
    assert {data["errorCode"], data["errorMsg"]} == {None}
    assert "errorMessage" not in data


def test_an_unknown_path_gets_the_frameworks_error(caller: Caller) -> None:
    answer = caller.send("POST", "/api/v1/generate-persona", json={})
    assert answer.status_code == 404
    assert set(answer.json()) == {"timestamp", "status", "error", "path"}


def test_the_direct_interface_can_be_taken_away(own: Caller) -> None:
    own.server.sandbox.direct = False
    own.server.sandbox.rate_limit = own.server.sandbox.looks_per_second = 0
    for answer in (own.persona("code_402"), own.task(), own.send("POST", STYLE_PATH), own.send("GET", LYRICS_PATH)):
        assert (answer.status_code, answer.json()["error"]) == (404, "Not Found")
        assert "code" not in answer.json()
    assert own.send("GET", CREDIT_PATH).json()["code"] == 200


def test_more_than_twenty_in_ten_seconds_is_too_many(own: Caller, clock: Clock) -> None:
    statuses = [own.persona().status_code for _ in range(21)]
    assert statuses == [200] * 20 + [429]
    clock.now += 10
    assert own.persona().status_code == 200


def test_the_limiter_names_a_time_only_when_told(own: Caller) -> None:
    own.server.sandbox.rate_limit = 0
    assert "Retry-After" not in own.persona().headers
    own.server.sandbox.retry_after = 4
    assert own.persona().headers["Retry-After"] == "4"


def test_one_task_may_be_asked_for_three_times_a_second(own: Caller) -> None:
    assert [own.task().status_code for _ in range(4)] == [200, 200, 200, 429]
    assert own.task("callback").status_code == 200


def test_accounts_know_nothing_of_each_other(caller: Caller, another_caller: Caller) -> None:
    caller.fault("code", code=455)
    mine, yours = another_caller.persona("not_ready").json(), another_caller.persona().json()
    assert (mine["code"], yours["code"]) == (500, 200)
    assert [caller.persona("not_ready").json()["code"] for _ in range(3)] == [455, 500, 500]
    assert caller.personas == []


def test_timed_words_are_the_lyrics(caller: Caller) -> None:
    track = caller.task().json()["data"]["response"]["sunoData"][0]
    words = lyrics(caller, "finished")["data"]["alignedWords"]
    assert "".join(word["word"] for word in words).strip() == track["prompt"]
    ends = [moment for word in words for moment in (word["startS"], word["endS"])]
    assert ends == sorted(ends)
    assert 0 < ends[0] < ends[-1] < track["duration"]


def test_there_is_music_without_singing_between_the_sections(caller: Caller) -> None:
    words = lyrics(caller, "finished")["data"]["alignedWords"]
    chorus = next(place for place, word in enumerate(words) if word["word"].startswith("[Chorus]"))
    assert words[chorus]["startS"] - words[chorus - 1]["endS"] > 2


def test_the_waveform_is_between_silence_and_full(caller: Caller) -> None:
    values = lyrics(caller, "finished")["data"]["waveformData"]
    assert 200 <= len(values) <= 400
    assert min(values) >= 0
    assert 0.6 < max(values) <= 1


def test_an_instrumental_has_no_words(caller: Caller) -> None:
    data = lyrics(caller, "instrumental")["data"]
    assert (data["alignedWords"], data["waveformData"]) == ([], [])


def test_lyrics_of_an_unfinished_song_are_not_there(caller: Caller) -> None:
    assert lyrics(caller, "generating")["code"] == 500
