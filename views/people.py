"""Who is at the page."""

from __future__ import annotations


def author() -> str:
    return ""
