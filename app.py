"""The door: the server's start and end, its security headers, and what a visitor sees when a page fails.

streamlit run app.py
"""

from __future__ import annotations

import asyncio
import gc
import logging
import secrets
import signal
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio.to_thread
import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import cookie_parser
from starlette.routing import Route

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # so that the app also starts from another folder

from studio.facade import Studio, close_the_studio, the_studio  # noqa: E402
from views.shared import event_stream, tables  # noqa: E402
from views.shared.browser_cookie import COOKIE, SECURE_COOKIE  # noqa: E402
from views.shared.downloads import Counter  # noqa: E402

if TYPE_CHECKING:
    from types import FrameType

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("persona-studio")

SETTLE_IN_AFTER = 3.0
"""Seconds after the start: the first page comes first. What needs the database earlier opens it."""

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        # Streamlit's own bundle needs these; a component's script comes as a blob that the page itself made.
        "script-src 'self' blob: 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob: https:",  # covers come from KIE's file hosts, which change
        "media-src 'self' data: blob: https:",
        "font-src 'self' data:",
        "connect-src 'self' ws: wss:",
        "worker-src 'self' blob:",
        "frame-src 'self' blob: data:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class Door:
    """Puts the security headers on every answer, and gives each new browser a random name of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        secure = scope["scheme"] == "https"
        cookie = SECURE_COOKIE if secure else COOKIE
        asked = Headers(scope=scope)
        known = cookie in cookie_parser(asked.get("cookie", ""))
        wants_a_page = "text/html" in asked.get("accept", "")

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                unchanged = message["status"] == 304 and wants_a_page  # it kept the page, but not its name
                if not known and (unchanged or headers.get("content-type", "").startswith("text/html")):
                    rules = "Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")
                    headers.append("Set-Cookie", f"{cookie}={secrets.token_urlsafe(32)}; {rules}")
            await send(message)

        await self.app(scope, receive, send_with_headers)


def settle_in(studio: Studio) -> None:
    """Open the database and the runs, load what the first table needs, and take it all out of the collector's rounds.

    Streamlit collects garbage after every run of a page, and with these packages in memory that took longer than the
    run itself.
    """
    with suppress(Exception):  # the log says why, and whoever needs it tries again
        studio.open().result()
    tables.table({"one": ("text", ["at least"])})

    gc.collect()
    gc.freeze()


def end_streams_when_told_to_stop() -> None:
    """End the event streams as soon as the process is told to stop.

    The server lets open answers end before it ends the lifespan, and a stream would stay open for minutes.
    """
    loop, changes = asyncio.get_running_loop(), the_studio().changes
    for number in (signal.SIGINT, signal.SIGTERM):
        before = signal.getsignal(number)
        if threading.current_thread() is threading.main_thread() and callable(before):

            def end(number: int, frame: FrameType | None, before: Any = before) -> None:
                loop.call_soon_threadsafe(changes.close)  # not here: whoever was interrupted may hold its lock
                before(number, frame)

            signal.signal(number, end)


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    """Get ready after the first page; at the end wait for requests that are on their way."""
    later = threading.Timer(SETTLE_IN_AFTER, settle_in, (the_studio(),))  # a bad setting ends the start here
    later.daemon = True
    later.start()
    end_streams_when_told_to_stop()
    yield
    later.cancel()
    await anyio.to_thread.run_sync(later.join, 5.0)  # a database that does not open holds nobody up
    await anyio.to_thread.run_sync(close_the_studio)


def on_script_error(error: Exception) -> bool:
    """Keep the details on the server, under an ID that the visitor sees too."""
    reference = secrets.token_hex(4)
    log.error("Page error %s", reference, exc_info=error)
    st.error("Something went wrong on this page. Nothing that was sent is lost.", icon=":material/error:")
    st.text(f"Reload the page. If it stays, give the person who runs this installation the reference {reference}.")
    return True


app = st.App(
    HERE / "views" / "router.py",
    lifespan=lifespan,
    routes=[
        Route(path, event_stream.changes) for path in (f"/{event_stream.NAME}", f"/{{base:path}}/{event_stream.NAME}")
    ],
    middleware=[Middleware(Door), Middleware(Counter)],
    on_script_error=on_script_error,
)

if __name__ == "__main__":
    app.run()
