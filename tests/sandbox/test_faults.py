"""Each thing that can go wrong, as the client sees it."""

from __future__ import annotations

import time
import zlib
from typing import Any

import pytest
import requests

from sandbox import Fault
from sandbox.faults import ELSEWHERE, WRONG_FRAMES
from sandbox.replies import CREDIT_PATH, JOB_PATH, JOB_RECORD_PATH, PERSONA_JOB, PERSONA_PATH, TASK_PATH
from tests.sandbox.sandbox_caller import Caller
from tests.scenarios import BY_KEY

FINISHED = BY_KEY["finished"]
BODY = {"taskId": FINISHED.task_id, "audioId": FINISHED.audio_id, "name": "Harbour alto", "description": "Low"}


@pytest.mark.parametrize(("kind", "made"), [("drop_before", 0), ("drop_after", 1)])
def test_a_dropped_connection_sends_no_byte(kind: str, made: int, caller: Caller) -> None:
    caller.fault(kind)
    with pytest.raises(requests.ConnectionError, match="without response"):
        caller.persona()
    assert len(caller.personas) == made
    assert caller.server.sandbox.count(token=caller.token) == 1


def test_asking_again_after_a_lost_answer_gives_the_same_id(caller: Caller) -> None:
    with pytest.raises(requests.ConnectionError):
        caller.persona("answer_lost")
    lost = caller.personas[0]["personaId"]
    assert caller.persona("answer_lost").json()["data"]["personaId"] == lost


def test_a_request_that_got_lost_made_nothing(caller: Caller) -> None:
    with pytest.raises(requests.ConnectionError):
        caller.persona("dropped")
    assert caller.personas == []
    assert caller.persona("dropped").json()["code"] == 200


def test_a_dripping_body_arrives_in_the_end(caller: Caller) -> None:
    caller.fault("drip", seconds=0.0001)
    assert caller.persona().json()["data"]["personaId"]


@pytest.mark.parametrize("kind", ["drip", "drip_headers"])
def test_dripping_outlasts_a_timeout_between_bytes(kind: str, caller: Caller) -> None:
    caller.fault(kind, seconds=0.002)
    started = time.monotonic()
    assert caller.send("POST", PERSONA_PATH, json={}, timeout=0.05).json()["code"] == 422
    assert time.monotonic() - started > 0.05


def test_dripping_slower_than_the_timeout_is_a_timeout(caller: Caller) -> None:
    caller.fault("drip_headers", seconds=5)
    with pytest.raises(requests.Timeout):
        caller.send("POST", PERSONA_PATH, json={}, timeout=0.05)


def test_a_truncated_answer_is_shorter_than_it_says(caller: Caller) -> None:
    caller.fault("truncated")
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        caller.persona()
    assert len(caller.personas) == 1


def test_the_cut_off_scenario_made_a_persona(caller: Caller) -> None:
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        caller.persona("cut_off")
    assert len(caller.personas) == 1


@pytest.mark.parametrize("kind", [*WRONG_FRAMES, "no_last_chunk_gzip", "cut_after_id", "cut_gzip", "not_packed"])
def test_a_strict_reader_gets_nothing_from_a_wrong_frame(kind: str, caller: Caller) -> None:
    caller.fault(kind)
    with pytest.raises(requests.RequestException):
        caller.persona().json()
    assert len(caller.personas) == 1


@pytest.mark.parametrize(("kind", "packed"), [("cut_after_id", True), ("cut_after_id_plain", False)])
def test_an_answer_can_end_right_after_the_id(kind: str, packed: bool, caller: Caller) -> None:
    caller.fault(kind)
    answer = caller.send("POST", PERSONA_PATH, json=BODY, stream=True)
    came = next(answer.raw.stream(decode_content=False))
    came = zlib.decompressobj(wbits=31).decompress(came) if packed else came
    assert came.endswith(f'"personaId": "{caller.personas[0]["personaId"]}"'.encode())


@pytest.mark.parametrize("shape", ["snake", "deep", "response", "inline", "inline_with_task"])
def test_a_jobs_answer_can_end_right_after_the_persona_id(shape: Any, own: Caller) -> None:
    own.server.sandbox.persona_shape = shape
    path = JOB_PATH if shape.startswith("inline") else JOB_RECORD_PATH
    own.fault("cut_after_id_plain", path=path)
    body = {"model": PERSONA_JOB, "input": own.persona_input()}
    answer = own.send("POST", JOB_PATH, json=body, stream=True)
    if path == JOB_RECORD_PATH:
        job_id = answer.json()["data"]["taskId"]
        answer = own.send("GET", JOB_RECORD_PATH, params={"taskId": job_id}, stream=True)
    came = next(answer.raw.stream(decode_content=False)).decode()
    assert came.rstrip('\\"').endswith(own.personas[0]["personaId"])


def test_an_accepted_job_can_end_right_after_its_task_id(caller: Caller) -> None:
    caller.fault("cut_after_id_plain", path=JOB_PATH)
    answer = caller.job(PERSONA_JOB, caller.persona_input(), stream=True)
    (job_id,) = caller.server.sandbox.account(caller.token).jobs  # type: ignore[union-attr]  # it is known
    assert next(answer.raw.stream(decode_content=False)).endswith(f'"taskId": "{job_id}"'.encode())


def test_an_answer_without_an_id_is_cut_in_its_middle(caller: Caller) -> None:
    caller.fault("cut_after_id_plain", path=CREDIT_PATH)
    with pytest.raises(requests.RequestException):
        caller.send("GET", CREDIT_PATH).json()


@pytest.mark.parametrize("kind", ["cut_json", "html"])
def test_an_answer_can_be_no_json(kind: str, caller: Caller) -> None:
    caller.fault(kind)
    with pytest.raises(requests.JSONDecodeError):
        caller.persona().json()


def test_an_error_page_is_a_bad_gateway_that_made_nothing(caller: Caller) -> None:
    answer = caller.persona("html_page")
    assert answer.status_code == 502
    assert answer.headers["content-type"].startswith("text/html")
    assert caller.personas == []


def test_a_status_carries_an_envelope(caller: Caller) -> None:
    caller.fault("status", status=503, code=455, message="Back soon")
    answer = caller.persona()
    assert (answer.status_code, answer.json()["code"], answer.json()["msg"]) == (503, 455, "Back soon")


def test_the_busy_scenario_says_when_to_come_back(caller: Caller) -> None:
    busy, served = caller.persona("code_429"), caller.persona("code_429")
    assert (busy.status_code, busy.headers["Retry-After"]) == (429, "3")
    assert served.json()["code"] == 200


def test_a_huge_answer_is_over_three_mebibytes(caller: Caller) -> None:
    caller.fault("huge")
    assert len(caller.persona().content) > 3 * 1024 * 1024


def test_an_answer_can_lack_the_id(caller: Caller) -> None:
    answer = caller.persona("no_persona_id").json()
    assert answer["code"] == 200
    assert "personaId" not in answer["data"]


def test_an_answer_can_be_an_array(caller: Caller) -> None:
    caller.fault("not_object")
    assert isinstance(caller.persona().json(), list)


def test_a_redirect_shows_whether_it_was_followed(caller: Caller) -> None:
    caller.fault("redirect")
    answer = caller.persona()
    assert (answer.status_code, answer.headers["location"]) == (302, ELSEWHERE)
    assert caller.server.sandbox.count(ELSEWHERE, caller.token) == 0
    caller.send("GET", answer.headers["location"])
    assert caller.server.sandbox.count(ELSEWHERE, caller.token) == 1


@pytest.mark.parametrize("status", [None, 404, 405, 410])
def test_a_path_can_be_gone_for_one_account(status: int | None, caller: Caller, another_caller: Caller) -> None:
    caller.fault("gone", path=None, times=2, status=status)
    persona, task = caller.persona(), caller.task()
    assert {persona.status_code, persona.json()["status"], task.status_code} == {status or 404}
    assert (persona.json()["path"], task.json()["path"]) == (PERSONA_PATH, TASK_PATH)
    assert "code" not in persona.json()
    assert caller.personas == []
    assert another_caller.persona().status_code == caller.persona().status_code == 200


@pytest.mark.parametrize(("key", "made"), [("answer_lost", 1), ("dropped", 0), ("cut_off", 1)])
def test_a_tracks_own_trouble_strikes_a_persona_job_too(key: str, made: int, caller: Caller) -> None:
    with pytest.raises(requests.RequestException):
        caller.persona_job(key)
    assert len(caller.personas) == made
    assert caller.record(caller.persona_job(key)).json()["data"]["state"] == "success"


def test_a_persona_job_can_lack_its_task_id_or_be_an_error_page(caller: Caller) -> None:
    assert caller.persona_job("no_persona_id").json() == {"code": 200, "msg": "success", "data": {}}
    assert caller.persona_job("html_page").status_code == 502
    with pytest.raises(requests.Timeout):
        caller.job(PERSONA_JOB, caller.persona_input("slow"), timeout=0.05)


def test_a_fault_can_be_of_the_record(caller: Caller) -> None:
    caller.fault("html", path=JOB_RECORD_PATH)
    job = caller.persona_job()
    assert [caller.record(job).status_code for _ in range(2)] == [502, 200]


def test_a_delay_comes_before_the_answer(caller: Caller) -> None:
    caller.fault("delay", seconds=0.1)
    assert caller.persona().elapsed.total_seconds() >= 0.1


def test_the_sandbox_can_delay_every_persona(own: Caller) -> None:
    own.server.sandbox.delay = 0.1
    assert own.persona().elapsed.total_seconds() >= 0.1
    assert own.persona_job().elapsed.total_seconds() >= 0.1
    assert own.task().elapsed.total_seconds() < 0.1


def test_the_slow_scenario_takes_six_seconds(caller: Caller) -> None:
    with pytest.raises(requests.Timeout):
        caller.send("POST", PERSONA_PATH, json={"audioId": BY_KEY["slow"].audio_id}, timeout=0.05)


def test_a_refusal_can_hide_a_persona_that_was_made(caller: Caller) -> None:
    caller.fault("code", code=500, act=True)
    assert caller.persona().json()["code"] == 500
    assert len(caller.personas) == 1


def test_faults_strike_in_order_and_as_often_as_told(caller: Caller) -> None:
    caller.fault("code", code=455, times=2)
    caller.fault("code", code=501)
    assert [caller.persona().json()["code"] for _ in range(4)] == [455, 455, 501, 200]


def test_a_fault_can_last_until_it_is_cleared(own: Caller) -> None:
    own.fault("code", code=455, times=None)
    assert [own.persona().json()["code"] for _ in range(3)] == [455] * 3
    own.server.sandbox.clear_faults()
    assert own.persona().json()["code"] == 200


def test_a_fault_for_everybody_strikes_everybody(own: Caller) -> None:
    own.server.sandbox.fault("code", code=455, times=None)
    stranger = Caller(own.server, own.server.sandbox.new_account())
    assert [caller.persona().json()["code"] for caller in (own, stranger)] == [455, 455]


def test_a_fault_can_be_of_another_path(caller: Caller) -> None:
    caller.fault("html", path=CREDIT_PATH)
    assert caller.persona().status_code == 200
    assert caller.send("GET", CREDIT_PATH).status_code == 502


def test_an_unknown_kind_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="no fault is called 'earthquake'"):
        Fault("earthquake")
