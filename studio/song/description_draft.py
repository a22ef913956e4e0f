"""First texts for a persona's fields, made of what KIE says of its track. Rules only; nothing is sent or stored."""

from __future__ import annotations

import re

from kie import Track
from kie.persona import MAX_TEXT

_LABEL = re.compile(r"\[([^\]\n]{1,120})\]")
_HINT = re.compile(r"[:\u2013\u2014-]\s*")


def suggested_texts(track: Track) -> dict[str, str]:
    """Return name, description and style to start from, made of the track's title, tags and lyrics."""
    return {"name": track.title.strip(), "description": draft(track), "style": _tags(track)[0] if _tags(track) else ""}


def draft(track: Track) -> str:
    """Return a first description: the track's tags, and the hints in the section labels of its lyrics.

    `[Chorus: belted, double-tracked]` has two hints; a bare `[Chorus]` has none.
    """
    hints = [hint for label in _LABEL.findall(track.lyrics) for hint in _HINT.split(label, 1)[1:]]
    parts = list(dict.fromkeys(part.strip() for part in [*_tags(track), *",".join(hints).split(",")] if part.strip()))
    if not parts:
        return ""
    voice = "" if track.lyrics.strip() else ". Instrumental"
    return f"{parts[0][0].upper()}{parts[0][1:]}{''.join(f', {part}' for part in parts[1:])}{voice}"[:MAX_TEXT]


def _tags(track: Track) -> list[str]:
    return [tag.strip() for tag in track.tags.replace(";", ",").split(",") if tag.strip()]
