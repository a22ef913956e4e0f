"""One HTTP request to KIE and its answer, bounded in time and size. Does not know what an answer means."""

from __future__ import annotations

import io
import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any, NamedTuple, NoReturn
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase
from requests.exceptions import ConnectTimeout, ProxyError
from urllib3.exceptions import HTTPError, InvalidHeader, NewConnectionError
from urllib3.util import Retry

from kie.error_sentences import Cause
from kie.errors import InvalidInput, NoAnswer, NotConnected, NotLeaving
from kie.http_answers import BoundedAdapter, BoundedSession, raw_response_of, reuse_connection, unpack
from kie.operations import Operation

MAX_BODY = 2 * 1024 * 1024
"""Bytes of an answer that are read at most, packed and unpacked; a real answer has a few thousand."""
MAX_TOKEN = 512
"""Characters of a token at most."""
_QUOTES = "\"'`“”‘’"
_HEADER = re.compile(
    rf"[\s{_QUOTES}]*(?:authorization[\s{_QUOTES}]*[:=][\s{_QUOTES}]*)?(?:bearer(?::?\s[\s{_QUOTES}]*|[{_QUOTES}:,;]*$))+",
    re.IGNORECASE,
)
"""What stands before the token in the header that carries it."""


class Answer(NamedTuple):
    """What came back for an operation."""

    operation: Operation
    status: int
    body: bytes
    """Unpacked, and cut at `MAX_BODY`; then `whole` is false."""
    whole: bool
    content: Mapping[str, Any]
    """The body as a JSON object; empty if it is not one, or not a whole one."""
    broken: str
    """How the body broke off, "" if it did not. What came may be a whole object all the same."""
    damaged: bool
    """Whether its packing is damaged or has no end; then its last characters may not be KIE's."""
    retry_after: float | None
    """The seconds that KIE asked to wait."""


def check_token(token: str) -> str:
    """Return the token without surrounding white space, and without the header that it may have been copied with.

    Raises `InvalidInput`, whose text never has the token in it. KIE does not document the format (docs.kie.ai), so only
    what cannot stand in an HTTP header is refused, and the header's own word.
    """
    stripped = token.strip()
    header = _HEADER.match(stripped)
    if header:
        stripped = stripped[header.end() :].rstrip(_QUOTES + ",; \t\r\n\u00a0")
    if header and not stripped:
        problem = "Token: this is only the word “Bearer”. Copy the token that stands behind it."
    elif not stripped:
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
    """Whether the host in an address is "localhost" or a loopback IP address."""
    try:
        host = urlsplit(address).hostname or ""
        return host in ("localhost", "::1") or ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        return False


class Transport:
    """HTTP requests to one host with one token, from one thread at a time. `KieClient` explains the parameters."""

    def __init__(
        self,
        token: str,
        base_url: str,
        timeout: tuple[float, float],
        departing: Callable[[], None] | None = None,
    ) -> None:
        self._auth = _BearerAuth(check_token(token))
        self._base_url = base_url.rstrip("/")
        self._timeout = timeout
        self._departing = departing
        self._session = BoundedSession(BoundedAdapter(), accept_encoding="gzip")
        self._session.auth = self._auth
        # A proxy from the environment cannot reach a server on this machine.
        self._session.trust_env = not is_loopback(base_url)

    def close(self) -> None:
        self._session.close()

    def send(self, operation: Operation, fields: Mapping[str, Any]) -> Answer:
        """Send one request, once. Raises `NotConnected` if nothing was sent, `NoAnswer` if no status line came back."""
        body = None if operation.method == "GET" else _RequestBody(json.dumps(fields).encode(), self._departing)
        stopped = False
        try:
            with self._session.request(
                operation.method,
                self._base_url + operation.path,
                params=fields if body is None else None,
                data=body,
                headers={"Content-Type": "application/json"},
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            ) as response:
                return _read_answer(operation, response, self._auth.scrub_bytes)
        except NotLeaving as stop:
            stopped, may_be_sent, message = True, False, str(stop)
        except (OSError, HTTPError, HTTPException) as error:  # an error of requests is an OSError
            may_be_sent = not _never_connected(error) if body is None else body.was_read
            message = f"{type(error).__name__}: {error}"
        message = self.scrub(message)[:500]
        if not may_be_sent:
            raise NotConnected(message, stopped=stopped)
        raise NoAnswer(message, meaning=operation.meaning_for(Cause.NO_ANSWER))

    def scrub(self, text: str) -> str:
        """Return the text with "[token]" in place of the token."""
        return self._auth.scrub(text)


def _read_answer(operation: Operation, response: requests.Response, scrub: Callable[[bytes], bytes]) -> Answer:
    """Read an answer as far as it comes. It counts if it is a whole JSON object, whatever its framing says.

    `scrub` takes the token out of the body, so that nothing that is read from it can have the token in it.
    """
    raw_response = raw_response_of(response)
    encoding = response.headers.get("Content-Encoding", "")
    received, broken = bytearray(), ""
    try:
        for piece in raw_response.body_pieces():
            received += piece
            if len(received) > MAX_BODY:
                break
    except (OSError, HTTPException) as error:
        broken = f"The answer broke off: {str(error) or type(error).__name__}"
    unpacked, damage = unpack(bytes(received), MAX_BODY, encoding)
    unpacked = scrub(unpacked)
    content = _parsed(unpacked, lenient=bool(broken))
    incomplete = broken or damage or unpacked.lstrip()[:1] == b"{"
    if incomplete and not content and len(received) <= MAX_BODY:
        for piece in raw_response.pieces_after_stated_end():
            received += piece
            if len(received) > MAX_BODY:
                break
        unpacked, damage = unpack(bytes(received), MAX_BODY, encoding)
        unpacked = scrub(unpacked)
        content = _parsed(unpacked, lenient=True)
    elif not broken and len(received) <= MAX_BODY:
        reuse_connection(response)
    whole = len(received) <= MAX_BODY and len(unpacked) <= MAX_BODY
    return Answer(
        operation,
        status=response.status_code,
        body=unpacked[:MAX_BODY],
        whole=whole,
        content=content if whole else {},
        broken=broken or damage,
        damaged=bool(damage),
        retry_after=_seconds(response.headers.get("Retry-After")),
    )


def _parsed(body: bytes, lenient: bool) -> Mapping[str, Any]:
    """Return the body as a JSON object, or an empty one. With `lenient`, other bytes may stand before and after it."""
    text = body.decode("utf-8-sig", "replace")
    try:
        if not lenient:
            found = json.loads(text)
        else:
            start = min((at for at in (text.find("{"), text.find("[")) if at >= 0), default=0)
            found, _ = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


class _BearerAuth(AuthBase):
    """Sets the Authorization header, as an `AuthBase` because requests would put a `.netrc` entry over a plain one."""

    __slots__ = ("_escaped", "_token")

    def __init__(self, token: str) -> None:
        self._token = token
        self._escaped: re.Pattern[str] | None = None

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def __repr__(self) -> str:
        return "<Bearer ...>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a token stays in memory: it cannot be pickled or copied")

    def scrub(self, text: str) -> str:
        text = text.replace(self._token, "[token]")
        return self._with_escapes().sub("[token]", text) if "\\" in text else text

    def scrub_bytes(self, content: bytes) -> bytes:
        return self.scrub(content.decode("latin-1")).encode("latin-1")

    def _with_escapes(self) -> re.Pattern[str]:
        """The token as JSON may write it, also in a text inside JSON: each character as it is or as \\u and its number,
        with any backslashes before it."""
        if self._escaped is None:
            written = [f"(?:{re.escape(one)}|(?i:u{ord(one):04x}))" for one in self._token]
            self._escaped = re.compile(r"\\*+".join(written))
        return self._escaped


class _RequestBody(io.BytesIO):
    """A request body that notes whether any of it was read; before that, KIE cannot have acted on it."""

    was_read = False

    def __init__(self, content: bytes, departing: Callable[[], None] | None) -> None:
        super().__init__(content)
        self._departing = departing

    def read(self, size: int | None = -1) -> bytes:
        if not self.was_read and self._departing is not None:
            self._departing()
        self.was_read = True
        return super().read(size)


def _never_connected(error: BaseException) -> bool:
    """Whether a request without a body certainly was not sent: no connection was made, or none was tried."""
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    if isinstance(error, ConnectTimeout | ProxyError) or isinstance(reason, NewConnectionError):
        return True
    tried = (requests.ConnectionError, requests.Timeout, requests.exceptions.InvalidHeader, HTTPError, HTTPException)
    return not isinstance(error, tried)


def _seconds(retry_after: str | None) -> float | None:
    """Read a Retry-After header: seconds, or a date (RFC 9110, 10.2.3); anything else is ignored."""
    try:
        return Retry().parse_retry_after(retry_after or "")
    except (InvalidHeader, ValueError, OverflowError):
        return None
