"""What each of KIE's codes and messages becomes. The tables are written out here, not taken from the catalogue."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kie import Cause, KieClient, Refused, Sent, UnreadableAnswer, meaning_for, meaning_of
from kie.error_meanings import BY_MESSAGE
from tests.kie.servers import REQUEST, ScriptedServer, answer

#          cause, a word of the sentence, a word of the next step, may the same request succeed later
CODES = {
    400: (Cause.INPUT, "fields", "Change it", False),
    401: (Cause.TOKEN, "token", "kie.ai/api-key", False),
    402: (Cause.CREDITS, "credits", "Top up", True),
    404: (Cause.NOT_FOUND, "does not know", "audio ID", False),
    409: (Cause.EXISTS, "already made", "another track", False),
    413: (Cause.INPUT, "fields", "Change it", False),
    422: (Cause.INPUT, "fields", "Change it", False),
    429: (Cause.RATE, "fewer requests", "Wait a little", True),
    433: (Cause.TOKEN_LIMIT, "limit", "kie.ai/api-key", True),
    451: (Cause.MEDIA, "audio", "14 days", True),
    455: (Cause.MAINTENANCE, "maintenance", "later", True),
    500: (Cause.SERVER, "KIE's side", "Try again", True),
    501: (Cause.FAILED, "failed", "later", True),
    505: (Cause.SWITCHED_OFF, "switched this feature off", "support", False),
    531: (Cause.FAILED, "failed", "later", True),
    553: (Cause.GONE, "no longer exists", "new persona", False),
    799: (Cause.OTHER, "refused", "code and message", False),
}

MESSAGES = {
    "Credits insufficient": Cause.CREDITS,
    "Credits insufficient, please top up your account": Cause.CREDITS,
    "You do not have access permissions": Cause.TOKEN,
    "Sub-key usage exceeds limit": Cause.TOKEN_LIMIT,
    "Persona already exists for this music": Cause.EXISTS,
    "Current music failed to generate persona": Cause.UNSUITABLE,
    "Music does not exist": Cause.NOT_READY,
    "create persona error": Cause.NOT_READY,
    "The music is still generating": Cause.NOT_READY,
    "Please ensure the music generation task is fully completed": Cause.NOT_READY,
    "Your call frequency is too high. Please try again later.": Cause.RATE,
    "The voice has expired": Cause.GONE,
    "The persona has expired": Cause.GONE,
    "Insufficient credits for this request": Cause.CREDITS,
}

PLACES = pytest.mark.parametrize("status", [200, None], ids=["inside HTTP 200", "as the HTTP status"])
EVERY_CODE = pytest.mark.parametrize("code", CODES)


def refusal(server: ScriptedServer, client: KieClient, code: int, status: int | None, message: str = "No.") -> Refused:
    server.sends(answer({"code": code, "msg": message, "data": None}, code if status is None else status))
    with pytest.raises(Refused) as raised:
        client.create_persona(REQUEST)
    return raised.value


@PLACES
@EVERY_CODE
def test_a_code_has_its_cause(code: int, status: int | None, server: ScriptedServer, client: KieClient) -> None:
    assert refusal(server, client, code, status).cause is CODES[code][0]


@PLACES
@EVERY_CODE
def test_a_refusal_says_whether_kie_acted(
    code: int, status: int | None, server: ScriptedServer, client: KieClient
) -> None:
    assert refusal(server, client, code, status).sent is (Sent.NO if code == 429 else Sent.YES)


@PLACES
@EVERY_CODE
def test_a_refusal_keeps_what_kie_said(
    code: int, status: int | None, server: ScriptedServer, client: KieClient
) -> None:
    error = refusal(server, client, code, status, "Its own words.")
    assert (error.code, error.message, error.http_status) == (code, "Its own words.", status or code)


@EVERY_CODE
def test_a_refusal_keeps_the_body(code: int, server: ScriptedServer, client: KieClient) -> None:
    error = refusal(server, client, code, 200)
    assert json.loads(error.raw) == {"code": code, "msg": "No.", "data": None}


@EVERY_CODE
def test_a_refusal_says_what_happened_and_what_to_do(code: int, server: ScriptedServer, client: KieClient) -> None:
    error = refusal(server, client, code, 200)
    _, happened, to_do, _ = CODES[code]
    assert happened in error.sentence
    assert to_do in error.next_step


@EVERY_CODE
def test_a_refusal_says_whether_the_same_request_can_succeed_later(
    code: int, server: ScriptedServer, client: KieClient
) -> None:
    assert refusal(server, client, code, 200).meaning.may_retry is CODES[code][3]


@EVERY_CODE
def test_a_refusal_prints_with_kies_code_and_words(code: int, server: ScriptedServer, client: KieClient) -> None:
    assert str(refusal(server, client, code, 200)).endswith(f"({code} No.)")


@pytest.mark.parametrize("code", [400, 402, 422, 500, 799])
@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_overrides_its_code(message: str, code: int, server: ScriptedServer, client: KieClient) -> None:
    assert refusal(server, client, code, 200, message).cause is MESSAGES[message]


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_is_known_in_any_case(message: str) -> None:
    assert meaning_of(500, message.upper()).cause is MESSAGES[message]


@pytest.mark.parametrize("text", [text for text, _ in BY_MESSAGE])
def test_every_message_of_the_catalogue_is_in_the_table_above(text: str) -> None:
    assert any(text in message.lower() for message in MESSAGES)


@pytest.mark.parametrize("cause", Cause)
def test_a_cause_written_down_finds_its_meaning_again(cause: Cause) -> None:
    assert meaning_for(cause.value).cause is cause


def test_an_unknown_cause_is_other() -> None:
    assert meaning_for("of a later version").cause is Cause.OTHER


def test_an_unknown_path_is_refused_as_not_found(server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer({"timestamp": "x", "status": 404, "error": "Not Found", "path": "/api/v1/x"}, 404))
    with pytest.raises(Refused) as raised:
        client.create_persona(REQUEST)
    error = raised.value
    assert (error.cause, error.code, error.message) == (Cause.NOT_FOUND, 404, "Not Found")


@pytest.mark.parametrize("body", ["slow down", "", "<html>429</html>"])
def test_http_429_needs_no_json(body: str, server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(body, 429))
    with pytest.raises(Refused) as raised:
        client.create_persona(REQUEST)
    assert (raised.value.cause, raised.value.sent, raised.value.raw) == (Cause.RATE, Sent.NO, body)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("body", ["<html>Bad gateway</html>", "", '{"status": 500, "error": "Internal Server Error"}'])
def test_a_gateways_trouble_leaves_it_open_whether_kie_acted(
    status: int, body: str, server: ScriptedServer, client: KieClient
) -> None:
    server.sends(answer(body, status))
    with pytest.raises(UnreadableAnswer) as raised:
        client.create_persona(REQUEST)
    assert (raised.value.sent, raised.value.http_status, raised.value.raw) == (Sent.UNKNOWN, status, body)


@pytest.mark.parametrize("status", [401, 403, 404, 413])
def test_a_4xx_page_that_is_not_json_may_be_anybodys(status: int, server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer("<html>Blocked</html>", status))
    with pytest.raises(UnreadableAnswer) as raised:
        client.create_persona(REQUEST)
    assert raised.value.http_status == status


@pytest.mark.parametrize("message", [None, {"en": "no"}, ["no"], False])
def test_a_message_of_another_type_is_left_to_the_raw_answer(
    message: Any, server: ScriptedServer, client: KieClient
) -> None:
    server.sends(answer({"code": 500, "msg": message}))
    with pytest.raises(Refused) as raised:
        client.create_persona(REQUEST)
    assert raised.value.message == ""


def test_a_long_message_is_cut(server: ScriptedServer, client: KieClient) -> None:
    assert len(refusal(server, client, 500, 200, "x" * 5000).message) == 1000


@pytest.mark.parametrize("call", ["music_task", "credits"])
@pytest.mark.parametrize("code", [401, 404, 422, 451, 455, 500])
def test_reading_is_refused_the_same_way(call: str, code: int, server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer({"code": code, "msg": "No.", "data": None}))
    with pytest.raises(Refused) as raised:
        client.music_task("7f3c") if call == "music_task" else client.credits()
    assert raised.value.cause is CODES[code][0]
