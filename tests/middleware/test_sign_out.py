"""Who may sign a person out by the address for it, and what is then forgotten."""

from __future__ import annotations

import asyncio

import pytest

from studio.facade import Studio
from tests import loops
from tests.middleware.helpers import Inner, answer_to, ask, scope_of, with_cookie
from views.middleware.sign_out import SignOut
from views.shared import browser_cookie
from views.shared.browser_cookie import COOKIE
from views.shared.open_sockets import OpenSocket, OpenSockets


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_signs_nobody_out(studio: Studio, site: str) -> None:
    cookie, inner = browser_cookie.new(), Inner()
    studio.browsers.note_sign_in(f"{cookie} ada", "")
    answer = ask(SignOut(inner), scope_of("/auth/logout", sec_fetch_site=site, **with_cookie(COOKIE, cookie)))
    assert (answer.status, inner.scopes) == (403, [])
    assert studio.browsers.is_signed_in(f"{cookie} ada")


@pytest.mark.parametrize("headers", [{}, {"sec_fetch_site": "same-origin"}, {"sec_fetch_site": "none"}])
def test_who_signs_out_is_signed_out_here_too_and_the_tabs_show_it(
    studio: Studio, sockets: OpenSockets, headers: dict[str, str]
) -> None:
    studio.people_sign_in = True
    cookie, inner = browser_cookie.new(), Inner()
    studio.browsers.note_sign_in(f"{cookie} ada", "one sign-in")
    tab = OpenSocket("tab", cookie, "")

    async def scene() -> None:
        sockets.add(tab)
        await answer_to(SignOut(inner), scope_of("/base/auth/logout", **headers, **with_cookie(COOKIE, cookie)))
        await asyncio.wait_for(tab.redraw.wait(), 5)

    loops.run(scene())
    assert len(inner.scopes) == 1
    assert not studio.browsers.is_signed_in(f"{cookie} ada")
    assert studio.browsers.has_ended("one sign-in")


def test_where_nobody_signs_in_the_address_leaves_no_account(studio: Studio) -> None:
    cookie = browser_cookie.new()
    studio.browsers.use_account(cookie, "account")
    ask(SignOut(Inner()), scope_of("/auth/logout", **with_cookie(COOKIE, cookie)))
    assert studio.browsers.account_of(cookie) == "account"
