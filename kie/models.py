"""What is sent to KIE and what comes back, as frozen dataclasses read tolerantly. Knows no HTTP.

Field names and rules: docs.kie.ai/suno-api/generate-persona and /get-music-details; where live replies differ from
the documentation, both shapes are read.
"""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

WINDOW_MIN, WINDOW_MAX = 10.0, 30.0
"""Seconds of a track that KIE analyses, at least and at most."""
DEFAULT_START, DEFAULT_END = 0.0, 30.0
"""The window that KIE takes when none is sent, in seconds."""
MAX_ID = 128
MAX_TEXT = 5000
"""Characters. KIE documents no limit for name, description and style; this one only stops a pasted book."""


class Problem(NamedTuple):
    """One thing to mend before a request can be sent: the field's name and a sentence that says how."""

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

    def problems(self, duration: float | None = None) -> list[Problem]:
        """Return all that KIE would refuse, in the order of the form. `duration` is the track's, in seconds."""
        found = [
            *task_id_problems(self.task_id),
            *_id_problems("audio_id", "Audio ID", self.audio_id, "the ID of one track of that song"),
            *_text_problems("name", "Name", self.name, required="give the persona a name"),
            *_text_problems(
                "description",
                "Description",
                self.description,
                required="say in a sentence how the voice and the style sound",
                lines=True,
            ),
            *_text_problems("style", "Style", self.style or ""),
        ]
        return found + list(self._window_problems(duration))

    def payload(self) -> dict[str, Any]:
        """Return the JSON body. KIE's schema spells the window's keys with a leading blank; every working client
        and KIE's own example spell them without, and so do we."""
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
            return
        length = round(end - start, 2)
        if not WINDOW_MIN <= length <= WINDOW_MAX:
            yield Problem(
                "vocal_end",
                f"Window: it goes from {start:g} to {end:g} s. "
                f"Choose a start and an end that are {WINDOW_MIN:g} to {WINDOW_MAX:g} s apart.",
            )
            return
        last = math.floor(duration * 100 + 1e-6) / 100 if duration is not None else end
        if round(end, 2) > last:
            yield Problem(
                "vocal_end",
                f"Window end: the track is {duration:g} s long, and the window goes to {end:g} s. "
                f"Set the end to {last:g} s or less.",
            )


@dataclass(frozen=True, slots=True)
class Persona:
    """What KIE made. `persona_id` is opaque and is told only once; name and description echo the request."""

    persona_id: str
    name: str
    description: str
    raw: str = field(default="", repr=False)
    """The start of the answer as received."""


class TaskState(StrEnum):
    """What a music task's status means for making a persona."""

    ABSENT = "absent"
    """KIE has no record: not there yet right after the start, unknown if it stays so."""
    WORKING = "working"
    READY = "ready"
    FAILED = "failed"


_STATES: dict[str, TaskState] = {
    "PENDING": TaskState.WORKING,
    "TEXT_SUCCESS": TaskState.WORKING,
    "FIRST_SUCCESS": TaskState.WORKING,
    "SUCCESS": TaskState.READY,
    "CREATE_TASK_FAILED": TaskState.FAILED,
    "GENERATE_AUDIO_FAILED": TaskState.FAILED,
    "SENSITIVE_WORD_ERROR": TaskState.FAILED,
}

_MODELS: dict[str, str] = {
    "chirp-v3-5": "V3_5",
    "chirp-v4": "V4",
    "chirp-v4-5": "V4_5",
    "chirp-auk": "V4_5",
    "chirp-bluejay": "V4_5PLUS",
    "chirp-crow": "V5",
    "chirp-fenix": "V5_5",
    "chirp-hawk": "V6",
    "chirp-hawk-wild": "V6_WILD",
    "chirp-goose": "V6_MINI",
}
"""KIE's internal names (from several independent client tables) to the names that people choose."""


@dataclass(frozen=True, slots=True)
class Track:
    """One audio of a task. `duration` in seconds; addresses are "" while the track is being made."""

    audio_id: str
    title: str = ""
    tags: str = ""
    lyrics: str = ""
    model: str = ""
    duration: float | None = None
    audio_url: str = ""
    image_url: str = ""
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class MusicTask:
    """A music generation: KIE's own `status` word (kept also when it is new to us) and the tracks so far."""

    task_id: str
    status: str = ""
    tracks: tuple[Track, ...] = ()
    model: str = ""
    operation: str = ""
    error_code: str = ""
    error_message: str = ""
    created_at: datetime | None = None

    @property
    def state(self) -> TaskState:
        """What the status means. An unfamiliar one, and CALLBACK_EXCEPTION (which only says that KIE could not
        deliver a callback), is judged by whether every track has its audio."""
        if not self.status:
            return TaskState.ABSENT
        complete = bool(self.tracks) and all(track.audio_url for track in self.tracks)
        return _STATES.get(self.status, TaskState.READY if complete else TaskState.WORKING)

    @classmethod
    def read(cls, task_id: str, data: object) -> MusicTask:
        """Read `data` of a record-info answer; null means that KIE has no record (yet)."""
        if not isinstance(data, Mapping):
            return cls(task_id)
        parameters = _json_object(data.get("param"))
        holder = data.get("response")
        entries = holder.get("sunoData") if isinstance(holder, Mapping) else None
        model = model_name(read_text(parameters.get("model")) or read_text(data.get("type")))
        return cls(
            task_id=read_text(data.get("taskId")) or task_id,
            status=read_text(data.get("status")) or "UNSTATED",
            tracks=tuple(_read_tracks(entries, read_text(parameters.get("model")))),
            model=model,
            operation=read_text(data.get("operationType")),
            error_code=read_text(data.get("errorCode")),
            error_message=read_text(data.get("errorMessage")),
            created_at=read_time(data.get("createTime")),
        )


def model_name(internal: str) -> str:
    """Return the name people know for a model; a name that is in no table is kept as it is."""
    return _MODELS.get(internal, internal)


def clean(text: str) -> str:
    """Return the text as every database and screen takes it: without NUL and without half a surrogate pair."""
    return text.encode("utf-8", "replace").decode().replace("\0", "?")


def read_text(value: object) -> str:
    """Read a text, or a number as text; anything else is ""."""
    return clean(str(value)) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def task_id_problems(task_id: str) -> list[Problem]:
    """Return what keeps this from being the ID of a music task."""
    return list(_id_problems("task_id", "Task ID", task_id, "the finished song's task ID"))


def read_time(value: object) -> datetime | None:
    """Read epoch milliseconds (live replies) or text (documentation; no zone is given there, so UTC is assumed)."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000, UTC)
        if isinstance(value, str) and value.strip().isdigit():
            return datetime.fromtimestamp(int(value) / 1000, UTC)
        if isinstance(value, str) and value:
            read = datetime.fromisoformat(value)
            return read if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _read_tracks(entries: object, requested_model: str) -> Iterator[Track]:
    seen = {""}
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, Mapping) or read_text(entry.get("id")) in seen:
            continue
        seen.add(read_text(entry["id"]))
        yield Track(
            audio_id=read_text(entry["id"]),
            title=read_text(entry.get("title")),
            tags=read_text(entry.get("tags")),
            lyrics=read_text(entry.get("prompt")),
            model=model_name(requested_model or read_text(entry.get("modelName"))),
            duration=_number(entry.get("duration")),
            audio_url=read_text(entry.get("audioUrl")) or read_text(entry.get("sourceAudioUrl")),
            image_url=read_text(entry.get("imageUrl")) or read_text(entry.get("sourceImageUrl")),
            created_at=read_time(entry.get("createTime")),
        )


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _json_object(value: object) -> Mapping[str, Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, Mapping) else {}


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
