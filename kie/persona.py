"""A persona: its request, its rules and its answer (docs.kie.ai/suno-api/generate-persona). Knows no HTTP."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

WINDOW_MIN, WINDOW_MAX = 10.0, 30.0
"""Seconds of a track that KIE analyses, at least and at most."""
DEFAULT_START, DEFAULT_END = 0.0, 30.0
"""The window that KIE takes when none is sent, in seconds."""
MAX_ID = 128
"""Characters. KIE documents no limit; its IDs have 32 or 36."""
MAX_TEXT = 5000
"""Characters. KIE documents no limit for name, description and style; this one stops texts pasted by mistake."""
PERSONA_JOB_NAME = "ai-music-api/generate-persona"
"""The name of the job that makes a persona."""
JOB_NAMES = {"taskId": "task_id", "audioId": "audio_id", "vocalStart": "vocal_start", "vocalEnd": "vocal_end"}
"""What a job calls a field that it writes in another way than the direct call."""
MAX_SECONDS = 1e6
"""No track is as long; a float does not hold hundredths of a second of every larger number."""


class Problem(NamedTuple):
    """Something to change before a request can be sent: the field's name, and a sentence that says what to do."""

    field: str
    sentence: str


@dataclass(frozen=True, slots=True)
class PersonaRequest:
    """What KIE is asked to make: one track, its name and description, and optionally a window (seconds) and style."""

    task_id: str
    audio_id: str
    name: str
    description: str
    vocal_start: float | None = None
    vocal_end: float | None = None
    style: str | None = None

    @classmethod
    def of_payload(cls, body: Mapping[str, Any]) -> PersonaRequest:
        """Return the request whose `payload` or `job_payload` this is."""
        fields = body.get("input") or {JOB_NAMES.get(key, key): value for key, value in body.items()}
        window = (fields.get("vocal_start"), fields.get("vocal_end"))
        texts = (fields["task_id"], fields["audio_id"], fields["name"], fields["description"])
        return cls(*texts, *window, fields.get("style"))

    def problems(self, duration: float | None = None) -> list[Problem]:
        """Return all that KIE would refuse, in the order of the form. `duration` is the track's, in seconds."""
        return [
            *task_id_problems(self.task_id),
            *audio_id_problems(self.audio_id),
            *_text_problems("name", "Name", self.name, required="give the persona a name"),
            *_text_problems(
                "description",
                "Description",
                self.description,
                required="say in a sentence how the voice and the style sound",
                lines=True,
            ),
            *_text_problems("style", "Style", self.style or ""),
            *self._window_problems(duration),
        ]

    def payload(self) -> dict[str, Any]:
        """Return the JSON body.

        KIE's schema has a space before the names of the window's keys. Its example and working clients have none, and
        neither has this body.
        """
        body: dict[str, Any] = {
            "taskId": self.task_id,
            "audioId": self.audio_id,
            "name": self.name,
            "description": self.description,
        }
        if self.vocal_start is not None or self.vocal_end is not None:
            start, end = self.window
            body |= {"vocalStart": round(start, 2), "vocalEnd": round(end, 2)}
        if self.style:
            body["style"] = self.style
        return body

    def job_payload(self) -> dict[str, Any]:
        """Return the JSON body with which the same is asked for as a job."""
        fields = {JOB_NAMES.get(key, key): value for key, value in self.payload().items()}
        return {"model": PERSONA_JOB_NAME, "input": fields}

    @property
    def window(self) -> tuple[float, float]:
        """Start and end in seconds, with KIE's defaults where nothing was given."""
        start = DEFAULT_START if self.vocal_start is None else self.vocal_start
        end = DEFAULT_END if self.vocal_end is None else self.vocal_end
        return start, end

    def _window_problems(self, duration: float | None) -> Iterator[Problem]:
        for key, label, value in (
            ("vocal_start", "Window start", self.vocal_start),
            ("vocal_end", "Window end", self.vocal_end),
        ):
            if value is not None and (not math.isfinite(value) or value < 0):
                yield Problem(key, f"{label}: give seconds from the track's beginning, 0 or more.")
                return
            if value is not None and abs(round(value, 2) - value) > 1e-9:
                yield Problem(key, f"{label}: KIE takes hundredths of a second, so at most two decimals.")
                return
        start, end = self.window
        if duration is not None and not math.isfinite(duration):
            duration = None
        if duration is not None and duration < WINDOW_MIN:
            yield Problem(
                "audio_id",
                f"Track: it is {duration:g} s long, and KIE needs at least {WINDOW_MIN:g} s. Choose another track.",
            )
        elif not WINDOW_MIN <= round(end - start, 2) <= WINDOW_MAX:
            yield Problem(
                "vocal_end",
                f"Window: it goes from {start:g} to {end:g} s. "
                f"Choose a start and an end that are {WINDOW_MIN:g} to {WINDOW_MAX:g} s apart.",
            )
        elif duration is not None and round(end, 2) > (last := last_end(duration)):
            yield Problem(
                "vocal_end",
                f"Window end: the track is {duration:g} s long, and the window goes to {end:g} s. "
                f"Set the end to {last:g} s or less.",
            )


@dataclass(frozen=True, slots=True)
class Persona:
    """A persona that KIE made. KIE tells its ID only once; name and description repeat those of the request."""

    persona_id: str
    name: str
    description: str
    raw: str = field(default="", repr=False)
    """The start of the answer as received."""


def last_end(duration: float) -> float:
    """Return the latest end of a window in a track of this duration (seconds): the duration in whole hundredths."""
    return math.floor(min(max(duration, 0), MAX_SECONDS) * 100 + 1e-6) / 100


def task_id_problems(task_id: str) -> list[Problem]:
    """Return why this cannot be the ID of a music task; empty if it can."""
    return list(_id_problems("task_id", "Task ID", task_id, "the finished song's task ID"))


def audio_id_problems(audio_id: str) -> list[Problem]:
    """Return why this cannot be the ID of a track; empty if it can."""
    return list(_id_problems("audio_id", "Audio ID", audio_id, "the ID of one track of that song"))


def boost_problems(content: str) -> list[Problem]:
    """Return why this text cannot be boosted; empty if it can."""
    return list(
        _text_problems("content", "Text", content, required="say in a few words how the music sounds", lines=True)
    )


def _id_problems(key: str, label: str, value: str, what: str) -> Iterator[Problem]:
    if not value:
        yield Problem(key, f"{label}: fill in {what}.")
    elif len(value) > MAX_ID:
        yield Problem(key, f"{label}: it has {len(value):,} characters, and an ID has at most {MAX_ID}.")
    elif not (value.isascii() and value.isprintable()) or " " in value:
        yield Problem(key, f"{label}: it has a space or an unusual character in it. Copy only the ID.")


def _text_problems(key: str, label: str, value: str, required: str = "", lines: bool = False) -> Iterator[Problem]:
    allowed = "\n\r\t" if lines else "\t"
    suspects = "" if value.isprintable() else value
    odd = next((c for c in suspects if unicodedata.category(c) in ("Cc", "Cs") and c not in allowed), None)
    if required and not value.strip():
        yield Problem(key, f"{label}: {required}.")
    elif len(value) > MAX_TEXT:
        yield Problem(key, f"{label}: it has {len(value):,} characters. Shorten it to {MAX_TEXT:,} or fewer.")
    elif odd is not None:
        kind = "a line break" if odd in "\r\n" else f"an invisible character (U+{ord(odd):04X})"
        yield Problem(key, f"{label}: it has {kind} in it. Take it out.")
