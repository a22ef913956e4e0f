"""Times as the visitor's clock shows them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

MEDIA_LIFE = timedelta(days=14)
"""How long KIE keeps a song's files (docs.kie.ai)."""


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


def media_clock(made: datetime | None) -> str:
    """Say how long KIE still keeps a song's files, or "" where the song's age is not known or in the future."""
    now = datetime.now(UTC)
    if made is None or made > now + timedelta(days=1):
        return ""
    until = made + MEDIA_LIFE
    left = until - now
    if left <= timedelta(0):
        return ":material/timer_off: KIE keeps a song’s files for 14 days, so this one’s are gone."
    days = f"{left.days} days" if left.days > 1 else "one day" if left.days else "less than a day"
    return f":material/timer: KIE deletes the song’s files in {days}, on {told(until)}."


def midnight(day: date, days: int = 0) -> datetime:
    """Return when a day begins for the visitor, `days` later."""
    return datetime.combine(day + timedelta(days=days), time(), zone())
