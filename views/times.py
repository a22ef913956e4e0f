"""Times as the visitor's clock shows them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st


def zone() -> tzinfo:
    """Return the visitor's time zone; UTC where the browser does not say."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError, TypeError):
        return UTC


def told(moment: datetime) -> str:
    """Return a moment in words, such as "1 Mar 2026, 12:00"."""
    local = moment.astimezone(zone())
    return f"{local.day} {local:%b %Y, %H:%M}"


def length(seconds: float | None) -> str:
    """Return a song's length, such as "2:31"."""
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}" if seconds else "length unknown"


def midnight(day: date, days: int = 0) -> datetime:
    """Return when a day begins for the visitor, `days` later."""
    return datetime.combine(day + timedelta(days=days), time(), zone())
