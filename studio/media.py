"""Which addresses a page may play or show, and the bytes of those that only this server can reach."""

from __future__ import annotations

import ipaddress
import socket
import time
from urllib.parse import urlsplit

import requests
import urllib3

MAX_BYTES = 8 * 1024 * 1024
MAX_CLIP = 40 * 1024 * 1024
PIECE = 64 * 1024
MAX_SECONDS = 60
"""For a whole file: a dripping host holds nobody longer."""


def is_public_https(address: str) -> bool:
    """Whether a browser may load this address: https, a plain public host name, no user, no other port.

    Streamlit serves a local path as readily as it embeds an address, so everything else is refused.
    """
    if not address.isascii() or not address.isprintable() or "\\" in address or " " in address:
        return False
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return False
    host = parts.hostname or ""
    labels = host.split(".")
    named = len(labels) > 1 and all(labels) and labels[-1].isalpha()  # no IP literal, in whatever notation
    local = host.endswith((".localhost", ".local", ".internal"))
    coded = any(label.startswith("xn--") for label in labels)
    public = named and not local and not coded
    return parts.scheme == "https" and public and "@" not in parts.netloc and port in (None, 443)


def is_ours(address: str, base_url: str) -> bool:
    """Whether an address lies on a plain-http KIE stand-in that the operator chose, which a browser may not reach."""
    return base_url.startswith("http://") and address.startswith(f"{base_url}/")


def clip(address: str, base_url: str) -> bytes:
    """Return the bytes of a song, for a person to keep. Raises `ValueError` if the address is not one to load from."""
    if not is_ours(address, base_url) and not (is_public_https(address) and _leads_outside(address)):
        raise ValueError("This address is not one that may be loaded.")
    body = fetch(address, MAX_CLIP)
    if not body:
        raise ValueError("KIE does not have the file any more, or it cannot be reached now.")
    return body


def _leads_outside(address: str) -> bool:
    """Whether a host's name leads to public addresses only: nobody makes this server look into its own network."""
    try:
        found = socket.getaddrinfo(urlsplit(address).hostname, 443, proto=socket.IPPROTO_TCP)
    except OSError:
        return False
    return all(ipaddress.ip_address(where[4][0]).is_global for where in found)


def fetch(address: str, most: int = MAX_BYTES) -> bytes:
    """Return the bytes behind an address, or b"" if there are none within reason."""
    try:
        with requests.Session() as session:
            # A stand-in of the operator's is never looked for behind a proxy.
            session.trust_env = address.startswith("https://")
            response = session.get(address, timeout=(2, 10), allow_redirects=False, stream=True)
            if response.status_code != 200:
                return b""
            body, started = bytearray(), time.monotonic()
            while piece := response.raw.read1(PIECE, decode_content=True):
                body += piece
                if len(body) > most or time.monotonic() - started > MAX_SECONDS:
                    return b""
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError):
        return b""
    return bytes(body)
