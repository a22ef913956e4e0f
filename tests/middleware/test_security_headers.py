"""The security headers, and the cookie that only a server of this installation can make."""

from __future__ import annotations

import pytest
import streamlit as st

from studio.facade import Studio
from tests.middleware.helpers import Inner, ask, scope_of, with_cookie
from views.middleware.security_headers import CONTENT_SECURITY_POLICY, SHELL, SecurityHeaders, script_hashes
from views.shared import browser_cookie
from views.shared.browser_cookie import COOKIE, SECURE_COOKIE, browser_of


class Page(Inner):
    """Answers with a page."""

    async def __call__(self, scope, receive, send):  # type: ignore[no-untyped-def]
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": b""})


def test_only_the_scripts_of_the_installed_page_may_run() -> None:
    policy = dict(part.split(" ", 1) for part in CONTENT_SECURITY_POLICY.split("; "))
    assert SHELL.read_text("utf-8").count("<script>") == policy["script-src"].count("'sha256-") > 0
    assert "unsafe" not in policy["script-src"]
    assert policy["connect-src"] == "'self'"
    assert policy["frame-src"] == policy["object-src"] == policy["base-uri"] == "'none'"


def test_a_hash_is_of_exactly_what_stands_between_the_tags() -> None:
    # echo -n "alert(1)" | openssl dgst -sha256 -binary | base64
    known = "'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"
    assert script_hashes("<script src=a.js></script><script>alert(1)</script>") == known


@pytest.mark.parametrize(("scheme", "name"), [("http", COOKIE), ("https", SECURE_COOKIE)])
def test_a_browser_with_a_cookie_that_was_not_made_here_gets_another(scheme: str, name: str, studio: Studio) -> None:
    mine = browser_cookie.new()
    for value, is_kept in ((mine, True), ("chosen", False), (mine[:-1], False), (mine + "x", False), ("é.x", False)):
        scope = {**scope_of("/", **with_cookie(name, value)), "scheme": scheme}
        assert browser_of(scope) == (value if is_kept else "")
        answer = ask(SecurityHeaders(Page()), scope)
        assert ("set-cookie" not in answer.headers) is is_kept
        if not is_kept:
            cookie, _, rules = answer.headers["set-cookie"].partition(";")
            again = {**scope_of("/", cookie=cookie), "scheme": scheme}
            assert browser_of(again) == cookie.partition("=")[2]
            assert "HttpOnly" in rules


@pytest.mark.parametrize(("scheme", "name"), [("http", COOKIE), ("https", SECURE_COOKIE), ("wss", SECURE_COOKIE)])
def test_a_cookie_counts_only_under_the_name_of_its_scheme(scheme: str, name: str, studio: Studio) -> None:
    other = ({COOKIE, SECURE_COOKIE} - {name}).pop()
    mine, planted = browser_cookie.new(), browser_cookie.new()
    only_planted = {**scope_of("/", cookie=f"{other}={planted}"), "scheme": scheme}
    both = {**scope_of("/", cookie=f"{other}={planted}; {name}={mine}"), "scheme": scheme}
    assert (browser_of(only_planted), browser_of(both)) == ("", mine)


def test_servers_with_the_same_secret_know_each_other_s_cookies(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    for secret in ("a" * 32, "b" * 32, "a" * 32):
        browser_cookie._secret.cache_clear()
        monkeypatch.setattr(st, "secrets", {"auth": {"cookie_secret": secret}})
        if made:
            known = browser_of(scope_of("/", **with_cookie(COOKIE, made[0])))
            assert bool(known) is (secret == "a" * 32)
        made.append(browser_cookie.new())
    browser_cookie._secret.cache_clear()
