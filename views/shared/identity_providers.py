"""[auth] in Streamlit's secrets: whether people sign in by name here, and with which identity providers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import streamlit as st

from studio.facade import the_studio

PACKAGES = ("authlib", "httpx")
"""What Streamlit needs for it; they come with streamlit[auth]."""
SHARED_KEYS = ("redirect_uri", "cookie_secret")
PROVIDER_KEYS = ("client_id", "client_secret", "server_metadata_url")
DEFAULT = "default"
"""Streamlit's name for a provider whose keys stand in [auth] itself."""
SHORTEST_SECRET = 32


class Misconfigured(ValueError):
    """[auth] cannot be used, so nobody is let in. The text names the key and holds no value of it."""


def providers() -> tuple[str, ...] | None:
    """Return the names of the identity providers, or None where nobody signs in. Raises `Misconfigured`."""
    auth = _auth()
    if auth is None:
        return None
    missing = [package for package in PACKAGES if find_spec(package) is None]
    if missing:
        raise Misconfigured(f"Not installed: {', '.join(missing)}. Run: pip install -r requirements.txt")
    _need(auth, "[auth]", SHARED_KEYS)
    if not re.fullmatch(r"https?://[^/]+(/.*)?/oauth2callback", auth["redirect_uri"]):
        raise Misconfigured("redirect_uri in [auth] takes this page's address with /oauth2callback at the end.")
    if len(auth["cookie_secret"]) < SHORTEST_SECRET:
        raise Misconfigured(f"cookie_secret in [auth] takes at least {SHORTEST_SECRET} random characters.")
    found = {name: value for name, value in auth.items() if isinstance(value, Mapping) and name != "client_kwargs"}
    if not found or any(key in auth for key in PROVIDER_KEYS):
        found.setdefault(DEFAULT, auth)
    for name, section in found.items():
        if not re.fullmatch(r"[A-Za-z0-9-]+", name):
            raise Misconfigured("A provider's name, as in [auth.name], takes letters, digits and hyphens only.")
        _need(section, "[auth]" if section is auth else f"[auth.{name}]", PROVIDER_KEYS)
    return tuple(found)


def people_sign_in() -> bool:
    """Whether [auth] asks people to sign in, or would if it were complete."""
    try:
        return _auth() is not None
    except Misconfigured:
        return True


def _auth() -> Mapping[str, Any] | None:
    """Return [auth] as Streamlit reads it, or None if there is none and never was. Raises `Misconfigured`."""
    auth, studio = None, the_studio()
    try:
        auth = st.secrets["auth"]
    except KeyError:
        pass
    except (OSError, ValueError):  # that there is no file is as good; but one that cannot be read may ask for it
        if any(Path(file).exists() for file in st.get_option("secrets.files")):
            raise Misconfigured("Streamlit's secrets cannot be read.") from None
    if auth is None and studio.people_sign_in:
        raise Misconfigured("[auth] was there, but Streamlit does not find it. Start the server anew, in its folder.")
    if auth is not None and not isinstance(auth, Mapping):
        raise Misconfigured("[auth] has to be a section of its own.")
    studio.people_sign_in = studio.people_sign_in or auth is not None
    return auth


def _need(section: Mapping[str, Any], where: str, keys: tuple[str, ...]) -> None:
    for key in keys:
        if not isinstance(section.get(key), str) or not section[key].strip():
            raise Misconfigured(f"{key} is missing in {where}.")
