"""Troubles of the network: which error each becomes, what it says about the request, and how often KIE was asked."""

from __future__ import annotations

import gzip
import itertools
import socket
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address
from typing import NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kie import KieClient, KieError, NoAnswer, NotConnected, PersonaRequest, Sent, UnreadableAnswer
from kie.transport import is_loopback
from sandbox import Server
from tests.kie.servers import MADE, REQUEST, TOKEN, Account, ScriptedServer, answer, envelope, steady

MIB = 1024 * 1024


def error_of(client: KieClient, request: PersonaRequest = REQUEST) -> KieError:
    with client, pytest.raises(KieError) as raised:
        client.create_persona(request)
    return raised.value


@pytest.fixture
def refusing() -> Iterator[str]:
    """An address where nobody listens, held so that nobody else can take it."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


@pytest.fixture
def full() -> Iterator[str]:
    """An address whose queue of connections is full, so that a connect is never answered."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for each in (first, second):
            each.setblocking(False)
            each.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


# Nothing was sent


def test_a_refused_connection_sent_nothing(refusing: str) -> None:
    error = error_of(KieClient(TOKEN, refusing, repeat=False))
    assert (type(error), error.sent) == (NotConnected, Sent.NO)


def test_a_name_that_does_not_exist_sent_nothing() -> None:
    error = error_of(KieClient(TOKEN, "http://kie.invalid", (1, 1), repeat=False))
    assert (type(error), error.sent) == (NotConnected, Sent.NO)


def test_a_refused_tls_handshake_sent_nothing(account: Account, kie_server: Server) -> None:
    secure = kie_server.base_url.replace("http:", "https:")
    error = error_of(KieClient(account.token, secure, (2, 2), repeat=False))
    assert (type(error), error.sent, account.requests) == (NotConnected, Sent.NO, 0)


def test_a_connect_that_is_never_answered_sent_nothing(full: str) -> None:
    error = error_of(KieClient(TOKEN, full, (0.2, 5), repeat=False))
    assert (type(error), error.sent) == (NotConnected, Sent.NO)


def test_an_address_that_is_none_sent_nothing() -> None:
    error = error_of(KieClient(TOKEN, "ftp://kie.example", repeat=False))
    assert (type(error), error.sent) == (NotConnected, Sent.NO)


class Unusable(NamedTuple):
    """Surroundings in which no request can leave: a setting, its value, and what is told."""

    name: str
    value: str
    cause: str
    step: str
    """A word of what the person is told to do."""


@pytest.fixture(params=["SOCKS", "a proxy that wants a name", "a proxy that talks nonsense", "no certificates"])
def unusable(request: pytest.FixtureRequest, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> Unusable:
    server.sends(b"nonsense\r\n\r\n" if "nonsense" in request.param else answer("", 407))
    found = {
        "SOCKS": Unusable("HTTPS_PROXY", "socks5://127.0.0.1:9", "SOCKS", "SOCKS"),
        "a proxy that wants a name": Unusable("HTTPS_PROXY", server.base_url, "407", "name and a password"),
        "a proxy that talks nonsense": Unusable("HTTPS_PROXY", server.base_url, "nonsense", "proxy"),
        "no certificates": Unusable("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem", "/nowhere/ca.pem", "certificates"),
    }[request.param]
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setitem(sys.modules, "socks", None)
    monkeypatch.setenv(found.name, found.value)
    return found


ASK = {"a persona": lambda client: client.create_persona(REQUEST), "a question": KieClient.credits}


@pytest.mark.parametrize("ask", ASK.values(), ids=ASK)
def test_unusable_surroundings_sent_nothing_and_are_named(
    unusable: Unusable, ask: Callable[[KieClient], object]
) -> None:
    with pytest.raises(NotConnected) as raised:
        ask(KieClient(TOKEN, "https://kie.invalid", (2, 2), repeat=False))
    assert raised.value.sent is Sent.NO
    assert unusable.cause in raised.value.message
    assert unusable.step in raised.value.next_step


def test_a_question_that_is_dropped_was_sent(account: Account) -> None:
    account.fault("drop_before", path=None)
    with pytest.raises(NoAnswer):
        account.client(repeat=False).credits()


def test_a_proxy_that_never_answers_sent_nothing(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("HTTPS_PROXY", server.base_url)
    server.sends(server.silent())
    with pytest.raises(NotConnected):
        KieClient(TOKEN, "https://kie.invalid", (0.3, 5), repeat=False).credits()


def test_not_connected_says_so_to_a_person_and_keeps_the_librarys_words(refusing: str) -> None:
    error = error_of(KieClient(TOKEN, refusing, repeat=False))
    assert "Nothing was sent" in error.sentence
    assert "internet connection" in error.next_step
    assert "refused" in error.message


# Sent, and then

SENT_AND_THEN: dict[str, tuple[dict[str, float], type[KieError]]] = {
    "drop_before": ({}, NoAnswer),
    "drop_after": ({}, NoAnswer),
    "truncated": ({}, NoAnswer),
    "delay": ({"seconds": 30}, NoAnswer),
    "drip": ({"seconds": 0.02}, NoAnswer),  # about three seconds in all, and never long between two bytes
    "drip_headers": ({"seconds": 0.01}, NoAnswer),
    "cut_json": ({}, UnreadableAnswer),
    "huge": ({}, UnreadableAnswer),
    "html": ({}, UnreadableAnswer),
    "no_id": ({}, UnreadableAnswer),
    "not_object": ({}, UnreadableAnswer),
    "redirect": ({}, UnreadableAnswer),
}


@pytest.mark.parametrize("kind", SENT_AND_THEN)
def test_an_answer_that_goes_wrong_leaves_the_outcome_unknown_and_is_never_asked_for_again(
    kind: str, account: Account
) -> None:
    fields, expected = SENT_AND_THEN[kind]
    account.fault(kind, **fields)
    pauses: list[float] = []
    seconds = 0.5 if expected is NoAnswer else 10
    error = error_of(account.client(timeout=(2, seconds), sleep=pauses.append), account.request)
    assert (type(error), error.sent) == (expected, Sent.UNKNOWN)
    assert (account.posts, account.requests, pauses) == (1, 1, [])


def test_no_answer_says_that_kie_may_have_made_it(account: Account) -> None:
    account.fault("drop_after")
    error = error_of(account.client(), account.request)
    assert "KIE may have made the persona" in error.sentence
    assert "exactly the same text" in error.next_step


def test_a_truncated_answer_keeps_its_status(account: Account) -> None:
    account.fault("truncated")
    assert error_of(account.client(), account.request).http_status == 200


def test_a_cut_json_is_kept(account: Account) -> None:
    account.fault("cut_json")
    assert error_of(account.client(), account.request).raw.startswith('{"code"')


def test_reading_ends_within_the_same_deadline(account: Account) -> None:
    account.fault("drip", path=None, seconds=0.02)
    with account.client(timeout=(2, 0.2), repeat=False) as client, pytest.raises(NoAnswer):
        client.music_task(account.request.task_id)


def test_the_deadline_starts_anew_for_the_next_call(account: Account) -> None:
    account.fault("drip", path=None, seconds=0.02)
    with account.client(timeout=(2, 0.3), repeat=False) as client:
        with pytest.raises(NoAnswer):
            client.credits()
        assert client.credits() == 100


def test_provisional_answers_without_end_reach_the_deadline(server: ScriptedServer) -> None:
    server.sends(itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n"))
    assert type(error_of(KieClient(TOKEN, server.base_url, (2, 0.3), repeat=False))) is NoAnswer


def halting(*pieces: bytes) -> Iterator[bytes]:
    """A slow server: each piece comes a while after the one before, and the last one is late."""
    for piece in pieces:
        yield piece
        threading.Event().wait(0.4)


def test_a_pause_after_a_first_piece_does_not_start_the_clock_anew(server: ScriptedServer) -> None:
    head, _, body = answer(envelope(MADE)).partition(b"\r\n\r\n")
    server.sends(halting(b"", head, b"\r\n\r\n" + body))
    assert type(error_of(KieClient(TOKEN, server.base_url, (2, 0.6), repeat=False))) is NoAnswer


# The connection


def test_two_calls_share_a_connection(server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(envelope(7)))
    client.credits()
    client.credits()
    assert server.connections == 1


def test_a_connection_that_was_closed_in_between_is_replaced(server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(envelope(MADE))).hang_up = True
    client.create_persona(REQUEST)
    assert server.hung_up.wait(5)
    client.create_persona(REQUEST)
    assert (server.connections, len(server.requests)) == (2, 2)


@steady
@given(ip=st.ip_addresses(v=4) | st.ip_addresses(v=4, network="127.0.0.0/8"))
def test_an_address_of_this_machine_is_known_by_its_number(ip: IPv4Address) -> None:
    assert is_loopback(f"http://{ip}:80/x") is ip.is_loopback


@pytest.mark.parametrize("address", ["http://LOCALHOST:1", "http://[::1]:8787"])
def test_an_address_of_this_machine_is_known_by_its_name(address: str) -> None:
    assert is_loopback(address)


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1.evil.com",
        "http://127.evil.com",
        "http://127.0.0.evil.com:8787",
        "http://localhost.evil.com",
        "http://127.1",  # some libraries read it as 127.0.0.1
        "http://[::2]",
        "http://[::1",
        "http://127.0.0.1@evil.com",
    ],
)
def test_an_address_that_only_looks_like_this_machine_is_not(address: str) -> None:
    assert not is_loopback(address)


# Bounded in size


def chunked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    for piece in pieces:
        yield b"%x\r\n%b\r\n" % (len(piece), piece)


def endless(head: bytes) -> Iterator[bytes]:
    return itertools.chain([head + b"\r\n\r\n"], itertools.repeat(b"x" * 65536))


TOO_LONG: dict[str, Callable[[], bytes | Iterator[bytes]]] = {
    "without a length": lambda: endless(b"HTTP/1.1 200 OK"),
    "in chunks": lambda: chunked(itertools.repeat(b"x" * 65536)),
    "of a stated length": lambda: endless(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999"),
    "of a server error": lambda: endless(b"HTTP/1.1 502 Bad Gateway"),
    "of a redirect": lambda: endless(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere"),
    "packed": lambda: answer(gzip.compress(bytes(100 * MIB), 1), Content_Encoding="gzip"),
    "packed twice": lambda: answer(gzip.compress(gzip.compress(bytes(100 * MIB), 1)), Content_Encoding="gzip, gzip"),
}


@pytest.mark.parametrize("say", TOO_LONG.values(), ids=TOO_LONG)
def test_a_body_too_long_is_cut_in_little_memory_and_unreadable(
    say: Callable[[], bytes | Iterator[bytes]], server: ScriptedServer, client: KieClient
) -> None:
    server.sends(say())
    tracemalloc.start()
    try:
        error = error_of(client)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (type(error), len(error.raw)) == (UnreadableAnswer, 64 * 1024)
    assert peak < 24 * MIB


def test_a_body_of_just_the_greatest_length_is_read(server: ScriptedServer, client: KieClient) -> None:
    whole = answer(envelope(MADE)).partition(b"\r\n\r\n")[2]
    server.sends(answer(whole + b" " * (2 * MIB - len(whole))))
    assert client.create_persona(REQUEST).persona_id == MADE["personaId"]


def test_a_packed_answer_is_read(server: ScriptedServer, client: KieClient) -> None:
    packed = gzip.compress(answer(envelope(MADE)).partition(b"\r\n\r\n")[2])
    server.sends(answer(packed, Content_Encoding="gzip"))
    assert client.create_persona(REQUEST).persona_id == MADE["personaId"]


# Redirects


@pytest.mark.parametrize("status", [302, 307])  # one that makes a POST a GET, and one that keeps it
def test_a_redirect_is_not_followed(status: int, server: ScriptedServer, client: KieClient) -> None:
    with ScriptedServer() as elsewhere:
        server.sends(answer("moved", status, Location=elsewhere.base_url))
        error = error_of(client)
        assert (error.http_status, len(server.requests), elsewhere.requests) == (status, 1, [])


def test_a_redirects_body_is_kept(server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer("moved", 302, Location="/elsewhere"))
    assert error_of(client).raw == "moved"


def test_a_redirect_to_nowhere_leaves_the_outcome_unknown(server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer("moved", 302, Location="http://[nowhere"))
    assert error_of(client).sent is Sent.UNKNOWN


# Anything at all

junk = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=30).map(
    lambda text: text.encode("latin-1")
)
header = st.tuples(
    st.sampled_from([b"Retry-After", b"Location", b"Content-Type", b"Content-Length", b"Set-Cookie", b"X"])
    | st.sampled_from([b"Transfer-Encoding", b"Content-Encoding", b"Connection", b"Date"]),
    st.sampled_from([b"chunked", b"gzip", b"deflate", b"5", b"-1", b"\xb2", b"close", b"a=b; domain=.", b"http://["])
    | junk,
).map(b": ".join)
said = st.tuples(
    st.sampled_from([b"HTTP/1.1 200 OK", b"HTTP/1.1 302 X", b"HTTP/1.1 429 X", b"HTTP/1.0 500", b"HTTP/1.1 999"])
    | junk,
    st.lists(header | junk, max_size=4),
    st.sampled_from([b"", b"{}", b'{"code": 200}', b"5\r\nhello\r\n0\r\n\r\n", b"\x1f\x8b\x08"])
    | st.binary(max_size=40),
).map(lambda parts: b"\r\n".join([parts[0], *parts[1]]) + b"\r\n\r\n" + parts[2])


@settings(steady, max_examples=200)
@given(said=said)
@example(said=b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n\r\n")
def test_whatever_a_server_says_ends_in_an_error_of_ours(said: bytes, shared_server: ScriptedServer) -> None:
    shared_server.sends([said])
    with KieClient(TOKEN, shared_server.base_url, (2, 2), repeat=False) as client, pytest.raises(KieError):
        client.create_persona(REQUEST)
