"""What counts as a success, and what an answer that lacks a piece of it becomes; the balance."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kie import KieClient, KieError, Refused, Sent, UnreadableAnswer
from tests.kie.servers import MADE, REQUEST, TOKEN, Account, ScriptedServer, answer, envelope, steady


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


@pytest.mark.parametrize("status", [200, 299])
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


@pytest.mark.parametrize(
    "data",
    [
        {"persona_id": "c1d2e3f4"},
        {"data": {"personaId": "c1d2e3f4"}},
        {"resultObject": {"persona_id": "c1d2e3f4"}},
        {"resultJson": '{"data": {"persona_id": "c1d2e3f4"}}', "param": '{"persona_id": "other"}'},
        {"a": [{"b": {"c": [{"personaId": "c1d2e3f4"}]}}]},
        {"personaId": None, "persona_id": 0, "inner": {"personaId": "c1d2e3f4"}} | {"persona_id": ""},
        [MADE],
    ],
)
def test_an_id_is_found_under_each_name_and_at_each_depth_that_clients_accept(
    data: object, server: ScriptedServer, client: KieClient
) -> None:
    server.sends(answer(envelope(data)))
    assert client.create_persona(REQUEST).persona_id == "c1d2e3f4"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"status": 404, "path": "/x", "data": {"personaId": "c1d2e3f4"}}, 404),
        ({"status": 405, "path": "/x", "personaId": "c1d2e3f4"}, 405),
        ({"error": "Gone", "data": {"persona_id": "c1d2e3f4"}}, 410),
        (envelope({"personaId": "c1d2e3f4", "errorCode": 500, "errorMessage": "create persona error"}), 200),
    ],
)
def test_an_answer_that_names_an_id_and_a_trouble_is_for_a_person_to_look_at(
    body: object, status: int, server: ScriptedServer, client: KieClient
) -> None:
    server.sends(answer(body, status))
    with pytest.raises(UnreadableAnswer) as raised:
        client.create_persona(REQUEST)
    assert (raised.value.seen_id, raised.value.gone) == ("c1d2e3f4", False)


@pytest.mark.parametrize(
    "data",
    [
        {"music": {"id": "a", "persona_id": "another"}},
        {"sunoData": [{"personaId": "another"}]},
        {"requestParam": {"personaId": "another"}, "inputs": {"persona_id": "another"}},
    ],
)
def test_an_id_in_what_is_repeated_or_told_of_the_song_is_not_taken(data: object, server: ScriptedServer) -> None:
    assert unreadable(envelope(data), server).sent is Sent.UNKNOWN


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (envelope({"taskId": "5e1d", "recordId": "5e1d"}, 500, "Server exception"), 200),
        ({"status": 404, "error": "upstream lost", "data": {"taskId": "5e1d"}}, 404),
        (envelope({"taskId": "5e1d"}, 422, "No."), 200),
    ],
)
def test_a_handle_in_an_unsuccessful_answer_is_told(
    body: object, status: int, server: ScriptedServer, client: KieClient
) -> None:
    server.sends(answer(body, status))
    with pytest.raises(KieError) as raised:
        client.start_persona_job(REQUEST)
    assert raised.value.seen_handle == "5e1d"


def test_the_songs_own_id_is_no_handle(server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(envelope({"persona_id": "c1d2e3f4", "task_id": REQUEST.task_id})))
    handle = client.start_persona_job(REQUEST)
    assert (str(handle), handle.persona and handle.persona.persona_id) == ("", "c1d2e3f4")


@pytest.mark.parametrize("code", ["200", 200.0])
def test_a_code_as_text_or_with_a_point_is_read(code: object, server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(envelope(MADE, code=code)))
    assert client.create_persona(REQUEST).persona_id == "c1d2e3f4"


def test_a_byte_order_mark_is_read_over(server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(b"\xef\xbb\xbf" + json.dumps(envelope(MADE)).encode()))
    assert client.create_persona(REQUEST).persona_id == "c1d2e3f4"


def unreadable(body: object, server: ScriptedServer) -> UnreadableAnswer:
    """The error of a persona that was asked for and answered with this body in HTTP 200."""
    server.sends(answer(json.dumps(body)))
    with KieClient(TOKEN, server.base_url, (2, 5), repeat=False) as client, pytest.raises(UnreadableAnswer) as raised:
        client.create_persona(REQUEST)
    return raised.value


@steady
@given(told=st.none() | st.booleans() | st.floats() | st.lists(st.text(), max_size=2) | st.text(" \t\n\u00a0"))
@example(told=None)
@example(told=" \t\n")
@example(told=True)
@example(told=1.5)
@example(told=["c1d2"])
def test_success_with_another_thing_for_an_id_is_unreadable(told: object, shared_server: ScriptedServer) -> None:
    assert unreadable(envelope({**MADE, "personaId": told}), shared_server).sent is Sent.UNKNOWN


@steady
@given(
    code=st.none()
    | st.booleans()
    | st.floats().filter(lambda code: code % 1)
    | st.lists(st.integers(), max_size=2)
    | st.text(" ab²")
)
@example(code=None)
@example(code=True)
@example(code=200.5)
@example(code="OK")
@example(code="²")  # decimal for nobody but `str.isdigit`
@example(code=10**300)  # beyond any column
def test_a_persona_with_another_thing_for_a_code_is_unreadable(code: object, shared_server: ScriptedServer) -> None:
    error = unreadable(envelope(MADE, code=code), shared_server)
    assert (error.sent, error.code) == (Sent.UNKNOWN, None)


@pytest.mark.parametrize(
    "body",
    [
        envelope({"name": "a", "description": "b"}),
        envelope(None),
        envelope([{"name": "a"}]),
        envelope("c1d2e3f4"),
        {"code": 200, "msg": "success"},
        {"msg": "success", "data": MADE},
        [envelope(MADE)],
        None,
    ],
    ids=["no ID", "data null", "data a list", "data a text", "no data", "no code", "a list", "null"],
)
def test_http_200_without_a_piece_is_unreadable(body: object, server: ScriptedServer) -> None:
    assert unreadable(body, server).sent is Sent.UNKNOWN


@pytest.mark.parametrize("body", ["", "<html>hello</html>", '{"code": 200, "data": {"personaId": "c1d'])
def test_http_200_without_json_is_unreadable_and_kept(body: str, server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(body))
    with pytest.raises(UnreadableAnswer) as raised:
        client.create_persona(REQUEST)
    assert (raised.value.sent, raised.value.raw) == (Sent.UNKNOWN, body)


@pytest.mark.parametrize("status", [302, 404, 429, 500])  # redirect, KIE's no, the rate, an error
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


@pytest.mark.parametrize("code", [0, 409])
def test_an_answer_that_is_no_success_and_names_a_persona_is_left_to_a_person_with_the_id_in_it(
    server: ScriptedServer, client: KieClient, code: int
) -> None:
    server.sends(answer(envelope(MADE, code=code, msg="Persona already exists for this music")))
    with pytest.raises(UnreadableAnswer, match="names a persona ID") as raised:
        client.create_persona(REQUEST)
    assert MADE["personaId"] in raised.value.raw


@steady
@given(number=st.sampled_from([408, 499, 502, 503, 504, 520, 521, 522, 523, 524]), inside=st.booleans())
def test_somebody_on_the_way_giving_up_is_no_refusal(number: int, inside: bool, shared_server: ScriptedServer) -> None:
    body = envelope(None, code=number, msg="No.") if inside else {"error": "gave up"}
    shared_server.sends(answer(body, 200 if inside else number))
    with (
        KieClient(TOKEN, shared_server.base_url, (2, 5), repeat=False) as client,
        pytest.raises(UnreadableAnswer) as raised,
    ):
        client.create_persona(REQUEST)
    assert raised.value.sent is Sent.UNKNOWN


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


# Nested deep

DEEP_PLACES = pytest.mark.parametrize(
    "place", ["%s", '{"code": 200, "data": %s}', '{"code": 500, "msg": %s}'], ids=["body", "data", "message"]
)


@DEEP_PLACES
def test_an_answer_that_is_nested_too_deep_is_unreadable(place: str, server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(place % ("[" * 10_000 + "]" * 10_000)))
    with pytest.raises(UnreadableAnswer):
        client.music_task("7f3c")


@DEEP_PLACES
def test_an_answer_that_is_nested_nearly_too_deep_ends_no_program(
    place: str, server: ScriptedServer, client: KieClient
) -> None:
    server.hang_up = True  # otherwise the client waits for more behind each answer that it cannot read
    depths = range(860, 1000, 4)
    for depth in depths:
        server.sends(answer(place % ("[" * depth + "]" * depth), Connection="close"))
        with suppress(KieError):
            client.music_task("7f3c")
    assert len(depths) <= len(server.requests) <= 2 * len(depths)  # both interfaces are asked where one has no record


# The balance


@pytest.mark.parametrize(("told", "read"), [(100, 100.0), (35.95, 35.95), (0, 0.0), (-0.4, -0.4)])
def test_a_balance_is_a_number_of_credits(told: float, read: float, server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(envelope(told)))
    credits = client.credits()
    assert (credits, type(credits)) == (read, float)


@pytest.mark.parametrize("told", ["null", '"35.95"', "true", "NaN", "1e999", "9" * 400])
def test_a_balance_of_another_type_is_unreadable(told: str, server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(f'{{"code": 200, "data": {told}}}'))
    with pytest.raises(UnreadableAnswer):
        client.credits()
