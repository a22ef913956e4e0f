"""Which names the server answers to."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import streamlit as st
from streamlit import config

from tests.middleware.helpers import Inner, ask, scope_of
from views.middleware.allowed_hosts import AllowedHosts, is_allowed

CONFIG = Path(__file__).parents[2] / ".streamlit" / "config.toml"
DEFAULT = tomllib.loads(CONFIG.read_text())["server"]["allowedHosts"]


@pytest.mark.parametrize("host", ["localhost", "localhost:8501", "LOCALHOST.:80", "127.0.0.1:1", "[::1]", "[::1]:8501"])
def test_without_a_setting_this_machine_is_allowed(host: str) -> None:
    assert is_allowed([host], DEFAULT)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8501",
        "localhost.evil.example",
        "evil.example#localhost",
        "localhost@evil.example",
        "evil.example@localhost",
        "localhost/x",
        "localhost:x",
        "localhost:99999",
        "[::1",
        "10.0.0.1",
        "",
        " ",
    ],
)
def test_and_nothing_else(host: str) -> None:
    assert not is_allowed([host], DEFAULT)


def test_a_request_names_one_host() -> None:
    assert not is_allowed([], DEFAULT)
    assert not is_allowed(["localhost", "evil.example"], DEFAULT)


@pytest.mark.parametrize(
    ("allowed", "host", "passes"),
    [
        ("*.example.com", "a.example.com", True),
        ("*.example.com", "a.b.example.com:443", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "badexample.com", False),
        ("Studio.Example.com", "studio.example.com", True),
        ("*", "anything:1", True),
        ("*", "bad/one", False),
    ],
)
def test_patterns_mean_what_they_mean_to_streamlit(allowed: str, host: str, passes: bool) -> None:
    from streamlit.web.server.starlette import starlette_websocket

    assert is_allowed([host], [allowed]) is passes
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config, "get_option", lambda _: [allowed])
        assert starlette_websocket.is_host_allowed(host) is passes


@pytest.mark.parametrize(("kind", "path"), [("http", "/"), ("http", "/media/x"), ("websocket", "/_stcore/stream")])
def test_another_name_gets_a_sentence_and_nothing_behind_it_is_asked(
    kind: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(st, "get_option", {"server.allowedHosts": DEFAULT}.get)
    inner = Inner()
    answer = ask(AllowedHosts(inner), scope_of(path, kind, host="evil.example:8501"))
    assert inner.scopes == []
    if kind == "websocket":  # a browser shows no sentence for it
        assert answer.messages == [{"type": "websocket.close", "code": 1008, "reason": ""}]
    else:
        assert answer.status == 400
        assert "server.allowedHosts" in answer.text
        assert "evil" not in answer.text
        assert answer.headers["content-type"].startswith("text/plain")
    ask(AllowedHosts(inner), scope_of(path, kind))
    assert len(inner.scopes) == 1


@pytest.mark.parametrize(
    ("base", "path", "status"),
    [
        ("", "/_stcore/health", 200),
        ("/base/", "/base/_stcore/health", 200),
        ("base", "/_stcore/health", 400),
        ("", "/media/_stcore/health", 400),
    ],
)
def test_a_probe_may_use_any_name(base: str, path: str, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(st, "get_option", {"server.allowedHosts": DEFAULT, "server.baseUrlPath": base}.get)
    assert ask(AllowedHosts(Inner()), scope_of(path, host="10.1.2.3:8501")).status == status


def test_the_log_names_a_refused_host_now_and_then(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(st, "get_option", {"server.allowedHosts": DEFAULT}.get)
    guard = AllowedHosts(Inner())
    for host in ("studio.example\r\n", "b" * 5_000, "c.example"):
        ask(guard, scope_of("/", host=host))
    assert caplog.messages == [
        r"A request for the host 'studio.example\r\n' was refused: server.allowedHosts does not name it."
    ]
