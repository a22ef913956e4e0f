"""Which addresses of audio and images a page may load, and downloads of them by this server."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from kie.public_download import NotPublic
from kie.public_download import download as fetch_bounded

MAX_BYTES = 8 * 1024 * 1024
MAX_DOWNLOAD = 40 * 1024 * 1024
MAX_SECONDS = 60
"""Seconds for a whole file; a host that sends slowly has fewer."""
NOT_ALLOWED = "This address is not one that may be loaded."


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


def is_stand_in(address: str, base_url: str) -> bool:
    """Whether an address is a track's media on the plain-http KIE stand-in, which a browser may not reach.

    Only `/media/<name>.<kind>` is: the stand-in also answers at other paths, with what other people sent to it.
    """
    media = re.escape(base_url) + r"/media/[A-Za-z0-9_-]+\.[a-z0-9]+"
    return base_url.startswith("http://") and re.fullmatch(media, address) is not None


def may_be_loaded(address: str, base_url: str) -> bool:
    """Whether a page may load this address, by itself or through this server."""
    return is_stand_in(address, base_url) or is_public_https(address)


def download(address: str, base_url: str) -> bytes:
    """Return the bytes of a song, for a person to save. Raises `ValueError` with a sentence for that person.

    No address can make this server connect into its own network: `kie.public_download.download` says what is checked,
    and what is not behind a proxy.
    """
    if not may_be_loaded(address, base_url):
        raise ValueError(NOT_ALLOWED)
    try:
        body = _fetched(address, MAX_DOWNLOAD)
    except NotPublic:
        raise ValueError(NOT_ALLOWED) from None
    if not body:
        raise ValueError("KIE does not have the file any more, or it cannot be reached now.")
    return body


def fetch(address: str, most: int = MAX_BYTES) -> bytes:
    """Return the bytes of an address; b"" if it is not public, does not answer, or is too large."""
    try:
        return _fetched(address, most)
    except NotPublic:
        return b""


def _fetched(address: str, most: int) -> bytes:
    """Fetch. Only the operator's stand-in has plain http, and it may be in a private network."""
    return fetch_bounded(address, most, MAX_SECONDS, public=not address.startswith("http://"))
