"""Style notes that KIE writes out, for credits: what counts as done, as failed, and as unknown."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kie import BoostedStyle, Cause, InvalidInput, KieClient, KieError, NoAnswer, Refused, Sent, UnreadableAnswer
from sandbox.replies import STYLE_PATH
from tests.kie.servers import TOKEN, Account, ScriptedServer, Validate, answer, envelope, examples_of, steady

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
    body = examples_of(contract, "post", "/api/v1/style/generate")["expanded"]["value"]
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
    server: ScriptedServer, client: KieClient, validate: Validate
) -> None:
    server.sends(answer(envelope(WRITTEN)))
    client.boost_style(NOTE)
    (seen,) = server.requests
    assert (seen.method, seen.path, seen.json) == ("POST", "/api/v1/style/generate", {"content": NOTE})
    assert (seen.headers["content-type"], seen.headers["authorization"]) == ("application/json", f"Bearer {TOKEN}")
    validate("BoostStyleRequest", seen.json)


@pytest.mark.parametrize(("told", "price"), [("0.40", 0.4), (0, 0.0), (None, None)])
def test_a_price_is_credits_or_unknown(told: object, price: float | None) -> None:
    boosted = BoostedStyle.read({**WRITTEN, "creditsConsumed": told, "creditsRemaining": told})
    assert (boosted.credits_consumed, boosted.credits_remaining) == (price, price)


def test_a_text_is_stripped_and_can_be_stored() -> None:
    assert BoostedStyle.read({**WRITTEN, "result": "\n cut \ud83d\0 \n"}).text == "cut ??"


# What counts as an answer

flags = st.sampled_from(["0", "1", 1, " 1 ", "2", 2, "3", None, True, ["1"], "成功"])
results = st.sampled_from(["Intimate chamber jazz", 5, None, "", " \n", ["Intimate"], True])


@steady
@given(flag=flags, result=results)
@example(flag="1", result="Intimate chamber jazz")
@example(flag="1", result=" \n")
@example(flag=True, result="Intimate chamber jazz")
@example(flag="2", result=None)
def test_an_answer_is_done_with_its_text_or_failed(flag: object, result: object) -> None:
    failed = flag in ("2", 2)
    done = not failed and result in ("Intimate chamber jazz", 5)
    assert BoostedStyle.is_answer({**WRITTEN, "successFlag": flag, "result": result}) is (done or failed)
    assert bool(BoostedStyle.text_in({**WRITTEN, "successFlag": flag, "result": result})) is done


@pytest.mark.parametrize("data", [None, [WRITTEN], "Intimate", {"result": ""}, {"successFlag": "1"}])
def test_what_is_not_an_answer_is_none(data: object) -> None:
    assert not BoostedStyle.is_answer(data)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (envelope({"successFlag": "0", "result": ""}), 200),
        (envelope(WRITTEN), 502),
        ({"data": WRITTEN}, 200),
        ("", 200),
    ],
    ids=["still being written", "a status that says otherwise", "no code", "nothing"],
)
def test_anything_else_is_unreadable_and_kept(
    body: Any, status: int, server: ScriptedServer, client: KieClient
) -> None:
    server.sends(answer(body, status))
    error = error_of(client)
    assert (type(error), error.cause, error.sent) == (UnreadableAnswer, Cause.UNREADABLE, Sent.UNKNOWN)
    assert error.raw == (body if isinstance(body, str) else json.dumps(body))


# Refused and failed


def test_the_contracts_refusal_is_a_refusal(
    contract: dict[str, Any], server: ScriptedServer, client: KieClient
) -> None:
    server.sends(answer(examples_of(contract, "post", "/api/v1/style/generate")["no_credits"]["value"]))
    error = error_of(client)
    assert (type(error), error.cause, error.sent) == (Refused, Cause.CREDITS, Sent.YES)


@pytest.mark.parametrize(
    ("told", "cause", "code", "message"),
    [
        ({"errorCode": "422", "errorMessage": "Too odd"}, Cause.INPUT, 422, "Too odd"),
        ({"errorCode": 500, "errorMessage": "Credits insufficient"}, Cause.CREDITS, 500, "Credits insufficient"),
        ({}, Cause.OTHER, None, ""),
        ({"errorCode": [], "errorMessage": {}, "result": "half a text"}, Cause.OTHER, None, ""),
        ({"successFlag": "成功", "errorCode": 500, "errorMsg": "Too odd"}, Cause.SERVER, 500, "Too odd"),
    ],
    ids=["a code as text", "a known message", "no reason", "a reason of another type", "an error and no text"],
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


def test_a_call_refused_for_the_rate_is_sent_again(account: Account) -> None:
    account.fault("status", path=STYLE_PATH, status=429, retry_after=1)
    pauses: list[float] = []
    with account.client(sleep=pauses.append) as client:
        assert client.boost_style(NOTE).text
    assert (len(pauses), account.requests) == (1, 2)


@pytest.mark.parametrize(("kind", "expected"), [("drop_after", NoAnswer), ("cut_json", UnreadableAnswer)])
def test_a_lost_answer_leaves_the_outcome_unknown_and_is_never_asked_for_again(
    kind: str, expected: type[KieError], account: Account
) -> None:
    account.fault(kind, path=STYLE_PATH)
    error = error_of(account.client(sleep=lambda seconds: None))
    assert (type(error), error.sent, account.requests) == (expected, Sent.UNKNOWN, 1)


# What is asked


@pytest.mark.parametrize("note", [" \n\t", "x" * 5001, "a\0b"], ids=["blank", "too long", "invisible"])
def test_what_cannot_be_a_note_is_never_sent(note: str, server: ScriptedServer, client: KieClient) -> None:
    with pytest.raises(InvalidInput) as raised:
        client.boost_style(note)
    assert (raised.value.field, raised.value.sent, server.connections) == ("content", Sent.NO, 0)


@pytest.mark.parametrize("note", ["x" * 5000, "two\nlines", "Ünï 日本語 🎵"], ids=["long", "lines", "scripts"])
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
