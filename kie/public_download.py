"""Download a file from the public internet, bounded in time and size. Knows no token and no KIE."""

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

from kie.http_answers import BoundedAdapter, BoundedSession, Connection, raw_response_of, unpack

CONNECT_SECONDS = 5.0
FIRST_SECONDS = 10.0
"""For connecting and the headers. The body has longer, as long as it comes at `MIN_RATE`."""
MIN_RATE = 16 * 1024
"""Bytes a second that a body must have on average, after the first seconds."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""IPv6 addresses that are translated to the IPv4 address in their last 32 bits (RFC 6052)."""


class NotPublic(Exception):
    """The host has an IP address that is not on the public internet. Nothing was sent."""


def download(url: str, max_bytes: int, seconds: float, *, public: bool = True) -> bytes:
    """Return the file at a URL, or b"" if it is not answered with 200 and at most `max_bytes` in `seconds`.

    Redirects are not followed, and their bodies are not read. With `public`, the host's name is looked up once, all
    its IP addresses must be on the public internet, and the connection is made to one of them, while TLS and the Host
    header use the name. Raises `NotPublic` otherwise. Without `public`, no address is checked and no proxy is used.

    With a proxy from the environment the addresses are checked here too, but the proxy looks the name up again, and
    nothing here can tell what it connects to. Looking a name up counts as time, but cannot be interrupted.
    """
    started = time.monotonic()
    try:
        with BoundedSession(_PublicAdapter() if public else BoundedAdapter(), accept_encoding="identity") as session:
            session.trust_env = public
            session.auth = lambda request: request  # without an auth, requests sends what `.netrc` has for the host
            timeout: Any = urllib3.Timeout(total=min(seconds, FIRST_SECONDS), connect=CONNECT_SECONDS)
            with session.get(url, timeout=timeout, allow_redirects=False, stream=True) as response:
                if response.status_code != 200:
                    return b""
                raw_response, received = raw_response_of(response), bytearray()
                for piece in raw_response.body_pieces():
                    received += piece
                    if len(received) > max_bytes:
                        return b""
                    raw_response.deadline.ends = started + min(seconds, FIRST_SECONDS + len(received) / MIN_RATE)
                body, damage = bytes(received), ""
                if encoding := response.headers.get("Content-Encoding", ""):
                    body, damage = unpack(body, max_bytes, encoding)
    except (OSError, ValueError, urllib3.exceptions.HTTPError, http.client.HTTPException):  # requests': OSError
        return b""
    return b"" if damage or len(body) > max_bytes else body


def public_addresses(host: str, port: int) -> list[str]:
    """Return all IP addresses of a host. Raises `NotPublic` if one is not public, `OSError` if there are none."""
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
    if ip in _NAT64:
        ip = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    if isinstance(ip, ipaddress.IPv6Address) and (ip.is_site_local or ip.sixtofour or ip.teredo):
        return False
    return ip.is_global and not ip.is_multicast


class _PublicConnection(Connection):
    """Connects to an IP address that was checked; TLS and the Host header still use the host's name."""

    def _new_conn(self) -> socket.socket:
        addresses = public_addresses(self.host, self.port)
        ends = time.monotonic() + float(self.timeout or CONNECT_SECONDS)
        failure: OSError = TimeoutError("no address of the host answered in time")
        for address in addresses:
            remaining = ends - time.monotonic()
            if remaining <= 0:
                break
            try:
                connection = socket.create_connection((address, self.port), remaining)
            except OSError as error:
                failure = error
            else:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return connection
        raise failure


class _PublicAdapter(BoundedAdapter):
    connection_class = _PublicConnection

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        if select_proxy(request.url or "", options.get("proxies")):
            parts = urlsplit(request.url or "")
            public_addresses(str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80))
        return super().send(request, *args, **options)
