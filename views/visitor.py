"""The random name that the door gives each browser, so that a reload finds its account again. Not a secret of KIE's."""

import streamlit as st

COOKIE = "persona_studio"
SECURE_COOKIE = f"__Host-{COOKIE}"
"""Under HTTPS: no other host and no plain connection can set or read it (RFC 6265bis, 4.1.3.2)."""


def browser() -> str:
    """Return the name that the door gave this browser, or "" where there is no browser or it keeps no cookies."""
    names = (st.context.cookies.get(name) for name in (SECURE_COOKIE, COOKIE))
    return next((name for name in names if isinstance(name, str)), "")
