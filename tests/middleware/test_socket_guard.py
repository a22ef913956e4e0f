"""The guard of the pages' sockets, spoken to as a server speaks to it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from studio.facade import Studio
from tests import loops
from tests.middleware.helpers import ADDRESS, Clock, Inner, ask, scope_of
from views.middleware.client_addresses import (
    LARGE_BYTES,
    LARGE_BYTES_A_SECOND,
    NEW_SOCKETS,
    NEW_SOCKETS_A_SECOND,
    OPEN_SOCKETS,
    address_of,
)
from views.middleware.rate_limits import OLDEST_EVERY
from views.middleware.refusals import POLICY_VIOLATION, PlainPaths
from views.middleware.socket_guard import (
    FEW_OF_ADDRESS,
    FEW_RUNS,
    LONGEST_BEGIN,
    LONGEST_CALLBACK,
    LONGEST_RUN,
    LONGEST_WAIT,
    MESSAGES,
    MESSAGES_A_SECOND,
    PROTOCOL_ERROR,
    RUNS,
    UNSUPPORTED,
    SocketGuard,
)
from views.shared import browser_cookie
from views.shared.browser_cookie import COOKIE, SECURE_COOKIE
from views.shared.open_sockets import HEADER, OpenSockets, redraw_tabs

pytestmark = pytest.mark.usefixtures("studio")
BEAT = BackMsg(app_heartbeat=True).SerializeToString()
DRAWN = ForwardMsg(delta={}).SerializeToString()  # type: ignore[arg-type]
RUNNING = ForwardMsg(session_status_changed={"script_is_running": True})  # type: ignore[arg-type]
GONE = "a fragment that is gone"


class Streamlit:
    """What Streamlit does behind the guard: it names a session, and takes messages in."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []
        self.taken: list[bytes] = []
        self.ends: list[int] = []
        self.sends: list[Send] = []
        self.begins = True
        """Whether runs begin as soon as they are asked for."""
        self.draws = True
        """Whether runs go on to draw, so that their callbacks are done."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        self.sends.append(send)
        await send({"type": "websocket.accept", "subprotocol": "streamlit"})
        asked = Headers(scope=scope).get("sec-websocket-protocol", "").split(", ")
        session_id = (asked[2] if len(asked) > 2 else "") or f"session-{len(self.scopes)}"
        began = ForwardMsg()
        began.new_session.initialize.session_id = session_id
        await send({"type": "websocket.send", "bytes": began.SerializeToString()})
        while (received := await receive())["type"] == "websocket.receive":
            self.taken.append(received["bytes"])
            asked = BackMsg.FromString(received["bytes"])
            if self.begins and asked.HasField("rerun_script") and asked.rerun_script.fragment_id != GONE:
                began.new_session.page_script_hash = asked.rerun_script.page_script_hash
                for message in (began, RUNNING):  # both come before the callbacks
                    await send({"type": "websocket.send", "bytes": message.SerializeToString()})
                if self.draws:
                    await send({"type": "websocket.send", "bytes": DRAWN})
        self.ends.append(received["code"])

    async def end_run(self, number: int) -> None:
        """Tell that a socket's run has ended."""
        message = ForwardMsg(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY)
        await self.sends[number]({"type": "websocket.send", "bytes": message.SerializeToString()})


class Tab:
    """The server's end of one tab's socket."""

    def __init__(
        self,
        guard: SocketGuard,
        cookie: str = "",
        session_id: str = "",
        client: tuple[str, int] = ADDRESS,
        scheme: str = "ws",
        **headers: str,
    ) -> None:
        protocols = f"streamlit, xsrf, {session_id}" if session_id else "streamlit, xsrf"
        given = {"sec_websocket_protocol": protocols, **headers}
        if cookie:
            given["cookie"] = cookie if "=" in cookie else f"{COOKIE}={cookie}"
        self.coming: asyncio.Queue[Message] = asyncio.Queue()
        self.sent: list[Message] = []
        scope = scope_of("/base/_stcore/stream", "websocket", **given)
        self.scope = {**scope, "client": client, "scheme": scheme}
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


def run_of(query: str, **fields: str) -> bytes:
    message = BackMsg(rerun_script={"query_string": query})  # type: ignore[arg-type]
    for key, value in fields.items():
        message.rerun_script.widget_states.widgets.add(id=f"$$ID-0-{key}", string_value=value)
    return bytes(message.SerializeToString())


def play(scene: Callable[[SocketGuard, Streamlit], Awaitable[None]], inner: Streamlit | None = None) -> None:
    """Play a scene in which no time passes by itself."""

    async def whole() -> None:
        clock, streamlit = Clock(), inner or Streamlit()
        await scene(SocketGuard(streamlit, clock, clock.call_later), streamlit)

    loops.run(whole())


RUN = run_of("x")


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


@pytest.mark.parametrize(("scheme", "mine", "planted"), [("wss", SECURE_COOKIE, COOKIE), ("ws", COOKIE, SECURE_COOKIE)])
def test_a_page_sees_of_our_cookies_the_one_that_counts(
    scheme: str, mine: str, planted: str, sockets: OpenSockets
) -> None:
    cookie, other = browser_cookie.new(), browser_cookie.new()

    async def scene(guard: SocketGuard, inner: Streamlit) -> None:
        for sent in (f"{planted}={other}; _user=a; {mine}={cookie}", f"{planted}={other}; _user=a"):
            tab = Tab(guard, sent, scheme=scheme)
            await quiet()
            seen = cookie_parser(Headers(scope=inner.scopes[-1])["cookie"])
            assert seen.keys() == {COOKIE, "_user"}
            assert (seen[COOKIE] == cookie) is sent.endswith(cookie)
            assert seen[COOKIE] != other
            await tab.leave()

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
        thread = threading.Thread(target=redraw_tabs, args=(mine, kept))
        thread.start()
        thread.join()
        redraw_tabs("")  # tabs without a cookie belong to nobody
        await quiet()
        _, again = inner.taken  # the third has not drawn a page yet
        asked = BackMsg.FromString(again).rerun_script
        assert (asked.query_string, asked.page_script_hash) == ("attempt=1", "library")
        assert not asked.widget_states.widgets
        assert not asked.fragment_id
        tabs[1].says(BEAT)
        await quiet()
        assert inner.taken[2:] == [BEAT]
        for tab in tabs:
            await tab.leave()

    play(scene)


def test_a_tab_that_switched_to_another_page_is_drawn_anew_there(sockets: OpenSockets) -> None:
    mine = browser_cookie.new()
    asked = BackMsg(rerun_script={"query_string": "attempt=1", "page_script_hash": "old", "page_name": "old"})  # type: ignore[arg-type]
    switched = ForwardMsg(page_info_changed={"query_string": "track=2"})  # type: ignore[arg-type]
    arrived = ForwardMsg(navigation={"page_script_hash": "new"})  # type: ignore[arg-type]

    async def scene(guard: SocketGuard, inner: Streamlit) -> None:
        tab = Tab(guard, mine)
        await quiet()
        tab.says(asked.SerializeToString())
        await quiet()
        for message in (switched, arrived):
            await inner.sends[0]({"type": "websocket.send", "bytes": message.SerializeToString()})
        await inner.end_run(0)
        redraw_tabs(mine)
        await quiet()
        again = BackMsg.FromString(inner.taken[-1]).rerun_script
        assert (again.query_string, again.page_script_hash, again.page_name) == ("track=2", "new", "")
        await tab.leave()

    play(scene)


@pytest.mark.parametrize(
    ("said", "opens"),
    [
        ({"fragment_id": "waiting"}, "library"),  # or Streamlit would draw an empty page
        ({"widget_states": {"widgets": [{"id": "told", "json_trigger_value": "{}"}]}}, "library"),
        ({"widget_states": {"widgets": [{"id": "create", "trigger_value": True}]}}, "library"),
        ({"widget_states": {"widgets": [{"id": "shown_account", "string_value": "a"}]}}, "create"),  # goes back to it
    ],
)
def test_a_page_that_was_left_does_not_come_back_with_what_it_says_last(
    said: dict[str, Any], opens: str, sockets: OpenSockets
) -> None:
    library = BackMsg(rerun_script={"page_script_hash": "library", "query_string": "attempt=1"})  # type: ignore[arg-type]
    left = BackMsg(rerun_script={"page_script_hash": "create", "page_name": "", **said})  # type: ignore[arg-type]

    async def scene(guard: SocketGuard, inner: Streamlit) -> None:
        tab = Tab(guard)
        tab.says(run_of("first"), library.SerializeToString())
        await quiet()
        await inner.end_run(0)
        await quiet()
        tab.says(left.SerializeToString())
        await inner.end_run(0)
        await quiet()
        taken = BackMsg.FromString(inner.taken[-1]).rerun_script
        assert len(inner.taken) == 3
        assert (taken.page_script_hash, taken.fragment_id) == (opens, "")
        assert taken.query_string == ("attempt=1" if opens == "library" else "")
        assert taken.widget_states == left.rerun_script.widget_states
        await tab.leave()

    play(scene)


def page_of(name: str, **fields: str) -> bytes:
    """A message by which a tab asks for a page."""
    return bytes(BackMsg(rerun_script={"page_script_hash": name, **fields}).SerializeToString())  # type: ignore[arg-type]


async def navigates(inner: Streamlit, name: str) -> None:
    """Let the script of the first socket say that it draws this page."""
    message = ForwardMsg(navigation={"page_script_hash": name})  # type: ignore[arg-type]
    await inner.sends[0]({"type": "websocket.send", "bytes": message.SerializeToString()})


def asked_last(inner: Streamlit) -> tuple[str, str]:
    """The page and the fragment that Streamlit was asked for last."""
    asked = BackMsg.FromString(inner.taken[-1]).rerun_script
    return asked.page_script_hash, asked.fragment_id


@pytest.mark.parametrize("then", ["a fragment", "a redraw"])
def test_what_the_run_before_says_late_does_not_count_for_the_page_that_was_asked_for_since(
    then: str, sockets: OpenSockets
) -> None:
    mine = browser_cookie.new()

    async def scene(guard: SocketGuard, inner: Streamlit) -> None:
        inner.draws = False
        tab = Tab(guard, mine)
        tab.says(page_of("create"))
        await quiet()
        await inner.sends[0]({"type": "websocket.send", "bytes": DRAWN})
        tab.says(page_of("library"))
        guard._clock.pass_by(LONGEST_RUN)  # type: ignore[attr-defined]
        inner.begins = False
        await quiet()
        late = ForwardMsg(new_session={"page_script_hash": "create"})  # type: ignore[arg-type]
        await inner.sends[0]({"type": "websocket.send", "bytes": late.SerializeToString()})
        await navigates(inner, "create")  # Streamlit has the wish, but the run before still draws
        inner.begins = inner.draws = True
        tab.says(page_of("create", fragment_id="waiting")) if then == "a fragment" else redraw_tabs(mine)
        guard._clock.pass_by(LONGEST_CALLBACK)  # type: ignore[attr-defined]
        await quiet()
        assert (len(inner.taken), asked_last(inner)) == (3, ("library", ""))
        await tab.leave()

    play(scene)


@pytest.mark.parametrize("then", ["a fragment", "a redraw"])
def test_a_page_to_which_the_run_before_switched_is_not_left_again(then: str, sockets: OpenSockets) -> None:
    mine = browser_cookie.new()

    async def scene(guard: SocketGuard, inner: Streamlit) -> None:
        tab = Tab(guard, mine)
        tab.says(page_of("library"))
        await quiet()
        tab.says(page_of("library", fragment_id="waiting")) if then == "a fragment" else redraw_tabs(mine)
        await quiet()
        assert len(inner.taken) == 1
        early = ForwardMsg(script_finished=ForwardMsg.FINISHED_EARLY_FOR_RERUN)
        await inner.sends[0]({"type": "websocket.send", "bytes": early.SerializeToString()})
        await quiet()
        assert len(inner.taken) == 1
        await navigates(inner, "create")
        await inner.end_run(0)
        await quiet()
        assert asked_last(inner) == ("create", "")
        await tab.leave()

    play(scene)


def test_a_message_that_streamlit_drops_holds_its_tab_up_for_a_moment_only(sockets: OpenSockets) -> None:
    async def scene(guard: SocketGuard, inner: Streamlit) -> None:
        tab = Tab(guard)
        tab.says(page_of("create"))
        await quiet()
        await inner.end_run(0)
        tab.says(page_of("create", fragment_id=GONE), run_of("pressed"))
        await quiet()
        assert len(inner.taken) == 2
        guard._clock.pass_by(max(LONGEST_BEGIN, LONGEST_RUN))  # type: ignore[attr-defined]
        await quiet()
        assert len(inner.taken) == 3
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
        tab.says(*[BEAT] * (MESSAGES + 2))
        while len(inner.taken) < MESSAGES + 2:
            await sleep(0)
        assert slept == [1 / MESSAGES_A_SECOND, 2 / MESSAGES_A_SECOND]
        await tab.leave()

    monkeypatch.setattr(asyncio, "sleep", no_time)
    play(scene)


@pytest.mark.parametrize("known", [False, True])
def test_large_messages_of_an_address_wait_and_a_stranger_s_socket_is_closed_in_the_end(
    known: bool, studio: Studio, sockets: OpenSockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    sleep, cookie = asyncio.sleep, browser_cookie.new()
    large = run_of("large", task_id="x" * 4_000_000)
    at_once = LARGE_BYTES // len(large)
    if known:
        studio.browsers.use_account(cookie, "account")

    async def no_time(seconds: float) -> None:
        slept.extend([seconds] * (seconds > 0))
        await sleep(0)

    async def scene(guard: SocketGuard, inner: Streamlit) -> None:
        tab = Tab(guard, cookie)
        for number in range(1, at_once + 4):
            tab.says(large)
            while len(inner.taken) < number and not tab.closed_with:
                await sleep(0)
            await inner.end_run(0)
        wait = ((at_once + 1) * len(large) - LARGE_BYTES) / LARGE_BYTES_A_SECOND
        assert slept[:1] == [pytest.approx(wait)]
        assert tab.closed_with == ([] if known else [POLICY_VIOLATION])
        if known:
            assert slept[-1] > LONGEST_WAIT
            await tab.leave()

    monkeypatch.setattr(asyncio, "sleep", no_time)
    play(scene)


async def crowd(guard: SocketGuard, inner: Streamlit, browsers: int = 5) -> list[Tab]:
    """Fresh browsers, each of which asks for a run; the first two runs do not end."""
    tabs = [Tab(guard, browser_cookie.new()) for _ in range(browsers)]
    await quiet()
    for tab in tabs:
        tab.says(RUN)
        await quiet()
        assert isinstance(guard._clock, Clock)
        guard._clock.now += 0.001
    assert len(inner.taken) == RUNS
    return tabs


@pytest.mark.parametrize(
    "who", ["a new browser", "one with a few runs", "one with an account", "one who has signed in"]
)
def test_a_visitor_s_run_begins_before_those_that_a_crowd_has_waiting(
    who: str, studio: Studio, sockets: OpenSockets
) -> None:
    cookie, known = browser_cookie.new(), who in ("one with an account", "one who has signed in")
    if who == "one with an account":
        studio.browsers.use_account(cookie, "account")
    if who == "one who has signed in":
        studio.people_sign_in = True
        studio.browsers.note_sign_in(f"{cookie} default https://id.test ada", "")

    async def scene(guard: SocketGuard, inner: Streamlit) -> None:
        visitor, hello = Tab(guard, cookie), run_of("visitor")
        await quiet()
        for _ in range(0 if who == "a new browser" else FEW_RUNS - 1):
            visitor.says(RUN)
            await quiet()
            await inner.end_run(0)
        inner.taken.clear()
        await crowd(guard, inner)
        visitor.says(hello)
        await quiet()
        for _ in range(RUNS + 1 if known else 0):  # who is known also goes before those that come later
            guard._clock.now += 0.001  # type: ignore[attr-defined]
            late = Tab(guard, browser_cookie.new())
            await quiet()
            late.says(RUN)
            await quiet()
        for number in (1, 2):
            await inner.end_run(number)
        await quiet()
        assert hello in inner.taken

    play(scene)


def test_who_misses_a_turn_is_not_put_behind_a_flood_that_asks_on_and_on(sockets: OpenSockets) -> None:
    async def scene(guard: SocketGuard, inner: Streamlit) -> None:
        flood = [Tab(guard, browser_cookie.new()) for _ in range(6)]
        await quiet()
        for tab in flood:
            tab.says(*[RUN] * 9)
            await quiet()
        guard._clock.now += 1.0  # type: ignore[attr-defined]
        visitor, hello = Tab(guard, browser_cookie.new()), run_of("visitor")
        await quiet()
        visitor.says(hello)
        await quiet()
        assert hello not in inner.taken
        guard._queue._started = OLDEST_EVERY - 1  # the next turn is not the visitor's
        for _ in range(2):
            before = len(inner.taken)
            for number in range(len(flood)):
                guard._clock.now += 0.01  # type: ignore[attr-defined]
                if len(inner.taken) == before:
                    await inner.end_run(number)
                    await quiet()
        assert inner.taken[-1] == hello

    play(scene)


def test_a_double_click_does_not_put_a_browser_back(sockets: OpenSockets) -> None:
    async def scene(guard: SocketGuard, inner: Streamlit) -> None:
        visitor, hello = Tab(guard, browser_cookie.new()), run_of("visitor")
        await quiet()
        visitor.says(RUN, RUN)
        await quiet()
        for _ in range(2):
            await inner.end_run(0)
            await quiet()
        inner.taken.clear()
        await crowd(guard, inner)
        visitor.says(hello)
        await quiet()
        await inner.end_run(1)
        await quiet()
        assert inner.taken[RUNS:] == [hello]

    play(scene)


@pytest.mark.parametrize("whose", ["browser", "address"])
def test_who_asks_for_many_runs_goes_behind_who_does_not(whose: str, sockets: OpenSockets) -> None:
    async def scene(guard: SocketGuard, inner: Streamlit) -> None:
        cookie = browser_cookie.new()
        many = [Tab(guard, cookie if whose == "browser" else browser_cookie.new()) for _ in range(6)]
        other = Tab(guard, browser_cookie.new(), client=("192.0.2.2", 1))
        await quiet()
        for _ in range(FEW_RUNS // 2 if whose == "browser" else FEW_OF_ADDRESS // 4):
            for number, tab in enumerate(many):
                tab.says(RUN)
                await quiet()
                await inner.end_run(number)
        for tab in many[:RUNS]:
            tab.says(RUN)
        await quiet()
        inner.taken.clear()
        hello = run_of("other")
        other.says(hello)
        await quiet()
        guard._clock.now += 0.001  # type: ignore[attr-defined]
        for tab in many[RUNS:]:
            tab.says(RUN)
        await quiet()
        for number in range(RUNS):
            await inner.end_run(number)
        await quiet()
        assert hello in inner.taken
        assert len(inner.taken) == RUNS

    play(scene)


def test_a_place_is_given_back_although_streamlit_gave_up_to_wait(sockets: OpenSockets) -> None:
    class Impatient(Streamlit):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            waited = 0

            async def gives_up_once() -> Message:
                nonlocal waited
                waited += 1
                waiting = asyncio.ensure_future(receive())
                if waited == 2:
                    await quiet()
                    waiting.cancel()
                    await asyncio.gather(waiting, return_exceptions=True)
                    waiting = asyncio.ensure_future(receive())
                return await waiting

            await super().__call__(scope, gives_up_once, send)

    async def scene(guard: SocketGuard, inner: Streamlit) -> None:
        tabs = [Tab(guard, browser_cookie.new()) for _ in range(RUNS)]
        await quiet()
        for number, tab in enumerate(tabs):
            tab.says(RUN, RUN)
            await quiet()
            assert len(inner.taken) == number + 1
            await quiet()
        for number in range(RUNS):
            await inner.end_run(number)
        last = Tab(guard, browser_cookie.new())
        await quiet()
        last.says(hello := run_of("last"))
        await quiet()
        assert inner.taken[-1] == hello
        waits = [repr(task) for task in asyncio.all_tasks() if "Event.wait" in repr(task)]
        assert len(waits) == len([*tabs, last])  # each for the next redraw

    play(scene, Impatient())


def test_so_many_sockets_of_an_address_are_open_at_once(sockets: OpenSockets) -> None:
    async def scene(guard: SocketGuard, inner: Streamlit) -> None:
        cookie, tabs = browser_cookie.new(), []
        for _ in range(OPEN_SOCKETS + 1):
            guard._clock.now += 1 / NEW_SOCKETS_A_SECOND  # type: ignore[attr-defined]
            tabs.append(Tab(guard, cookie))
            await asyncio.sleep(0)
        await quiet()
        *opened, refused = tabs
        assert all(tab.sent[0]["type"] == "websocket.accept" for tab in opened)
        assert refused.sent == [{"type": "websocket.close", "code": POLICY_VIOLATION, "reason": ""}]
        await opened.pop().leave()
        again = Tab(guard, cookie)
        await quiet()
        assert again.sent[0]["type"] == "websocket.accept"
        for tab in [*opened, again]:
            await tab.leave()

    play(scene)


def test_an_address_opens_many_sockets_but_not_without_end(sockets: OpenSockets) -> None:
    guard = SocketGuard(Inner(), Clock())
    answers = [ask(guard, scope_of("/_stcore/stream", "websocket")) for _ in range(NEW_SOCKETS + 20)]
    assert [answer.status for answer in answers[:NEW_SOCKETS]] == [200] * NEW_SOCKETS
    assert answers[-1].status == POLICY_VIOLATION
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


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x00", "\x7f", "\u2028"])
@pytest.mark.parametrize(("kind", "path"), [("websocket", "/_stcore/stream"), ("http", "/auth/logout")])
def test_a_path_that_only_a_route_takes_for_the_same_is_refused(kind: str, path: str, end: str) -> None:
    inner = Inner()
    answer = ask(PlainPaths(inner), scope_of(path + end, kind))
    assert (answer.status, inner.scopes) == (POLICY_VIOLATION if kind == "websocket" else 400, [])
    ask(PlainPaths(inner), scope_of(path, kind))
    assert len(inner.scopes) == 1


@pytest.mark.parametrize(
    ("origin", "passes"),
    [
        ("http://localhost:8501", True),
        ("https://LOCALHOST:8501", True),
        ("http://localhost:1234", False),
        ("http://127.0.0.1:8501", False),
        ("http://evil.example", False),
        ("null", False),
        ("http://[", False),
        ("", False),
    ],
)
def test_a_page_of_another_port_of_this_machine_gets_no_socket(sockets: OpenSockets, origin: str, passes: bool) -> None:
    inner = Inner()
    ask(SocketGuard(inner, Clock()), scope_of("/_stcore/stream", "websocket", origin=origin))
    assert bool(inner.scopes) is passes


@pytest.mark.parametrize("then", ["another message", "the end"])
def test_what_was_pressed_is_done_before_anything_else_of_its_tab_can_stop_it(sockets: OpenSockets, then: str) -> None:
    """Streamlit ends a run at the next message, and with its socket, also in the middle of a callback."""

    async def scene(guard: SocketGuard, inner: Streamlit) -> None:
        inner.draws = False
        tab = Tab(guard)
        await quiet()
        tab.says(run_of("pressed"))
        await quiet()
        if then == "the end":
            tab.coming.put_nowait({"type": "websocket.disconnect", "code": 1001})
        else:
            tab.says(run_of("other"))
        guard._clock.pass_by(LONGEST_CALLBACK / 2)  # type: ignore[attr-defined]
        await quiet()
        assert (len(inner.taken), inner.ends) == (1, [])
        inner.draws = True
        await inner.sends[0]({"type": "websocket.send", "bytes": DRAWN})  # its callbacks are done
        await quiet()
        assert len(inner.taken) + len(inner.ends) == 2
        await tab.leave() if then == "another message" else await tab.task

    play(scene)


def test_a_callback_that_takes_long_holds_its_tab_up_for_a_moment_only(sockets: OpenSockets) -> None:
    async def scene(guard: SocketGuard, inner: Streamlit) -> None:
        inner.draws = False
        tab = Tab(guard)
        await quiet()
        tab.says(run_of("pressed"), run_of("other"))
        await quiet()
        assert len(inner.taken) == 1
        for _ in range(2):
            guard._clock.pass_by(LONGEST_CALLBACK)  # type: ignore[attr-defined]
            await quiet()
        assert len(inner.taken) == 2
        await tab.leave()

    play(scene)
