"""Reading single values of KIE's JSON. A value of an unexpected type is read as empty, never as an error."""

from __future__ import annotations

import math

MAX_CODE = 1_000_000
"""No code is as large; a larger number would not fit into a database column."""


def clean(text: str) -> str:
    """Return the text with "?" for NUL and for lone surrogates, which not every database takes."""
    return text.encode("utf-8", "replace").decode().replace("\0", "?")


def read_text(value: object) -> str:
    """Return a text, or a number as text; "" for anything else."""
    return clean(str(value)) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def read_code(value: object) -> int | None:
    """Return a code: a whole number below `MAX_CODE`, or a text or a decimal that is one; None for anything else."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and value.isdecimal() and len(value) < 6:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < MAX_CODE else None


def read_number(value: object) -> float | None:
    """Return a finite number, or a text that is one as a number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
