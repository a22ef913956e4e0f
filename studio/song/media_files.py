"""Which addresses a page may play or show, and the bytes of those that only this server can reach."""

from __future__ import annotations

from urllib.parse import urlsplit

from kie.public_download import NotPublic
from kie.public_download import download as fetch_bounded

MAX_BYTES = 8 * 1024 * 1024
MAX_CLIP = 40 * 1024 * 1024
MAX_SECONDS = 60
"""For a whole file; a dripping host is given up sooner."""
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


def is_ours(address: str, base_url: str) -> bool:
    """Whether an address lies on a plain-http KIE stand-in that the operator chose, which a browser may not reach."""
    return base_url.startswith("http://") and address.startswith(f"{base_url}/")


def clip(address: str, base_url: str) -> bytes:
    """Return the bytes of a song, for a person to keep. Raises `ValueError` if the address is not one to load from.

    Nobody makes this server look into its own network: see
    `kie.public_download.download` for what is checked, and for what a proxy
    in the environment takes away from it.
    """
    if not is_ours(address, base_url) and not is_public_https(address):
        raise ValueError(NOT_ALLOWED)
    try:
        body = _fetched(address, MAX_CLIP)
    except NotPublic:
        raise ValueError(NOT_ALLOWED) from None
    if not body:
        raise ValueError("KIE does not have the file any more, or it cannot be reached now.")
    return body


def fetch(address: str, most: int = MAX_BYTES) -> bytes:
    """Return the bytes behind an address, or b"" if there are none within reason."""
    try:
        return _fetched(address, most)
    except NotPublic:
        return b""


def _fetched(address: str, most: int) -> bytes:
    """Fetch. Plain http is spoken only by a stand-in of the operator's, which may be anywhere."""
    return fetch_bounded(address, most, MAX_SECONDS, public=not address.startswith("http://"))
