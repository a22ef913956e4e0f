"""The guard of the pages' sockets: who may go on with a session, what may be sent there, and how much.

Nothing that a page's own script sends is lost: what comes too fast waits, because nothing more is read meanwhile.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from views.middleware import client_messages
from views.middleware.client_addresses import OPEN_SOCKETS, ClientAddress, ClientAddresses, address_of
from views.middleware.rate_limits import Idle, Pass, RecentCount, TokenBucket, Turnstile
from views.shared import browser_cookie
from views.shared.browser_cookie import COOKIE
from views.shared.open_sockets import HEADER, OpenSocket, open_sockets

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

STREAM = "/_stcore/stream"
MESSAGES, MESSAGES_A_SECOND = 60, 20.0
"""Messages of one socket."""
RUNS = 2
"""Runs of pages that begin at the same time, of all sockets; the next begins when one has ended. Python runs one
thread at a time, so more would only make each take longer."""
LOOK_EVERY, MOST_LOOKS = 0.05, 5
"""Seconds. At each look a run counts as ended if the process is idle: the run waits for KIE or the database."""
IDLE = 0.5
"""Of one processor."""
LARGE = 64 * 1024
"""Bytes of a message that counts as large."""
LONGEST_WAIT = 20.0
"""Seconds that a large message may have to wait; the socket of one that would wait longer is closed."""
HALF_LIFE = 5.0
FEW_RUNS = 10
"""Runs of late for which no browser is put back behind those that have just come."""
PRESSING = 0.01
"""Seconds after a message within which nobody sends the next who waits for an answer."""
MAX_BROWSERS = 10_000
SMALL_ANSWER = 64 * 1024
"""Bytes up to which a message of Streamlit may be one that says where a run stands."""
UNSUPPORTED, PROTOCOL_ERROR, POLICY = 1003, 1002, 1008


class SocketGuard:
    """Middleware for the pages' sockets."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.addresses = ClientAddresses(time.monotonic)
        self.browsers: dict[str, _Browser] = {}
        self._turnstile: Turnstile | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket" or not scope["path"].endswith(STREAM):
            await self.app(scope, receive, send)
            return
        name = address_of(scope)
        address = self.addresses.get(name)
        if address.open_sockets >= OPEN_SOCKETS or address.new_sockets.take(longest=0) is None:
            answer = PlainTextResponse("Too many connections from this address. Try again in a minute.", 429)
            await answer(scope, receive, send)
            return
        known = browser_cookie.browser_of(scope)
        recent = self._recent(known or f" {name}")
        socket = OpenSocket(secrets.token_urlsafe(16), known or browser_cookie.new(), name)
        _mark(scope, socket, known)
        if self._turnstile is None:
            idle = Idle(IDLE, time.monotonic, time.process_time)
            self._turnstile = Turnstile(RUNS, LOOK_EVERY, MOST_LOOKS, asyncio.get_running_loop().call_later, idle)
        guarded = _Guarded(socket, address, recent, self._turnstile, receive, send)
        if not known:
            guarded.cookie = browser_cookie.header(socket.browser, secure=scope["scheme"] == "wss")
        address.open_sockets += 1
        open_sockets.add(socket)
        try:
            await self.app(scope, guarded.receive, guarded.send)
        finally:
            open_sockets.remove(socket)
            address.open_sockets -= 1
            await guarded.end()

    def _recent(self, browser: str) -> _Browser:
        count = self.browsers.setdefault(browser, _Browser())
        if len(self.browsers) > MAX_BROWSERS:
            del self.browsers[next(iter(self.browsers))]
        return count


def _mark(scope: Scope, socket: OpenSocket, known: str) -> None:
    """Tell the session its socket's ID, and pass on a session's ID only from the browser that began that session.

    A browser without a valid cookie, such as one whose page is older than the server, is given one.
    """
    asked = [each.strip() for each in ",".join(Headers(scope=scope).getlist("sec-websocket-protocol")).split(",")]
    selected, xsrf, session_id = (*asked, "", "", "")[:3]
    allowed = session_id if open_sockets.began(session_id, known) else ""
    scope["headers"] = list(scope["headers"])
    headers = MutableHeaders(scope=scope)
    headers[HEADER] = socket.id
    if not known:
        headers["cookie"] = "; ".join(filter(None, (headers.get("cookie"), f"{COOKIE}={socket.browser}")))
    if "sec-websocket-protocol" in headers:
        headers["sec-websocket-protocol"] = ", ".join((selected, xsrf, allowed))
        scope["subprotocols"] = [each for each in (selected, xsrf, allowed) if each]


class _Browser:
    """What is counted for a browser: its runs, and its messages that were there already when the last was taken."""

    def __init__(self) -> None:
        self.runs = RecentCount(HALF_LIFE, time.monotonic)
        self.pressing = RecentCount(HALF_LIFE, time.monotonic)


class _Guarded:
    """One socket's two directions."""

    def __init__(
        self,
        socket: OpenSocket,
        address: ClientAddress,
        browser: _Browser,
        turnstile: Turnstile,
        receive: Receive,
        send: Send,
    ) -> None:
        self._socket, self._address, self._browser, self._turnstile = socket, address, browser, turnstile
        self._receive, self._send = receive, send
        self._bucket = TokenBucket(MESSAGES, MESSAGES_A_SECOND, time.monotonic)
        self._messages = RecentCount(HALF_LIFE, time.monotonic)
        self._pass: Pass | None = None
        self._same_page = b""
        self._coming: asyncio.Future[Message] | None = None
        self._closed = False
        self.cookie = ""
        """The header Set-Cookie for a browser that had none."""

    async def receive(self) -> Message:
        """Return the next message that Streamlit may have, when it may have it."""
        while True:
            asked = time.monotonic()
            message = await self._next()
            if self._pass is not None and time.monotonic() - asked < PRESSING:
                self._browser.pressing.add()
            if message["type"] != "websocket.receive":
                return message
            data = message.get("bytes")
            if data is None:
                return await self._close(UNSUPPORTED, "Only binary messages are understood here.")
            try:
                kind, data = client_messages.read(data)
            except client_messages.NotAMessage:
                return await self._close(PROTOCOL_ERROR, "This is no message of a page.")
            wait = self._bucket.take() or 0.0
            if len(data) > LARGE:
                slow = self._address.large_bytes.take(len(data), LONGEST_WAIT)
                if slow is None:
                    return await self._close(POLICY, "Too much was sent from this address. Try again in a minute.")
                wait = max(wait, slow)
            if wait:
                await asyncio.sleep(wait)
            if kind == "rerun_script":
                self._same_page = client_messages.same_page(data)
                await self._enter()
            if kind:
                return {"type": "websocket.receive", "bytes": data}

    async def send(self, message: Message) -> None:
        """Pass a message of Streamlit on, unless this socket was closed; note its session, and the end of a run."""
        if self._closed:
            return
        if message["type"] == "websocket.close":
            self._closed = True
        if message["type"] == "websocket.accept" and self.cookie:
            message = {**message, "headers": [*message.get("headers", ()), (b"set-cookie", self.cookie.encode())]}
        data = message.get("bytes")
        if data is not None and len(data) <= SMALL_ANSWER:
            answer = ForwardMsg.FromString(data)
            kind = answer.WhichOneof("type")
            if kind == "new_session":
                open_sockets.note_session(self._socket, answer.new_session.initialize.session_id)
            elif kind == "script_finished" and self._pass is not None and self._pass.entered.done():
                self._turnstile.leave(self._pass)
        try:
            await self._send(message)
        except OSError:  # the browser has gone; Streamlit hears of it when it receives
            self._closed = True

    async def end(self) -> None:
        """Give back what this socket holds."""
        if self._pass is not None:
            self._turnstile.leave(self._pass)
        if self._coming is not None:
            self._coming.cancel()

    async def _next(self) -> Message:
        """Return the next message of the browser, or in its place one that asks for the same page again."""
        if self._coming is None:
            self._coming = asyncio.ensure_future(self._receive())
        redraw = asyncio.ensure_future(self._socket.redraw.wait())
        await asyncio.wait((self._coming, redraw), return_when=asyncio.FIRST_COMPLETED)
        redraw.cancel()
        if self._same_page and self._socket.redraw.is_set():
            self._socket.redraw.clear()
            return {"type": "websocket.receive", "bytes": self._same_page}
        coming, self._coming = self._coming, None
        return await coming

    async def _enter(self) -> None:
        """Wait for the run before to end, and for a place among all runs."""
        if self._pass is not None:
            await self._pass.ended
        self._pass = self._turnstile.enter(self._rank)
        await self._pass.entered
        for count in (self._messages, self._browser.runs, self._address.messages):
            count.add()

    def _rank(self) -> tuple[float, ...]:
        """Who presses less goes first; then who has asked for fewer runs of late: browser, tab, address."""
        counts = (self._browser.pressing, self._browser.runs, self._messages, self._address.messages)
        pressing, runs, *more = (round(count.value(), 1) for count in counts)  # equals stay equal while compared
        return pressing, max(0.0, runs - FEW_RUNS), *more

    async def _close(self, code: int, reason: str) -> Message:
        """Close the socket; return what tells Streamlit so."""
        if not self._closed:
            self._closed = True
            with suppress(Exception):  # the browser may be gone
                await self._send({"type": "websocket.close", "code": code, "reason": reason})
        return {"type": "websocket.disconnect", "code": code}
