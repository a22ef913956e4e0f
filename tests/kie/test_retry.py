"""What is sent again by itself, how often and after how long. No test here waits: the pauses are written down."""

from __future__ import annotations

import inspect
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from kie import Cause, KieClient, KieError, NoAnswer, NotConnected, Refused, UnreadableAnswer, pause_before_repeat
from kie.error_sentences import GENERAL
from kie.errors import Sent
from tests.kie.servers import MADE, REQUEST, TOKEN, Account, ScriptedServer, answer, envelope

MADE_IT = answer(envelope(MADE))


def too_many(**headers: str) -> bytes:
    return answer({"code": 429, "msg": "Your call frequency is too high. Please try again later."}, 429, **headers)


class Patient:
    """A client that repeats and, instead of waiting, writes down for how long it would have."""

    def __init__(self, server: ScriptedServer) -> None:
        self.pauses: list[float] = []
        self.client = KieClient(TOKEN, server.base_url, (2, 5), sleep=self.pauses.append)


@pytest.fixture
def patient(server: ScriptedServer) -> Patient:
    return Patient(server)


def test_a_call_refused_for_the_rate_is_sent_again(server: ScriptedServer, patient: Patient) -> None:
    server.sends(too_many(), MADE_IT)
    assert patient.client.create_persona(REQUEST).persona_id == MADE["personaId"]


def test_what_is_sent_again_is_the_same(server: ScriptedServer, patient: Patient) -> None:
    server.sends(too_many(), too_many(), MADE_IT)
    patient.client.create_persona(REQUEST)
    assert [seen.json for seen in server.requests] == [REQUEST.payload()] * 3


def test_a_rate_refusal_inside_http_200_is_repeated_too(server: ScriptedServer, patient: Patient) -> None:
    server.sends(answer(envelope(None, code=430, msg="Slow down")), MADE_IT)
    patient.client.create_persona(REQUEST)
    assert len(server.requests) == 2


def test_reading_is_repeated_for_the_rate_too(server: ScriptedServer, patient: Patient) -> None:
    server.sends(too_many(), answer(envelope(7.5)))
    assert patient.client.credits() == 7.5


def test_a_call_refused_for_the_rate_is_repeated_five_times_after_pauses_that_grow_to_a_minute(
    server: ScriptedServer, patient: Patient
) -> None:
    server.sends(too_many())
    with pytest.raises(Refused):
        patient.client.create_persona(REQUEST)
    assert (len(server.requests), len(patient.pauses)) == (6, 5)
    assert patient.pauses == sorted(patient.pauses)
    assert 10 <= patient.pauses[0] <= 12  # as long as KIE's window
    assert 60 <= patient.pauses[-1] <= 72


@pytest.mark.parametrize("asked", [None, 3])
def test_pauses_differ_so_that_several_clients_do_not_come_back_together(asked: float | None) -> None:
    error = Refused(GENERAL["rate"], Sent.NO, retry_after=asked)
    assert len({pause_before_repeat(error, 0) for _ in range(20)}) > 1


@pytest.mark.parametrize("seconds", [0, 60])
def test_retry_after_in_seconds_is_kept_to(seconds: int, server: ScriptedServer, patient: Patient) -> None:
    server.sends(too_many(Retry_After=str(seconds)), MADE_IT)
    patient.client.create_persona(REQUEST)
    assert seconds <= patient.pauses[0] <= seconds + 1


@pytest.mark.parametrize(("ahead", "least", "most"), [(40, 30, 41), (-3600, 0, 1)])
def test_retry_after_as_a_date_is_kept_to(
    ahead: int, least: int, most: int, server: ScriptedServer, patient: Patient
) -> None:
    when = datetime.now(UTC) + timedelta(seconds=ahead)
    server.sends(too_many(Retry_After=format_datetime(when, usegmt=True)), MADE_IT)
    patient.client.create_persona(REQUEST)
    assert least <= patient.pauses[0] <= most


@pytest.mark.parametrize("long", ["61", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_wait_beyond_a_minute_is_left_to_the_person(long: str, server: ScriptedServer, patient: Patient) -> None:
    server.sends(too_many(Retry_After=long))
    with pytest.raises(Refused) as raised:
        patient.client.create_persona(REQUEST)
    assert (len(server.requests), patient.pauses) == (1, [])
    assert (raised.value.retry_after or 0) > 60


@pytest.mark.parametrize(
    "odd", ["", "soon", "-5", "1.5", "\xb2", "1,2", "Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "Wed, 99 Foo 1"]
)
def test_an_unreadable_retry_after_is_ignored(odd: str, server: ScriptedServer, patient: Patient) -> None:
    server.sends(too_many(Retry_After=odd), MADE_IT)
    patient.client.create_persona(REQUEST)
    assert 10 <= patient.pauses[0] <= 12


def test_a_call_that_never_connected_is_tried_twice_more_after_short_pauses() -> None:
    with ScriptedServer(listening=False) as closed:
        patient = Patient(closed)
        with pytest.raises(NotConnected):
            patient.client.create_persona(REQUEST)
    first, second = patient.pauses
    assert 0.5 <= first <= second <= 1


def test_a_server_that_comes_up_during_the_pause_gets_the_request_once() -> None:
    with ScriptedServer(listening=False) as late:
        late.sends(MADE_IT)
        client = KieClient(TOKEN, late.base_url, (2, 5), sleep=lambda pause: late.listen())
        client.create_persona(REQUEST)
        assert len(late.requests) == 1


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause is not Cause.RATE])
def test_no_other_refusal_has_a_pause_even_when_kie_asks_for_one(cause: Cause) -> None:
    assert pause_before_repeat(Refused(GENERAL[cause], Sent.YES, retry_after=1), 0) is None


@pytest.mark.parametrize(
    "error",
    [KieError(GENERAL["rate"], Sent.NO), NoAnswer("gone"), UnreadableAnswer("odd", http_status=429, raw="")],
    ids=lambda error: type(error).__name__,
)
def test_no_other_error_has_a_pause(error: KieError) -> None:
    error.retry_after = 1
    assert pause_before_repeat(error, 0) is None


FINAL: dict[str, Any] = {
    "a refusal": envelope(None, 422, "No."),
    "not ready": envelope(None, 500, "Music does not exist"),
    "no credits under the rate's number": envelope(None, 429, "Credits insufficient"),
    "no persona ID": envelope({}),
    "no JSON": "<html>",
}


@pytest.mark.parametrize("body", FINAL.values(), ids=FINAL)
def test_every_other_answer_is_final(body: Any, server: ScriptedServer, patient: Patient) -> None:
    server.sends(answer(body))
    with pytest.raises(KieError):
        patient.client.create_persona(REQUEST)
    assert (len(server.requests), patient.pauses) == (1, [])


def test_a_server_error_is_final_even_when_it_asks_to_come_back(server: ScriptedServer, patient: Patient) -> None:
    server.sends(answer("<html>", 503, Retry_After="1"))
    with pytest.raises(UnreadableAnswer):
        patient.client.create_persona(REQUEST)
    assert len(server.requests) == 1


def test_a_rate_refusal_that_also_says_success_is_final(server: ScriptedServer, patient: Patient) -> None:
    server.sends(answer(envelope(MADE), 429))
    with pytest.raises(UnreadableAnswer):
        patient.client.create_persona(REQUEST)
    assert len(server.requests) == 1


def test_without_repeat_a_rate_refusal_is_raised_at_once(server: ScriptedServer) -> None:
    server.sends(too_many())
    pauses: list[float] = []
    client = KieClient(TOKEN, server.base_url, (2, 5), repeat=False, sleep=pauses.append)
    with pytest.raises(Refused):
        client.create_persona(REQUEST)
    assert (len(server.requests), pauses) == (1, [])


def test_without_repeat_a_refused_connection_is_raised_at_once() -> None:
    pauses: list[float] = []
    with ScriptedServer(listening=False) as closed, pytest.raises(NotConnected):
        KieClient(TOKEN, closed.base_url, repeat=False, sleep=pauses.append).create_persona(REQUEST)
    assert pauses == []


def test_the_sandboxs_rate_limit_is_sat_out(account: Account) -> None:
    account.fault("status", status=429, code=429, message="Your call frequency is too high.", retry_after=2, times=3)
    pauses: list[float] = []
    with account.client(sleep=pauses.append) as client:
        client.create_persona(account.request)
    assert (account.posts, len(pauses)) == (4, 3)


def test_a_client_repeats_and_waits_with_the_clock_of_the_world_unless_told_otherwise() -> None:
    parameters = inspect.signature(KieClient).parameters
    assert (parameters["repeat"].default, parameters["sleep"].default) == (True, time.sleep)
    assert parameters["departing"].default is None
