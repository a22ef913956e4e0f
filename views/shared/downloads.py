"""Downloads: a button whose file is a download token, and the middleware that answers it with the real file.

Streamlit can make a file on the click itself (`data=callable`). But its answer to that click is thrown away if a run of
the page begins in the same moment, as it does when a field was typed in just before: the button then stays dead, or
says that it failed. It also keeps the whole file in memory. A token is small, the same in every run, and is there
before the click; the file itself is made when the browser fetches it, by plain HTTP.
"""

from __future__ import annotations

import io
import logging
import secrets
from collections.abc import AsyncIterator, Callable
from typing import IO, TYPE_CHECKING

import streamlit as st
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.datastructures import Headers
from starlette.responses import StreamingResponse

from studio.facade import the_studio
from studio.people.browser_grants import Grant
from studio.people.token_store import Account
from views.shared import browser_cookie, visitor
from views.shared.screen_state import RandomKeys, state

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("persona-studio")

PLACEHOLDER = b"The file itself comes when a browser asks for it. Go back to the page and press the button again.\n"
"""How the small file with a download token begins: a sentence, for whoever ever sees it."""
UNKNOWN = "This page is older than the server that answers now. Reload the page and press the button again."
PIECE = 64 * 1024
MOST_AT_ONCE = 4
"""Files that are made at the same time; the others wait, and the pages and the database do not."""


def button(
    label: str, key: str, file_name: str, mime: str, icon: str, account: Account, make: Callable[[], IO[bytes]]
) -> None:
    """Show a button that downloads what `make` returns when it is pressed."""
    token = state(RandomKeys, account).downloads.setdefault((key, file_name), secrets.token_urlsafe(32))
    the_studio().downloads.grant(token, Grant(account, visitor.session_key(), make))
    st.download_button(
        label, data=PLACEHOLDER + token.encode(), file_name=file_name, mime=mime, key=key, icon=icon, on_click="ignore"
    )


class DownloadMiddleware:
    """Middleware that answers a request for a download token with the file that it stands for."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._limit: CapacityLimiter | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fetched = scope["type"] == "http" and scope["method"] == "GET" and "/media/" in scope["path"]
        if not fetched or _only_looks(Headers(scope=scope)):
            await self.app(scope, receive, send)
            return
        start: Message | None = None
        if self._limit is None:
            self._limit = CapacityLimiter(MOST_AT_ONCE)  # belongs to the loop that runs
        limit = self._limit

        async def exchange(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            held, start = start, None
            body = message.get("body", b"")
            if held is not None and held["status"] == 404 and _navigates(Headers(scope=scope)):
                await _answer(held, UNKNOWN)(scope, receive, send)
            elif held is not None and body.startswith(PLACEHOLDER):
                file = await run_sync(
                    _file, body.removeprefix(PLACEHOLDER).decode(), browser_cookie.browser_of(scope), limiter=limit
                )
                await _answer(held, file)(scope, receive, send)
            else:
                if held is not None:
                    await send(held)
                await send(message)

        await self.app(scope, receive, exchange)


def _only_looks(headers: Headers) -> bool:
    """Whether this is the page's own script, which checks that the file is there when it draws the button."""
    mode = headers.get("sec-fetch-mode")
    return mode == "cors" if mode else headers.get("accept") == "*/*"  # without HTTPS a browser does not tell its mode


def _navigates(headers: Headers) -> bool:
    """Whether a person opens the address, as a click on a button does, and no player."""
    mode = headers.get("sec-fetch-mode")
    return mode == "navigate" if mode else "text/html" in headers.get("accept", "")


def _file(token: str, browser: str) -> IO[bytes] | str:
    """Return the file, or a sentence that says why there is none."""
    grant = the_studio().downloads.redeem(token, browser)
    if grant is None:
        return "This page is not open any more, or not for you. Open it again and press the button again."
    try:
        return grant.make()
    except ValueError as problem:
        return str(problem)
    except Exception as error:
        reference = secrets.token_hex(4)
        log.error("Download error %s", reference, exc_info=error)
        return (
            "The file could not be made; nothing is lost. Try again. If it stays, give the person who runs this "
            f"installation the reference {reference}."
        )


def _answer(held: Message, file: IO[bytes] | str) -> StreamingResponse:
    """Return the answer that hands a file out, or a text file with the sentence."""
    headers = {name: value for name, value in Headers(raw=held["headers"]).items() if name == "content-disposition"}
    kind = Headers(raw=held["headers"]).get("content-type", "")
    if isinstance(file, str):
        headers["content-disposition"] = 'attachment; filename="No file, and why.txt"'
        kind, file = "text/plain; charset=utf-8", io.BytesIO(file.encode())
    headers["content-length"] = str(file.seek(0, 2))
    headers["cache-control"] = "no-store"
    file.seek(0)
    return StreamingResponse(_pieces(file), headers=headers, media_type=kind)


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while piece := await run_sync(file.read, PIECE):
            yield piece
