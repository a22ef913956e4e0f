"""The guard of uploads: only into a session of one's own, only for who may use the page, and onto disk."""

from __future__ import annotations

import asyncio
import re
import secrets
import tempfile
from collections import Counter
from typing import IO, TYPE_CHECKING

import streamlit as st
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.datastructures import MutableHeaders, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse

from studio.facade import the_studio
from views.shared import browser_cookie
from views.shared.open_sockets import open_sockets
from views.shared.uploads import uploads

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

PATH = re.compile(r"/_stcore/upload_file/([^/]+)/[^/]+$")
MOST_OF_A_BROWSER, MOST_AT_ONCE = 2, 8
CLOSED_FOR = 60.0
"""Seconds after which the file of a closed tab is dropped, at the latest; at half of them, at the earliest."""
FIRST_SECONDS, MOST_SECONDS, MIN_RATE = 30.0, 600.0, 64 * 1024
"""How long a file may be on its way: so many bytes a second after the first seconds. Others wait for its place."""
LONGEST_NAME = 255
MULTIPART_OVERHEAD = 1024 * 1024
NOT_YOURS = "Files are taken from an open page, and only from people who may use it. Reload the page and try again.\n"
TOO_MANY = "Two files are on their way already. Wait until they have arrived.\n"
TOO_LARGE = "This file is larger than server.maxUploadSize allows.\n"
TOO_SLOW = "This file came too slowly. Choose it again, or a smaller one.\n"
UNREADABLE = "One file is expected, as a form.\n"


class UploadGuard:
    """Middleware for Streamlit's upload addresses."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._coming: Counter[str] = Counter()
        self._limit: CapacityLimiter | None = None
        self._sweeping = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        place = PATH.search(scope["path"]) if scope["type"] == "http" else None
        if place is None or scope["method"] not in ("PUT", "DELETE"):
            await self.app(scope, receive, send)
            return
        session_id, browser = place[1], browser_cookie.browser_of(scope)
        if not open_sockets.began(session_id, browser) or not _may_use(browser):
            await PlainTextResponse(NOT_YOURS, 403)(scope, receive, send)
        elif scope["method"] == "DELETE":
            await self.app(scope, receive, send)
        elif self._coming[browser] >= MOST_OF_A_BROWSER:
            await PlainTextResponse(TOO_MANY, 429)(scope, receive, send)
        else:
            self._coming[browser] += 1
            try:
                await self._take(session_id, scope, receive, send)
            finally:
                self._coming[browser] -= 1
                self._coming += Counter()  # without those that have none left

    async def _take(self, session_id: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Put the file onto disk, and pass a token on in its place."""
        if self._limit is None:
            self._limit = CapacityLimiter(MOST_AT_ONCE)  # belongs to the loop that runs
        async with self._limit:
            try:
                form = await Request(scope, _bounded(receive)).form(max_files=1, max_fields=10)
                files = [value for value in form.values() if isinstance(value, UploadFile)]
                if len(files) != 1:
                    raise MultiPartException(UNREADABLE)
            except _TooLarge:
                await PlainTextResponse(TOO_LARGE, 413)(scope, receive, send)
                return
            except TimeoutError:
                await PlainTextResponse(TOO_SLOW, 408)(scope, receive, send)
                return
            except (HTTPException, MultiPartException, ClientDisconnect):
                await PlainTextResponse(UNREADABLE, 400)(scope, receive, send)
                return
            kept = await run_sync(_on_disk, files[0].file)
        token = uploads.keep(session_id, kept)
        self._sweep_later()
        name = re.sub(r'["\\\x00-\x1f\x7f]', "_", files[0].filename or "")[-LONGEST_NAME:]
        boundary = secrets.token_hex()
        body = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode() + token + f"\r\n--{boundary}--\r\n".encode()  # fmt: skip
        scope = {**scope, "headers": list(scope["headers"])}
        headers = MutableHeaders(scope=scope)
        headers["content-type"] = f"multipart/form-data; boundary={boundary}"
        headers["content-length"] = str(len(body))
        del headers["transfer-encoding"]

        async def small() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= 300:
                uploads.drop(session_id)
            await send(message)

        await self.app(scope, small, noted)

    def _sweep_later(self) -> None:
        if not self._sweeping:
            self._sweeping = True
            asyncio.get_running_loop().call_later(CLOSED_FOR / 2, self._sweep, set[str]())

    def _sweep(self, closed_before: set[str]) -> None:
        """Drop the files of the tabs that are closed, and were the last time."""
        closed = {session_id for session_id in uploads.sessions() if not open_sockets.is_open(session_id)}
        for session_id in closed & closed_before:
            uploads.drop(session_id)
        self._sweeping = bool(uploads.sessions())
        if self._sweeping:
            asyncio.get_running_loop().call_later(CLOSED_FOR / 2, self._sweep, closed)


class _TooLarge(Exception):
    """More came than a file may have."""


def _may_use(browser: str) -> bool:
    studio = the_studio()
    return studio.browsers.may_use(browser, needs_account=studio.shared is None, needs_sign_in=studio.people_sign_in)


def _bounded(receive: Receive) -> Receive:
    """Return what receives a file: not more than it may have, and not for longer than it may take."""
    most, received = st.get_option("server.maxUploadSize") * 2**20 + MULTIPART_OVERHEAD, 0
    started = asyncio.get_running_loop().time()

    async def bounded() -> Message:
        nonlocal received
        async with asyncio.timeout_at(started + min(MOST_SECONDS, FIRST_SECONDS + received / MIN_RATE)):
            message = await receive()
        received += len(message.get("body", b""))
        if received > most:
            raise _TooLarge
        return message

    return bounded


def _on_disk(file: IO[bytes]) -> IO[bytes]:
    """Return an unnamed file with the same content, so that nothing is left behind whatever happens."""
    kept: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - `Uploads` closes it
    file.seek(0)
    while piece := file.read(2**20):
        kept.write(piece)
    kept.flush()
    file.close()
    return kept
