"""The guard of the pages' sockets, spoken to as a server speaks to it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from studio.facade import Studio
from tests import loops
from tests.middleware.helpers import Inner, ask, scope_of, with_cookie
from views.middleware import socket_guard
from views.middleware.client_addresses import NEW_SOCKETS, address_of
from views.middleware.socket_guard import MESSAGES, PROTOCOL_ERROR, RUNS, UNSUPPORTED, SocketGuard
from views.shared import browser_cookie
from views.shared.browser_cookie import COOKIE
from views.shared.open_sockets import HEADER, OpenSockets

pytestmark = pytest.mark.usefixtures("studio")
RUN = BackMsg(rerun_script={"query_string": "x"}).SerializeToString()  # type: ignore[arg-type]
STOP = BackMsg(stop_script=True).SerializeToString()


class Streamlit:
    """What Streamlit does behind the guard: it names a session, and takes messages in."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []
        self.taken: list[bytes] = []
        self.ends: list[int] = []
        self.sends: list[Send] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        self.sends.append(send)
        await send({"type": "websocket.accept", "subprotocol": "streamlit"})
        asked = Headers(scope=scope).get("sec-websocket-protocol", "").split(", ")
        session_id = (asked[2] if len(asked) > 2 else "") or f"session-{len(self.scopes)}"
        message = ForwardMsg()
        message.new_session.initialize.session_id = session_id
        await send({"type": "websocket.send", "bytes": message.SerializeToString()})
        while (received := await receive())["type"] == "websocket.receive":
            self.taken.append(received["bytes"])
        self.ends.append(received["code"])

    async def end_run(self, number: int) -> None:
        """Tell that a socket's run has ended."""
        message = ForwardMsg(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY)
        await self.sends[number]({"type": "websocket.send", "bytes": message.SerializeToString()})


class Tab:
    """The server's end of one tab's socket."""

    def __init__(self, guard: SocketGuard, cookie: str = "", session_id: str = "", **headers: str) -> None:
        protocols = f"streamlit, xsrf, {session_id}" if session_id else "streamlit, xsrf"
        given = {"sec_websocket_protocol": protocols, **headers, **(with_cookie(COOKIE, cookie) if cookie else {})}
        self.coming: asyncio.Queue[Message] = asyncio.Queue()
        self.sent: list[Message] = []
        self.scope = scope_of("/base/_stcore/stream", "websocket", **given)
        self.task = asyncio.create_task(guard(self.scope, self.coming.get, self._send))

    async def _send(self, message: Message) -> None:
        self.sent.append(message)

    def says(self, *data: bytes) -> None:
        for each in data:
            self.coming.put_nowait({"type": "websocket.receive", "bytes": each})

    async def leave(self) -> None:
        self.coming.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await self.task

    @property
    def closed_with(self) -> list[int]:
        return [message["code"] for message in self.sent if message["type"] == "websocket.close"]


def play(scene: Callable[[SocketGuard, Streamlit], Awaitable[None]]) -> None:
    async def whole() -> None:
        inner = Streamlit()
        await scene(SocketGuard(inner), inner)

    loops.run(whole())


async def quiet() -> None:
    """Let all tasks go on until they wait."""
    for _ in range(30):
        await asyncio.sleep(0)


def test_a_session_goes_on_only_in_the_browser_that_began_it(sockets: OpenSockets) -> None:
    mine, other = browser_cookie.new(), browser_cookie.new()

    async def scene(guard: SocketGuard, inner: Streamlit) -> None:
        first = Tab(guard, mine)
        await quiet()
        for cookie in ("", other, "session-1", mine[:-1]):
            for tab_is_open in (True, False):
                stranger = Tab(guard, cookie, "session-1")
                await quiet()
                assert inner.scopes[-1]["subprotocols"] == ["streamlit", "xsrf"]
                await stranger.leave()
                if tab_is_open and cookie == other:
                    await first.leave()
        again = Tab(guard, mine, "session-1")
        await quiet()
        assert inner.scopes[-1]["subprotocols"] == ["streamlit", "xsrf", "session-1"]
        await again.leave()

    play(scene)


def test_a_browser_without_a_cookie_of_ours_gets_one_with_its_socket(sockets: OpenSockets) -> None:
    async def scene(guard: SocketGuard, inner: Streamlit) -> None:
        for cookie in ("", "chosen"):
            tab = Tab(guard, cookie)
            await quiet()
            given = Headers(raw=tab.sent[0]["headers"])["set-cookie"].partition(";")[0].partition("=")[2]
            assert browser_cookie.browser_of(inner.scopes[-1]) == given != ""
            await tab.leave()
            again = Tab(guard, given, f"session-{len(inner.scopes)}")
            await quiet()
            assert len(inner.scopes[-1]["subprotocols"]) == 3
            assert "headers" not in again.sent[0]
            await again.leave()

    play(scene)


def test_a_session_that_began_without_a_cookie_does_not_go_on_without_one(sockets: OpenSockets) -> None:
    async def scene(guard: SocketGuard, inner: Streamlit) -> None:
        tab = Tab(guard)
        await quiet()
        await tab.leave()
        for cookie in ("", browser_cookie.new()):
            tab = Tab(guard, cookie, "session-1")
            await quiet()
            assert "session-1" not in inner.scopes[-1]["subprotocols"]
            await tab.leave()

    play(scene)


def test_a_script_finds_its_socket_and_nobody_can_say_that_it_is_another(sockets: OpenSockets) -> None:
    async def scene(guard: SocketGuard, inner: Streamlit) -> None:
        tabs = [Tab(guard, x_persona_studio_socket="mine") for _ in range(2)]
        await quiet()
        ids = [Headers(scope=scope).getlist(HEADER) for scope in inner.scopes]
        assert all(len(each) == 1 and each != ["mine"] for each in ids)
        assert ids[0] != ids[1]
        for tab in tabs:
            await tab.leave()

    play(scene)


def test_the_other_tabs_of_a_browser_are_drawn_anew_from_any_thread(sockets: OpenSockets) -> None:
    mine, other = browser_cookie.new(), browser_cookie.new()
    pressed = BackMsg(rerun_script={"query_string": "attempt=1", "page_script_hash": "library", "fragment_id": "part"})  # type: ignore[arg-type]
    pressed.rerun_script.widget_states.widgets.add(id="create", trigger_value=True)

    async def scene(guard: SocketGuard, inner: Streamlit) -> None:
        tabs = [Tab(guard, cookie) for cookie in (mine, mine, mine, other)]
        await quiet()
        tabs[1].says(pressed.SerializeToString())
        await quiet()
        await inner.end_run(1)
        kept = Headers(scope=inner.scopes[0])[HEADER]
        thread = threading.Thread(target=sockets.redraw_tabs, args=(mine, kept))
        thread.start()
        thread.join()
        sockets.redraw_tabs("")  # tabs without a cookie belong to nobody
        await quiet()
        _, again = inner.taken  # the third has not drawn a page yet
        asked = BackMsg.FromString(again).rerun_script
        assert (asked.query_string, asked.page_script_hash) == ("attempt=1", "library")
        assert not asked.widget_states.widgets
        assert not asked.fragment_id
        tabs[1].says(STOP)
        await quiet()
        assert inner.taken[2:] == [STOP]
        for tab in tabs:
            await tab.leave()

    play(scene)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"type": "websocket.receive", "text": "hello"}, UNSUPPORTED),
        ({"type": "websocket.receive", "bytes": b"\xff garbage"}, PROTOCOL_ERROR),
    ],
)
def test_what_no_page_sends_closes_the_socket_in_order(
    message: dict[str, Any], code: int, sockets: OpenSockets
) -> None:
    async def scene(guard: SocketGuard, inner: Streamlit) -> None:
        tab = Tab(guard)
        tab.coming.put_nowait(message)
        await tab.task
        assert (tab.closed_with, inner.taken, inner.ends) == ([code], [], [code])

    play(scene)


def test_a_flood_is_slowed_down_and_nothing_of_it_is_lost(
    sockets: OpenSockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    sleep = asyncio.sleep

    async def no_time(seconds: float) -> None:
        slept.extend([seconds] * (seconds > 0))
        await sleep(0)

    async def scene(guard: SocketGuard, inner: Streamlit) -> None:
        tab = Tab(guard)
        tab.says(*[STOP] * (MESSAGES + 2))
        await quiet()
        while len(inner.taken) < MESSAGES + 2:
            await sleep(0)
        assert len(slept) == 2
        assert slept[0] == pytest.approx(1 / socket_guard.MESSAGES_A_SECOND, rel=0.5)
        await tab.leave()

    monkeypatch.setattr(asyncio, "sleep", no_time)
    play(scene)


def test_a_visitor_s_run_begins_before_what_a_flood_has_waiting(sockets: OpenSockets) -> None:
    async def scene(guard: SocketGuard, inner: Streamlit) -> None:
        flood = [Tab(guard, browser_cookie.new()) for _ in range(5)]
        await quiet()
        for tab in flood:
            tab.says(*[RUN] * 3)
        await quiet()
        assert len(inner.taken) == RUNS  # the others wait for these to end
        visitor = Tab(guard, browser_cookie.new())
        hello = BackMsg(rerun_script={"query_string": "visitor"}).SerializeToString()  # type: ignore[arg-type]
        await quiet()
        visitor.says(hello)
        await quiet()
        assert hello not in inner.taken
        for number in range(len(flood)):
            await inner.end_run(number)  # those that have no run do not have one ended
        await quiet()
        assert hello in inner.taken[: RUNS * 2]
        for tab in [*flood, visitor]:
            await tab.leave()

    play(scene)


def test_an_address_opens_many_sockets_but_not_without_end(sockets: OpenSockets) -> None:
    guard = SocketGuard(Inner())
    answers = [ask(guard, scope_of("/_stcore/stream", "websocket")) for _ in range(NEW_SOCKETS + 20)]
    assert [answer.status for answer in answers[:NEW_SOCKETS]] == [200] * NEW_SOCKETS
    assert answers[-1].status == 429
    elsewhere = {**scope_of("/_stcore/stream", "websocket"), "client": ("192.0.2.2", 1)}
    assert ask(guard, elsewhere).status == 200


@pytest.mark.parametrize(
    ("client", "address"),
    [
        (("192.0.2.1", 1), "192.0.2.1"),
        (("::ffff:192.0.2.1", 1), "192.0.2.1"),
        (("2001:db8:1:2:3:4:5:6", 1), "2001:db8:1:2::"),
        (("fe80::1%eth0", 1), "fe80::"),
        (("", 0), ""),
        (None, ""),
    ],
)
def test_one_client_is_one_address(client: tuple[str, int] | None, address: str) -> None:
    assert address_of({"client": client}) == address


def test_other_requests_are_not_touched(studio: Studio, sockets: OpenSockets) -> None:
    inner = Inner()
    scope = scope_of("/_stcore/stream")
    ask(SocketGuard(inner), scope)
    assert inner.scopes == [scope]


def test_who_waits_for_answers_goes_before_who_sends_on_and_on(
    sockets: OpenSockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(guard: SocketGuard, inner: Streamlit) -> None:
        visitor = Tab(guard, browser_cookie.new())
        await quiet()
        monkeypatch.setattr(socket_guard, "PRESSING", 0.0)
        for _ in range(9):  # many runs, each after the answer to the last
            visitor.says(RUN)
            await quiet()
            await inner.end_run(0)
        monkeypatch.setattr(socket_guard, "PRESSING", 10.0)
        flood = [Tab(guard, browser_cookie.new()) for _ in range(4)]
        await quiet()
        for tab in flood:
            tab.says(RUN, RUN)
        await quiet()
        for number in (1, 2, 3, 4):
            await inner.end_run(number)
            await quiet()
        hello = BackMsg(rerun_script={"query_string": "visitor"}).SerializeToString()  # type: ignore[arg-type]
        monkeypatch.setattr(socket_guard, "PRESSING", 0.0)
        visitor.says(hello)
        await quiet()
        before = len(inner.taken)
        for number in (1, 2, 3, 4):
            await inner.end_run(number)
        await quiet()
        assert hello in inner.taken[:before] or inner.taken[before] == hello
        for tab in [*flood, visitor]:
            await tab.leave()

    play(scene)
