"""Refuses requests for another host than `server.allowedHosts` names, whatever they ask for (DNS rebinding)."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import streamlit as st
from starlette.datastructures import Headers
from streamlit.url_util import make_url_path

from views.middleware.rate_limits import TokenBucket
from views.middleware.refusals import refuse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

log = logging.getLogger("persona-studio")

HEALTH = "_stcore/health"
"""Answers to every name: a probe may use any, and it says nothing but `ok`."""
REFUSED = (
    "This server does not answer to the name by which it was asked. Whoever runs it adds that name to "
    "server.allowedHosts: in .streamlit/config.toml, or as --server.allowedHosts on the command line.\n"
)
LINES_A_SECOND = 1 / 60
"""Of the log, for whoever runs the server and has forgotten a name."""


class AllowedHosts:
    """Middleware that refuses a request, also for a socket, whose Host is not among the allowed ones."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._lines = TokenBucket(1, LINES_A_SECOND, time.monotonic)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = (
            scope["type"] in ("http", "websocket")
            and scope["path"] != make_url_path(st.get_option("server.baseUrlPath") or "", HEALTH)
            and not is_allowed(Headers(scope=scope).getlist("host"), st.get_option("server.allowedHosts"))
        )
        if refused:
            if self._lines.take(longest=0) is not None:
                names = ", ".join(Headers(scope=scope).getlist("host"))[:100]
                log.warning("A request for the host %r was refused: server.allowedHosts does not name it.", names)
            await refuse(scope, receive, send, REFUSED, 400)
        else:
            await self.app(scope, receive, send)


def is_allowed(sent: list[str], allowed: Iterable[str]) -> bool:
    """Whether what stands in the header Host is allowed, by the same rules by which Streamlit checks its sockets.

    Ports do not count, `*.example.com` are the names below that one, and `*` is every name. An empty list allows all.
    """
    patterns = [pattern.strip().lower().rstrip(".") for pattern in allowed]
    if not patterns:
        return True
    try:
        parts = urlsplit(f"//{sent[0]}") if len(sent) == 1 else urlsplit("")
        name, _ = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return False
    if not name or parts.netloc != sent[0] or "@" in parts.netloc:
        return False
    return any(
        pattern in ("*", name) or (pattern.startswith("*.") and name.endswith(pattern[1:])) for pattern in patterns
    )
