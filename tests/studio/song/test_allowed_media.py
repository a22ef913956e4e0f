"""Which addresses may be shown or played: everything that a browser or Streamlit could be tricked with is refused."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Iterator

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from sandbox import SCENARIOS, Server
from studio.song import allowed_media
from studio.song.allowed_media import download, fetch, is_public_https, is_stand_in

REFUSED = {
    "not an address on the web": [
        "",
        "/etc/passwd",
        "etc/passwd",
        "C:\\Windows\\win.ini",
        "\\\\host\\share",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:text/html,hello",
        "ftp://cdn1.suno.ai/a.mp3",
    ],
    "not https, or no host": [
        "http://cdn1.suno.ai/a.mp3",
        "//cdn1.suno.ai/a.mp3",
        "https:cdn1.suno.ai/a.mp3",
        "https:///cdn1.suno.ai/a.mp3",
        "https://",
    ],
    "a host by number, in any notation": [
        "http://169.254.169.254/",
        "https://169.254.169.254/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.0x0.0x0.0x1/",
        "https://0177.0.0.1/",
        "https://127.0.0.0x1/",
        "https://127.0.0.1./",
        "https://127.0.0.%31/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fd00::1]/",
        "https://[::1",
    ],
    "a user in it": [
        "https://user@cdn1.suno.ai/",
        "https://user:password@cdn1.suno.ai/",
        "https://@cdn1.suno.ai/",
        "https://cdn1.suno.ai@evil.example/",
    ],
    "letters that look like others": [
        "https://xn--sno-hoa.ai/a.mp3",
        "https://cdn1.xn--sno-hoa.ai/a.mp3",
        "https://cdn1.suno.xn--p1ai/",
        "https://sünö.ai/a.mp3",
        "https://cdn1。suno。ai/a.mp3",
        "https://cdn1．suno．ai/a.mp3",
        "https://ⓢuno.ai/a.mp3",
    ],
    "another port": [
        "https://cdn1.suno.ai:8443/a.mp3",
        "https://cdn1.suno.ai:80/a.mp3",
        "https://cdn1.suno.ai:0/a.mp3",
        "https://cdn1.suno.ai:99999/a.mp3",
        "https://cdn1.suno.ai:port/a.mp3",
    ],
    "backslashes that a browser turns": [
        "https://cdn1.suno.ai\\@evil.example/",
        "https:\\\\cdn1.suno.ai\\a.mp3",
    ],
    "an odd dot": [
        "https://cdn1.suno.ai./a.mp3",
        "https://.cdn1.suno.ai/a.mp3",
        "https://cdn1..suno.ai/a.mp3",
    ],
    "a name that leads inside": [
        "https://localhost/",
        "https://LOCALHOST/",
        "https://localhost./",
        "https://app.localhost/",
        "https://printer.local/",
        "https://metadata.google.internal/",
        "https://METADATA.GOOGLE.INTERNAL/",
        "https://intranet/",
    ],
    "characters that nobody sees, or that are left out": [
        "https://cdn1.suno.ai/a b.mp3",
        " https://cdn1.suno.ai/a.mp3",
        "https://cdn1.suno.ai/a.mp3\n",
        "https://cdn1.suno.ai/\ta.mp3",
        "https://cdn1.suno.ai/\x00a.mp3",
        "https://cdn1.suno.ai/\x7fa.mp3",
        "java\nscript:alert(1)",
        "https://cdn1.suno.ai/\u202e3pm.a",
    ],
}
ACCEPTED = [
    "https://musicfile.kie.ai/a.mp3",
    "https://tempfile.aiquickdraw.com/r/a.mp3?x=1&y=2#t",
    "https://file.aiquickdraw.com/a.jpeg",
    "https://cdn1.suno.ai/a.mp3",
    "https://cdn2.suno.ai/image_large_a.jpeg",
    "https://cdn1.suno.ai:443/a.mp3",
    "HTTPS://CDN1.SUNO.AI/a.mp3",
    "https://cdn1.suno.ai/%D7%90%20b.mp3",
]


@pytest.mark.parametrize("addresses", REFUSED.values(), ids=REFUSED)
def test_an_address_that_could_be_a_trick_is_refused(addresses: list[str]) -> None:
    assert [address for address in addresses if is_public_https(address)] == []


@pytest.mark.parametrize("address", ACCEPTED)
def test_the_hosts_that_kie_delivers_from_are_accepted(address: str) -> None:
    assert is_public_https(address)


@pytest.mark.parametrize(
    ("address", "base_url"),
    [
        ("http://127.0.0.1:87871/media/a.wav", "http://127.0.0.1:8787"),
        ("http://127.0.0.1:8787@evil.example/a.wav", "http://127.0.0.1:8787"),
        ("http://127.0.0.1:8787.evil.example/a.wav", "http://127.0.0.1:8787"),
        ("https://api.kie.ai/media/a.wav", "https://api.kie.ai"),
        ("/media/a.wav", "http://127.0.0.1:8787"),
        *(
            (f"http://127.0.0.1:8787{path}", "http://127.0.0.1:8787")
            for path in (
                "",
                "/",
                "/media/",
                "/sandbox/requests",
                "/media/../sandbox/requests",
                "/media/%2e%2e/sandbox/requests",
                "/media/..%2fsandbox%2frequests.wav",
                "/media/a/../../sandbox/requests.wav",
                "/media/..\\sandbox\\requests.wav",
                "//sandbox/requests",
                "/sandbox/requests?x=/media/a.wav",
                "/sandbox/requests#/media/a.wav",
                "/media/a.wav?token=x",
                "/media/a.wav#x",
                "/media/a.wav/../../sandbox/requests",
                "/media/a.wav\n",
                "/media/a",
                "/media/.wav",
                "/Media/a.wav",
                "/api/v1/chat/credit",
            )
        ),
    ],
)
def test_only_the_operators_own_stand_in_is_fetched_by_the_server(address: str, base_url: str) -> None:
    assert not is_stand_in(address, base_url)


def test_what_lies_on_the_stand_in_is_ours() -> None:
    assert is_stand_in("http://127.0.0.1:8787/media/a.wav", "http://127.0.0.1:8787")


def test_the_stand_ins_cover_is_fetched(server: Server) -> None:
    assert fetch(f"{server.base_url}/media/{SCENARIOS[0].audio_id}.png").startswith(b"\x89PNG")


def test_media_that_is_not_there_is_empty(server: Server) -> None:
    assert fetch(f"{server.base_url}/media/nothing.png") == b""


def test_media_that_cannot_be_reached_is_empty() -> None:
    assert fetch("http://127.0.0.1:9/media/nothing.png") == b""


def test_media_beyond_reason_is_empty(server: Server) -> None:
    assert fetch(f"{server.base_url}/media/{SCENARIOS[0].audio_id}.png", most=10) == b""


def test_a_file_that_takes_too_long_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowed_media, "MAX_SECONDS", -1)
    assert fetch(f"{server.base_url}/media/{SCENARIOS[0].audio_id}.png") == b""


NOT_ALLOWED = "not one that may be loaded"
NOT_THERE = "does not have the file any more, or it cannot be reached"


def test_a_clip_on_the_stand_in_is_kept(server: Server) -> None:
    address = f"{server.base_url}/media/{SCENARIOS[0].audio_id}.wav"
    assert download(address, server.base_url).startswith(b"RIFF")


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/a.mp3", "https://localhost/a.mp3", "file:///etc/passwd", ""])
def test_a_clip_at_an_address_that_could_be_a_trick_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=NOT_ALLOWED):
        download(address, "https://api.kie.ai")


def leads_to(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: found)


@pytest.mark.parametrize("inside", ["127.0.0.1", "10.0.0.1", "169.254.169.254"])
def test_a_clip_whose_host_leads_inside_is_refused(inside: str, monkeypatch: pytest.MonkeyPatch) -> None:
    leads_to(inside, monkeypatch)
    with pytest.raises(ValueError, match=NOT_ALLOWED):
        download("https://cdn1.suno.ai/a.mp3", "https://api.kie.ai")


def test_a_clip_that_names_the_controls_of_the_stand_in_is_refused(server: Server) -> None:
    before = len(server.sandbox.requests())
    for path in ("/sandbox/requests", "/media/../sandbox/requests", "/media/%2e%2e/sandbox/requests"):
        with pytest.raises(ValueError, match=NOT_ALLOWED):
            download(server.base_url + path, server.base_url)
    assert len(server.sandbox.requests()) == before


def test_media_whose_host_leads_inside_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    leads_to("127.0.0.1", monkeypatch)
    assert fetch("https://cdn1.suno.ai/a.mp3") == b""


def test_a_clip_that_cannot_be_reached_says_so(server: Server) -> None:
    with pytest.raises(ValueError, match=NOT_THERE):
        download(f"{server.base_url}/media/nothing.wav", server.base_url)


def test_a_clip_that_redirects_to_something_endless_is_not_there(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/media/a.wav").respond_with_response(
        Response(itertools.repeat(b"x" * 65536), 302, {"Location": "/media/b.wav"})
    )
    with pytest.raises(ValueError, match=NOT_THERE):
        download(httpserver.url_for("/media/a.wav"), httpserver.url_for("")[:-1])


def dripping() -> Iterator[bytes]:
    while True:
        yield b"x"
        threading.Event().wait(0.02)


def test_a_clip_that_drips_is_given_up(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowed_media, "MAX_SECONDS", 0.3)
    httpserver.expect_request("/media/a.wav").respond_with_response(Response(dripping()))
    with pytest.raises(ValueError, match=NOT_THERE):
        download(httpserver.url_for("/media/a.wav"), httpserver.url_for("")[:-1])
