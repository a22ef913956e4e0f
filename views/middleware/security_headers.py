"""The security headers of every answer, and the cookie by which a browser is known again."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders

from views.shared import browser_cookie

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SHELL = Path(st.__file__).parent / "static" / "index.html"
"""The document in which Streamlit draws every page."""


def script_hashes(document: str) -> str:
    """Return the sources that allow exactly the scripts that stand inside a document."""
    inline = re.findall(r"<script>(.*?)</script>", document, re.DOTALL)
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in inline)
    return " ".join(f"'sha256-{digest}'" for digest in digests)


CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        # A component's script comes as a blob that the page itself made.
        f"script-src 'self' blob: {script_hashes(SHELL.read_text('utf-8'))}",
        "style-src 'self' 'unsafe-inline'",  # Streamlit writes its styles into the page
        "img-src 'self' data: blob: https:",  # covers come from KIE's file hosts, which change
        "media-src 'self' data: blob: https:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "frame-src 'none'",
        "object-src 'none'",
        "base-uri 'none'",
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


class SecurityHeaders:
    """Middleware that adds the security headers to every answer, and a cookie to a page for a browser without ours."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        known = browser_cookie.browser_of(scope) != ""
        wants_a_page = "text/html" in Headers(scope=scope).get("accept", "")

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                unchanged = message["status"] == 304 and wants_a_page  # it kept the page, but not the cookie
                if not known and (unchanged or headers.get("content-type", "").startswith("text/html")):
                    secure = scope["scheme"] == "https"
                    headers.append("Set-Cookie", browser_cookie.header(browser_cookie.new(), secure=secure))
            await send(message)

        await self.app(scope, receive, send_with_headers)
