"""The random cookie by which a browser is known again, so that a reload finds its account. Not a secret of KIE's.

It is signed, so that only what a server of this installation has made counts.
"""

from __future__ import annotations

import hashlib
import secrets
from functools import cache
from typing import TYPE_CHECKING

import streamlit as st
from itsdangerous import BadSignature, Signer
from starlette.datastructures import Headers
from starlette.requests import cookie_parser

from studio.facade import the_studio
from studio.people.cookie_key import cookie_key

if TYPE_CHECKING:
    from starlette.types import Scope

COOKIE = "persona_studio"
SECURE_COOKIE = f"__Host-{COOKIE}"
"""Under HTTPS only this one counts: no other host and no plain connection can set or read it (RFC 6265bis, 4.1.3.2).

`SocketGuard` shows it to the pages under the plain name.
"""


def new() -> str:
    """Return a cookie for a browser that has none."""
    return _signer().sign(secrets.token_urlsafe(24)).decode()


def header(value: str, *, secure: bool) -> str:
    """Return the header Set-Cookie that gives a browser this cookie."""
    name, more = (SECURE_COOKIE, "; Secure") if secure else (COOKIE, "")
    return f"{name}={value}; Path=/; HttpOnly; SameSite=Lax{more}"


def browser() -> str:
    """Return this browser's cookie, or "" where there is no browser, or it keeps no cookie that was made here."""
    return _ours(st.context.cookies.get(COOKIE))


def browser_of(scope: Scope) -> str:
    """Return the same from a request that comes past the pages."""
    name = SECURE_COOKIE if scope.get("scheme") in ("https", "wss") else COOKIE
    return _ours(cookie_parser("; ".join(_cookies(scope))).get(name))


def with_only(scope: Scope, value: str) -> str:
    """Return the header Cookie for a page: the browser's cookie under its plain name, and those that are not ours."""
    others = [each for each in _cookies(scope) if each.partition("=")[0].strip() not in (COOKIE, SECURE_COOKIE)]
    return "; ".join((*others, f"{COOKIE}={value}"))


def _cookies(scope: Scope) -> list[str]:
    sent = ";".join(Headers(scope=scope).getlist("cookie"))
    return [each.strip() for each in sent.split(";") if each.strip()]


def _ours(name: object) -> str:
    return name if isinstance(name, str) and _is_ours(name) else ""


def _is_ours(name: str) -> bool:
    try:
        _signer().unsign(name)
    except (BadSignature, UnicodeError):
        return False
    return True


def _signer() -> Signer:
    return Signer(_secret(), salt=COOKIE)


@cache
def _secret() -> str:
    """Return the key. All servers of an installation have the same: they have one [auth], or one database.

    From a database's address it is derived slowly, so that nobody who has a signed cookie can try passwords fast.
    """
    try:
        shared = str(st.secrets["auth"]["cookie_secret"])
    except (KeyError, TypeError, OSError, ValueError):  # there is no such file, or no such section
        shared = ""
    database = the_studio().settings.database_url
    if shared or not database.startswith("postgresql"):
        return shared or cookie_key(database)
    return hashlib.scrypt(database.encode(), salt=COOKIE.encode(), n=2**14, r=8, p=1).hex()
