"""What each of KIE's codes and messages becomes. The tables are written out here, not taken from the module."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kie import Cause, KieClient, KieError, Refused, Sent, UnreadableAnswer, meaning_for, meaning_of
from kie.error_sentences import BY_CODE, BY_MESSAGE, GENERAL
from tests.kie.servers import REQUEST, TOKEN, ScriptedServer, answer, steady

#          cause, a word of the sentence, a word of the next step, may the same request succeed later
CODES = {
    400: (Cause.INPUT, "fields", "Change it", False),
    401: (Cause.TOKEN, "token", "kie.ai/api-key", False),
    402: (Cause.CREDITS, "credits", "Top up", True),
    403: (Cause.TOKEN, "token", "kie.ai/api-key", False),
    404: (Cause.NOT_FOUND, "does not know", "audio ID", False),
    405: (Cause.REMOVED, "does not offer", "newer version", False),
    409: (Cause.EXISTS, "already made", "another track", False),
    410: (Cause.REMOVED, "does not offer", "newer version", False),
    413: (Cause.INPUT, "fields", "Change it", False),
    422: (Cause.INPUT, "fields", "Change it", False),
    429: (Cause.RATE, "fewer requests", "Wait a little", True),
    430: (Cause.RATE, "fewer requests", "Wait a little", True),
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
    "recordInfo is null": Cause.NOT_FOUND,
    "The corresponding record does not exist": Cause.NOT_FOUND,
    "Task not found": Cause.NOT_FOUND,
    "The task does not exist": Cause.NOT_FOUND,
}

TOO_FEW_CREDITS = [
    "Credits insufficient, please top up your account",
    "Insufficient credits for this request",
    "The current credits are insufficient. Please top up.",
    "You don't have enough credits",
    "Your balance is too low, please recharge",
    "Not enough balance",
    "Credit limit exceeded",
    "You have run out of credits",
    "No credits left. Top up at kie.ai",
    "Insufficient credits for this API key",
    "Not enough credits, nothing was charged",
    "You have 0 credits left",
    "Your credit balance is 0",
    "This call needs 12 credits, you have 3",
    "You don't have any credits",
    "INSUFFICIENT_CREDITS",
    "Insufficient quota",
    "Please recharge your account",
    "Please buy credits",
    "Your credits expired",
    "Credit limit reached",
    "请充值",
    "积分不足",
    "余额不足，请充值",
]

codes = st.sampled_from([*CODES])
messages = st.sampled_from([*MESSAGES])


def error_of(client: KieClient) -> KieError:
    with pytest.raises(KieError) as raised:
        client.create_persona(REQUEST)
    return raised.value


# The tables


@pytest.mark.parametrize("code", CODES)
def test_a_code_means_what_happened_and_what_to_do(code: int) -> None:
    cause, happened, to_do, may_retry = CODES[code]
    meaning = meaning_of(code, "No.")
    assert (meaning.cause, meaning.may_retry) == (cause, may_retry)
    assert happened in meaning.sentence
    assert to_do in meaning.next_step


def test_the_tables_above_have_every_code_and_message_of_the_module() -> None:
    assert set(CODES) == {*BY_CODE, 799}
    assert [text for text, _ in BY_MESSAGE if not any(text in message.lower() for message in MESSAGES)] == []


@steady
@given(message=messages, code=st.none() | st.integers().filter(lambda code: code not in (401, 403)))
@example(message="Music does not exist", code=422)
def test_a_message_overrides_its_code_in_any_case(message: str, code: int | None) -> None:
    spellings = (message, message.upper(), f"Error: {message}!")
    assert {meaning_of(code, spelling).cause for spelling in spellings} == {MESSAGES[message]}


@steady
@given(message=messages, code=st.sampled_from([401, 403]))
def test_a_code_about_the_token_overrides_its_message(message: str, code: int) -> None:
    assert meaning_of(code, message).cause is Cause.TOKEN


@pytest.mark.parametrize("message", TOO_FEW_CREDITS)
@pytest.mark.parametrize("code", [None, 200, 400, 401, 402, 429, 500, 503, 598])
def test_missing_credits_are_known_in_any_wording_and_under_any_code(message: str, code: int | None) -> None:
    assert meaning_of(code, message).cause is Cause.CREDITS


NOT_ABOUT_CREDITS = [
    "The load balancer is exhausted",
    "Sub-key credit limit exceeded",
    "The credit limit of this key is exceeded",
    "Song credits: Ada",
    "Over the top",
    "Too many requests. Credits are sufficient.",
    "Rate limit exceeded, credits unaffected",
    "Your balance is sufficient but the server failed",
    "Field 'balance' exceeds 10",
    "The time limit was exceeded. Your credits have been refunded.",
]


@pytest.mark.parametrize("message", NOT_ABOUT_CREDITS)
def test_other_messages_are_not_about_credits(message: str) -> None:
    assert meaning_of(500, message).cause is not Cause.CREDITS


@pytest.mark.parametrize(
    "message",
    [
        "No static resource api/v1/x.",
        "This endpoint has been deprecated",
        "The model name you specified is not supported. Please check it.",
    ],
)
def test_a_call_that_was_removed_is_known_by_its_message(message: str) -> None:
    assert {meaning_of(code, message).cause for code in (400, 404, 422, 500)} == {Cause.REMOVED}


@pytest.mark.parametrize("message", ["Model V3_5 is deprecated", "The parameter customMode is deprecated"])
def test_a_model_or_a_field_that_is_deprecated_is_no_removed_call(message: str) -> None:
    assert meaning_of(422, message).cause is Cause.INPUT


@pytest.mark.parametrize("message", ["instrumental is required", "continueAt cannot be null."])
def test_a_missing_field_is_no_error_of_the_server(message: str) -> None:
    assert meaning_of(500, message).cause is Cause.INPUT
    assert meaning_of(402, message).cause is Cause.CREDITS


def test_every_cause_that_was_written_down_finds_its_meaning_again() -> None:
    assert [cause for cause in Cause if meaning_for(cause.value).cause is not cause] == []
    assert set(GENERAL) == set(Cause)


def test_an_unknown_cause_is_other() -> None:
    assert meaning_for("of a later version").cause is Cause.OTHER


# A refusal


@steady
@given(code=codes, inside=st.booleans(), message=st.sampled_from(["No.", "Its own words."]) | messages)
def test_a_refusal_keeps_what_kie_said_wherever_the_code_is(
    code: int, inside: bool, message: str, shared_server: ScriptedServer
) -> None:
    body = {"code": code, "msg": message, "data": None}
    status = 200 if inside else code
    shared_server.sends(answer(body, status))
    with KieClient(TOKEN, shared_server.base_url, (2, 5), repeat=False) as client:
        error = error_of(client)
    meaning = meaning_of(code, message)
    assert (type(error), error.meaning) == (Refused, meaning)
    assert error.sent is (Sent.NO if meaning.cause is Cause.RATE else Sent.YES)
    assert (error.code, error.message, error.http_status) == (code, message, status)
    assert json.loads(error.raw) == body
    assert str(error) == f"{meaning.sentence} ({code} {message})"


@pytest.mark.parametrize("status", [404, 405])
def test_a_path_that_was_taken_away_is_not_blamed_on_the_ids(
    status: int, server: ScriptedServer, client: KieClient
) -> None:
    server.sends(answer({"timestamp": "x", "status": status, "error": "Not Found", "path": "/api/v1/x"}, status))
    error = error_of(client)
    assert (type(error), error.cause, error.code, error.message) == (Refused, Cause.REMOVED, status, "Not Found")
    assert (error.sent, "ID" in error.sentence + error.next_step) == (Sent.YES, False)


@pytest.mark.parametrize("body", ["", "<html>Gone</html>", '{"error": "Gone"}'])
def test_http_410_says_that_the_path_was_taken_away(body: str, server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(body, 410))
    assert error_of(client).cause is Cause.REMOVED


@pytest.mark.parametrize("status", [401, 403, 413])
@pytest.mark.parametrize("body", ["", "<html>Blocked</html>", '{"code": 40'])
def test_what_was_turned_away_was_not_acted_on(
    status: int, body: str, server: ScriptedServer, client: KieClient
) -> None:
    server.sends(answer(body, status))
    error = error_of(client)
    assert (type(error), error.sent, error.http_status, error.raw) == (Refused, Sent.YES, status, body)
    assert error.cause is (Cause.TOKEN if status == 401 else Cause.BLOCKED)


def test_missing_credits_behind_a_gateways_code_were_not_acted_on(server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer({"code": 503, "msg": "The current credits are insufficient."}, 503))
    assert (error_of(client).cause, error_of(client).sent) == (Cause.CREDITS, Sent.YES)


@pytest.mark.parametrize("body", ["", "<html>429</html>"])
def test_http_429_needs_no_json(body: str, server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(body, 429))
    error = error_of(client)
    assert (type(error), error.cause, error.sent, error.raw) == (Refused, Cause.RATE, Sent.NO, body)


@pytest.mark.parametrize("body", ["<html>Bad gateway</html>", "", '{"status": 500, "error": "Internal Server Error"}'])
@pytest.mark.parametrize("status", [500, 502])
def test_a_gateways_trouble_leaves_it_open_whether_kie_acted(
    status: int, body: str, server: ScriptedServer, client: KieClient
) -> None:
    server.sends(answer(body, status))
    error = error_of(client)
    assert (type(error), error.sent) == (UnreadableAnswer, Sent.UNKNOWN)
    assert (error.http_status, error.raw) == (status, body)


@pytest.mark.parametrize("status", [400, 404])
def test_a_4xx_page_that_is_not_json_may_be_anybodys(status: int, server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer("<html>Blocked</html>", status))
    error = error_of(client)
    assert (type(error), error.http_status) == (UnreadableAnswer, status)


@pytest.mark.parametrize("message", [None, {"en": "no"}, False])
def test_a_message_of_another_type_is_left_to_the_raw_answer(
    message: Any, server: ScriptedServer, client: KieClient
) -> None:
    server.sends(answer({"code": 500, "msg": message}))
    error = error_of(client)
    assert (type(error), error.message) == (Refused, "")


def test_a_long_message_is_cut(server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer({"code": 500, "msg": "x" * 5000}))
    assert len(error_of(client).message) == 1000
