"""One HTTP exchange with KIE, bounded in time and size. Knows requests; does not know what an answer means."""

from __future__ import annotations

import email.utils
import http.client
import io
import json
import time
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, NoReturn
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from kie.catalogue import NO_ANSWER, PERSONA, QUESTION, Cause, Meaning
from kie.errors import InvalidInput, NoAnswer, NotConnected

MAX_BODY = 2 * 1024 * 1024
"""Bytes of an answer that are read at most; a real answer has a few thousand."""
MAX_TOKEN = 512


class Answer(NamedTuple):
    """What came back: status line's number, body (cut at `MAX_BODY`, then `whole` is false), seconds to wait."""

    status: int
    body: bytes
    whole: bool
    retry_after: float | None
    asked: Mapping[Cause, Meaning]
    """Where causes mean something else than for a persona."""


def check_token(token: str) -> str:
    """Return the token without surrounding white space, or raise `InvalidInput`; the text never shows the token.

    KIE does not document the format (docs.kie.ai), so only what cannot stand in an HTTP header is refused.
    """
    stripped = token.strip()
    if not stripped:
        problem = "Token: paste your KIE token; you get one at kie.ai/api-key."
    elif any(character.isspace() for character in stripped):
        problem = "Token: it has a space or a line break in it. Copy only the token, in one piece."
    elif not (stripped.isascii() and stripped.isprintable()):
        problem = "Token: it has a character that no token has, such as “…”. Copy the whole token again."
    elif len(stripped) > MAX_TOKEN:
        problem = f"Token: it is {len(stripped):,} characters long, so it is something else. Copy only the token."
    else:
        return stripped
    raise InvalidInput("token", problem)


def is_loopback(address: str) -> bool:
    """Whether an address leads to this machine by number or by the name that stands for it."""
    host = urlsplit(address).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


class Transport:
    """A connection to one host with one token; used by one thread at a time.

    `timeout` is (seconds to connect, seconds for the whole answer). Raises `NotConnected` when nothing was sent and
    `NoAnswer` when something may have been.
    """

    def __init__(self, token: str, base_url: str, timeout: tuple[float, float]) -> None:
        self._auth = _Bearer(check_token(token))
        self._base_url = base_url.rstrip("/")
        self._timeout = timeout
        self._session = _Session()
        self._session.auth = self._auth
        # A stand-in on this machine is never looked for behind a proxy.
        self._session.trust_env = not is_loopback(base_url)
        self._session.headers["User-Agent"] = "persona-studio"
        adapter = _BoundedAdapter()
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def get(self, path: str, params: Mapping[str, str]) -> Answer:
        """Read something; harmless to repeat."""
        return self._exchange("GET", path, QUESTION, params=params)

    def post(self, path: str, payload: Mapping[str, Any], asked: Mapping[Cause, Meaning] = PERSONA) -> Answer:
        """Send JSON once; never repeated here. `asked` says what the trouble it may meet means."""
        return self._exchange("POST", path, asked, body=_Body(json.dumps(payload).encode()))

    def scrub(self, text: str) -> str:
        """Return the text with the token blotted out."""
        return self._auth.scrub(text)

    def _exchange(
        self,
        method: str,
        path: str,
        asked: Mapping[Cause, Meaning],
        params: Mapping[str, str] | None = None,
        body: _Body | None = None,
    ) -> Answer:
        status = None
        try:
            with self._session.request(
                method,
                self._base_url + path,
                params=params,
                data=body,
                headers={"Content-Type": "application/json"},
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            ) as response:
                status = response.status_code
                read = response.raw.read(MAX_BODY + 1, decode_content=True)
                pause = _seconds(response.headers.get("Retry-After"))
                return Answer(status, read[:MAX_BODY], len(read) <= MAX_BODY, pause, asked)
        except (
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            http.client.HTTPException,
            OSError,
        ) as error:
            left = body.left if body is not None else not _never_connected(error)
            words = self.scrub(f"{type(error).__name__}: {error}")[:500]
        if not left:
            raise NotConnected(words)
        raise NoAnswer(words, http_status=status, meaning=asked.get(Cause.NO_ANSWER, NO_ANSWER))


class _Session(requests.Session):
    """Never looks where a redirect points: requests would read its whole body, however long, even without following."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


class _Bearer(AuthBase):
    """Sets the header last, so that a `.netrc` entry for the host cannot replace it (requests applies it otherwise)."""

    __slots__ = ("_token",)

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def __repr__(self) -> str:
        return "<Bearer ...>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a token stays in memory: it cannot be pickled or copied")

    def scrub(self, text: str) -> str:
        coded = json.dumps(self._token)[1:-1]
        for spelling in (self._token, coded, coded.replace("/", "\\/")):
            text = text.replace(spelling, "[token]")
        return text


class _Body(io.BytesIO):
    """A request body that knows whether any of it was asked for; before that, KIE cannot have acted on it."""

    left = False

    def read(self, size: int | None = -1) -> bytes:
        self.left = True
        return super().read(size)


class _Deadline(io.RawIOBase):
    """A socket's reading end whose clock runs over the whole answer, so that a dripping one ends too."""

    def __init__(self, raw: io.RawIOBase, sock: Any) -> None:
        self._raw = raw
        self._sock = sock
        seconds = sock.gettimeout()
        self._ends = None if seconds is None else time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._ends is not None:
            remaining = self._ends - time.monotonic()
            if remaining <= 0:
                raise TimeoutError("the answer took too long")
            self._sock.settimeout(remaining)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: Any, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_Deadline(self.fp.detach(), sock))


class _HTTPConnection(HTTPConnection):
    response_class = _Response


class _HTTPSConnection(HTTPSConnection):
    response_class = _Response


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


class _BoundedAdapter(HTTPAdapter):
    """Requests' adapter, with connections whose answers have a deadline. Nothing is retried below us."""

    pools: ClassVar[dict[str, Any]] = {"http": _HTTPPool, "https": _HTTPSPool}

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = self.pools

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        manager = super().proxy_manager_for(*args, **options)
        manager.pool_classes_by_scheme = self.pools
        return manager


def _never_connected(error: BaseException) -> bool:
    """Whether a request without a body certainly never left."""
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.SSLError):
        return True
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(reason, urllib3.exceptions.NewConnectionError)


def _seconds(retry_after: str | None) -> float | None:
    """Read a Retry-After header: seconds, or a date (RFC 9110, 10.2.3); anything else is ignored."""
    if not retry_after:
        return None
    try:
        if retry_after.strip().isdecimal():
            return float(retry_after)
        return max(0.0, email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
