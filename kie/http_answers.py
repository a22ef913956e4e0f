"""Reading HTTP answers, so that each ends in time and what was received is kept. Knows no token and no KIE.

`http.client` and urllib3 throw away what came before an error; the classes here replace them in a requests session.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import time
import zlib
from collections.abc import Iterator
from typing import Any, ClassVar, cast

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.exceptions import NewConnectionError, SSLError
from urllib3.util.ssl_match_hostname import CertificateError

READ_SIZE = 64 * 1024
"""Bytes that are read at a time, at most; also of the line before a chunk."""
EXTRA_SECONDS = 0.25
"""How long an answer is read after the end that it stated, where that end cannot be right."""
GZIP_START = b"\x1f\x8b\x08"
"""The first bytes of all gzip data; no text begins with them."""


class BoundedSession(requests.Session):
    """A session with one adapter for all addresses.

    It sees no redirects: requests reads the whole body of one, however long, even if it is told not to follow.
    """

    def __init__(self, adapter: BoundedAdapter, accept_encoding: str) -> None:
        super().__init__()
        self.mount("https://", adapter)
        self.mount("http://", adapter)
        self.headers.update({"User-Agent": "persona-studio", "Accept-Encoding": accept_encoding})

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


class DeadlineReader(io.RawIOBase):
    """Reads from a socket, with one timeout for the whole answer instead of one for each read."""

    def __init__(self, raw: io.RawIOBase, sock: Any) -> None:
        self._raw = raw
        self._sock = sock
        self.ends: float = time.monotonic() + sock.gettimeout()
        """The time of `time.monotonic` at which reading ends."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        remaining = self.ends - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("the answer took too long")
        self._sock.settimeout(remaining)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class RawResponse(http.client.HTTPResponse):
    """An answer whose body is yielded as it comes, whether or not its framing (length, chunks) is correct."""

    def __init__(self, sock: Any, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.deadline = DeadlineReader(self.fp.detach(), sock)
        self.fp = io.BufferedReader(self.deadline)

    def begin(self) -> None:
        """Read the headers. If there are several different lengths, none counts: the body ends with the connection."""
        super().begin()
        lengths = ",".join(self.msg.get_all("Content-Length", [])).split(",")
        if len({length.strip() for length in lengths}) > 1:
            del self.msg["Content-Length"]
            if self.length is not None:
                self.length, self.will_close = None, True

    def body_pieces(self) -> Iterator[bytes]:
        """Yield the body, without the chunks' lengths. Raises `OSError` or `HTTPException` where it breaks off."""
        if not self.chunked:
            yield from self._read_bytes(self.length)
            return
        while True:
            line = self.fp.readline(READ_SIZE)
            try:
                size = int(line.partition(b";")[0], 16)
            except ValueError:
                size = -1
            if size == 0:
                break
            if size < 0:
                yield line
                raise http.client.HTTPException("a chunk has no length" if line else "the last chunk is missing")
            yield from self._read_bytes(size)
            end = self.fp.readline(2)
            if end not in (b"\r\n", b"\n"):
                yield end
                raise http.client.HTTPException("a chunk does not end where it said")
        while self.fp.readline(READ_SIZE).strip():
            pass

    def pieces_after_stated_end(self) -> Iterator[bytes]:
        """Yield what follows within `EXTRA_SECONDS` after the end that the framing stated."""
        self.deadline.ends = min(self.deadline.ends, time.monotonic() + EXTRA_SECONDS)
        with contextlib.suppress(OSError):
            yield from self._read_bytes(None)

    def _read_bytes(self, size: int | None) -> Iterator[bytes]:
        """Yield so many bytes; with None all until the connection ends."""
        while size is None or size > 0:
            piece = self.fp.read1(READ_SIZE if size is None else min(size, READ_SIZE))
            if not piece:
                if size is None:
                    return
                raise http.client.HTTPException(f"{size} bytes are missing")
            size = None if size is None else size - len(piece)
            yield piece


class Connection(HTTPConnection):
    """Mixed into urllib3's connection classes. Every failure to connect becomes a `NewConnectionError`."""

    response_class = RawResponse

    def connect(self) -> None:
        try:
            super().connect()
        except (OSError, http.client.HTTPException, CertificateError, SSLError) as error:
            raise NewConnectionError(self, f"{type(error).__name__}: {error}") from error


class BoundedAdapter(HTTPAdapter):
    """The adapter of requests, with the connections of this module. It retries nothing."""

    connection_class: ClassVar[type[Connection]] = Connection
    """For connections without a proxy."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        _replace_connections(self.poolmanager, self.connection_class)

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        manager = super().proxy_manager_for(*args, **options)
        _replace_connections(manager, Connection)
        return manager


def _replace_connections(manager: Any, connection_class: Any) -> None:
    """Let all pools of a pool manager make connections of this class, mixed with urllib3's own."""

    def replaced(pool: Any) -> Any:
        if issubclass(pool.ConnectionCls, Connection):
            return pool
        mixed = type(connection_class.__name__, (connection_class, pool.ConnectionCls), {})
        return type(pool.__name__, (pool,), {"ConnectionCls": mixed})

    pools = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: replaced(pool) for scheme, pool in pools.items()}


def raw_response_of(response: requests.Response) -> RawResponse:
    """Return the `RawResponse` in a response whose body was not read yet."""
    return cast(RawResponse, response.raw._original_response)  # urllib3 has no public name for it


def reuse_connection(response: requests.Response) -> None:
    """Give the connection back to its pool, after the answer was read to its end."""
    raw_response_of(response).close()
    response.raw.release_conn()


def unpack(received: bytes, max_bytes: int, encoding: str) -> tuple[bytes, str]:
    """Return at most `max_bytes` + 1 bytes, unpacked as far as possible, and what was wrong with them ("" if nothing).

    gzip is recognised by its first bytes, because the header may be missing or wrong. `encoding`, the
    Content-Encoding header, is used only for deflate.
    """
    whole = True
    for _ in range(3):
        start = received.find(GZIP_START, 0, 64)  # not always 0: parts of a broken chunk can stand before it
        if start < 0 or len(received) > max_bytes:
            break
        body, whole = _inflate(received[start:], 16 + zlib.MAX_WBITS, max_bytes)
        if not body:
            break
        received = body
    for window_bits in (zlib.MAX_WBITS, -zlib.MAX_WBITS) if "deflate" in encoding.lower() else ():
        body, ended = _inflate(received, window_bits, max_bytes)
        if body and (ended or window_bits > 0):  # raw deflate has no header: other data can pass for it at first
            received, whole = body, ended
            break
    return received, "" if whole else "The packed answer is damaged"


def _inflate(packed: bytes, window_bits: int, max_bytes: int) -> tuple[bytes, bool]:
    """Return the bytes unpacked, and whether they are whole.

    zlib gives nothing of an input in which it meets damage, so damaged data is unpacked again byte by byte.
    """
    body = bytearray()
    for size in (max(len(packed), 1), 1):
        body, inflater = bytearray(), zlib.decompressobj(window_bits)
        with contextlib.suppress(zlib.error):
            for at in range(0, len(packed), size):
                body += inflater.decompress(packed[at : at + size], max_bytes + 1 - len(body))
                if len(body) > max_bytes or inflater.eof:
                    return bytes(body), True
            break
    return bytes(body), False
