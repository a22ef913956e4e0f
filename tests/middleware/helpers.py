"""Plain ASGI calls: a middleware is given a scope and messages, and what it answers is collected."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests import loops

ADDRESS = ("192.0.2.1", 50_000)


@dataclass
class Answer:
    """What came out of a middleware."""

    messages: list[Message] = field(default_factory=list)

    @property
    def status(self) -> int:
        """The HTTP status, or the code with which a socket was closed, or 0."""
        first = self.messages[0] if self.messages else {}
        return int(first.get("status") or first.get("code") or 0)

    @property
    def headers(self) -> dict[str, str]:
        """The headers by name; of those with one name the last."""
        return {name.decode(): value.decode() for name, value in self.messages[0].get("headers", ())}

    @property
    def text(self) -> str:
        """The body."""
        return b"".join(message.get("body", b"") for message in self.messages).decode()


class Inner:
    """An application behind a middleware: it remembers its scopes, and answers `ok`."""

    def __init__(self, status: int = 200) -> None:
        self.scopes: list[Scope] = []
        self.bodies: list[bytes] = []
        self._status = status

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        body, more = b"", scope["type"] == "http" and scope["method"] == "PUT"
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        self.bodies.append(body)
        await send({"type": "http.response.start", "status": self._status, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})


class Clock:
    """A clock that stands until it is moved, and what is to be called later by it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.calls: list[_Call] = []

    def __call__(self) -> float:
        return self.now

    def call_later(self, seconds: float, callback: Callable[[], object]) -> _Call:
        """Call back when the clock has moved so far."""
        self.calls.append(_Call(self.now + seconds, callback))
        return self.calls[-1]

    def pass_by(self, seconds: float) -> None:
        """Move the clock."""
        until = self.now + seconds
        while due := sorted((call for call in self.calls if call.at <= until), key=lambda call: call.at):
            self.calls.remove(due[0])
            self.now = due[0].at
            if not due[0].cancelled:
                due[0].callback()
        self.now = until


class _Call:
    def __init__(self, at: float, callback: Callable[[], object]) -> None:
        self.at, self.callback, self.cancelled = at, callback, False

    def cancel(self) -> None:
        self.cancelled = True


def scope_of(path: str, kind: str = "http", method: str = "GET", **headers: str) -> Scope:
    """Return a request's scope; in the names of headers `_` stands for `-`."""
    given = {"host": "localhost:8501"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return {
        "type": kind,
        "scheme": "http" if kind == "http" else "ws",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "client": ADDRESS,
        "subprotocols": [],
        "extensions": {"websocket.http.response": {}},
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }


def ask(app: ASGIApp, scope: Scope, body: Iterable[bytes] = (b"",)) -> Answer:
    """Send a request, and return the answer."""
    return loops.run(answer_to(app, scope, body))


async def answer_to(app: ASGIApp, scope: Scope, body: Iterable[bytes] = (b"",)) -> Answer:
    """Send a request, and return the answer."""
    answer, pieces = Answer(), iter(body)

    async def receive() -> Message:
        piece: bytes | None = next(pieces, None)
        if piece is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece, "more_body": True} if piece else {"type": "http.request"}

    async def send(message: Message) -> None:
        answer.messages.append(message)

    await app(scope, receive, send)
    return answer


def with_cookie(name: str, value: str) -> Mapping[str, Any]:
    """Return the header for a cookie."""
    return {"cookie": f"{name}={value}"}
