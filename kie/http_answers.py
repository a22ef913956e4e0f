"""Connections whose answers end in time and are kept however they end. Knows requests; knows no token and no KIE."""

from __future__ import annotations

import contextlib
import http.client
import io
import time
import zlib
from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple, cast

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.exceptions import NewConnectionError, SSLError
from urllib3.util.ssl_match_hostname import CertificateError

PIECE = 64 * 1024
MAX_LINE = 64 * 1024
"""Bytes of the line before a chunk."""
BEYOND = 0.25
"""Seconds for which an answer is read beyond the end that it stated, where that end cannot be right."""
GZIP = b"\x1f\x8b\x08"
"""The first bytes of everything that is packed so; no text begins with them."""


class Received(NamedTuple):
    """A body as far as it came, unpacked, and what was wrong with it, "" if nothing was."""

    body: bytes
    trouble: str


class Session(requests.Session):
    """Never looks where a redirect points: requests would read its whole body, however long, even without following."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


class Deadline(io.RawIOBase):
    """A socket's reading end whose clock runs over the whole answer, so that a dripping one ends too."""

    def __init__(self, raw: io.RawIOBase, sock: Any) -> None:
        self._raw = raw
        self._sock = sock
        seconds = sock.gettimeout()
        self.ends: float | None = None if seconds is None else time.monotonic() + seconds
        """The moment of `time.monotonic` after which nothing is read; None for never."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self.ends is not None:
            remaining = self.ends - time.monotonic()
            if remaining <= 0:
                raise TimeoutError("the answer took too long")
            self._sock.settimeout(remaining)
        return self._raw.readinto(buffer)

    def end_within(self, seconds: float) -> None:
        """Bring the end forward to so many seconds from now, if it is later."""
        soon = time.monotonic() + seconds
        self.ends = soon if self.ends is None else min(self.ends, soon)

    def close(self) -> None:
        self._raw.close()
        super().close()


class Response(http.client.HTTPResponse):
    """An answer whose body is handed out as it comes, whatever its frame says."""

    def __init__(self, sock: Any, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.clock = Deadline(self.fp.detach(), sock)
        self.fp = io.BufferedReader(self.clock)

    def begin(self) -> None:
        """Read the headers. Lengths that contradict each other count as none: the connection's end is the body's."""
        super().begin()
        lengths = ",".join(self.msg.get_all("Content-Length", [])).split(",")
        if len({length.strip() for length in lengths}) > 1:
            del self.msg["Content-Length"]
            if self.length is not None:
                self.length, self.will_close = None, True

    def pieces(self) -> Iterator[bytes]:
        """Yield the body without its chunks' frames. Raises `OSError` or `HTTPException` where it breaks off."""
        if not self.chunked:
            yield from self._stretch(self.length)
            return
        while True:
            line = self.fp.readline(MAX_LINE)
            try:
                size = int(line.partition(b";")[0], 16)
            except ValueError:
                size = -1
            if size == 0:
                break
            if size < 0:
                yield line
                raise http.client.HTTPException("a chunk has no length" if line else "the last chunk is missing")
            yield from self._stretch(size)
            end = self.fp.readline(2)
            if end not in (b"\r\n", b"\n"):
                yield end
                raise http.client.HTTPException("a chunk does not end where it said")
        while self.fp.readline(MAX_LINE).strip():
            pass

    def beyond(self) -> Iterator[bytes]:
        """Yield what follows within `BEYOND` seconds after the end that the frame stated."""
        self.clock.end_within(BEYOND)
        with contextlib.suppress(OSError):
            yield from self._stretch(None)

    def _stretch(self, size: int | None) -> Iterator[bytes]:
        """Yield so many bytes; with None all that come."""
        while size is None or size > 0:
            piece = self.fp.read1(PIECE if size is None else min(size, PIECE))
            if not piece:
                if size is None:
                    return
                raise http.client.HTTPException(f"{size} bytes are missing")
            size = None if size is None else size - len(piece)
            yield piece


class Connection(HTTPConnection):
    """Mixed into every kind of connection. Whatever keeps it from being made is a `NewConnectionError`."""

    response_class = Response

    def connect(self) -> None:
        """Connect, through the proxy and with TLS where there are such."""
        try:
            super().connect()
        except (OSError, http.client.HTTPException, CertificateError, SSLError) as error:
            raise NewConnectionError(self, f"{type(error).__name__}: {error}") from error


class BoundedAdapter(HTTPAdapter):
    """Requests' adapter, with our connections. Nothing is retried below us."""

    kind: ClassVar[type[Connection]] = Connection
    """For connections without a proxy."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        _take_over(self.poolmanager, self.kind)

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        manager = super().proxy_manager_for(*args, **options)
        _take_over(manager, Connection)
        return manager


def _take_over(manager: Any, kind: type[Connection]) -> None:
    pools = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: _pool_of(pool, kind) for scheme, pool in pools.items()}


def _pool_of(pool: Any, kind: Any) -> Any:
    """Return a class of pools like the given one, with connections of our kind."""
    if issubclass(pool.ConnectionCls, Connection):
        return pool
    mixed = type(kind.__name__, (kind, pool.ConnectionCls), {})
    return type(pool.__name__, (pool,), {"ConnectionCls": mixed})


def response_of(answer: requests.Response) -> Response:
    """Return the bare response inside an answer that came over our connections and was not read yet."""
    return cast(Response, answer.raw._original_response)


def release(answer: requests.Response) -> None:
    """Give back the connection of an answer that was read to its end, for the next request."""
    response_of(answer).close()
    answer.raw.release_conn()


def unpacked(came: bytes, most: int, encoding: str = "") -> Received:
    """Return what came, unpacked as far as it goes, at most `most` + 1 bytes.

    Whether it is packed with gzip is told by its first bytes, since the header about it may be missing or false;
    `encoding`, that header, only tells of deflate.
    """
    whole = True
    for _ in range(3):
        start = came.find(GZIP, 0, 64)  # not always 0: a broken frame can stand before it
        if start < 0 or len(came) > most:
            break
        body, whole = _inflated(came[start:], 16 + zlib.MAX_WBITS, most)
        if not body:
            break
        came = body
    for bits in (zlib.MAX_WBITS, -zlib.MAX_WBITS) if "deflate" in encoding.lower() else ():
        body, ended = _inflated(came, bits, most)
        if body and (ended or bits > 0):  # without a frame anything can look deflated for a while
            came, whole = body, ended
            break
    return Received(came, "" if whole else "The packed answer is damaged")


def _inflated(packed: bytes, bits: int, most: int) -> tuple[bytes, bool]:
    """Return the bytes unpacked, and whether they are whole. zlib keeps nothing of a piece in which it meets damage,
    so what is damaged is unpacked once more, byte by byte."""
    body = bytearray()
    for size in (max(len(packed), 1), 1):
        body, machine = bytearray(), zlib.decompressobj(bits)
        with contextlib.suppress(zlib.error):
            for at in range(0, len(packed), size):
                body += machine.decompress(packed[at : at + size], most + 1 - len(body))
                if len(body) > most or machine.eof:
                    return bytes(body), True
            return bytes(body), False
    return bytes(body), False
