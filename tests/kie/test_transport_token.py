"""The token: what can be one, that it is the one sent, and that it shows up nowhere else."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from hypothesis import example, given
from hypothesis import strategies as st

from kie import InvalidInput, KieClient, KieError, Sent, check_token
from kie.json_trees import named
from tests.kie.servers import MADE, REQUEST, TOKEN, ScriptedServer, answer, envelope, steady

NO_TOKENS = {
    "nothing": ("", "kie.ai/api-key"),
    "blanks": (" \t\n", "kie.ai/api-key"),
    "a header in it": ("abc\r\nX-Evil: 1", "space or a line break"),
    "a no-break space": ("abc\u00a0def", "space or a line break"),
    "two words": ("Basic abcdef", "space or a line break"),
    "two words behind the header's": ("Bearer abc def", "space or a line break"),
    "the header's word alone": ("Bearer", "only the word “Bearer”"),
    "the header's words alone": ('"Authorization: bearer "', "only the word “Bearer”"),
    "the header's word twice": ("Bearer bearer", "only the word “Bearer”"),
    "shortened by a page": ("abc…", "“…”"),
    "a zero-width space": ("abc\u200b", "“…”"),
    "a control character": ("abc\x07", "“…”"),
    "half a surrogate pair": ("abc\ud83d", "“…”"),
    "a file": ("x" * 10_240, "10,240"),
}


@pytest.mark.parametrize(("pasted", "told"), NO_TOKENS.values(), ids=NO_TOKENS)
def test_what_cannot_be_a_token_is_refused_with_the_reason(pasted: str, told: str) -> None:
    with pytest.raises(InvalidInput, match=r"^Token: ") as raised:
        check_token(pasted)
    assert told in raised.value.sentence


printable = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=600)


@steady
@given(pasted=printable | st.text(max_size=20) | st.text("ab \t\n\u00a0\x07\x7f\ud83dä", max_size=6))
@example(pasted="x" * 512)
@example(pasted="x" * 513)
def test_a_token_is_whatever_fits_into_a_header(pasted: str) -> None:
    stripped = pasted.strip()
    fits = (
        0 < len(stripped) <= 512
        and stripped.lower() != "bearer"
        and all("!" <= character <= "~" for character in stripped)
    )
    try:
        assert check_token(pasted) == stripped
    except InvalidInput:
        assert not fits
    else:
        assert fits


def test_a_client_takes_nothing_that_cannot_be_a_token() -> None:
    with pytest.raises(InvalidInput) as raised:
        KieClient("abc def")
    assert (raised.value.field, raised.value.sent) == ("token", Sent.NO)


HEADERS = {
    "the word": "Bearer {}",
    "the word, small": "bearer {}",
    "the word in quotes": "'Bearer {}'",
    "the token in quotes": 'BEARER "{}"',
    "blanks": " \tBearer \u00a0 {} \n",
    "a line break": "Bearer\n{}",
    "a colon": "Bearer: {}",
    "the word twice": "Bearer Bearer {}",
    "the header": "Authorization: Bearer {}",
    "the header, small": "authorization:bearer {}",
    "the header in quotes": '"Authorization: Bearer {}"',
    "the header in JSON": '"Authorization": "Bearer {}",',
    "typographic quotes": "“Bearer {}”",
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
@pytest.mark.parametrize("token", [TOKEN, "ab+c/d==", "bearer7f3c", "x'y"])
def test_a_token_may_be_pasted_with_the_header_that_carries_it(header: str, token: str) -> None:
    assert check_token(header.format(token)) == token


@pytest.mark.parametrize("token", ["bearer7f3c", "Bearer_7f3c", "authorization", "'7f3c'", "my-bearer"])
def test_a_token_that_only_looks_like_a_header_stays(token: str) -> None:
    assert check_token(token) == token


@pytest.mark.parametrize("pasted", [f"{TOKEN} x", f"{TOKEN}…", TOKEN * 100, f"Bearer {TOKEN} x", f"Bearer: {TOKEN}…"])
def test_a_refused_token_is_not_repeated_in_the_refusal(pasted: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        check_token(pasted)
    assert TOKEN not in told_by(raised.value)


# It is the one that is sent


def test_the_token_goes_out_as_a_bearer(server: ScriptedServer) -> None:
    server.sends(answer(envelope(MADE)))
    KieClient(f" {TOKEN}\n", server.base_url).create_persona(REQUEST)
    assert server.requests[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_the_token_goes_nowhere_but_into_its_header(server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(envelope(MADE)), answer(envelope(None)), answer(envelope(1)))
    client.create_persona(REQUEST)
    client.music_task("7f3c")
    client.credits()
    for seen in server.requests:
        del seen.headers["authorization"]
    assert TOKEN not in repr(server.requests)


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "netrc"
    file.write_text("machine 0.0.0.0 login somebody password else\n")
    file.chmod(0o600)
    monkeypatch.setenv("NETRC", str(file))


@pytest.mark.usefixtures("netrc")
def test_a_netrc_entry_does_not_replace_the_token(server: ScriptedServer) -> None:
    server.sends(answer(envelope(7)))
    base_url = server.base_url.replace("127.0.0.1", "0.0.0.0")  # this machine, but not by a name that kie treats apart
    requests.get(base_url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=5)
    KieClient(TOKEN, base_url).credits()
    assert [seen.headers["authorization"].split()[0] for seen in server.requests] == ["Basic", "Bearer"]


def test_names_in_the_base_url_do_not_replace_the_token(server: ScriptedServer) -> None:
    server.sends(answer(envelope(7)))
    KieClient(TOKEN, server.base_url.replace("//", "//somebody:else@")).credits()
    assert server.requests[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_cookies_of_one_account_do_not_reach_another(server: ScriptedServer) -> None:
    server.sends(answer(envelope(7), Set_Cookie="session=1"))
    KieClient(TOKEN, server.base_url).credits()
    KieClient("another", server.base_url).credits()
    assert "cookie" not in server.requests[1].headers


# It is told nowhere


def told_by(error: BaseException) -> str:
    """All that a careless program could print of an error."""
    shown = [str(error), repr(error), repr(error.args), repr(vars(error)), *traceback.format_exception(error)]
    return "\n".join(shown)


SEEN = f"Bearer {TOKEN}"
ECHOES = {
    "in the message of a refusal": answer({"code": 401, "msg": f"Token {TOKEN} is unknown"}),
    "in a refusal's other field": answer({"code": 401, "msg": "no", "request": {"Authorization": SEEN}}),
    "in a page": answer(f"<html>{SEEN}</html>", 502),
    "in the message of an unreadable answer": answer({"msg": SEEN}),
    "in a framework's error": answer({"status": 404, "error": SEEN}, 404),
    "in a success without an ID": answer(envelope({"name": SEEN})),
    "at the end of what is kept": answer("x" * (64 * 1024 - 4) + TOKEN, 502),
    "in the status line": f"HTTP/1.1 {TOKEN}\r\n\r\n".encode(),
    "instead of an answer": f"{SEEN}\r\n\r\n".encode(),
    "in the length": f"HTTP/1.1 200 OK\r\nContent-Length: 1, {TOKEN}\r\n\r\n".encode(),
    "in a chunk's length": f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{TOKEN}\r\n".encode(),
    "in a redirect": answer("moved", 302, Location=f"http://{TOKEN}@elsewhere.invalid/"),
    "in Retry-After": answer({"code": 429}, 429, Retry_After=TOKEN),
    "in a packing": answer("x", Content_Encoding=TOKEN),
}


@pytest.mark.parametrize("said", ECHOES.values(), ids=ECHOES)
def test_neither_an_error_nor_a_log_tells_the_token(
    said: bytes, server: ScriptedServer, client: KieClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.sends([said])
    with pytest.raises(KieError) as raised:
        client.create_persona(REQUEST)
    assert TOKEN[:12] not in told_by(raised.value)
    assert "urllib3" in {record.name.partition(".")[0] for record in caplog.records}
    assert TOKEN not in caplog.text


def test_a_blotted_out_token_leaves_the_rest_readable(server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer({"code": 401, "msg": f"Token {TOKEN} is unknown"}))
    with pytest.raises(KieError) as raised:
        client.create_persona(REQUEST)
    assert raised.value.message == "Token [token] is unknown"


def test_a_personas_raw_answer_never_tells_the_token(server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer({**envelope(MADE), "you": SEEN}))
    assert TOKEN not in client.create_persona(REQUEST).raw


def test_a_connection_that_fails_does_not_tell_the_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with ScriptedServer(listening=False) as closed, pytest.raises(KieError) as raised:
        KieClient(TOKEN, closed.base_url, repeat=False).create_persona(REQUEST)
    assert TOKEN not in told_by(raised.value) + caplog.text


def everything_in(thing: object, depth: int = 6) -> str:
    """What a debugger that opens one attribute after the other would show."""
    inner = vars(thing).values() if hasattr(thing, "__dict__") and depth else ()
    return " ".join([repr(thing), str(thing), *(everything_in(each, depth - 1) for each in inner)])


def test_looking_into_a_client_does_not_tell_the_token(server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(envelope(7)))
    client.credits()
    assert "Bearer ..." in everything_in(client)
    assert TOKEN not in everything_in(client)


@pytest.mark.parametrize("write", [pickle.dumps, copy.deepcopy])
def test_a_client_cannot_be_written_down(write: Callable[[object], object], client: KieClient) -> None:
    with pytest.raises(TypeError, match="a token stays in memory"):
        write(client)


@pytest.mark.parametrize("token", ["sk-Ab9/xyz-0123456789", "c2VjcmV0LXRva2VuLTEyMzQ=", 'a"b+c/d=e1234567'])
@pytest.mark.parametrize("depth", [0, 1, 2])
@pytest.mark.parametrize("written", ["plain", "slashes", "numbers"])
def test_a_token_that_is_told_back_in_any_spelling_is_taken_out(
    token: str, depth: int, written: str, server: ScriptedServer
) -> None:
    text = json.dumps(f"key {token} rejected")
    if written == "slashes":
        text = text.replace("/", "\\/")
    elif written == "numbers":
        text = "".join(f"\\u{ord(one):04x}" if one in "/+=" else one for one in text)
    for _ in range(depth):
        text = json.dumps(f'{{"failMsg": {text}}}')
    data = f'{{"taskId": "h", "state": "fail", "resultJson": {text}, "failMsg": {text}}}'
    server.sends(answer(f'{{"code": 200, "data": {data}}}'))
    with KieClient(token, server.base_url, (2, 5), repeat=False) as client:
        job = client.job("h")
    assert token not in repr((job.result, job.error_message, job.raw))
    found = list(named(job.result, "failmsg"))
    assert found
    assert not [each for each in found if token in str(each)]
