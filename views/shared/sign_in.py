"""Who is at the page. With [auth] in Streamlit's secrets people sign in by name before they see anything."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import streamlit as st

from studio.facade import the_studio
from views.shared import browser_cookie
from views.shared.elements import button

PACKAGES = ("authlib", "httpx")
"""What Streamlit needs for it; they come with streamlit[auth]."""
SHARED_KEYS = ("redirect_uri", "cookie_secret")
PROVIDER_KEYS = ("client_id", "client_secret", "server_metadata_url")
DEFAULT = "default"
"""Streamlit's name for a provider whose keys stand in [auth] itself."""
SHORTEST_SECRET = 32
LONGEST_NAME = 200


class Misconfigured(ValueError):
    """[auth] cannot be used, so nobody is let in. The text names the key and holds no value of it."""


def author() -> str:
    """Return who has signed in, to be written beside what they do: the e-mail, else the name, else the subject.

    It is one printable line of at most 200 characters, whatever the provider sent, and "" where nobody signs in. It
    comes from outside, so it is shown only by elements that print literally.
    """
    return _told("email", "name", "sub") if _is_asked_for() else ""


def session_key() -> str:
    """Return this browser's cookie, with the person's claims where people sign in: each has an account of their own.

    "" where there is no browser, or it keeps no cookies.
    """
    browser = browser_cookie.browser()
    person = [str(st.user.get(claim)) for claim in ("provider", "iss", "sub")] if the_studio().people_sign_in else []
    return " ".join((browser, *person)) if browser else ""


def is_admitted() -> bool:
    """Whether whoever is at the page may see it: nobody has to sign in here, or this person did."""
    try:
        providers = _providers()
    except Misconfigured:
        return False
    return providers is None or _has_signed_in(providers)


def require_sign_in(leave: Callable[[], None]) -> bool:
    """Show who has signed in and let them pass, or show a way to sign in and nothing else.

    `leave` is called when a person signs out, before Streamlit forgets them.
    """
    try:
        providers = _providers()
    except Misconfigured as problem:
        _title()
        st.error("Signing in is not set up correctly here, so nobody is let in.", icon=":material/lock:")
        st.text(str(problem))
        return False
    if providers is None:
        return True
    if not _has_signed_in(providers):
        _title()
        st.markdown("Sign in to make personas, and to find those that were made here.")
        for provider in providers:
            only = provider == DEFAULT or len(providers) == 1
            label = "Sign in" if only else f"Sign in with {provider.capitalize()}"
            button(label, f"sign_in_{provider}", "login", st.login, provider, type="primary")
        return False
    with st.sidebar.container(horizontal=True, vertical_alignment="center"):
        st.text(_told("name", "email", "sub"), width="stretch")
        button("Sign out", "sign_out", "logout", _leave, leave, type="tertiary")
    return True


def _title() -> None:
    st.set_page_config(page_title="Persona Studio")
    st.title("Persona Studio", anchor=False)


def _leave(leave: Callable[[], None]) -> None:
    leave()
    the_studio().browsers.forget(session_key())
    st.logout()


def _has_signed_in(providers: tuple[str, ...]) -> bool:
    """Whether this session began with a person signed in, through a provider of today, who has not left since.

    A session knows only who was there when it began (`st.user`), and a browser may have several.
    """
    if st.user.get("is_logged_in") is not True or st.user.get("provider") not in providers:
        return False
    browsers, here = the_studio().browsers, session_key()
    if here and not st.session_state.get("arrived"):
        browsers.note_sign_in(here)
        st.session_state.arrived = True
    return not here or browsers.is_signed_in(here)


def _told(*claims: str) -> str:
    """Return the first of these that the provider told, as one printable line."""
    for claim in claims:
        value = st.user.get(claim)
        if isinstance(value, str):
            printable = "".join(character if character.isprintable() else " " for character in value)
            if line := " ".join(printable.split())[:LONGEST_NAME].strip():
                return line
    return ""


def _is_asked_for() -> bool:
    try:
        return _auth() is not None
    except Misconfigured:
        return True


def _providers() -> tuple[str, ...] | None:
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
    providers = {name: value for name, value in auth.items() if isinstance(value, Mapping) and name != "client_kwargs"}
    if not providers or any(key in auth for key in PROVIDER_KEYS):
        providers.setdefault(DEFAULT, auth)
    for name, section in providers.items():
        if not re.fullmatch(r"[A-Za-z0-9-]+", name):
            raise Misconfigured("A provider's name, as in [auth.name], takes letters, digits and hyphens only.")
        _need(section, "[auth]" if section is auth else f"[auth.{name}]", PROVIDER_KEYS)
    return tuple(providers)


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
