"""Who may upload, and where the file is then."""

from __future__ import annotations

import asyncio
import os
import tempfile
from contextlib import ExitStack
from typing import Any

import pytest
import streamlit as st
from anyio import CapacityLimiter
from starlette.types import Message

from studio.exceptions import BadFile
from studio.facade import Studio
from studio.library.uploads import MOST_READERS, PLACEHOLDER, Uploads
from tests import loops
from tests.middleware.helpers import Answer, Inner, answer_to, ask, scope_of, with_cookie
from views.middleware import upload_guard
from views.middleware.upload_guard import UploadGuard
from views.shared import browser_cookie
from views.shared.browser_cookie import COOKIE
from views.shared.open_sockets import OpenSocket, OpenSockets

CONTENT = b"persona_id,name\n1,Alto\n" * 100_000


class Browser:
    """A browser with an open page."""

    def __init__(self, guard: UploadGuard, inner: Inner, sockets: OpenSockets) -> None:
        self.guard, self.inner, self.sockets, self.cookie = guard, inner, sockets, browser_cookie.new()
        self.socket = OpenSocket("socket", self.cookie, "")

    async def opens(self, session_id: str = "mine") -> None:
        self.sockets.add(self.socket)
        self.sockets.note_session(self.socket, session_id)

    async def puts(self, content: bytes = CONTENT, session_id: str = "mine", cookie: str | None = None) -> Answer:
        head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a\\".csv"\r\n\r\n'
        pieces = [content[at : at + 65536] for at in range(0, len(content), 65536)]
        given: Any = with_cookie(COOKIE, self.cookie if cookie is None else cookie)
        scope = scope_of(
            f"/base/_stcore/upload_file/{session_id}/f",
            method="PUT",
            content_type="multipart/form-data; boundary=b",
            content_length=str(len(content)),
            **given,
        )
        return await answer_to(self.guard, scope, [head, *pieces, b"\r\n--b--\r\n", b""])

    @property
    def token(self) -> bytes:
        """What Streamlit got instead of the file."""
        return self.inner.bodies[-1].partition(PLACEHOLDER)[2].partition(b"\r\n")[0]


def read(uploads: Uploads, token: bytes) -> bytes:
    with uploads.reading(token) as content:
        return content


def kept(uploads: Uploads, session_id: str, content: bytes) -> bytes:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - `Uploads` closes it
    file.write(content)
    file.flush()
    return uploads.keep(session_id, file).removeprefix(PLACEHOLDER)


@pytest.fixture
def browser(studio: Studio, sockets: OpenSockets, uploads: Uploads) -> Browser:
    inner = Inner(204)
    browser = Browser(UploadGuard(inner), inner, sockets)
    studio.browsers.use_account(browser.cookie, "account")
    return browser


def test_a_file_lies_on_disk_and_streamlit_gets_a_token(browser: Browser, uploads: Uploads) -> None:
    async def scene() -> None:
        await browser.opens()
        assert (await browser.puts()).status == 204

    loops.run(scene())
    assert read(uploads, browser.token) == CONTENT
    assert len(browser.inner.bodies[-1]) < 1000
    assert b'filename="a_.csv"' in browser.inner.bodies[-1]
    sent = dict(browser.inner.scopes[-1]["headers"])
    assert int(sent[b"content-length"]) == len(browser.inner.bodies[-1])


def test_a_session_keeps_one_file(browser: Browser, uploads: Uploads) -> None:
    async def scene() -> None:
        await browser.opens()
        await browser.puts(b"first")
        first = browser.token
        await browser.puts(b"second")
        assert read(uploads, browser.token) == b"second"
        with pytest.raises(BadFile):
            read(uploads, first)
        uploads.forget(browser.token)
        assert uploads.sessions() == []

    loops.run(scene())


def test_whoever_reads_a_file_that_is_dropped_meanwhile_does_not_read_another(
    uploads: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pread_late(file: int, length: int, offset: int) -> bytes:
        uploads.drop("mine")
        kept(uploads, "other", b"theirs")  # has the number of the file that was closed
        return pread(file, length, offset)

    pread = os.pread
    token = kept(uploads, "mine", b"mine  ")
    monkeypatch.setattr(os, "pread", pread_late)
    assert read(uploads, token) == b"mine  "
    uploads.drop("other")


def test_few_files_are_in_memory_at_the_same_time(uploads: Uploads) -> None:
    token = kept(uploads, "mine", b"")
    with ExitStack() as readers:
        for _ in range(MOST_READERS):
            readers.enter_context(uploads.reading(token))
        assert not uploads._readers.acquire(blocking=False)
    assert uploads._readers.acquire(blocking=False)
    uploads.drop("mine")


@pytest.mark.parametrize("who", ["no cookie", "another browser", "another session", "no account"])
def test_a_stranger_uploads_nothing(browser: Browser, studio: Studio, uploads: Uploads, who: str) -> None:
    if who == "no account":
        studio.browsers.leave_account(browser.cookie, "account")
    cookie = {"no cookie": "", "another browser": browser_cookie.new()}.get(who)

    async def scene() -> None:
        await browser.opens()
        answer = await browser.puts(session_id="other" if who == "another session" else "mine", cookie=cookie)
        assert answer.status == 403
        assert "may use it" in answer.text

    loops.run(scene())
    assert (browser.inner.scopes, uploads.sessions()) == ([], [])


def test_where_people_sign_in_only_they_upload(browser: Browser, studio: Studio) -> None:
    studio.people_sign_in = True

    async def scene() -> None:
        await browser.opens()
        assert (await browser.puts()).status == 403
        studio.browsers.use_account(f"{browser.cookie} default https://id.test ada", "account")
        studio.browsers.note_sign_in(f"{browser.cookie} default https://id.test ada", "")
        assert (await browser.puts()).status == 204

    loops.run(scene())


def test_a_file_that_is_too_large_is_refused_while_it_comes(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_guard, "MULTIPART_OVERHEAD", 0)
    monkeypatch.setattr(st, "get_option", lambda _: 1)

    async def scene() -> None:
        await browser.opens()
        assert (await browser.puts()).status == 413

    loops.run(scene())
    assert browser.inner.scopes == []


@pytest.mark.parametrize("bound", ["MOST_SECONDS", "FIRST_SECONDS"])
def test_a_file_that_comes_too_slowly_gives_its_place_back(
    bound: str, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        await browser.opens()
        never = asyncio.Event()

        async def slow() -> Message:
            await never.wait()
            return {}

        async def send(message: Message) -> None:
            statuses.append(message.get("status"))

        statuses: list[int | None] = []
        given: Any = with_cookie(COOKIE, browser.cookie)
        scope = scope_of(
            "/_stcore/upload_file/mine/f", method="PUT", content_type="multipart/form-data; boundary=b", **given
        )
        await browser.guard(scope, slow, send)
        assert statuses[0] == 408
        assert (browser.guard._limit or CapacityLimiter(0)).borrowed_tokens == 0

    monkeypatch.setattr(upload_guard, bound, 0.0)
    loops.run(scene())
    assert browser.inner.scopes == []


def test_a_file_that_streamlit_refuses_is_not_kept(browser: Browser, uploads: Uploads) -> None:
    browser.inner._status = 400

    async def scene() -> None:
        await browser.opens()
        assert (await browser.puts()).status == 400

    loops.run(scene())
    assert uploads.sessions() == []


def test_the_file_of_a_closed_tab_is_dropped_and_one_of_an_open_tab_is_not(
    browser: Browser, uploads: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_guard, "CLOSED_FOR", 0.0)

    async def scene() -> None:
        await browser.opens()
        await browser.puts()
        for _ in range(20):
            await asyncio.sleep(0)
        assert uploads.sessions() == ["mine"]
        browser.sockets.remove(browser.socket)
        while uploads.sessions():
            await asyncio.sleep(0)

    loops.run(scene())


def test_beyond_so_many_bytes_the_oldest_file_is_dropped(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    few = Uploads(len(CONTENT) + 10)
    monkeypatch.setattr(upload_guard, "uploads", few)

    async def scene() -> None:
        for session_id in ("mine", "second"):
            browser.socket.session_id = ""
            await browser.opens(session_id)
            await browser.puts(session_id=session_id)

    loops.run(scene())
    assert few.sessions() == ["second"]


def test_other_requests_are_not_touched(browser: Browser) -> None:
    scope = scope_of("/_stcore/upload_file/mine/f", method="OPTIONS")
    ask(browser.guard, scope)
    assert browser.inner.scopes == [scope]
