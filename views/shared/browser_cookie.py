"""The random cookie by which a browser is known again, so that a reload finds its account. Not a secret of KIE's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import streamlit as st
from starlette.datastructures import Headers
from starlette.requests import cookie_parser

if TYPE_CHECKING:
    from starlette.types import Scope

COOKIE = "persona_studio"
SECURE_COOKIE = f"__Host-{COOKIE}"
"""Under HTTPS: no other host and no plain connection can set or read it (RFC 6265bis, 4.1.3.2)."""


def browser() -> str:
    """Return this browser's cookie, or "" where there is no browser or it keeps no cookies."""
    return _name(st.context.cookies)


def browser_of(scope: Scope) -> str:
    """Return the same name from a request that comes past the pages."""
    return _name(cookie_parser(Headers(scope=scope).get("cookie", "")))


def _name(cookies: Mapping[str, object]) -> str:
    names = (cookies.get(name) for name in (SECURE_COOKIE, COOKIE))
    return next((name for name in names if isinstance(name, str) and name), "")
