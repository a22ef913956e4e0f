"""The address by which Streamlit signs a person out: not for other sites, and the browser is signed out here too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anyio.to_thread import run_sync
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

from studio.facade import the_studio
from views.shared import browser_cookie
from views.shared.open_sockets import redraw_tabs

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

PATH = "/auth/logout"
REFUSED = "Another site may not sign you out. To do it, press “Sign out” on the page itself.\n"


class SignOut:
    """Middleware that lets only this site, or the address bar, sign a person out; the browser's tabs show it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].endswith(PATH):
            await self.app(scope, receive, send)
            return
        if Headers(scope=scope).get("sec-fetch-site", "none") not in ("none", "same-origin"):
            await PlainTextResponse(REFUSED, 403)(scope, receive, send)
            return
        if the_studio().people_sign_in and (browser := browser_cookie.browser_of(scope)):
            for left in await run_sync(the_studio().sign_out, browser):
                redraw_tabs(left)
        await self.app(scope, receive, send)
