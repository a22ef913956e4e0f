"""Fetch a file from the internet, bounded in time and size. Knows no token; loaded by those who need it."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import time
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.utils import select_proxy

from kie.http_answers import BoundedAdapter, Connection, Session, response_of, unpacked

CONNECT_SECONDS = 5.0
FIRST_SECONDS = 10.0
"""For connecting and the headers; the body has more, as long as it comes at `PACE`."""
PACE = 16 * 1024
"""Bytes a second that a body must come at, on the average, after the first seconds."""
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
"""IPv6 addresses that lead to the IPv4 address in their last 32 bits (RFC 6052)."""


class NotPublic(Exception):
    """The host's name leads to a machine that is not on the public internet. Nothing was sent."""


def fetch(address: str, most: int, seconds: float, *, public: bool = True) -> bytes:
    """Return the bytes behind an address, or b"" if it does not answer 200 with at most `most` bytes in `seconds`.

    Redirects are not followed, and their bodies not read. With `public` the host's name is looked up once, all that
    it leads to must be on the public internet, and the connection is made to one of these addresses; TLS name,
    certificate and Host header remain the name's. Raises `NotPublic` otherwise. Without `public` nothing is looked
    at, and no proxy is used.

    With a proxy from the environment the name is looked up and judged here too, but the proxy looks it up again for
    itself: what it connects to is then its own business and cannot be held to what was judged. The time that the
    system takes to look a name up counts, but cannot be cut short.
    """
    started = time.monotonic()
    try:
        with Session() as session:
            session.trust_env = public
            session.auth = _no_auth
            session.headers.update({"User-Agent": "persona-studio", "Accept-Encoding": "identity"})
            session.mount("https://", _PublicAdapter() if public else BoundedAdapter())
            session.mount("http://", _PublicAdapter() if public else BoundedAdapter())
            first = min(seconds, FIRST_SECONDS)
            timeout: Any = urllib3.Timeout(total=first, connect=min(first, CONNECT_SECONDS))
            with session.get(address, timeout=timeout, allow_redirects=False, stream=True) as response:
                if response.status_code != 200:
                    return b""
                bare, came = response_of(response), bytearray()
                for piece in bare.pieces():
                    came += piece
                    if len(came) > most:
                        return b""
                    bare.clock.ends = started + min(seconds, FIRST_SECONDS + len(came) / PACE)
                body, trouble = bytes(came), ""
                if encoding := response.headers.get("Content-Encoding", ""):
                    body, trouble = unpacked(body, most, encoding)
    except (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError):
        return b""
    return b"" if trouble or len(body) > most else body


def public_addresses(host: str, port: int) -> list[str]:
    """Return all addresses of a host. Raises `NotPublic` if one is not public, `OSError` if the name is not found."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(f"not a host's name: {error}") from error
    addresses = list(dict.fromkeys(str(where[4][0]) for where in found))
    if not all(map(_is_public, addresses)):
        raise NotPublic(host)
    return addresses


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address)
    if ip in _TRANSLATED:
        ip = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    if isinstance(ip, ipaddress.IPv6Address) and (ip.is_site_local or ip.sixtofour or ip.teredo):
        return False
    return ip.is_global and not ip.is_multicast


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep what a `.netrc` says of the host out of it."""
    return request


class _PublicConnection(Connection):
    """Connects to an address that was judged, while everything else keeps to the host's name."""

    def _new_conn(self) -> socket.socket:
        addresses = public_addresses(self.host, self.port)
        ends = time.monotonic() + float(self.timeout or CONNECT_SECONDS)
        trouble: OSError = TimeoutError("no address of the host answered in time")
        for address in addresses:
            remaining = ends - time.monotonic()
            if remaining <= 0:
                break
            try:
                connection = socket.create_connection((address, self.port), remaining)
            except OSError as error:
                trouble = error
            else:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return connection
        raise trouble


class _PublicAdapter(BoundedAdapter):
    kind = _PublicConnection

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        if select_proxy(request.url or "", options.get("proxies")):
            parts = urlsplit(request.url or "")
            public_addresses(str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80))
        return super().send(request, *args, **options)
