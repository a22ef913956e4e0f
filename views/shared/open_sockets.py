"""The open tabs of every browser: their sockets, and the sessions that each browser began.

`views/middleware/socket_guard.py` keeps it. A page finds its own socket's ID with `socket_of_page`.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field

import streamlit as st

HEADER = "x-persona-studio-socket"
"""The header in which a session finds the ID of its socket; one that a browser sends is dropped."""
MAX_SESSIONS = 20_000


@dataclass(slots=True, eq=False)
class OpenSocket:
    """One open tab."""

    id: str
    browser: str
    """The browser's cookie, perhaps one that it was given just now."""
    address: str
    session_id: str = ""
    """Streamlit's session, once it is known."""
    redraw: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the page is to be drawn anew, without its browser asking for it."""


class OpenSockets:
    """The sockets and sessions of this process. All but `redraw_tabs` belongs to the server's event loop."""

    def __init__(self) -> None:
        self._sockets: dict[str, OpenSocket] = {}
        self._began: OrderedDict[str, str] = OrderedDict()
        """The browser that began each session. One that keeps no cookies does not show its cookie again."""
        self._loop: asyncio.AbstractEventLoop | None = None

    def add(self, socket: OpenSocket) -> None:
        """Note a socket that was opened."""
        self._loop = asyncio.get_running_loop()
        self._sockets[socket.id] = socket

    def remove(self, socket: OpenSocket) -> None:
        """Forget a socket that was closed."""
        self._sockets.pop(socket.id, None)

    def note_session(self, socket: OpenSocket, session_id: str) -> None:
        """Note which session a socket serves."""
        if socket.session_id == session_id:
            return
        socket.session_id = session_id
        self._began[session_id] = socket.browser
        self._began.move_to_end(session_id)
        if len(self._began) > MAX_SESSIONS:
            self._began.popitem(last=False)

    def began(self, session_id: str, browser: str) -> bool:
        """Whether this browser began this session, and may go on with it."""
        return browser != "" and self._began.get(session_id) == browser

    def is_open(self, session_id: str) -> bool:
        """Whether a tab with this session is open."""
        return any(socket.session_id == session_id for socket in self._sockets.values())

    def redraw_tabs(self, browser: str, but_socket: str = "") -> None:
        """Have the pages in all tabs of a browser drawn anew, but one. Safe for many threads."""
        if self._loop is not None and browser:
            self._loop.call_soon_threadsafe(self._redraw_tabs, browser, but_socket)

    def _redraw_tabs(self, browser: str, but_socket: str) -> None:
        for socket in self._sockets.values():
            if socket.browser == browser and socket.id != but_socket:
                socket.redraw.set()


open_sockets = OpenSockets()


def redraw_tabs(browser: str, but_socket: str = "") -> None:
    """Have the pages in all tabs of a browser drawn anew, but one: somebody left, or uses another account."""
    open_sockets.redraw_tabs(browser, but_socket)


def socket_of_page() -> str:
    """Return the ID of the socket by which this page came, or "" where there is none."""
    return st.context.headers.get(HEADER) or ""
