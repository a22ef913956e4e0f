"""What is sent again by itself, how often and after how long. No test here waits: the pauses are written down."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from kie import KieClient, KieError, NoAnswer, NotConnected, Refused, UnreadableAnswer, pause_before_repeat
from kie.error_meanings import GENERAL
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


def test_a_call_refused_for_the_rate_is_repeated_five_times_and_no_more(
    server: ScriptedServer, patient: Patient
) -> None:
    server.sends(too_many())
    with pytest.raises(Refused):
        patient.client.create_persona(REQUEST)
    assert (len(server.requests), len(patient.pauses)) == (6, 5)


def test_the_pauses_grow(server: ScriptedServer, patient: Patient) -> None:
    server.sends(too_many())
    with pytest.raises(Refused):
        patient.client.create_persona(REQUEST)
    assert patient.pauses == sorted(patient.pauses)


def test_the_first_pause_is_as_long_as_kies_window(server: ScriptedServer, patient: Patient) -> None:
    server.sends(too_many(), MADE_IT)
    patient.client.create_persona(REQUEST)
    assert 10 <= patient.pauses[0] <= 12


def test_no_pause_is_much_longer_than_a_minute(server: ScriptedServer, patient: Patient) -> None:
    server.sends(too_many())
    with pytest.raises(Refused):
        patient.client.create_persona(REQUEST)
    assert max(patient.pauses) <= 72


def test_pauses_differ_so_that_several_clients_do_not_come_back_together() -> None:
    error = Refused(GENERAL["rate"], Sent.NO)
    assert len({pause_before_repeat(error, 0) for _ in range(20)}) > 1


def test_pauses_that_kie_asked_for_differ_too() -> None:
    error = Refused(GENERAL["rate"], Sent.NO, retry_after=3)
    assert len({pause_before_repeat(error, 0) for _ in range(20)}) > 1


@pytest.mark.parametrize("seconds", [0, 1, 7, 60])
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


@pytest.mark.parametrize("long", ["61", "86400", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_wait_beyond_a_minute_is_left_to_the_person(long: str, server: ScriptedServer, patient: Patient) -> None:
    server.sends(too_many(Retry_After=long))
    with pytest.raises(Refused):
        patient.client.create_persona(REQUEST)
    assert (len(server.requests), patient.pauses) == (1, [])


def test_a_wait_left_to_the_person_is_told(server: ScriptedServer, patient: Patient) -> None:
    server.sends(too_many(Retry_After="3600"))
    with pytest.raises(Refused) as raised:
        patient.client.create_persona(REQUEST)
    assert raised.value.retry_after == 3600


@pytest.mark.parametrize(
    "odd", ["", "soon", "-5", "1.5", "\xb2", "1,2", "Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "Wed, 99 Foo 1"]
)
def test_an_unreadable_retry_after_is_ignored(odd: str, server: ScriptedServer, patient: Patient) -> None:
    server.sends(too_many(Retry_After=odd), MADE_IT)
    patient.client.create_persona(REQUEST)
    assert 10 <= patient.pauses[0] <= 12


def test_a_call_that_never_connected_is_tried_twice_more() -> None:
    with ScriptedServer(listening=False) as closed:
        patient = Patient(closed)
        with pytest.raises(NotConnected):
            patient.client.create_persona(REQUEST)
    assert len(patient.pauses) == 2


def test_pauses_before_connecting_again_are_short() -> None:
    with ScriptedServer(listening=False) as closed:
        patient = Patient(closed)
        with pytest.raises(NotConnected):
            patient.client.create_persona(REQUEST)
    assert 0.5 <= patient.pauses[0] <= patient.pauses[1] <= 1


def test_a_server_that_comes_up_during_the_pause_gets_the_request_once() -> None:
    with ScriptedServer(listening=False) as late:
        late.sends(MADE_IT)
        client = KieClient(TOKEN, late.base_url, (2, 5), sleep=lambda pause: late.listen())
        client.create_persona(REQUEST)
        assert len(late.requests) == 1


FINAL: dict[str, Any] = {
    **{str(code): envelope(None, code, "No.") for code in (400, 401, 402, 404, 409, 413, 422, 433, 451, 455)},
    **{str(code): envelope(None, code, "No.") for code in (500, 501, 505, 531, 553, 799)},
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


def test_an_unknown_outcome_has_no_pause() -> None:
    assert pause_before_repeat(NoAnswer("gone"), 0) is None


def test_a_server_error_has_no_pause_even_when_kie_asks_for_one() -> None:
    assert pause_before_repeat(Refused(GENERAL["server"], Sent.YES, retry_after=1), 0) is None


def test_the_sandboxs_rate_limit_is_sat_out(account: Account) -> None:
    account.fault("status", status=429, code=429, message="Your call frequency is too high.", retry_after=2, times=3)
    pauses: list[float] = []
    with account.client(sleep=pauses.append) as client:
        client.create_persona(account.request)
    assert (account.posts, len(pauses)) == (4, 3)


def test_a_client_waits_with_the_clock_of_the_world_unless_told_otherwise() -> None:
    assert KieClient.__init__.__kwdefaults__ == {"repeat": True, "sleep": time.sleep, "departing": None}
