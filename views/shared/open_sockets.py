"""The open tabs of every browser: their sockets, and the sessions that each browser began.

`views/middleware/socket_guard.py` keeps it. A page finds its own socket's ID with `socket_of_page`.
"""

from __future__ import annotations

import asyncio
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
    """The sockets and sessions of this process. All belongs to the server's event loop, but `redraw_tabs` below."""

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self._sockets: dict[str, OpenSocket] = {}
        self._began: dict[str, str] = {}
        """The browser that began each session. One that keeps no cookies does not show its cookie again."""

    def add(self, socket: OpenSocket) -> None:
        """Note a socket that was opened."""
        self.loop = asyncio.get_running_loop()
        self._sockets[socket.id] = socket

    def remove(self, socket: OpenSocket) -> None:
        """Forget a socket that was closed."""
        self._sockets.pop(socket.id, None)

    def note_session(self, socket: OpenSocket, session_id: str) -> None:
        """Note which session a socket serves."""
        if socket.session_id == session_id:
            return
        socket.session_id = session_id
        self._began.pop(session_id, None)
        self._began[session_id] = socket.browser
        if len(self._began) > MAX_SESSIONS:
            is_open = {each.session_id for each in self._sockets.values()}
            closed = next((each for each in self._began if each not in is_open), next(iter(self._began)))
            del self._began[closed]

    def began(self, session_id: str, browser: str) -> bool:
        """Whether this browser began this session, and may go on with it."""
        return browser != "" and self._began.get(session_id) == browser

    def is_open(self, session_id: str) -> bool:
        """Whether a tab with this session is open."""
        return any(socket.session_id == session_id for socket in self._sockets.values())

    def redraw(self, browser: str, but_socket: str) -> None:
        """Have the pages in all tabs of a browser drawn anew, but one."""
        for socket in self._sockets.values():
            if socket.browser == browser and socket.id != but_socket:
                socket.redraw.set()


open_sockets = OpenSockets()


def redraw_tabs(browser: str, but_socket: str = "") -> None:
    """From any thread: have all tabs of a browser but one drawn anew; somebody left, or uses another account."""
    if open_sockets.loop is not None and browser:
        open_sockets.loop.call_soon_threadsafe(open_sockets.redraw, browser, but_socket)


def socket_of_page() -> str:
    """Return the ID of the socket by which this page came, or "" where there is none."""
    return st.context.headers.get(HEADER) or ""
