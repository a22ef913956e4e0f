"""A task at KIE and its tracks, read from every shape that answers were seen or documented in. Imported when needed.

The direct interface has docs.kie.ai/suno-api/get-music-details, jobs have a record of their own, and a callback a third
shape. Names in any spelling are read, and lists of tracks wherever they stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import chain, islice
from typing import Any, Literal

from kie.json_trees import as_json, as_object, persona_id_in
from kie.json_values import read_number, read_text
from kie.models_and_prices import model_name

Interface = Literal["direct", "jobs"]


class TaskState(StrEnum):
    """How far a task is."""

    ABSENT = "absent"
    """KIE has no record of it: it was started a moment ago or with another token, its ID is wrong, or it is old."""
    WORKING = "working"
    """Not all of its result is there yet."""
    READY = "ready"
    """Its result is there: all tracks can be used."""
    FAILED = "failed"
    """It ended without a result."""
    NO_SONG = "no_song"
    """It was looked up as a song, and is none, but another kind of work at KIE."""


_STATES: dict[str, TaskState] = {
    **dict.fromkeys(("PENDING", "TEXT_SUCCESS", "FIRST_SUCCESS"), TaskState.WORKING),
    **dict.fromkeys(("WAITING", "QUEUING", "QUEUED", "GENERATING"), TaskState.WORKING),
    **dict.fromkeys(("TEXT", "FIRST"), TaskState.WORKING),
    **dict.fromkeys(("SUCCESS", "SUCCEEDED", "COMPLETED", "FINISHED", "DONE"), TaskState.READY),
    **dict.fromkeys(("CREATE_TASK_FAILED", "GENERATE_AUDIO_FAILED", "SENSITIVE_WORD_ERROR"), TaskState.FAILED),
    **dict.fromkeys(("FAIL", "FAILED", "ERROR"), TaskState.FAILED),
}
"""Words for a state: of the direct interface, of jobs, and of callbacks."""
_FAILING = re.compile("FAIL|ERROR|REJECT|REFUS|CANCEL|EXPIRE|TIME_?OUT|ABORT|DENIED")
"""What a word for a failure has in it that nobody has written down yet."""
_SONG_JOBS = ("generate", "extend", "upload-and-cover-audio", "upload-and-extend-audio")
_OTHER_JOBS = frozenset({"generate-persona", "timestamped-lyrics", "boost-music-style"})
MOST_TRACKS = 500
"""Entries in the lists of tracks that are read; a real task has two or four."""
_LISTS = ("resultjson", "response", "sunodata", "data", "resultobject", "result")
"""Names under which lists of tracks stand, alone or in one another; the fullest list comes first."""
UNSTATED = "UNSTATED"
"""The status of a record that has none."""
NOT_OFFERED = "KIE does not offer one of its two look-ups any more."
"""The message of an absent task that only one interface could be asked for."""
_STATE_NAMES = ("status", "state", "callbacktype")
MOST_WRAPPINGS = 5
"""How often a record may be wrapped in another `data`, and a list of tracks in another object."""


def says_failed(word: str) -> bool:
    """Whether KIE's word for a state says by itself that it failed."""
    return state_of(word, error=False, complete=False, empty=False) is TaskState.FAILED


def says_done(word: str) -> bool:
    """Whether KIE's word for a state says by itself that it is done."""
    return _STATES.get(word.upper()) is TaskState.READY


def state_of(word: str, *, error: bool, complete: bool, empty: bool) -> TaskState:
    """Return what KIE's word for a state means. An unfamiliar one has failed if it says so or there is an `error`;
    otherwise, and for CALLBACK_EXCEPTION, which only says that KIE could not deliver a callback, it is judged by
    whether the result is `complete`. A success that is `empty` and has an error in it has failed too."""
    word = word.upper()
    if word in _STATES:
        done = _STATES[word] is TaskState.READY
        return TaskState.FAILED if done and empty and error else _STATES[word]
    if word != "CALLBACK_EXCEPTION" and (error or _FAILING.search(word)):
        return TaskState.FAILED
    return TaskState.READY if complete else TaskState.WORKING


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
    """What made it, in KIE's words: "generate", "extend", ..."""
    error_code: str = ""
    error_message: str = ""
    created_at: datetime | None = None
    interface: Interface = "direct"
    """The interface that knows the task."""

    @property
    def state(self) -> TaskState:
        """How far it is; see `state_of`."""
        if not self.status:
            return TaskState.ABSENT
        if self.operation.lower() in _OTHER_JOBS:
            return TaskState.NO_SONG
        complete = bool(self.tracks) and all(track.audio_url for track in self.tracks)
        error = bool(self.error_code or self.error_message)
        state = state_of(self.status, error=error, complete=complete, empty=not self.tracks)
        other = self.interface == "jobs" and not self.tracks and self.operation not in ("", *_SONG_JOBS)
        return TaskState.NO_SONG if other and state is TaskState.READY else state

    def track(self, audio_id: str) -> Track | None:
        """Return the track with this audio ID, or None."""
        return next((track for track in self.tracks if track.audio_id == audio_id), None)

    @classmethod
    def read(cls, task_id: str, data: object, interface: Interface = "direct") -> MusicTask:
        """Read `data` of an answer; null means that KIE has no record (yet)."""
        record = record_in(data)
        if record is None:
            return cls(task_id)
        entries, (code, message) = list(_entries(record)), error_in(record)
        if not entries and is_blank(record):
            return cls(task_id)
        unnamed = "generate-persona" if interface == "jobs" and not entries and persona_id_in(record) else ""
        own = [model_name(read_text(entry.get("modelname"))) for entry in entries]
        model = model_name(read_text(asked_for(record).get("model")))
        internal = read_text(record.get("type"))
        typed = model_name(internal) if internal.startswith("chirp") else ""
        shared = model or typed or next(filter(None, own), "")
        return cls(
            task_id=read_text(record.get("taskid")) or task_id,
            status=status_in(record),
            tracks=tuple(_track(entry, model or each or shared) for entry, each in zip(entries, own, strict=True)),
            model=shared,
            operation=job_name(record) or read_text(record.get("operationtype")) or unnamed,
            error_code=code,
            error_message=message,
            created_at=read_time(record.get("createtime")),
            interface=interface,
        )


def record_in(data: object) -> Mapping[str, Any] | None:
    """Return the record in `data` of an answer, with its names as they are compared; None if there is none.

    A record may be wrapped in another `data`; a list alone is a list of tracks.
    """
    for _ in range(MOST_WRAPPINGS):
        data = as_json(data)
        if isinstance(data, list) and any(isinstance(each, Mapping) for each in data):
            return {"data": data}
        if not isinstance(data, Mapping):
            return None
        record = as_object(data)
        data = as_json(record.get("data"))
        if not isinstance(data, Mapping) or any(record.get(name) for name in _STATE_NAMES):
            return record
    return record


def status_in(record: Mapping[str, Any]) -> str:
    """Return KIE's own word for the state of a record; "UNSTATED" if it has none."""
    return _first_text(record, *_STATE_NAMES) or UNSTATED


def error_in(record: Mapping[str, Any]) -> tuple[str, str]:
    """Return the code (a number or a word) and the message of a record's error, "" each if there is none.

    An error may also stand in the result of a job that KIE calls a success.
    """
    code = next(filter(_is_error_code, (read_text(record.get(name)) for name in ("errorcode", "failcode"))), "")
    message = _first_text(record, "errormessage", "errormsg", "failmsg", "failmessage", "failreason")
    if code and not message:
        message = _first_text(record, "msg", "message", "error")
    inner = as_object(record.get("resultjson"))
    if not code and not message and _is_error_code(read_text(inner.get("code"))):
        code, message = read_text(inner.get("code")), _first_text(inner, "msg", "message", "error")
    return code, "" if message.lower() in ("success", "ok") else message


def is_blank(record: Mapping[str, Any]) -> bool:
    """Whether a record says nothing: no state, no error and no ID."""
    return status_in(record) == UNSTATED and not any(error_in(record)) and not _first_text(record, "taskid")


def _is_error_code(code: str) -> bool:
    return code not in ("", "0", "200")


def _first_text(fields: Mapping[str, Any], *names: str) -> str:
    return next(filter(None, (read_text(fields.get(name)) for name in names)), "")


def job_name(record: Mapping[str, Any]) -> str:
    """Return the name of a record's job without the part before the slash, such as "generate"; "" if it has none."""
    own, asked = (read_text(each.get("model")) for each in (record, as_object(record.get("param"))))
    name = own or (asked if "/" in asked else "")
    return name.rpartition("/")[2]


def asked_for(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the request behind a record: its `param`, or for a job the `input` in it, each perhaps JSON in a text."""
    param = as_object(record.get("param"))
    return as_object(param.get("input")) or param


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


def _entries(record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield each track's entry once, completed with what other lists of the same record say of it."""
    found: dict[str, dict[str, Any]] = {}
    for each in islice(_listed(record, MOST_WRAPPINGS), MOST_TRACKS):
        entry = as_object(each)
        audio_id = _first_text(entry, "id", "audioid")
        if audio_id:
            known = found.setdefault(audio_id, {"id": audio_id})
            known |= {name: value for name, value in entry.items() if known.get(name) in (None, "")}
    yield from found.values()


def _listed(value: object, depth: int) -> Iterator[Any]:
    value = as_json(value)
    if isinstance(value, list):
        yield from (each for each in value if isinstance(each, Mapping))
    elif isinstance(value, Mapping) and depth:
        inner = as_object(value)
        yield from chain.from_iterable(_listed(inner.get(name), depth - 1) for name in _LISTS)


def _track(entry: Mapping[str, Any], model: str) -> Track:
    return Track(
        audio_id=_first_text(entry, "id"),
        title=_first_text(entry, "title"),
        tags=_first_text(entry, "tags"),
        lyrics=_first_text(entry, "prompt", "lyrics"),
        model=model,
        duration=read_number(entry.get("duration")),
        audio_url=_first_text(entry, "audiourl", "sourceaudiourl"),
        image_url=_first_text(entry, "imageurl", "sourceimageurl"),
        created_at=read_time(entry.get("createtime")),
    )
