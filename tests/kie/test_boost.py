"""Style notes that KIE writes out, for credits: what counts as done, as failed, and as unknown."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from kie import (
    BoostedStyle,
    Cause,
    InvalidInput,
    KieClient,
    KieError,
    NoAnswer,
    NotConnected,
    Refused,
    Sent,
    UnreadableAnswer,
)
from kie.operations import BOOST_STYLE
from sandbox.replies import STYLE_PATH
from tests.kie.servers import TOKEN, Account, ScriptedServer, answer, envelope, steady

NOTE = "chamber jazz, rainy"
WRITTEN = {"result": "Intimate chamber jazz", "creditsConsumed": 0.4, "creditsRemaining": 87.35, "successFlag": "1"}


def error_of(client: KieClient) -> KieError:
    with client, pytest.raises(KieError) as raised:
        client.boost_style(NOTE)
    return raised.value


def failed(**changes: Any) -> dict[str, Any]:
    return envelope({"successFlag": "2", "result": None, "errorCode": None, "errorMessage": None, **changes})


# Done


def test_the_contracts_example_is_read(contract: dict[str, Any], server: ScriptedServer, client: KieClient) -> None:
    operation = contract["paths"]["/api/v1/style/generate"]["post"]
    body = operation["responses"]["200"]["content"]["application/json"]["examples"]["expanded"]["value"]
    server.sends(answer(body))
    assert client.boost_style(NOTE) == BoostedStyle(body["data"]["result"], 0.4, 87.35, json.dumps(body))


def test_the_sandbox_writes_and_counts(account: Account) -> None:
    with account.client() as client:
        before = client.credits()
        boosted = client.boost_style(NOTE)
        assert client.credits() == boosted.credits_remaining
    assert boosted.text.startswith("Chamber jazz, rainy")
    assert boosted.credits_consumed == pytest.approx(before - (boosted.credits_remaining or 0))


def test_the_note_is_sent_to_the_documented_place(
    server: ScriptedServer, client: KieClient, contract: dict[str, Any]
) -> None:
    server.sends(answer(envelope(WRITTEN)))
    client.boost_style(NOTE)
    (seen,) = server.requests
    assert (seen.method, seen.path, seen.json) == ("POST", "/api/v1/style/generate", {"content": NOTE})
    assert (seen.headers["content-type"], seen.headers["authorization"]) == ("application/json", f"Bearer {TOKEN}")
    Draft202012Validator(contract["components"]["schemas"]["BoostStyleRequest"]).validate(seen.json)


@pytest.mark.parametrize("flag", ["1", 1, " 1 "])
def test_done_is_read_as_text_and_as_a_number(flag: object, server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(envelope({**WRITTEN, "successFlag": flag})))
    assert client.boost_style(NOTE).text == "Intimate chamber jazz"


@pytest.mark.parametrize(
    ("told", "price"), [(0.4, 0.4), ("0.40", 0.4), (0, 0.0), (None, None), ("", None), ("few", None), (True, None)]
)
def test_a_price_is_credits_or_unknown(
    told: object, price: float | None, server: ScriptedServer, client: KieClient
) -> None:
    server.sends(answer(envelope({**WRITTEN, "creditsConsumed": told, "creditsRemaining": told})))
    boosted = client.boost_style(NOTE)
    assert (boosted.credits_consumed, boosted.credits_remaining) == (price, price)


def test_a_text_can_be_written_anywhere(server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(envelope({**WRITTEN, "result": "\n cut \ud83d\0 \n"})))
    assert client.boost_style(NOTE).text == "cut ??"


# Neither done nor failed

INCOMPLETE: dict[str, Any] = {
    "waiting": envelope({**WRITTEN, "successFlag": "0"}),
    "no flag": envelope({key: value for key, value in WRITTEN.items() if key != "successFlag"}),
    "flag null": envelope({**WRITTEN, "successFlag": None}),
    "flag true": envelope({**WRITTEN, "successFlag": True}),
    "flag unheard of": envelope({**WRITTEN, "successFlag": "3"}),
    "flag a list": envelope({**WRITTEN, "successFlag": ["1"]}),
    "no result": envelope({"successFlag": "1"}),
    "result null": envelope({**WRITTEN, "result": None}),
    "result blank": envelope({**WRITTEN, "result": " \n"}),
    "result a list": envelope({**WRITTEN, "result": ["Intimate"]}),
    "data null": envelope(None),
    "data missing": {"code": 200, "msg": "success"},
    "data a list": envelope([WRITTEN]),
    "no code": {"msg": "success", "data": WRITTEN},
    "a list": [envelope(WRITTEN)],
    "no JSON": "<html>hello</html>",
    "nothing": "",
}


@pytest.mark.parametrize("body", INCOMPLETE.values(), ids=INCOMPLETE)
def test_an_answer_without_a_piece_is_unreadable(body: Any, server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(body))
    error = error_of(client)
    assert (type(error), error.cause, error.sent) == (UnreadableAnswer, Cause.UNREADABLE, Sent.UNKNOWN)


@pytest.mark.parametrize("status", [302, 400, 500, 502])
def test_done_with_a_status_that_says_otherwise_is_unreadable(
    status: int, server: ScriptedServer, client: KieClient
) -> None:
    server.sends(answer(envelope(WRITTEN), status))
    assert type(error_of(client)) is UnreadableAnswer


def test_an_unreadable_answer_is_kept(server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(envelope({**WRITTEN, "successFlag": "0"})))
    assert "Intimate chamber jazz" in error_of(client).raw


# Refused and failed


def test_the_contracts_refusal_is_a_refusal(
    contract: dict[str, Any], server: ScriptedServer, client: KieClient
) -> None:
    operation = contract["paths"]["/api/v1/style/generate"]["post"]
    server.sends(
        answer(operation["responses"]["200"]["content"]["application/json"]["examples"]["no_credits"]["value"])
    )
    error = error_of(client)
    assert (type(error), error.cause, error.sent) == (Refused, Cause.CREDITS, Sent.YES)


@pytest.mark.parametrize(
    ("told", "cause", "code", "message"),
    [
        ({"errorCode": 500, "errorMessage": "Server exception"}, Cause.SERVER, 500, "Server exception"),
        ({"errorCode": "422", "errorMessage": "Too odd"}, Cause.INPUT, 422, "Too odd"),
        ({"errorCode": 500, "errorMessage": "Credits insufficient"}, Cause.CREDITS, 500, "Credits insufficient"),
        ({"errorCode": 501, "errorMessage": "Generation failed"}, Cause.FAILED, 501, "Generation failed"),
        ({}, Cause.OTHER, None, ""),
        ({"errorCode": [], "errorMessage": {}, "result": "half a text"}, Cause.OTHER, None, ""),
    ],
)
def test_a_failure_is_a_refusal_with_kies_own_reason(
    told: dict[str, Any], cause: Cause, code: int | None, message: str, server: ScriptedServer, client: KieClient
) -> None:
    server.sends(answer(failed(**told)))
    error = error_of(client)
    assert (type(error), error.sent) == (Refused, Sent.YES)
    assert (error.cause, error.code, error.message) == (cause, code, message)


def test_a_failure_is_never_asked_for_again(server: ScriptedServer) -> None:
    server.sends(answer(failed(errorCode=429, errorMessage="Your call frequency is too high")))
    error_of(KieClient(TOKEN, server.base_url, (2, 5), sleep=lambda seconds: None))
    assert len(server.requests) == 1


def test_too_few_credits_in_the_sandbox_are_refused(account: Account) -> None:
    account.fault("code", path=STYLE_PATH, code=402, message="Credits insufficient")
    assert error_of(account.client()).cause is Cause.CREDITS


def test_a_call_refused_for_the_rate_is_sent_again(account: Account) -> None:
    account.fault("status", path=STYLE_PATH, status=429, retry_after=1)
    pauses: list[float] = []
    with account.client(sleep=pauses.append) as client:
        assert client.boost_style(NOTE).text
    assert (len(pauses), account.requests) == (1, 2)


# The answer is lost

LOST: dict[str, tuple[dict[str, float], type[KieError]]] = {
    "drop_before": ({}, NoAnswer),
    "drop_after": ({}, NoAnswer),
    "truncated": ({}, NoAnswer),
    "delay": ({"seconds": 30}, NoAnswer),
    "drip": ({"seconds": 0.02}, NoAnswer),
    "cut_json": ({}, UnreadableAnswer),
    "huge": ({}, UnreadableAnswer),
    "html": ({}, UnreadableAnswer),
    "not_object": ({}, UnreadableAnswer),
    "redirect": ({}, UnreadableAnswer),
}


@pytest.mark.parametrize("kind", LOST)
def test_a_lost_answer_leaves_the_outcome_unknown_and_is_never_asked_for_again(kind: str, account: Account) -> None:
    fields, expected = LOST[kind]
    account.fault(kind, path=STYLE_PATH, **fields)
    error = error_of(account.client(timeout=(2, 0.5 if expected is NoAnswer else 10)))
    assert (type(error), error.sent, account.requests) == (expected, Sent.UNKNOWN, 1)


def test_what_never_connected_was_not_sent() -> None:
    error = error_of(KieClient(TOKEN, "http://kie.invalid", (1, 1), repeat=False))
    assert (type(error), error.sent) == (NotConnected, Sent.NO)


# Words for a person

ALL_CODES = [400, 401, 402, 404, 409, 422, 429, 433, 451, 455, 500, 501, 505, 531, 799]


@pytest.mark.parametrize("code", ALL_CODES)
def test_a_refusal_speaks_of_no_persona_and_no_track(code: int, server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(envelope(None, code=code, msg="No.")))
    error = error_of(client)
    words = f"{error.sentence} {error.next_step}".lower()
    assert not [word for word in ("persona", "track", "audio") if word in words]


@pytest.mark.parametrize("body", ["", envelope({"successFlag": "1"})])
def test_an_unknown_outcome_speaks_of_the_credits(body: Any, server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(body))
    error = error_of(client)
    assert "credits" in error.sentence
    assert "persona" not in f"{error.sentence} {error.next_step}"


@pytest.mark.parametrize("cause", [Cause.NO_ANSWER, Cause.UNREADABLE, Cause.FAILED, Cause.CREDITS])
def test_a_cause_written_down_finds_its_words_again(cause: Cause) -> None:
    meaning = BOOST_STYLE.meaning_for(cause.value)
    assert meaning.cause is cause
    assert "persona" not in meaning.sentence


# What is asked


@pytest.mark.parametrize("note", ["", " \n\t", "x" * 5001, "a\0b", "a\ud83d"])
def test_what_cannot_be_a_note_is_never_sent(note: str, server: ScriptedServer, client: KieClient) -> None:
    with pytest.raises(InvalidInput) as raised:
        client.boost_style(note)
    assert (raised.value.field, raised.value.sent, server.connections) == ("content", Sent.NO, 0)


@pytest.mark.parametrize("note", ["x" * 5000, "two\nlines", "Ünï 日本語 🎵"])
def test_a_note_arrives_as_it_was(note: str, server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(envelope(WRITTEN)))
    client.boost_style(note)
    assert server.requests[0].json == {"content": note}


# Anything at all

values = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers(), max_size=2)
KEYS = ("result", "creditsConsumed", "creditsRemaining", "errorCode", "errorMessage")
data = values | st.fixed_dictionaries(
    {"successFlag": st.sampled_from(["0", "1", "2"]) | values}, optional=dict.fromkeys(KEYS, values)
)


@steady
@given(data=data)
def test_any_answer_at_all_ends_in_a_text_or_an_error_of_ours(data: object, shared_server: ScriptedServer) -> None:
    shared_server.sends(answer(envelope(data)))
    with KieClient(TOKEN, shared_server.base_url, (2, 5), repeat=False) as client:
        try:
            text = client.boost_style(NOTE).text
        except (Refused, UnreadableAnswer):
            return
    assert text.strip()
