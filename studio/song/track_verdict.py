"""Which track can become a persona, and first words for its fields. Rules only; nothing is sent or stored."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from kie import Cause, MusicTask, TaskState, Track
from kie.persona import MAX_TEXT, WINDOW_MIN
from studio.sending.attempts import Attempt, Status

_LABEL = re.compile(r"\[([^\]\n]{1,120})\]")
_HINT = re.compile(r"[:\u2013\u2014-]\s*")


MODELS = {
    "V6": "V6",
    "V6_WILD": "V6 Wild",
    "V6_MINI": "V6 Mini",
    "V5_5": "V5.5",
    "V5": "V5",
    "V4_5PLUS": "V4.5 Plus",
    "V4_5ALL": "V4.5 All",
    "V4_5": "V4.5",
    "V4": "V4",
    "V3_5": "V3.5",
}
"""People's names for models; one that is not here is shown as it is."""
TOO_OLD = re.compile(r"V?[123](_\d)?|chirp-v[123].*")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a track can become a persona: `can`, `not_yet`, `cannot`, or `made` already; with a sentence."""

    kind: Literal["can", "not_yet", "cannot", "made"]
    sentence: str = ""


def verdict(task: MusicTask, track: Track, earlier: Attempt | None = None) -> Verdict:
    """Judge a track by its task, its model and length, and by what the library has of it."""
    if task.state is TaskState.FAILED:
        return Verdict("cannot", "The song failed at KIE.")
    if task.state is not TaskState.READY:
        return Verdict("not_yet", "Not finished yet.")
    if TOO_OLD.fullmatch(track.model):
        return Verdict("cannot", f"Made with {model(track)}. KIE makes personas from V4 and later.")
    if track.duration is not None and track.duration < WINDOW_MIN:
        return Verdict("cannot", f"It is {track.duration:g} s long, and KIE needs at least {WINDOW_MIN:g} s.")
    if earlier is not None and earlier.in_flight:
        return Verdict("made", "A request for it is on its way.")
    if earlier is not None and earlier.status is Status.CREATED:
        return Verdict("made", "It has a persona in your library.")
    if earlier is not None and earlier.status is Status.UNKNOWN:
        return Verdict("made", "An earlier request for it has no answer yet.")
    if earlier is not None and earlier.cause == Cause.UNSUITABLE.value:
        return Verdict("cannot", "KIE refused this track before, for good. Try the other one.")
    return Verdict("can", "Can become a persona.")


def model(track: Track) -> str:
    """Return the name that people know a track's model by."""
    return MODELS.get(track.model, track.model)


def state_sentence(task: MusicTask) -> str:
    """Say where a task stands when there is nothing to choose yet."""
    if task.state is TaskState.ABSENT:
        return "KIE has no record of this task yet. If it was just started, it appears here by itself."
    if task.state is TaskState.FAILED:
        return "This song failed at KIE, so there is no track to use. Make the song again."
    return "This song is still being made. Its tracks appear here by themselves."


def suggested_texts(track: Track) -> dict[str, str]:
    """Return name, description and style to start from, made of the track's title, tags and lyrics."""
    return {"name": track.title.strip(), "description": draft(track), "style": _tags(track)[0] if _tags(track) else ""}


def draft(track: Track) -> str:
    """Return a first description: the track's tags, and the hints that stand in its lyrics' section labels.

    `[Chorus: belted, double-tracked]` tells how it is sung; a bare `[Chorus]` tells nothing.
    """
    hints = [hint for label in _LABEL.findall(track.lyrics) for hint in _HINT.split(label, 1)[1:]]
    parts = list(dict.fromkeys(part.strip() for part in [*_tags(track), *",".join(hints).split(",")] if part.strip()))
    if not parts:
        return ""
    voice = "" if track.lyrics.strip() else ". Instrumental"
    return f"{parts[0][0].upper()}{parts[0][1:]}{''.join(f', {part}' for part in parts[1:])}{voice}"[:MAX_TEXT]


def _tags(track: Track) -> list[str]:
    return [tag.strip() for tag in track.tags.replace(";", ",").split(",") if tag.strip()]
