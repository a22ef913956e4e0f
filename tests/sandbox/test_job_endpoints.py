"""What the two endpoints of the jobs interface answer, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from sandbox import SCENARIOS, Scenario
from sandbox.replies import CREDIT_PATH, JOB_PATH, JOB_RECORD_PATH, PERSONA_JOB
from tests.sandbox.contracts import DIRECT, JOBS, assert_agrees, assert_is
from tests.sandbox.sandbox_caller import Caller, Clock
from tests.scenarios import BY_KEY, task_of

LYRICS_JOB, BOOST_JOB = "ai-music-api/timeStamped-lyrics", "ai-music-api/boost-music-style"
NO_NETWORK_TROUBLE = [
    each
    for each in SCENARIOS
    if each.key != "code_429" and (each.group != "trouble" or task_of(each).interface == "jobs")
]
BY_JOB = [each for each in SCENARIOS if each.task and each.task.interface == "jobs"]


def key_of(scenario: Scenario) -> str:
    return scenario.key


def record(caller: Caller, job: Any) -> dict[str, Any]:
    """The data of a record, held against both contracts."""
    body = caller.record(job).json()
    assert_agrees("get", JOB_RECORD_PATH, body)
    assert_agrees("get", JOB_RECORD_PATH, body, JOBS)
    data: dict[str, Any] = body["data"]
    return data


def made(caller: Caller, job: Any) -> Any:
    """What a job that is done has made."""
    data = record(caller, job)
    assert data["state"] == "success"
    return json.loads(data["resultJson"])


# Every scenario against the contracts


@pytest.mark.parametrize("scenario", NO_NETWORK_TROUBLE, ids=key_of)
def test_every_persona_job_agrees_with_the_contracts(scenario: Scenario, caller: Caller) -> None:
    answer = caller.persona_job(scenario)
    assert answer.status_code == 200
    (sent,) = caller.server.sandbox.requests(JOB_PATH, caller.token)
    assert_is("CreateTaskRequest", sent.json)
    assert_agrees("post", JOB_PATH, answer.json(), JOBS)
    handle = (answer.json()["data"] or {}).get("taskId")
    if handle:
        assert_agrees("post", JOB_PATH, answer.json(), DIRECT)
        data = record(caller, handle)
        if data["state"] == "success" and scenario.key != "job_without_id":
            assert_is("PersonaResult", json.loads(data["resultJson"]))


@pytest.mark.parametrize("scenario", BY_JOB, ids=key_of)
def test_every_song_made_by_a_job_agrees_with_the_contracts(scenario: Scenario, own: Caller, clock: Clock) -> None:
    record(own, scenario.task_id)
    clock.now += 20
    data = record(own, scenario.task_id)
    param = json.loads(data["param"])
    assert_is("CreateTaskRequest", {**param, "input": json.loads(param["input"])})
    if scenario.key == "job_failed":
        assert (data["state"], data["failCode"], data["resultJson"]) == ("fail", "500", "")
    else:
        result = json.loads(data["resultJson"])
        assert_is("MusicResult", result)
        assert data["response"] == result
        assert [take["id"] for take in result["data"]] == [track.audio_id for track in task_of(scenario).tracks]


# createTask for a persona


def test_every_job_gets_a_handle_of_its_own(caller: Caller) -> None:
    answers = [caller.persona_job().json() for _ in range(2)]
    first, second = (answer["data"]["taskId"] for answer in answers)
    assert len(bytes.fromhex(first)) == 16
    assert first != second
    assert answers[0] == {"code": 200, "msg": "success", "data": {"taskId": first, "recordId": first}}


@pytest.mark.parametrize("key", ["finished", "job_song"])
def test_a_job_makes_the_persona_of_a_song_of_either_interface(key: str, caller: Caller) -> None:
    job = caller.persona_job(key)
    (kept,) = caller.personas
    texts = {"name": "Harbour alto", "description": "Low and smoky"}
    assert made(caller, job) == {"persona_id": kept["personaId"], **texts}


def test_a_job_and_the_direct_call_make_the_same_persona(caller: Caller) -> None:
    direct = caller.persona().json()["data"]["personaId"]
    assert made(caller, caller.persona_job("finished"))["persona_id"] == direct


def test_a_job_waits_then_generates_then_is_done(own: Caller, clock: Clock) -> None:
    own.server.sandbox.job_seconds = 8
    job = own.persona_job()
    assert len(own.personas) == 1
    seen = []
    for seconds in (0, 1.9, 2, 7.9, 8):
        clock.now = 1_790_000_000.0 + seconds
        data = record(own, job)
        seen.append((data["state"], bool(data["resultJson"]), data["costTime"]))
    running = [("waiting", False, None)] * 2 + [("generating", False, None)] * 2
    assert seen == [*running, ("success", True, 8)]


def test_the_slow_scenario_takes_eight_seconds(own: Caller, clock: Clock) -> None:
    job = own.persona_job("job_slow")
    states = []
    for seconds in (0, 4, 8):
        clock.now = 1_790_000_000.0 + seconds
        states.append(record(own, job)["state"])
    assert states == ["waiting", "generating", "success"]


def test_a_record_is_shaped_like_a_live_reply(own: Caller) -> None:
    given = own.persona_input()
    body = {"model": PERSONA_JOB, "callBackUrl": "https://hooks.example.com/kie", "input": given}
    data = record(own, own.send("POST", JOB_PATH, json=body))
    param = json.loads(data.pop("param"))
    assert json.loads(param.pop("input")) == given
    assert param == {"model": PERSONA_JOB, "callBackUrl": "https://hooks.example.com/kie"}
    del data["taskId"], data["resultJson"]
    assert data == {
        "model": PERSONA_JOB,
        "state": "success",
        "failCode": None,
        "failMsg": None,
        "costTime": 0,
        "completeTime": 1_790_000_000_000,
        "createTime": 1_790_000_000_000,
        "creditsConsumed": 0.0,
    }


# Where the persona ID is

SHAPES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "snake": lambda data: json.loads(data["resultJson"])["persona_id"],
    "camel_data": lambda data: json.loads(data["resultJson"])["data"]["personaId"],
    "result_object": lambda data: json.loads(data["resultJson"])["resultObject"]["persona_id"],
    "deep": lambda data: json.loads(data["resultJson"])["data"]["items"][0]["detail"]["persona"]["personaId"],
    "response": lambda data: (data["resultJson"] or data["response"])["persona_id"],
    "object": lambda data: data["resultJson"]["persona_id"],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_persona_id_is_where_the_shape_has_it(shape: Any, own: Caller) -> None:
    own.server.sandbox.persona_shape = shape
    data = record(own, own.persona_job())
    assert SHAPES[shape](data) == own.personas[0]["personaId"]
    if shape in ("snake", "camel_data", "result_object"):
        assert_is("PersonaResult", json.loads(data["resultJson"]))


def test_a_job_can_be_answered_at_once(own: Caller) -> None:
    own.server.sandbox.persona_shape = "inline"
    answer = own.persona_job("finished").json()
    assert_is("InlinePersona", answer)
    texts = {"name": "Harbour alto", "description": "Low and smoky"}
    assert answer["data"] == {"persona_id": own.personas[0]["personaId"], **texts}
    assert own.persona_job("code_501").json()["code"] == 501


def test_a_job_can_be_answered_at_once_and_have_a_record(own: Caller) -> None:
    own.server.sandbox.persona_shape = "inline_with_task"
    answer = own.persona_job()
    assert_is("CreateTaskAnswer", answer.json())
    assert answer.json()["data"]["personaId"] == made(own, answer)["persona_id"]
    assert record(own, own.persona_job("code_501"))["state"] == "fail"


def test_a_job_can_be_done_and_name_no_persona(own: Caller) -> None:
    own.server.sandbox.persona_shape = "none"
    body = own.record(own.persona_job()).text
    assert '"success"' in body
    assert own.personas[0]["personaId"] not in body
    assert "persona_id" not in body


def test_a_track_can_have_a_shape_of_its_own(caller: Caller) -> None:
    assert "persona_id" in caller.persona_job("job_inline").json()["data"]
    assert "persona_id" not in made(caller, caller.persona_job("job_without_id"))["data"]


# What is refused, and when


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("old_model", 422),
        ("tiny", 422),
        ("code_401", 401),
        ("code_402", 402),
        ("credits_as_500", 500),
        ("code_422", 422),
        ("code_433", 433),
        ("code_455", 455),
        ("code_505", 505),
    ],
)
def test_some_things_are_refused_at_once(key: str, code: int, caller: Caller) -> None:
    answer = caller.persona_job(key).json()
    assert (answer["code"], answer["data"]) == (code, None)


def test_the_busy_scenario_is_busy_for_a_job_too(caller: Caller) -> None:
    assert [caller.persona_job("code_429").status_code for _ in range(2)] == [429, 200]


@pytest.mark.parametrize(
    ("key", "code", "message"),
    [
        ("unknown", "422", "Music does not exist"),
        ("failed", "422", "Music does not exist"),
        ("job_failed", "422", "Music does not exist"),
        ("generating", "500", "still generating"),
        ("job_generating", "500", "still generating"),
        ("one_refused", "500", "Current music failed to generate persona"),
        ("code_404", "404", "Not found"),
        ("code_409", "409", "Persona already exists for this music"),
        ("code_451", "451", "Failed to fetch"),
        ("code_500", "500", "Server exception"),
        ("code_501", "501", "Generation failed"),
        ("job_fails", "501", "Generation failed"),
    ],
)
def test_other_things_are_accepted_and_fail_in_the_record(key: str, code: str, message: str, caller: Caller) -> None:
    data = record(caller, caller.persona_job(key))
    assert (data["state"], data["failCode"], data["resultJson"]) == ("fail", code, "")
    assert message in data["failMsg"]
    assert caller.personas == []


def test_a_job_that_will_fail_runs_first(own: Caller, clock: Clock) -> None:
    own.server.sandbox.job_seconds = 8
    job = own.persona_job("job_fails")
    assert (record(own, job)["state"], record(own, job)["failCode"]) == ("waiting", None)
    clock.now += 8
    assert (record(own, job)["state"], record(own, job)["failCode"]) == ("fail", "501")


def test_a_second_job_for_one_track_fails_where_that_is_the_rule(own: Caller) -> None:
    own.server.sandbox.once = "conflict"
    own.persona_job()
    data = record(own, own.persona_job(name="Brighter"))
    assert (data["failCode"], data["failMsg"]) == ("409", "Persona already exists for this music")
    assert [kept["name"] for kept in own.personas] == ["Harbour alto"]


def test_jobs_of_a_fresh_song_fail_twice_then_work(caller: Caller) -> None:
    states = [record(caller, caller.persona_job("not_ready"))["state"] for _ in range(3)]
    assert states == ["fail", "fail", "success"]


def test_the_two_interfaces_count_a_tracks_trouble_together(caller: Caller) -> None:
    assert record(caller, caller.persona_job("not_ready"))["state"] == "fail"
    assert [caller.persona("not_ready").json()["code"] for _ in range(2)] == [500, 200]


@pytest.mark.parametrize("name", ["task_id", "audio_id", "name", "description"])
def test_a_missing_field_of_a_job_is_named(name: str, caller: Caller) -> None:
    for value in (None, ""):
        wrong: dict[str, Any] = {name: value}
        answer = caller.persona_job(**wrong).json()
        assert (answer["code"], answer["msg"]) == (500, f"{name} is required")


def test_camel_case_is_not_read(caller: Caller) -> None:
    given = {"taskId": BY_KEY["finished"].task_id, **caller.persona_input()}
    del given["task_id"]
    assert caller.job(PERSONA_JOB, given).json()["msg"] == "task_id is required"


@pytest.mark.parametrize("given", [None, "text", []])
def test_a_job_needs_an_input(given: object, caller: Caller) -> None:
    assert caller.job(PERSONA_JOB, given).json()["msg"] == "input is required"


@pytest.mark.parametrize("body", [b"", b"[]", b'"text"', b"{}"])
def test_a_body_that_is_no_job_is_refused(body: bytes, caller: Caller) -> None:
    assert caller.send("POST", JOB_PATH, data=body).json()["code"] in (422, 500)


@pytest.mark.parametrize("model", ["V6", "ai-music-api/timestamped-lyrics", "ai-music-api/generate"])
def test_an_unknown_job_is_refused(model: str, caller: Caller) -> None:
    answer = caller.job(model, caller.persona_input())
    message = "The model name you specified is not supported. Please check it."
    assert (answer.status_code, answer.json()) == (200, {"code": 422, "msg": message, "data": None})


def test_the_window_of_a_job_is_ten_to_thirty_seconds_of_the_track(caller: Caller) -> None:
    short, beyond = caller.persona_job(vocal_end=9).json(), caller.persona_job(vocal_start=70, vocal_end=90).json()
    assert (short["code"], short["msg"]) == (422, "vocal_end minus vocal_start must be between 10 and 30")
    assert (beyond["code"], beyond["msg"].partition(" ")[0]) == (422, "vocal_end")
    assert caller.persona_job(vocal_start=15.8, vocal_end=25.8).json()["code"] == 200


def test_an_empty_account_gets_no_job(caller: Caller) -> None:
    caller.token = caller.server.sandbox.new_account(credits=0)
    assert [caller.persona_job(key).json()["code"] for key in ("job_song", "job_fails", "not_ready")] == [402] * 3


def test_a_wrong_token_gets_no_job_and_no_record(caller: Caller) -> None:
    caller.token = "nobody"
    assert (
        caller.persona_job().json()
        == caller.record("any").json()
        == {
            "code": 401,
            "msg": "You do not have access permissions",
        }
    )


# recordInfo


def test_another_accounts_job_is_unknown(caller: Caller, another_caller: Caller) -> None:
    job = caller.persona_job()
    assert another_caller.record(job).json() == {"code": 422, "msg": "recordInfo is null", "data": None}


@pytest.mark.parametrize("key", ["finished", "unknown"])
def test_a_song_that_no_job_made_is_unknown(key: str, caller: Caller) -> None:
    assert caller.record(BY_KEY[key].task_id).json()["msg"] == "recordInfo is null"


@pytest.mark.parametrize(("setting", "code"), [("422", 422), ("404", 404), ("null", 200)])
def test_an_unknown_job_is_told_in_one_of_three_ways(setting: Any, code: int, own: Caller) -> None:
    own.server.sandbox.unknown_job = setting
    answer = own.record("nobodys").json()
    assert_agrees("get", JOB_RECORD_PATH, answer, JOBS)
    assert (answer["code"], answer["data"]) == (code, None)


def test_a_record_needs_a_task_id(caller: Caller) -> None:
    assert [caller.send("GET", path).json()["code"] for path in (JOB_RECORD_PATH, f"{JOB_RECORD_PATH}?taskId=")] == [
        400,
        400,
    ]


def test_the_oldest_job_is_forgotten(own: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.state.MOST_JOBS", 1)
    first, second = own.persona_job(), own.persona_job()
    assert [own.record(job).json()["code"] for job in (first, second)] == [422, 200]


# Songs that only jobs know


def test_a_take_is_in_snake_case_but_for_its_time(caller: Caller) -> None:
    first, second = made(caller, BY_KEY["job_song"].task_id)["data"]
    urls = {f"{source}{kind}_url" for source in ("", "source_") for kind in ("audio", "stream_audio", "image")}
    assert set(first) == {"id", "prompt", "model_name", "title", "tags", "createTime", "duration", *urls}
    assert first["model_name"] == "chirp-hawk"
    assert first["id"] != second["id"]
    assert caller.send("GET", first["image_url"].removeprefix(caller.server.base_url)).status_code == 200


def test_a_song_is_made_by_a_job_from_the_first_look(own: Caller, clock: Clock) -> None:
    task_id = BY_KEY["job_generating"].task_id
    states = []
    for seconds in (0, 10, 20):
        clock.now = 1_790_000_000.0 + seconds
        data = record(own, task_id)
        states.append((data["state"], data["creditsConsumed"]))
    assert states == [("waiting", 0), ("generating", 0), ("success", 12)]
    assert made(own, own.persona_job("job_generating"))["persona_id"]


def test_the_ids_of_songs_made_by_jobs_never_change() -> None:
    ids = [BY_KEY[key].task_id for key in ("job_generating", "job_song")]
    assert ids == ["task_ai-music_1790000000000", "e417b1c5deb97cdacf27d772443f861c"]


# Timed lyrics and styles


@pytest.mark.parametrize("key", ["finished", "job_song"])
def test_timed_lyrics_are_answered_at_once(key: str, caller: Caller) -> None:
    given = {"task_id": BY_KEY[key].task_id, "audio_id": BY_KEY[key].audio_id}
    assert_is("CreateTaskRequest", {"model": LYRICS_JOB, "input": given})
    answer = caller.job(LYRICS_JOB, given).json()
    assert_is("InlineTimedLyrics", answer)
    assert answer["data"]["alignedWords"][0]["startS"] > 0


def test_timed_lyrics_can_be_in_snake_case_and_deeper(own: Caller) -> None:
    given = {"task_id": BY_KEY["job_song"].task_id, "audio_id": BY_KEY["job_song"].audio_id}
    camel = own.job(LYRICS_JOB, given).json()["data"]
    own.server.sandbox.job_lyrics = "snake_nested"
    answer = own.job(LYRICS_JOB, given).json()
    assert_is("InlineTimedLyrics", answer)
    snake = answer["data"]["data"]
    assert snake["aligned_words"][0]["start_s"] == camel["alignedWords"][0]["startS"]
    assert (snake["waveform_data"], snake["hoot_cer"]) == (camel["waveformData"], camel["hootCer"])


def test_timed_lyrics_of_an_unknown_track_are_refused(caller: Caller) -> None:
    answer = caller.job(LYRICS_JOB, {"task_id": "nobodys", "audio_id": "nobodys"}).json()
    assert (answer["code"], answer["msg"]) == (422, "The corresponding record does not exist")
    assert caller.job(LYRICS_JOB, {"task_id": "any"}).json()["msg"] == "audio_id is required"


def test_a_style_is_boosted_by_a_job(caller: Caller) -> None:
    given = {"content": "chamber jazz"}
    assert_is("CreateTaskRequest", {"model": BOOST_JOB, "input": given})
    job = caller.job(BOOST_JOB, given)
    assert_is("TaskAccepted", job.json())
    result = made(caller, job)
    assert_is("BoostResult", result)
    assert result["resultObject"]["result"].startswith("Chamber jazz")
    assert record(caller, job)["creditsConsumed"] == 0.4
    assert caller.send("GET", CREDIT_PATH).json()["data"] == 99.6


def test_a_boost_that_cannot_be_paid_is_refused(caller: Caller) -> None:
    caller.token = caller.server.sandbox.new_account(credits=0.3)
    assert caller.job(BOOST_JOB, {"content": "jazz"}).json()["code"] == 402
    assert caller.job(BOOST_JOB, {}).json()["msg"] == "content is required"


# Limits, and the direct interface taken away


def test_jobs_and_direct_calls_for_a_persona_share_one_limit(own: Caller) -> None:
    own.server.sandbox.rate_limit = 2
    answers = [own.persona(), own.persona_job(), own.persona_job(), own.persona(), own.job(BOOST_JOB, {"content": "a"})]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 429, 200]


def test_a_record_may_be_asked_for_three_times_a_second(own: Caller) -> None:
    job, task_id = own.persona_job(), BY_KEY["job_song"].task_id
    assert [own.record(job).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert [own.record(task_id).status_code, *[own.task("job_song").status_code for _ in range(3)]] == [200] * 4


def test_jobs_go_on_without_the_direct_interface(own: Caller) -> None:
    own.server.sandbox.direct = False
    assert made(own, own.persona_job("finished"))["persona_id"]
