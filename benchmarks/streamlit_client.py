"""A visitor without a browser: speaks Streamlit's own protocol over its WebSocket, as the page's script does.

    async with Visitor("http://127.0.0.1:8501") as visitor:
        await visitor.open()                      # the document, the cookies, the socket, the first run
        await visitor.enter(token="…")            # fields by their keys; waits for the run that follows
        await visitor.click("create")
        await visitor.until("Here is your persona")

It keeps what a page keeps: the elements by their place, the values of widgets, the address, timers of fragments. Not
what needs a screen: no files are loaded, and components do not run (but see `on_component`). It reports no
cached message, so the server sends all in full. `connect(session_id)` and `send(bytes)` are also for hostile visitors.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any, Self
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

TIMEOUT = 30.0
PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds between two runs that a waiting page asks for where it has no event stream."""
SHOWN = ("title", "label", "body", "text", "code_text", "message")
"""The fields of an element's message that a person reads."""
ENDS = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_WITH_COMPILE_ERROR)
NO_XSRF = "PLACEHOLDER_AUTH_TOKEN"
"""What the page's script says in place of a token that it has not got."""


@dataclass(slots=True)
class Node:
    """One element or container of the page."""

    kind: str
    message: Any
    """The element's own message, such as a `TextInput`."""
    fragment_id: str
    run_id: str
    key: str
    """The user's key, or ""."""
    text: str


class Refused(Exception):
    """The server's answer is not that of a Streamlit server."""


class Visitor:
    """One tab of a browser. Tabs of one browser share their `cookies`."""

    def __init__(self, url: str, cookies: dict[str, str] | None = None) -> None:
        self.url = url.rstrip("/")
        self.cookies = {} if cookies is None else cookies
        self.nodes: dict[tuple[int, ...], Node] = {}
        """The page, by the places of its elements."""
        self.session_id = ""
        self.query = ""
        self.path = ""
        self.values: dict[str, WidgetState] = {}
        """What the page knows of its widgets' values, by widget ID. Widgets that were never touched are not there."""
        self.bytes_in = self.bytes_out = self.messages = self.runs = 0
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._tasks: dict[str, tuple[float, asyncio.Task[None]]] = {}
        """Timers by their fragments, and streams of events by their paths."""
        self._news = asyncio.Event()
        self._run: tuple[str, tuple[str, ...]] = ("", ())
        self._ended: list[tuple[int, tuple[str, ...]]] = []
        self._page_hash = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # What a person does

    async def open(self, path: str = "/", query: str = "", timeout: float = TIMEOUT) -> float:
        """Load a page, as a reload does; return the seconds until its script has ended."""
        await self.close()
        started = time.perf_counter()
        self.nodes.clear()
        self.values.clear()
        self.path, self.query, self.session_id, self._page_hash = path, query, "", ""
        async with asyncio.timeout(timeout):
            await self.get(f"{path}?{query}" if query else path, accept="text/html")
            await self.get("/_stcore/health")
            await self.connect()
            await self.rerun()
        return time.perf_counter() - started

    async def enter(self, timeout: float = TIMEOUT, **values: str | float | bool | list[str] | None) -> None:
        """Put values into fields by their keys, tell the server once, and wait for the run that follows."""
        fragments = {self.put(key, value) for key, value in values.items()}
        await self.rerun(fragments.pop() if len(fragments) == 1 else "", timeout=timeout)

    async def click(self, key: str, timeout: float | None = TIMEOUT) -> None:
        """Press a button; wait for the run that follows, unless `timeout` is None."""
        node = self.find(key)
        if getattr(node.message, "disabled", False):
            raise Refused(f"{key} is disabled")
        pressed = WidgetState(id=node.message.id, trigger_value=True)
        await self.rerun(node.fragment_id, pressed, timeout=timeout)

    async def until(self, what: str | Callable[[], object], timeout: float = TIMEOUT) -> float:
        """Wait until a text is on the page, or until a condition holds after a message; return the seconds."""
        started = time.perf_counter()
        holds = (lambda: what in self.text) if isinstance(what, str) else what
        async with asyncio.timeout(timeout):
            while not holds():
                self._news.clear()
                await self._news.wait()
        return time.perf_counter() - started

    # What is on the page

    @property
    def text(self) -> str:
        """All that a person can read, one element a line."""
        return "\n".join(node.text for node in self.nodes.values())

    @property
    def connected(self) -> bool:
        """Whether the socket is open."""
        return self._reader is not None and not self._reader.done()

    def find(self, key: str) -> Node:
        """Return the newest element with a key. Raises `KeyError`."""
        for node in reversed(self.nodes.values()):
            if node.key == key:
                return node
        raise KeyError(key)

    def texts(self, kind: str) -> list[str]:
        """Return the texts of all elements of a kind, such as `code` or `alert`."""
        return [node.text for node in self.nodes.values() if node.kind == kind]

    # The protocol

    async def get(self, path: str, accept: str = "*/*", timeout: float = TIMEOUT) -> tuple[int, bytes]:
        """Fetch a path with this browser's cookies, and keep those that are set; return the status and the body."""
        async with asyncio.timeout(timeout):
            status, lines, reader, writer = await self._ask(path, accept)
            try:
                for name, value in lines:
                    if name == "set-cookie":
                        cookie, _, content = value.partition(";")[0].partition("=")
                        self.cookies[cookie] = content
                body = await reader.read()
                self.bytes_in += len(body)
                return status, body
            finally:
                writer.close()

    async def connect(self, session_id: str = "", timeout: float = TIMEOUT) -> None:
        """Open the socket; with a session's ID, ask to go on with that session."""
        protocols = ["streamlit", self.cookies.get("_streamlit_xsrf", NO_XSRF), *([session_id] if session_id else [])]
        self._socket = await connect(
            self.url.replace("http", "ws", 1) + "/_stcore/stream",
            origin=self.url,  # type: ignore[arg-type]
            subprotocols=protocols,  # type: ignore[arg-type]
            additional_headers={"Cookie": self._cookie()},
            ssl=_unchecked() if self.url.startswith("https") else None,
            compression=None,
            ping_interval=None,
            open_timeout=timeout,
            max_size=None,
            proxy=None,
        )
        self._reader = asyncio.create_task(self._read(self._socket))

    def put(self, key: str, value: str | float | bool | list[str] | None) -> str:
        """Change a field without telling the server; return the ID of its fragment."""
        node = self.find(key)
        state = WidgetState(id=node.message.id)
        if isinstance(value, bool):
            state.bool_value = value
        elif isinstance(value, str):
            state.string_value = value
        elif isinstance(value, list):
            state.string_array_value.data.extend(value)
        elif value is not None:
            state.double_value = value
        self.values[state.id] = state
        return node.fragment_id

    async def rerun(
        self, fragment_id: str = "", *pressed: WidgetState, auto: bool = False, timeout: float | None = TIMEOUT
    ) -> None:
        """Ask for a run of the page or of one fragment; wait until it has ended, unless `timeout` is None."""
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_script_hash, state.fragment_id = self.query, self._page_hash, fragment_id
        state.page_name = "" if self._page_hash else self.path.strip("/")
        state.is_auto_rerun = auto
        state.widget_states.widgets.extend([*self.values.values(), *pressed])
        context = state.context_info
        context.timezone, context.locale, context.url = "UTC", "en-US", self.url + self.path
        seen = len(self._ended)
        await self.send(message.SerializeToString())

        def ended() -> bool:
            if not self.connected:
                raise Refused("the socket was closed")
            return any(status in ENDS or fragment_id in about for status, about in self._ended[seen:])

        if timeout is not None:
            await self.until(ended, timeout)

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        if self._socket is None:
            raise Refused("no socket is open")
        self.bytes_out += len(data)
        await self._socket.send(data)

    async def close(self) -> None:
        """Close the tab."""
        self._forget()
        if self._socket is not None:
            await self._socket.close()
        if self._reader is not None:
            await self._reader
        self._socket = self._reader = None

    def on_component(self, data: Any, fragment_id: str) -> None:
        """Called with the data of each component of the second kind; replace it for one that does something else.

        A page that waits is drawn again, or its fragment is: when its event `stream` has a message, or in `again`
        milliseconds.
        """
        wanted = data if isinstance(data, dict) else {}
        if stream := wanted.get("stream"):
            self._keep(stream, 0.0, self._listen(stream, fragment_id))
        elif pause := wanted.get("again"):
            self._keep(f"/again {fragment_id}", pause, self._again(pause / 1000, fragment_id))

    async def events(self, path: str) -> AsyncIterator[str]:
        """Yield the data of each event without a name, until the stream ends."""
        status, _, reader, writer = await self._ask(path, "text/event-stream")
        try:
            if status != 200:
                raise Refused(f"{path} answers {status}")
            name = ""
            async for line in reader:
                self.bytes_in += len(line)
                field, _, value = line.decode().rstrip("\n").partition(":")
                name = value.strip() if field == "event" else name if field else ""
                if field == "data" and not name:
                    yield value.strip()
        finally:
            writer.close()

    async def _ask(
        self, path: str, accept: str
    ) -> tuple[int, list[tuple[str, str]], asyncio.StreamReader, asyncio.StreamWriter]:
        """Send a GET and read the head of its answer. HTTP/1.0: then the body is what follows, in one piece."""
        parts = urlsplit(self.url)
        secure = _unchecked() if parts.scheme == "https" else None
        port = parts.port or (443 if secure else 80)
        reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=secure)
        head = f"GET {path} HTTP/1.0\r\nHost: {parts.netloc}\r\nAccept: {accept}\r\nCookie: {self._cookie()}\r\n\r\n"
        writer.write(head.encode())
        self.bytes_out += len(head)
        answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        self.bytes_in += len(answer)
        first, *lines = answer.rstrip().split("\r\n")
        pairs = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        return int(first.split()[1]), pairs, reader, writer

    def _cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    async def _read(self, socket: ClientConnection) -> None:
        """Take in messages until the socket is closed, then wake whoever waits."""
        message = ForwardMsg()
        try:
            async for data in socket:
                self.bytes_in += len(data)
                self.messages += 1
                message.ParseFromString(data)
                self._take_in(message)
                self._news.set()
        except ConnectionClosed:
            pass
        finally:
            self._forget()
            asyncio.get_running_loop().call_soon(self._news.set)

    def _take_in(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "delta":
            self._draw(tuple(message.metadata.delta_path), message.delta)
        elif kind == "new_session":
            self._run = (message.metadata.run.script_run_id, tuple(message.metadata.run.fragment_ids))
            self.session_id = message.new_session.initialize.session_id or self.session_id
            self._page_hash = message.new_session.page_script_hash
            if not self._run[1]:
                self._forget(lambda name: not name.startswith("/"))  # a whole run names its timers anew
        elif kind == "script_finished":
            self._finish(message.script_finished, tuple(message.metadata.run.fragment_ids))
        elif kind == "navigation":
            self._page_hash = message.navigation.page_script_hash
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "auto_rerun":
            timer = message.auto_rerun
            self._keep(timer.fragment_id, timer.interval, self._repeat(timer.fragment_id, timer.interval))
        elif kind == "stop_auto_rerun":
            self._forget(set(message.stop_auto_rerun.fragment_ids).__contains__)

    def _draw(self, path: tuple[int, ...], delta: Any) -> None:
        if delta.WhichOneof("type") == "new_element":
            kind = delta.new_element.WhichOneof("type") or "empty"
            message = type(inner := getattr(delta.new_element, kind))()
            message.CopyFrom(inner)
            if path in self.nodes and self.nodes[path].kind == "block":
                for below in [place for place in self.nodes if place[: len(path)] == path]:
                    del self.nodes[below]
        elif delta.WhichOneof("type") == "add_block":
            kind, message = "block", type(delta.add_block)()
            message.CopyFrom(delta.add_block)
        else:
            return
        key = re.sub(r"^\$\$ID-[^-]+-", "", getattr(message, "id", ""))
        fields = message.DESCRIPTOR.fields_by_name
        text = " ".join(
            str(getattr(message, name)) for name in SHOWN if name in fields and not fields[name].message_type
        )
        self.nodes.pop(path, None)  # so that the newest come last
        self.nodes[path] = Node(kind, message, delta.fragment_id, self._run[0], "" if key == "None" else key, text)
        if getattr(message, "set_value", False):
            self._resume(message)
        if kind == "bidi_component":
            with suppress(ValueError):
                self.on_component(json.loads(_data(message)), delta.fragment_id)

    def _resume(self, message: Any) -> None:
        """Take over a value that the server has set."""
        name = "raw_value" if "raw_value" in message.DESCRIPTOR.fields_by_name else "value"
        state = WidgetState(id=message.id)
        value = getattr(message, name, None)
        if isinstance(value, str) and message.HasField(name):
            state.string_value = value
        elif isinstance(value, float) and message.HasField(name):
            state.double_value = value
        self.values[message.id] = state

    def _finish(self, status: int, about: tuple[str, ...]) -> None:
        run_id = self._run[0]
        if status in ENDS or status == ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY:
            self.runs += 1
            for path, node in list(self.nodes.items()):
                if node.run_id != run_id and (not about or node.fragment_id in about):
                    del self.nodes[path]
            self._ended.append((status, about))
            components = "".join(_data(message) for message in elements(self, "bidi_component"))
            self._forget(lambda name: name.startswith("/") and name.lstrip("/").split()[0] not in components)
        if status in ENDS:
            here = {getattr(node.message, "id", "") for node in self.nodes.values()}
            self.values = {widget: state for widget, state in self.values.items() if widget in here}

    def _keep(self, name: str, interval: float, work: Any) -> None:
        """Do something until it is no longer wanted; the same again changes nothing."""
        if name in self._tasks and self._tasks[name][0] == interval and not self._tasks[name][1].done():
            work.close()
            return
        self._forget(lambda other: other == name)
        self._tasks[name] = (interval, asyncio.create_task(work))

    def _forget(self, which: Callable[[str], bool] = lambda name: True) -> None:
        for name in [name for name in self._tasks if which(name)]:
            self._tasks.pop(name)[1].cancel()

    async def _repeat(self, fragment_id: str, interval: float) -> None:
        """Run a fragment every so often, whether or not the last run has ended, as the page's script does."""
        with suppress(ConnectionClosed):
            while True:
                await asyncio.sleep(interval)
                await self.rerun(fragment_id, auto=True, timeout=None)

    async def _listen(self, path: str, fragment_id: str) -> None:
        with suppress(ConnectionClosed):
            for pause in chain(PAUSES, repeat(PAUSES[-1])):
                try:
                    async for _ in self.events(path):
                        await self.rerun(fragment_id, timeout=None)
                except (OSError, Refused, asyncio.IncompleteReadError):
                    await self.rerun(fragment_id, timeout=None)
                await asyncio.sleep(pause)

    async def _again(self, first: float, fragment_id: str) -> None:
        with suppress(ConnectionClosed):
            for pause in chain([first], PAUSES, repeat(PAUSES[-1])):
                await asyncio.sleep(pause)
                await self.rerun(fragment_id, timeout=None)


def elements(visitor: Visitor, kind: str) -> Iterator[Any]:
    """Yield the messages of all elements of a kind."""
    return (node.message for node in visitor.nodes.values() if node.kind == kind)


def went_away(error: object) -> bool:
    """Whether an error says that the server went away, or did not answer in time."""
    return isinstance(error, TimeoutError | OSError | Refused | WebSocketException | asyncio.IncompleteReadError)


def _data(message: Any) -> str:
    """Return a component's data, as JSON."""
    return str(message.mixed.json if message.HasField("mixed") else message.json)


def _unchecked() -> ssl.SSLContext:
    """Any certificate will do: what is tried here has made its own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
