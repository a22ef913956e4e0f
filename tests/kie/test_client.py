"""What counts as a success, and what an answer that lacks a piece of it becomes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kie import KieClient, KieError, Refused, Sent, UnreadableAnswer
from tests.kie.servers import MADE, REQUEST, Account, ScriptedServer, answer, envelope


def test_a_whole_answer_is_a_persona(server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(envelope(MADE)))
    persona = client.create_persona(REQUEST)
    assert (persona.persona_id, persona.name, persona.description) == tuple(MADE.values())


def test_the_answer_is_kept_as_received(server: ScriptedServer, client: KieClient) -> None:
    body = json.dumps(envelope(MADE), indent=3)
    server.sends(answer(body))
    assert client.create_persona(REQUEST).raw == body


def test_the_sandbox_makes_what_the_client_returns(account: Account) -> None:
    with account.client() as client:
        persona = client.create_persona(account.request)
    assert [made["personaId"] for made in account.made] == [persona.persona_id]


@pytest.mark.parametrize("status", [200, 201, 202, 299])
def test_any_2xx_is_a_success(status: int, server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(envelope(MADE), status))
    assert client.create_persona(REQUEST).persona_id == "c1d2e3f4"


@pytest.mark.parametrize(
    ("told", "read"), [("  c1d2 \n", "c1d2"), (9007199254740993, "9007199254740993"), ("a1b2****c3d4", "a1b2****c3d4")]
)
def test_a_persona_id_is_opaque_text(told: Any, read: str, server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(envelope({**MADE, "personaId": told})))
    assert client.create_persona(REQUEST).persona_id == read


@pytest.mark.parametrize("echo", [{}, {"name": None, "description": None}, {"name": "", "description": ""}])
def test_a_missing_echo_is_filled_from_the_request(
    echo: dict[str, Any], server: ScriptedServer, client: KieClient
) -> None:
    server.sends(answer(envelope({"personaId": "c1d2", **echo})))
    persona = client.create_persona(REQUEST)
    assert (persona.name, persona.description) == (REQUEST.name, REQUEST.description)


def test_the_echo_wins_over_the_request(server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(envelope({"personaId": "c1d2", "name": "Shortened", "description": "Told back"})))
    persona = client.create_persona(REQUEST)
    assert (persona.name, persona.description) == ("Shortened", "Told back")


def test_a_code_as_text_is_read(server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(envelope(MADE, code="200")))
    assert client.create_persona(REQUEST).persona_id == "c1d2e3f4"


def test_a_byte_order_mark_is_read_over(server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(b"\xef\xbb\xbf" + json.dumps(envelope(MADE)).encode()))
    assert client.create_persona(REQUEST).persona_id == "c1d2e3f4"


INCOMPLETE: dict[str, Any] = {
    "no persona ID": envelope({"name": "a", "description": "b"}),
    "persona ID null": envelope({**MADE, "personaId": None}),
    "persona ID empty": envelope({**MADE, "personaId": ""}),
    "persona ID blank": envelope({**MADE, "personaId": " \t\n"}),
    "persona ID a list": envelope({**MADE, "personaId": ["c1d2"]}),
    "persona ID true": envelope({**MADE, "personaId": True}),
    "persona ID a fraction": envelope({**MADE, "personaId": 1.5}),
    "data null": envelope(None),
    "data missing": {"code": 200, "msg": "success"},
    "data a list": envelope([MADE]),
    "data a text": envelope("c1d2e3f4"),
    "no code": {"msg": "success", "data": MADE},
    "code null": envelope(MADE, code=None),
    "code true": envelope(MADE, code=True),
    "code a fraction": envelope(MADE, code=200.5),
    "code a word": envelope(MADE, code="OK"),
    "code a superscript": envelope(MADE, code="²"),
    "code beyond any column": envelope(MADE, code=10**300),
    "a list": [envelope(MADE)],
    "a text": "c1d2e3f4",
    "a number": 200,
    "null": None,
}


@pytest.mark.parametrize("body", INCOMPLETE.values(), ids=INCOMPLETE)
def test_http_200_without_a_piece_is_unreadable(body: Any, server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(json.dumps(body)))
    with pytest.raises(UnreadableAnswer) as raised:
        client.create_persona(REQUEST)
    assert raised.value.sent is Sent.UNKNOWN


@pytest.mark.parametrize("body", ["", "OK", "<html>hello</html>", '{"code": 200, "data": {"personaId": "c1d'])
def test_http_200_without_json_is_unreadable_and_kept(body: str, server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(body))
    with pytest.raises(UnreadableAnswer) as raised:
        client.create_persona(REQUEST)
    assert (raised.value.sent, raised.value.raw) == (Sent.UNKNOWN, body)


@pytest.mark.parametrize("status", [302, 400, 404, 429, 500, 502, 504])
def test_code_200_with_another_status_is_neither_success_nor_refusal(
    status: int, server: ScriptedServer, client: KieClient
) -> None:
    server.sends(answer(envelope(MADE), status))
    with pytest.raises(UnreadableAnswer) as raised:
        client.create_persona(REQUEST)
    assert (raised.value.sent, raised.value.http_status) == (Sent.UNKNOWN, status)


def test_a_refusal_that_carries_other_data_is_still_a_refusal(server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(envelope({"taskId": "t"}, code=409, msg="Persona already exists for this music")))
    with pytest.raises(Refused):
        client.create_persona(REQUEST)


@pytest.mark.parametrize("code", [0, 201, 409, 500])
def test_an_answer_that_is_no_success_and_names_a_persona_is_left_to_a_person_with_the_id_in_it(
    server: ScriptedServer, client: KieClient, code: int
) -> None:
    server.sends(answer(envelope(MADE, code=code, msg="Persona already exists for this music")))
    with pytest.raises(UnreadableAnswer, match="names a persona ID") as raised:
        client.create_persona(REQUEST)
    assert MADE["personaId"] in raised.value.raw


@pytest.mark.parametrize("number", [408, 499, 502, 503, 504, 524])
@pytest.mark.parametrize("place", ["code", "status"])
def test_somebody_on_the_way_giving_up_is_no_refusal(
    server: ScriptedServer, client: KieClient, number: int, place: str
) -> None:
    body = envelope(None, code=number, msg="No.") if place == "code" else {"error": "gave up"}
    server.sends(answer(body, 200 if place == "code" else number))
    with pytest.raises(UnreadableAnswer) as raised:
        client.create_persona(REQUEST)
    assert raised.value.sent is Sent.UNKNOWN


def test_a_question_without_an_answer_says_nothing_of_personas(server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer("<html>", 502))
    with pytest.raises(UnreadableAnswer) as raised:
        client.credits()
    assert "persona" not in f"{raised.value.sentence} {raised.value.next_step}"


def test_an_unreadable_answer_tells_what_was_missing(server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(envelope(None)))
    with pytest.raises(UnreadableAnswer, match="the expected field is not in the answer"):
        client.create_persona(REQUEST)


def test_a_long_unreadable_answer_is_kept_from_its_start(server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer("<html>" + "x" * 100_000))
    with pytest.raises(UnreadableAnswer) as raised:
        client.create_persona(REQUEST)
    assert raised.value.raw == ("<html>" + "x" * 100_000)[: 64 * 1024]


HARD_TO_STORE = {
    "binary": b"\x00\xff\x1f\x8b",
    "half a surrogate pair in the message": rb'{"code": 500, "msg": "oops \ud83d"}',
    "NUL in the message": rb'{"code": 500, "msg": "oops \u0000"}',
    "NUL in a success without an ID": b'{"code": 200, "msg": "\\u0000", "data": {"\x00": 1}}',
}


@pytest.mark.parametrize("body", HARD_TO_STORE.values(), ids=HARD_TO_STORE)
def test_what_is_kept_of_an_error_can_be_written_to_any_database(
    body: bytes, server: ScriptedServer, client: KieClient
) -> None:
    server.sends(answer(body))
    with pytest.raises(KieError) as raised:
        client.create_persona(REQUEST)
    assert b"\0" not in (raised.value.message + raised.value.raw).encode()


def test_what_is_kept_of_a_persona_can_be_written_to_any_database(server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(rb'{"code": 200, "data": {"personaId": "c1\u0000d2", "name": "cut \ud83d"}}'))
    persona = client.create_persona(REQUEST)
    assert (persona.persona_id, persona.name) == ("c1?d2", "cut ?")
