"""A music task and its tracks. Imported when first needed.

Where live replies differ from docs.kie.ai/suno-api/get-music-details, both shapes are read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from kie.json_values import read_number, read_text


class TaskState(StrEnum):
    """What a music task's status means for making a persona."""

    ABSENT = "absent"
    """KIE has no record of the task: it was started a moment ago, or the ID is wrong."""
    WORKING = "working"
    """Not all tracks have their audio yet."""
    READY = "ready"
    """All tracks can be used."""
    FAILED = "failed"
    """It ended without usable tracks."""


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
"""KIE's internal names of models, as several public clients list them, and the names that people choose."""


@dataclass(frozen=True, slots=True)
class Track:
    """One track of a task. `duration` is in seconds; the URLs are "" while the track is being made."""

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
    """A music task with the tracks so far. `status` is KIE's own word, also where it is not a documented one."""

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
        """What the status means. For an unknown one, and for CALLBACK_EXCEPTION, which only says that KIE could not
        deliver a callback, it depends on whether every track has its audio."""
        if not self.status:
            return TaskState.ABSENT
        complete = bool(self.tracks) and all(track.audio_url for track in self.tracks)
        return _STATES.get(self.status, TaskState.READY if complete else TaskState.WORKING)

    def track(self, audio_id: str) -> Track | None:
        """Return the track with this audio ID, or None."""
        return next((track for track in self.tracks if track.audio_id == audio_id), None)

    @classmethod
    def read(cls, task_id: str, data: object) -> MusicTask:
        """Read `data` of a record-info answer; null means that KIE has no record (yet)."""
        if not isinstance(data, Mapping):
            return cls(task_id)
        parameters = _json_object(data.get("param"))
        model = read_text(parameters.get("model"))
        return cls(
            task_id=read_text(data.get("taskId")) or task_id,
            status=read_text(data.get("status")) or "UNSTATED",
            tracks=tuple(_read_tracks(_json_object(data.get("response")).get("sunoData"), model)),
            model=model_name(model or read_text(data.get("type"))),
            operation=read_text(data.get("operationType")),
            error_code=read_text(data.get("errorCode")),
            error_message=read_text(data.get("errorMessage")),
            created_at=read_time(data.get("createTime")),
        )


def model_name(internal: str) -> str:
    """Return the name that people know for a model; an unknown name is returned as it is."""
    return _MODELS.get(internal, internal)


def read_time(value: object) -> datetime | None:
    """Read milliseconds since 1970 (real answers) or a text (documented; without a time zone, so UTC is assumed)."""
    try:
        if isinstance(value, str) and value.strip().isdigit():
            value = int(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000, UTC)
        read = datetime.fromisoformat(value) if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError):
        return None
    return read.replace(tzinfo=UTC) if read is not None and read.tzinfo is None else read


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
            duration=read_number(entry.get("duration")),
            audio_url=read_text(entry.get("audioUrl")) or read_text(entry.get("sourceAudioUrl")),
            image_url=read_text(entry.get("imageUrl")) or read_text(entry.get("sourceImageUrl")),
            created_at=read_time(entry.get("createTime")),
        )


def _json_object(value: object) -> Mapping[str, Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, Mapping) else {}
