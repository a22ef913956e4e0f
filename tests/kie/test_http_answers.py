"""Answers that break off or come in a wrong frame: what came is kept, and what is whole counts."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kie import KieClient, KieError, NoAnswer, Refused, Sent
from sandbox.faults import WRONG_FRAMES
from tests.kie.servers import MADE, REQUEST, TOKEN, Account, ScriptedServer, answer, envelope, steady
from tests.kie.test_transport import error_of

MIB = 1024 * 1024
WHOLE = json.dumps(envelope(MADE)).encode()
PACKED = gzip.compress(WHOLE)
SEEN = WHOLE[: WHOLE.index(b"c1d2e3f4") + len(b'c1d2e3f4"')]
"""The answer, cut right after the persona ID."""


def flushed(body: bytes) -> bytes:
    """The start of something packed that goes on."""
    machine = zlib.compressobj(wbits=31)
    return machine.compress(body) + machine.flush(zlib.Z_SYNC_FLUSH)


def framed(sent: bytes, *headers: str, status: int = 200) -> list[bytes]:
    """An answer after which the connection ends."""
    return ["\r\n".join([f"HTTP/1.1 {status} Whatever", *headers]).encode() + b"\r\n\r\n" + sent]


def chunk(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(body), body)


CHUNKED, GZIP = "Transfer-Encoding: chunked", "Content-Encoding: gzip"
END = b"0\r\n\r\n"

# Whole all the same

WHOLE_KINDS = [*WRONG_FRAMES, *(f"{name}_gzip" for name in WRONG_FRAMES), "not_packed"]


@pytest.mark.parametrize("kind", WHOLE_KINDS)
def test_a_whole_answer_in_a_wrong_frame_is_a_persona(kind: str, account: Account) -> None:
    account.fault(kind)
    with account.client(repeat=False) as client:
        persona = client.create_persona(account.request)
    assert [made["personaId"] for made in account.made] == [persona.persona_id]


@pytest.mark.parametrize("kind", ["no_last_chunk", "length_too_high_gzip"])
def test_a_question_in_a_wrong_frame_is_answered(kind: str, account: Account) -> None:
    account.fault(kind, path=None)
    with account.client(repeat=False) as client:
        assert client.credits() == 100


STILL_WHOLE = {
    "many chunks": framed(b"".join(chunk(WHOLE[at : at + 7]) for at in range(0, len(WHOLE), 7)), CHUNKED),
    "a chunk without a length": framed(b"many\r\n" + WHOLE + b"\r\n" + END, CHUNKED),
    "a packed chunk without a length": framed(b"many\r\n" + PACKED + b"\r\n" + END, CHUNKED, GZIP),
    "a chunk of a negative length": framed(b"-5\r\n" + WHOLE + b"\r\n" + END, CHUNKED),
    "no chunks, and a header that says so": framed(WHOLE, CHUNKED),
    "line feeds alone": framed(b"%x\n%b\n0\n\n" % (len(WHOLE), WHOLE), CHUNKED),
    "two lengths": framed(WHOLE, "Content-Length: 5", "Content-Length: 7"),
    "two lengths, one of nothing": framed(WHOLE, "Content-Length: 0", "Content-Length: 7"),
    "a length that is none": framed(WHOLE, "Content-Length: many"),
    "a length of a few bytes": framed(WHOLE, "Content-Length: 20"),
    "packed, without a header": framed(PACKED),
    "packed, with another header": framed(PACKED, "Content-Encoding: br"),
    "not packed, with a header of another kind": framed(WHOLE, "Content-Encoding: br"),
    "deflated": framed(zlib.compress(WHOLE), "Content-Encoding: deflate"),
    "deflated without a frame": framed(zlib.compress(WHOLE)[2:-4], "Content-Encoding: deflate"),
    "not deflated, and a header that says so": framed(WHOLE, "Content-Encoding: deflate"),
    "packed, without its check sum": framed(PACKED[:-8], GZIP),
    "packed, with a wrong check sum": framed(PACKED[:-8] + b"\0" * 8, GZIP),
    "packed, with something behind it": framed(PACKED + b"garbage", GZIP),
}


@pytest.mark.parametrize("said", STILL_WHOLE.values(), ids=STILL_WHOLE)
def test_what_is_whole_counts_and_is_kept(said: list[bytes], server: ScriptedServer, client: KieClient) -> None:
    server.sends(said)
    persona = client.create_persona(REQUEST)
    assert persona.persona_id == MADE["personaId"]
    assert WHOLE.decode() in persona.raw


def test_a_whole_answer_whose_end_never_comes_counts_when_the_time_is_up(server: ScriptedServer) -> None:
    server.sends(server.silent(*framed(chunk(WHOLE), CHUNKED)))
    with KieClient(TOKEN, server.base_url, (2, 0.3), repeat=False) as client:
        assert client.create_persona(REQUEST).persona_id == MADE["personaId"]


def test_a_whole_answer_before_a_reset_counts(server: ScriptedServer, client: KieClient) -> None:
    server.reset = True
    server.sends(framed(chunk(PACKED), CHUNKED, GZIP))
    assert client.create_persona(REQUEST).persona_id == MADE["personaId"]


def test_bytes_beyond_a_length_are_not_waited_for_long(server: ScriptedServer) -> None:
    server.sends(server.silent(*framed(WHOLE, "Content-Length: 20")))
    with KieClient(TOKEN, server.base_url, (2, 60), repeat=False) as client:
        assert client.create_persona(REQUEST).persona_id == MADE["personaId"]


def test_after_a_broken_answer_the_next_call_has_a_connection_of_its_own(
    server: ScriptedServer, client: KieClient
) -> None:
    server.sends(framed(chunk(WHOLE), CHUNKED), answer(envelope(7)))
    client.create_persona(REQUEST)
    assert (client.credits(), server.connections) == (7, 2)


def test_a_whole_answer_in_chunks_gives_its_connection_back(server: ScriptedServer, client: KieClient) -> None:
    said = framed(chunk(gzip.compress(json.dumps(envelope(7)).encode())) + END, CHUNKED, GZIP, "Content-Length: 3")[0]
    server.sends(said)
    assert (client.credits(), client.credits(), server.connections) == (7, 7, 1)


# A refusal

REFUSED = json.dumps(envelope(None, 422, "Music does not exist")).encode()


@pytest.mark.parametrize("kind", ["no_last_chunk", "length_too_high_gzip", "cut_gzip"])
def test_a_refusal_of_the_sandbox_in_a_broken_answer_is_never_a_success(kind: str, account: Account) -> None:
    account.fault(kind, act=False)
    assert error_of(account.client(repeat=False), account.request).sent is not Sent.NO


@pytest.mark.parametrize("said", [framed(chunk(REFUSED), CHUNKED), framed(REFUSED, "Content-Length: 999")])
def test_a_whole_refusal_in_a_broken_answer_is_a_refusal(
    said: list[bytes], server: ScriptedServer, client: KieClient
) -> None:
    server.sends(said)
    error = error_of(client)
    assert (type(error), error.code, error.sent) == (Refused, 422, Sent.YES)


def test_a_success_without_its_field_in_a_broken_answer_is_unknown(server: ScriptedServer, client: KieClient) -> None:
    server.sends(framed(chunk(json.dumps(envelope({"name": "a"})).encode()), CHUNKED))
    assert error_of(client).sent is Sent.UNKNOWN


def test_a_list_around_a_success_is_no_success_in_a_broken_answer_either(
    server: ScriptedServer, client: KieClient
) -> None:
    server.sends(framed(chunk(b"[" + WHOLE), CHUNKED))
    assert error_of(client).sent is Sent.UNKNOWN


# Not whole

CUT = {
    "in chunks": framed(chunk(SEEN), CHUNKED),
    "inside a chunk": framed(b"fff\r\n" + SEEN, CHUNKED),
    "inside a chunk's length": framed(chunk(SEEN) + b"1", CHUNKED),
    "before its length": framed(SEEN, f"Content-Length: {len(WHOLE)}"),
    "packed": framed(flushed(SEEN), GZIP, "Content-Length: 999"),
    "packed, in chunks": framed(chunk(flushed(SEEN)), CHUNKED, GZIP),
    "packed, in a chunk that is cut": framed(b"fff\r\n" + flushed(SEEN), CHUNKED, GZIP),
    "packed, in a frame that is right": framed(chunk(flushed(SEEN)) + END, CHUNKED, GZIP),
    "packed, and damaged from there on": framed(chunk(flushed(SEEN) + b"\xff" * 40) + END, CHUNKED, GZIP),
    "deflated": framed(zlib.compress(SEEN)[:-4], "Content-Encoding: deflate"),
    "by a chunk that is too short for it": framed(b"%x\r\n" % (len(SEEN) - 5) + SEEN, CHUNKED),
}


@pytest.mark.parametrize("said", CUT.values(), ids=CUT)
def test_what_came_of_a_cut_answer_is_kept_and_its_persona_id_seen(
    said: list[bytes], server: ScriptedServer, client: KieClient
) -> None:
    server.sends(said)
    error = error_of(client)
    assert (error.sent, error.http_status, error.seen_id) == (Sent.UNKNOWN, 200, "c1d2e3f4")
    assert error.raw.startswith(SEEN.decode())


@pytest.mark.parametrize("kind", ["cut_after_id", "cut_after_id_plain", "cut_gzip"])
def test_the_sandboxs_cut_answer_shows_the_id_of_what_it_made(kind: str, account: Account) -> None:
    account.fault(kind)
    error = error_of(account.client(repeat=False), account.request)
    assert (error.sent, error.seen_id) == (Sent.UNKNOWN, account.made[0]["personaId"])


def test_what_came_before_the_time_was_up_is_kept(server: ScriptedServer) -> None:
    server.sends(server.silent(*framed(chunk(flushed(SEEN)), CHUNKED, GZIP)))
    error = error_of(KieClient(TOKEN, server.base_url, (2, 0.3), repeat=False))
    assert (type(error), error.raw, error.seen_id) == (NoAnswer, SEEN.decode(), "c1d2e3f4")


def test_what_came_before_a_reset_is_kept(server: ScriptedServer, client: KieClient) -> None:
    server.reset = True
    server.sends(framed(chunk(flushed(SEEN)), CHUNKED, GZIP))
    assert error_of(client).raw == SEEN.decode()


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ('{"data": {"personaId": "c1d2', ""),
        ('{"data": {"personaId": "c1d2\\"', ""),
        ('{"data": {"personaId": "c1\\u0064\\/2"', "c1d/2"),
        ('{"data": {"personaId": null, ', ""),
        ('{"data": {"personaId": "", ', ""),
        ('{"data": {"personaId": 900719', ""),
        ('{"data": {"personaId": 9007199254740993, ', "9007199254740993"),
        ('{"data": {"personaId"\n : \t"c1d2"', "c1d2"),
        ('{"data": {"name": "my \\"personaId\\": \\"no\\"", ', ""),
        ('{"data": {"taskId": "c1d2", ', ""),
        ("<html>personaId</html>", ""),
        ("", ""),
    ],
)
def test_only_a_complete_id_is_seen(text: str, seen: str, server: ScriptedServer, client: KieClient) -> None:
    server.sends(framed(text.encode(), "Content-Length: 9999"))
    assert error_of(client).seen_id == seen


@pytest.mark.parametrize("ask", [KieClient.credits, lambda client: client.boost_style("low")])
def test_what_came_of_any_other_answer_is_kept_too(
    ask: Callable[[KieClient], object], server: ScriptedServer, client: KieClient
) -> None:
    server.sends(framed(chunk(flushed(b'{"code": 200, "data": ')), CHUNKED, GZIP))
    with pytest.raises(NoAnswer) as raised:
        ask(client)
    assert raised.value.raw == '{"code": 200, "data": '


def test_the_token_is_blotted_out_of_a_broken_answer(server: ScriptedServer, client: KieClient) -> None:
    server.sends(framed(chunk(flushed(f'{{"you": "{TOKEN}", '.encode())), CHUNKED, GZIP))
    assert error_of(client).raw == '{"you": "[token]", '


def test_a_refusal_is_an_error_without_an_id_to_see(server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(envelope(None, 422, "no")))
    assert error_of(client).seen_id == ""


# Within the same bounds


@pytest.mark.parametrize(
    "said",
    [
        [*framed(b"", CHUNKED), *[b"-1\r\n"], *[b"{" * MIB] * 4],
        framed(b"{" * 4 * MIB, "Content-Length: 5"),
        framed(chunk(gzip.compress(bytes(100 * MIB), 1)), CHUNKED, GZIP),
    ],
    ids=["in a broken chunk", "beyond a length", "packed"],
)
def test_a_broken_answer_too_long_is_cut(said: list[bytes], server: ScriptedServer, client: KieClient) -> None:
    server.sends(said)
    error = error_of(client)
    assert (error.sent, len(error.raw)) == (Sent.UNKNOWN, 64 * 1024)


# Without a closing bracket: bytes that close the object make another answer of it, and no client can tell.
@settings(steady, max_examples=100)
@given(at=st.integers(0, 400), garbage=st.binary(max_size=12).filter(lambda it: b"}" not in it), packed=st.booleans())
@example(at=56, garbage=b"\xb9\x00", packed=True)  # it unpacks to a whole object with another code
def test_wherever_it_breaks_it_is_whole_or_unknown(
    at: int, garbage: bytes, packed: bool, shared_server: ScriptedServer
) -> None:
    body = chunk(PACKED if packed else WHOLE) + END
    head = [CHUNKED, GZIP] if packed else [CHUNKED]
    shared_server.sends(framed(body[:at] + garbage, *head))
    with KieClient(TOKEN, shared_server.base_url, (2, 2), repeat=False) as client:
        try:
            assert client.create_persona(REQUEST).persona_id == MADE["personaId"]
        except KieError as error:
            assert error.sent is Sent.UNKNOWN  # noqa: PT017  # both ends are right, depending on the place
