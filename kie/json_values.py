"""Tolerant readers for single values of KIE's JSON. A value of another type is read as empty, never as an error."""

from __future__ import annotations

import math


def clean(text: str) -> str:
    """Return the text as every database and screen takes it: without NUL and without half a surrogate pair."""
    return text.encode("utf-8", "replace").decode().replace("\0", "?")


def read_text(value: object) -> str:
    """Read a text, or a number as text; anything else is ""."""
    return clean(str(value)) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def read_number(value: object) -> float | None:
    """Read a finite number, or a text that is one; anything else is None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
