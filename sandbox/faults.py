"""Everything that can go wrong with an answer: `KINDS` has each kind of fault, and the bytes that it sends."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, NamedTuple

from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from .replies import PERSONA_PATH, Reply, refusal, too_many

ELSEWHERE = "/api/v1/elsewhere"
HUGE = 3 * 1024 * 1024 + 1


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong with the answers to a path."""

    kind: str
    """A key of `KINDS`."""
    token: str | None = None
    """Only for this account; None for every caller, known or not."""
    path: str | None = PERSONA_PATH
    """Only for this path; None for every path."""
    times: int | None = 1
    """How many requests get it; None for every one."""
    seconds: float = 0.0
    """Between two bytes for the dripping kinds, otherwise before the answer (half of it before acting)."""
    code: int | None = None
    """The envelope's code."""
    message: str | None = None
    """The envelope's message."""
    status: int | None = None
    """The HTTP status, where the kind has one."""
    act: bool | None = None
    """Whether the request is carried out all the same; None for what the kind usually does."""
    retry_after: float | None = None
    """Seconds in a Retry-After header, for the kind `status`."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no fault is called {self.kind!r}; there are {', '.join(KINDS)}")

    @property
    def acts(self) -> bool:
        """Whether the request is carried out although its answer goes wrong."""
        return KINDS[self.kind].acts if self.act is None else self.act

    @property
    def wait(self) -> float:
        """Seconds before the answer begins."""
        return 0.0 if self.kind.startswith("drip") else self.seconds

    def response(self, reply: Reply) -> Response:
        """What goes out in place of `reply`."""
        return KINDS[self.kind].render(self, reply)


class Raw(Response):
    """Bytes written straight to the connection, which is then closed: answers that break HTTP.

    Needs `request.state.transport`, which the connections of `sandbox.serve` provide.
    """

    def __init__(self, pieces: Iterable[bytes] = (), pause: float = 0.0) -> None:
        super().__init__()
        self.pieces, self.pause = pieces, pause

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport: asyncio.Transport = scope["state"]["transport"]
        for piece in self.pieces:
            if transport.is_closing():
                break
            transport.write(piece)
            await asyncio.sleep(self.pause)
        transport.close()
        while (await receive())["type"] != "http.disconnect":
            pass  # uvicorn reports an error if an app returns without an answer before the connection is closed


class _Live(JSONResponse):
    """JSON as live answers have it: in chunks, as no length is told, and packed for a caller who accepts that."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        packs = any(name == b"accept-encoding" and b"gzip" in value for name, value in scope["headers"])
        body = zlib.compress(self.body, 1, 31) if packs else self.body
        headers = [
            (name, value) for name, value in self.raw_headers if name not in (b"content-length", b"content-type")
        ]
        headers.append((b"content-type", b"application/json;charset=UTF-8"))
        if packs:
            headers.append((b"content-encoding", b"gzip"))
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def plain(reply: Reply) -> Response:
    """The reply as it is."""
    return _Live(reply.body, reply.status, reply.headers)


def _head(reply: Reply, *headers: str) -> bytes:
    first = f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}"
    return "\r\n".join([first, "content-type: application/json", *headers, "connection: close\r\n\r\n"]).encode()


def _encoded(reply: Reply) -> tuple[bytes, bytes]:
    body = json.dumps(reply.body).encode()
    return _head(reply, _length(len(body))), body


def _single(data: bytes) -> list[bytes]:
    return [bytes([byte]) for byte in data]


def _drip(fault: Fault, reply: Reply) -> Response:
    head, body = _encoded(reply)
    return Raw([head, *_single(body)], fault.seconds)


def _drip_headers(fault: Fault, reply: Reply) -> Response:
    return Raw(_single(b"".join(_encoded(reply))), fault.seconds)


def _truncated(fault: Fault, reply: Reply) -> Response:
    head, body = _encoded(reply)
    return Raw([head + body[: len(body) // 2]])


def _cut_json(fault: Fault, reply: Reply) -> Response:
    _, body = _encoded(reply)
    return Response(body[: len(body) // 2], reply.status, media_type="application/json")


def _length(size: int) -> str:
    return f"content-length: {size}"


def _chunk(body: bytes, size: int | None = None, tail: bytes = b"") -> bytes:
    return b"%x\r\n%b%b\r\n" % (len(body) if size is None else size, body, tail)


CHUNKED, PACKED = "transfer-encoding: chunked", "content-encoding: gzip"
LAST_CHUNK = b"0\r\n\r\n"
WRONG_FRAMES: dict[str, Callable[[bytes], tuple[str, bytes]]] = {
    "no_last_chunk": lambda body: (CHUNKED, _chunk(body)),
    "chunk_too_long": lambda body: (CHUNKED, _chunk(body, len(body) + 8) + LAST_CHUNK),
    "chunk_too_short": lambda body: (CHUNKED, _chunk(body, len(body) - 8) + LAST_CHUNK),
    "chunk_garbage": lambda body: (CHUNKED, _chunk(body, len(body), b"garbage") + LAST_CHUNK),
    "length_too_high": lambda body: (_length(len(body) + 1), body),
    "length_too_low": lambda body: (_length(len(body) - 1), body),
}
"""A whole body whose framing is wrong: the framing's header, and what is sent. Each also packed, as `…_gzip`."""


def _wrong_frame(name: str, packed: bool, fault: Fault, reply: Reply) -> Response:
    body = json.dumps(reply.body).encode()
    header, sent = WRONG_FRAMES[name](gzip.compress(body) if packed else body)
    return Raw([_head(reply, header, *([PACKED] if packed else [])) + sent])


_IDS = [re.compile(rb'%b\\*": ?\\*"[^"]+"' % name) for name in (rb"persona(?:Id|_id)", b"taskId")]
"""Where an answer names an ID, in plain JSON or in JSON inside a text; what comes first is looked for first."""


def _cut_after_id(packed: bool, fault: Fault, reply: Reply) -> Response:
    """In chunks, as KIE answers; ends with the closing quote of the persona's or job's ID, else in the middle."""
    _, body = _encoded(reply)
    found = next((match for match in (pattern.search(body) for pattern in _IDS) if match), None)
    start = body[: found.end() if found else len(body) // 2]
    if packed:
        machine = zlib.compressobj(wbits=31)
        start = machine.compress(start) + machine.flush(zlib.Z_SYNC_FLUSH)
    return Raw([_head(reply, CHUNKED, *([PACKED] if packed else [])) + _chunk(start)])


def _cut_gzip(fault: Fault, reply: Reply) -> Response:
    """A packed body that is cut, its length stated correctly: the check sum and a little more are missing."""
    body = gzip.compress(json.dumps(reply.body).encode())[:-12]
    return Raw([_head(reply, _length(len(body)), PACKED) + body])


def _not_packed(fault: Fault, reply: Reply) -> Response:
    _, body = _encoded(reply)
    return Raw([_head(reply, _length(len(body)), PACKED) + body])


def _html(fault: Fault, reply: Reply) -> Response:
    status = fault.status or 502
    title = f"{status} {HTTPStatus(status).phrase}"
    return HTMLResponse(f"<html><body><h1>{title}</h1></body></html>", status)


def _envelope(fault: Fault) -> Reply:
    code = fault.code or fault.status or 500
    return refusal(code, fault.message or "Server exception, please try again later")


def _status(fault: Fault, reply: Reply) -> Response:
    headers = too_many(fault.retry_after).headers
    return plain(Reply(_envelope(fault).body, fault.status or 500, headers))


def _without_id(body: dict[str, Any]) -> dict[str, Any]:
    data = body.get("data")
    ids = {"personaId", "persona_id", "taskId", "recordId"}
    return body if data is None else {**body, "data": {name: data[name] for name in data if name not in ids}}


class Kind(NamedTuple):
    """One row of the table: does the request take effect, and what goes out."""

    acts: bool
    render: Callable[[Fault, Reply], Response]


KINDS: dict[str, Kind] = {
    "delay": Kind(True, lambda fault, reply: plain(reply)),
    "drop_before": Kind(False, lambda fault, reply: Raw()),
    "drop_after": Kind(True, lambda fault, reply: Raw()),
    "drip": Kind(True, _drip),
    "drip_headers": Kind(True, _drip_headers),
    "truncated": Kind(True, _truncated),
    "cut_json": Kind(True, _cut_json),
    "cut_after_id": Kind(True, partial(_cut_after_id, True)),
    "cut_after_id_plain": Kind(True, partial(_cut_after_id, False)),
    "cut_gzip": Kind(True, _cut_gzip),
    "not_packed": Kind(True, _not_packed),
    **{
        name + ("_gzip" if packed else ""): Kind(True, partial(_wrong_frame, name, packed))
        for name in WRONG_FRAMES
        for packed in (False, True)
    },
    "html": Kind(False, _html),
    "status": Kind(False, _status),
    "code": Kind(False, lambda fault, reply: plain(_envelope(fault))),
    "huge": Kind(True, lambda fault, reply: plain(Reply({**reply.body, "padding": "x" * HUGE}))),
    "no_id": Kind(True, lambda fault, reply: plain(Reply(_without_id(reply.body)))),
    "not_object": Kind(True, lambda fault, reply: plain(Reply([reply.body]))),
    "gone": Kind(False, lambda fault, reply: plain(reply)),  # `answer` makes the reply, which names the path
    "redirect": Kind(False, lambda fault, reply: RedirectResponse(ELSEWHERE, fault.status or 302)),
}
"""Every kind of fault by name."""
