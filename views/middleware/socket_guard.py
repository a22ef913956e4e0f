"""The guard of the pages' sockets: who may go on with a session, what may be sent there, and how much.

What comes too fast waits, and nothing more is read meanwhile, so a page's own script loses nothing. One thing is not
waited for: large messages that would wait longer than `LONGEST_WAIT`, from a browser that uses no account here. Their
socket is closed.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import OrderedDict
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from studio.facade import the_studio
from views.middleware import client_messages
from views.middleware.client_addresses import OPEN_SOCKETS, ClientAddress, ClientAddresses, address_of
from views.middleware.rate_limits import CallLater, Clock, Rank, RecentCount, RunQueue, TokenBucket, Waiter, call_later
from views.middleware.refusals import POLICY_VIOLATION, refuse
from views.shared import browser_cookie
from views.shared.open_sockets import HEADER, OpenSocket, open_sockets

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

STREAM = "/_stcore/stream"
MESSAGES, MESSAGES_A_SECOND = 60, 20.0
"""Messages of one socket."""
RUNS = 2
"""Runs of pages that begin at the same time, of all sockets; the next begins when one has ended. Python runs one
thread at a time, so more would only make each take longer."""
LONGEST_RUN = 0.1
"""Seconds after which a run counts as ended: it waits for KIE or the database, or is one of the few long ones."""
LARGE = 8 * 1024
"""Bytes of a message that counts as large: it may leave long texts in its session."""
LONGEST_CALLBACK = 15.0
"""Seconds that a socket's next message, or its end, waits for what was pressed to be done: Streamlit would stop it."""
LONGEST_BEGIN = 0.3
"""Seconds that it waits for a fragment's run to begin: Streamlit drops a message for a fragment that is gone."""
DRAWS = {"page_config_changed", "navigation", "delta"}
"""What a script sends only after its callbacks."""
LONGEST_WAIT = 20.0
"""Seconds that a stranger's large message may have to wait; the socket of one that would wait longer is closed."""
HALF_LIFE = 5.0
FEW_RUNS, FEW_OF_ADDRESS = 30, 60
"""Runs of late for which no browser, and no address, is put behind another; four a second make 30."""
MAX_BROWSERS = 10_000
SMALL_ANSWER = 64 * 1024
"""Bytes up to which a message of Streamlit may be one that says where a run stands."""
UNSUPPORTED, PROTOCOL_ERROR = 1003, 1002


class SocketGuard:
    """Middleware for the pages' sockets."""

    def __init__(self, app: ASGIApp, clock: Clock = time.monotonic, later: CallLater = call_later) -> None:
        self.app = app
        self._clock, self._later = clock, later
        self._addresses = ClientAddresses(clock)
        self._runs: OrderedDict[str, RecentCount] = OrderedDict()
        """Of each browser that was heard of lately."""
        self._queue = RunQueue(RUNS, LONGEST_RUN, later)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket" or not scope["path"].endswith(STREAM):
            await self.app(scope, receive, send)
            return
        name = address_of(scope)
        address = self._addresses.get(name)
        if address.open_sockets >= OPEN_SOCKETS or address.new_sockets.take(longest=0) is None:
            await refuse(scope, receive, send, "Too many connections from this address.", 429)
            return
        if not is_same_origin(Headers(scope=scope)):
            await refuse(scope, receive, send, "A page of another origin may not use this one's sockets.", 403)
            return
        known = browser_cookie.browser_of(scope)
        socket = OpenSocket(secrets.token_urlsafe(16), known or browser_cookie.new(), name)
        _mark(scope, socket, known)
        runs = self._runs_of(known or f" {name}")
        guarded = _Guarded(socket, address, runs, self._queue, self._clock, self._later, receive, send)
        if not known:
            guarded.cookie = browser_cookie.header(socket.browser, secure=scope["scheme"] == "wss")
        address.open_sockets += 1
        open_sockets.add(socket)
        try:
            await self.app(scope, guarded.receive, guarded.send)
        finally:
            open_sockets.remove(socket)
            address.open_sockets -= 1
            guarded.end()

    def _runs_of(self, browser: str) -> RecentCount:
        count = self._runs.setdefault(browser, RecentCount(HALF_LIFE, self._clock))
        self._runs.move_to_end(browser)
        if len(self._runs) > MAX_BROWSERS:
            self._runs.popitem(last=False)
        return count


def is_same_origin(headers: Headers) -> bool:
    """Whether the page that asks came from here, or from where the operator allows.

    Streamlit itself also lets pages of other ports of this machine in, and cookies are the same for all ports.
    """
    origin = headers.get("origin")
    if origin is None:
        return True
    try:
        if urlsplit(origin).netloc.lower() == headers.get("host", "").lower():
            return True
    except ValueError:
        return False
    return not st.get_option("server.enableCORS") or origin in st.get_option("server.corsAllowedOrigins")


def _mark(scope: Scope, socket: OpenSocket, known: str) -> None:
    """Tell the session its socket's ID, and pass on a session's ID only from the browser that began that session.

    Of our cookies the session sees the one that counts, also if the browser, whose page may be older than the server,
    is given it just now.
    """
    asked = [each.strip() for each in ",".join(Headers(scope=scope).getlist("sec-websocket-protocol")).split(",")]
    selected, xsrf, session_id = (*asked, "", "", "")[:3]
    allowed = session_id if open_sockets.began(session_id, known) else ""
    cookies = browser_cookie.with_only(scope, socket.browser)
    headers = MutableHeaders(scope=scope)
    headers[HEADER], headers["cookie"] = socket.id, cookies
    if "sec-websocket-protocol" in headers:
        headers["sec-websocket-protocol"] = ", ".join((selected, xsrf, allowed))
        scope["subprotocols"] = [each for each in (selected, xsrf, allowed) if each]


def _is_known(browser: str) -> bool:
    """Whether somebody uses an account at this browser or, where people sign in, has signed in."""
    studio = the_studio()
    sign_in = studio.people_sign_in
    return studio.browsers.may_use(browser, needs_account=not sign_in, needs_sign_in=sign_in)


class _Guarded:
    """One socket's two directions."""

    def __init__(
        self,
        socket: OpenSocket,
        address: ClientAddress,
        runs: RecentCount,
        queue: RunQueue,
        clock: Clock,
        later: CallLater,
        receive: Receive,
        send: Send,
    ) -> None:
        self._socket, self._address, self._runs, self._queue = socket, address, runs, queue
        self._clock, self._later, self._receive, self._send = clock, later, receive, send
        self._bucket = TokenBucket(MESSAGES, MESSAGES_A_SECOND, clock)
        self._run: Waiter | None = None
        self._since = 0.0
        """Since when it asks for runs without waiting for the one before to end."""
        self._page = BackMsg()
        """Asks for a run of the page that the tab shows; empty before its first."""
        self._coming: asyncio.Future[Message] | None = None
        self._closed = False
        self._run_began = self._draws_page = False
        """Whether the last run has begun, and on the page that was asked for."""
        self._acted = asyncio.Event()
        """Whether the callbacks of the last run are done."""
        self._acted.set()
        self.cookie = ""
        """The header Set-Cookie for a browser that had none."""

    async def receive(self) -> Message:
        """Return the next message that Streamlit may have, when it may have it."""
        while True:
            message = await self._next()
            if message is None:
                await self._start_run()
                return {"type": "websocket.receive", "bytes": self._page.SerializeToString()}
            if message["type"] != "websocket.receive":
                await self._acted.wait()
                return message
            data = message.get("bytes")
            if data is None:
                return await self._close(UNSUPPORTED, "Only binary messages are understood here.")
            try:
                kind, data = client_messages.read(data)
            except client_messages.NotAMessage:
                return await self._close(PROTOCOL_ERROR, "This is no message of a page.")
            if self._run is None or self._run.released.is_set():
                self._since = self._clock()
            wait = self._bucket.take() or 0.0
            if len(data) > LARGE:
                longest = float("inf") if _is_known(self._socket.browser) else LONGEST_WAIT
                slow = self._address.large_bytes.take(len(data), longest)
                if slow is None:
                    return await self._close(POLICY_VIOLATION, "Too much was sent from this address.")
                wait = max(wait, slow)
            if wait:
                await asyncio.sleep(wait)
            if kind == "rerun_script":
                await self._start_run(client_messages.is_of_fragment(data))
                data = client_messages.of_open_page(data, self._page)  # which the run before may have switched
                self._page = client_messages.same_page(data)
            if kind:
                return {"type": "websocket.receive", "bytes": data}

    async def send(self, message: Message) -> None:
        """Pass a message of Streamlit on, unless this socket was closed; note what it says of the page and its run."""
        data = message.get("bytes")
        if data is not None and len(data) <= SMALL_ANSWER:
            self._note(ForwardMsg.FromString(data))
        if self._closed:
            return
        if message["type"] == "websocket.close":
            self._closed = True
        if message["type"] == "websocket.accept" and self.cookie:
            message = {**message, "headers": [*message.get("headers", ()), (b"set-cookie", self.cookie.encode())]}
        try:
            await self._send(message)
        except OSError:  # the browser has gone; Streamlit hears of it when it receives
            self._closed = True

    def end(self) -> None:
        """Give back what this socket holds."""
        if self._run is not None:
            self._queue.release(self._run)
        if self._coming is not None:
            self._coming.cancel()

    def _note(self, answer: ForwardMsg) -> None:
        kind, page = answer.WhichOneof("type"), self._page.rerun_script
        ends = kind == "script_finished" and answer.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN
        if kind == "new_session":
            open_sockets.note_session(self._socket, answer.new_session.initialize.session_id)
            asked, drawn = page.page_script_hash, answer.new_session.page_script_hash
            self._run_began, self._draws_page = True, self._draws_page or asked in ("", drawn)
        elif self._run_began and (ends or kind in DRAWS):
            self._acted.set()
        if ends and self._run is not None and self._run.started.is_set():
            self._queue.release(self._run)
        if not self._page.HasField("rerun_script") or not self._draws_page:  # it is of a run before the last
            return
        if kind == "navigation":  # the script may have switched to another page
            page.page_script_hash, page.page_name = answer.navigation.page_script_hash, ""
        elif kind == "page_info_changed":
            page.query_string = answer.page_info_changed.query_string

    async def _next(self) -> Message | None:
        """Return the next message of the browser, or None if the same page is to be drawn again."""
        if self._coming is None:
            self._coming = asyncio.ensure_future(self._receive())
        redraw = asyncio.ensure_future(self._socket.redraw.wait())
        try:
            await asyncio.wait((self._coming, redraw), return_when=asyncio.FIRST_COMPLETED)
        finally:
            redraw.cancel()
        if self._socket.redraw.is_set() and self._page.HasField("rerun_script"):
            self._socket.redraw.clear()
            return None
        coming, self._coming = self._coming, None
        return await coming

    async def _start_run(self, of_fragment: bool = False) -> None:
        """Wait for the run before to end, and for a place among all runs."""
        if self._run is not None:
            await self._run.released.wait()
        await self._acted.wait()
        self._run = self._queue.acquire(self._rank())
        await self._run.started.wait()
        self._run_began, self._draws_page, self._acted = False, False, asyncio.Event()
        self._later(LONGEST_CALLBACK, self._acted.set)
        if of_fragment:
            self._later(LONGEST_BEGIN, partial(self._unless_it_began, self._acted))
        self._runs.add()
        self._address.runs.add()

    def _unless_it_began(self, acted: asyncio.Event) -> None:
        if acted is self._acted and not self._run_began:
            acted.set()

    def _rank(self) -> Rank:
        """Return what says who is next: who is known; then whose address and browser asked for few runs of late.

        Of equals who are known, the first. Of strangers who began last to ask without a pause: a flood or a crowd that
        came before would be a queue. Who is known and asks for many is a stranger.
        """
        now, known = self._clock(), _is_known(self._socket.browser)

        def rank() -> tuple[float, ...]:
            address = max(0, round(self._address.runs.value() - FEW_OF_ADDRESS))
            browser = max(0, round(self._runs.value() - FEW_RUNS))
            return (0, 0, 0, now) if known and not browser else (1, address, browser, -self._since)

        return rank

    async def _close(self, code: int, reason: str) -> Message:
        """Close the socket; return what tells Streamlit so."""
        if not self._closed:
            self._closed = True
            with suppress(Exception):  # the browser may be gone
                await self._send({"type": "websocket.close", "code": code, "reason": reason})
        return {"type": "websocket.disconnect", "code": code}
