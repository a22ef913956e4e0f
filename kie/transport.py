"""One HTTP exchange with KIE, bounded in time and size. Knows requests; does not know what an answer means."""

from __future__ import annotations

import email.utils
import http.client
import io
import ipaddress
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, NoReturn
from urllib.parse import urlsplit

import requests
import urllib3
from requests.auth import AuthBase

from kie.error_meanings import NO_ANSWER, PERSONA, QUESTION, Cause, Meaning
from kie.errors import InvalidInput, NoAnswer, NotConnected, NotLeaving
from kie.http_answers import BoundedAdapter, Received, Session, release, response_of, unpacked

MAX_BODY = 2 * 1024 * 1024
"""Bytes of an answer that are read at most; a real answer has a few thousand."""
MAX_TOKEN = 512


class Answer(NamedTuple):
    """What came back: status line's number, body (cut at `MAX_BODY`, then `whole` is false), seconds to wait."""

    status: int
    body: bytes
    whole: bool
    content: Mapping[str, Any]
    """The body as a JSON object; empty if it is not one or not a whole one."""
    broken: str
    """How the body broke off, "" if it did not. What came may be a whole object all the same."""
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
    try:
        host = urlsplit(address).hostname or ""
        return host in ("localhost", "::1") or ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        return False


class Transport:
    """A connection to one host with one token; used by one thread at a time.

    `timeout` is (seconds to connect, seconds for the whole answer). `departing` is called before the body of each
    POST leaves; see `KieClient`. Raises `NotConnected` when nothing was sent and `NoAnswer` when something may have
    been and not even a status line came back.
    """

    def __init__(
        self,
        token: str,
        base_url: str,
        timeout: tuple[float, float],
        departing: Callable[[], None] | None = None,
    ) -> None:
        self._auth = _Bearer(check_token(token))
        self._base_url = base_url.rstrip("/")
        self._timeout = timeout
        self._departing = departing
        self._session = Session()
        self._session.auth = self._auth
        # A stand-in on this machine is never looked for behind a proxy.
        self._session.trust_env = not is_loopback(base_url)
        self._session.headers.update({"User-Agent": "persona-studio", "Accept-Encoding": "gzip"})
        adapter = BoundedAdapter()
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
        return self._exchange("POST", path, asked, body=_Body(json.dumps(payload).encode(), self._departing))

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
        stopped = False
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
                return _answer(response, asked)
        except NotLeaving as stop:
            stopped, left, words = True, False, str(stop)
        except (
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            http.client.HTTPException,
            OSError,
        ) as error:
            left = body.left if body is not None else not _never_connected(error)
            words = f"{type(error).__name__}: {error}"
        words = self.scrub(words)[:500]
        if not left:
            raise NotConnected(words, stopped=stopped)
        raise NoAnswer(words, meaning=asked.get(Cause.NO_ANSWER, NO_ANSWER))


def _answer(response: requests.Response, asked: Mapping[Cause, Meaning]) -> Answer:
    """Read an answer as far as it comes. It counts when it is a whole JSON object, whatever its frame says."""
    bare = response_of(response)
    encoding = response.headers.get("Content-Encoding", "")
    came, broken = bytearray(), ""
    try:
        for piece in bare.pieces():
            came += piece
            if len(came) > MAX_BODY:
                break
    except (OSError, http.client.HTTPException) as error:
        broken = f"The answer broke off: {str(error) or type(error).__name__}"
    read = unpacked(bytes(came), MAX_BODY, encoding)
    content = _object(read, lenient=bool(broken))
    begun = broken or read.trouble or read.body.lstrip()[:1] == b"{"
    if begun and not content and len(came) <= MAX_BODY:
        for piece in bare.beyond():
            came += piece
            if len(came) > MAX_BODY:
                break
        read = unpacked(bytes(came), MAX_BODY, encoding)
        content = _object(read, lenient=True)
    elif not broken and len(came) <= MAX_BODY:
        release(response)
    broken = broken or read.trouble
    whole = len(came) <= MAX_BODY and len(read.body) <= MAX_BODY
    pause = _seconds(response.headers.get("Retry-After"))
    return Answer(response.status_code, read.body[:MAX_BODY], whole, content if whole else {}, broken, pause, asked)


def _object(read: Received, lenient: bool) -> Mapping[str, Any]:
    """Return the body as a JSON object, or an empty one. `lenient`: parts of a broken frame may stand around it."""
    text = read.body.decode("utf-8-sig", "replace")
    try:
        if not lenient:
            found = json.loads(text)
        else:
            start = min((at for at in (text.find("{"), text.find("[")) if at >= 0), default=0)
            found, _ = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


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

    def __init__(self, content: bytes, departing: Callable[[], None] | None) -> None:
        super().__init__(content)
        self._departing = departing

    def read(self, size: int | None = -1) -> bytes:
        if not self.left and self._departing is not None:
            self._departing()
        self.left = True
        return super().read(size)


def _never_connected(error: BaseException) -> bool:
    """Whether a request without a body certainly never left: no connection was made, or none was even tried."""
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    if isinstance(reason, urllib3.exceptions.NewConnectionError):
        return True
    tried = (
        requests.ConnectionError,
        requests.Timeout,
        requests.exceptions.InvalidHeader,
        urllib3.exceptions.HTTPError,
        http.client.HTTPException,
    )
    return not isinstance(error, tried)


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
