"""How the middleware says no: a sentence with a status, or for a socket a refused handshake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

POLICY_VIOLATION = 1008


async def refuse(scope: Scope, receive: Receive, send: Send, sentence: str, status: int) -> None:
    """Refuse a request. Browsers do not show a sentence that refuses a socket, so it is refused with 403 alone."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": ""})
    else:
        await PlainTextResponse(sentence, status)(scope, receive, send)


METRICS = "/_stcore/metrics"
"""Streamlit's figures about the server, for everybody: how many people are here, and what is in its caches."""


class PlainPaths:
    """Middleware that refuses paths with control characters, and Streamlit's metrics.

    Streamlit's routes also match a path with a line break at its end, and what stands before them compares paths.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and not scope["path"].isprintable():
            await refuse(scope, receive, send, "This address has a character in it that no page has.\n", 400)
        elif scope["type"] == "http" and scope["path"].rstrip("/").endswith(METRICS):
            await refuse(scope, receive, send, "There is no such page.\n", 404)
        else:
            await self.app(scope, receive, send)
