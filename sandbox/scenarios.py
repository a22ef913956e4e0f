"""The invented songs: which tasks exist, in what state, and what a request for a persona of their tracks gets."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from typing import Literal

from .faults import Fault
from .replies import TOO_MANY
from .song_texts import SHEETS

Group = Literal["song", "refusal", "trouble"]
Interface = Literal["direct", "jobs"]
PersonaShape = Literal[
    "snake", "camel_data", "result_object", "deep", "response", "object", "inline", "inline_with_task", "none"
]
"""Where the result of a persona's job has the ID; `inline…`: createTask answers it, `none`: nowhere."""

INTERNAL_NAMES = {"V3_5": "chirp-v3-5", "V4": "chirp-v4", "V5": "chirp-crow", "V6": "chirp-hawk"}
"""What live answers call the models (`modelName` and `type`)."""

PHASES = ((0.0, "PENDING"), (0.25, "TEXT_SUCCESS"), (0.6, "FIRST_SUCCESS"), (1.0, "SUCCESS"))
"""The statuses of an unfinished task, each with the share of the generation time after which it begins."""

READY_TRACKS = {"TEXT_SUCCESS": 0, "FIRST_SUCCESS": 1, "SUCCESS": 2, "CALLBACK_EXCEPTION": 2}
"""How many tracks have audio; a status that is not listed shows no tracks at all."""

UNFINISHED = frozenset(status for _, status in PHASES[:-1])


@dataclass(frozen=True, slots=True)
class ByJob:
    """How a persona's job goes for one track; None leaves it to the settings of the sandbox."""

    seconds: float | None = None
    """How long it takes."""
    shape: PersonaShape | None = None
    failure: tuple[int, str] | None = None
    """failCode and failMsg of a job that is accepted all the same."""


@dataclass(frozen=True, slots=True)
class Track:
    """One audio of a task."""

    audio_id: str
    title: str
    tags: str
    lyrics: str
    """With section labels; empty for an instrumental."""
    duration: float
    """Seconds, whole hundredths."""
    trouble: Fault | None = None
    """The fault of a request for its persona; how often it is used is counted for each account."""
    by_job: ByJob = ByJob()


@dataclass(frozen=True, slots=True)
class Task:
    """One music generation and the state it is in."""

    task_id: str
    tracks: tuple[Track, ...]
    model: str = "V6"
    status: str | None = "SUCCESS"
    """None: being made, through `PHASES`, from an account's first look."""
    error: tuple[int, str] | None = None
    """errorCode and errorMessage."""
    fresh: bool = False
    """Finished a minute before an account's first look; other finished ones are two hours old."""
    documented_shape: bool = False
    """Answered in the shape of the documentation (text timestamps, no source URLs), not of live replies."""
    interface: Interface = "direct"
    """The only interface that knows it; a job makes personas and timed lyrics of either kind."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One case to try, with its IDs."""

    key: str
    """Short name, stable."""
    words: str
    """What it is, for a person."""
    shows: str
    """What will be seen, in one sentence."""
    group: Group
    """`song`: states of a task; `refusal`: KIE says no; `trouble`: the answer itself goes wrong."""
    task: Task | None
    """None when no such task exists."""

    @property
    def task_id(self) -> str:
        """Always the same; mostly 32 hex digits."""
        return self.task.task_id if self.task else _task_id(self.key)

    @property
    def audio_id(self) -> str:
        """UUID of the first track, always the same."""
        return _audio_id(self.key, 0)


def _task_id(key: str) -> str:
    return hashlib.blake2b(f"task {key}".encode(), digest_size=16).hexdigest()


def _audio_id(key: str, number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"persona sandbox: {key}, track {number}"))


def _duration(audio_id: str) -> float:
    """Between 45 and 75 s: long enough for any window, short enough for a small file."""
    return 45 + uuid.UUID(audio_id).int % 3001 / 100


def _scenario(
    group: Group,
    key: str,
    words: str,
    shows: str,
    title: str,
    sheet: str,
    trouble: Fault | None = None,
    *,
    sibling_fine: bool = False,
    durations: tuple[float, float] | None = None,
    model: str = "V6",
    status: str | None = "SUCCESS",
    error: tuple[int, str] | None = None,
    documented_shape: bool = False,
    fresh: bool = False,
    interface: Interface = "direct",
    by_job: ByJob = ByJob(),
    task_id: str | None = None,
) -> Scenario:
    ids = [_audio_id(key, number) for number in (0, 1)]
    tracks = tuple(
        Track(audio_id, title, *SHEETS[sheet], duration, None if number and sibling_fine else trouble, by_job)
        for number, (audio_id, duration) in enumerate(zip(ids, durations or map(_duration, ids), strict=True))
    )
    task = Task(task_id or _task_id(key), tracks, model, status, error, fresh, documented_shape, interface)
    return Scenario(key, words, shows, group, task)


def _says(code: int, message: str, times: int | None = None) -> Fault:
    return Fault("code", code=code, message=message, times=times)


_SONGS = (
    _scenario("song", "finished", "A finished song",
              "Two tracks; both can become personas.",
              "Lanterns on the quay", "quay"),
    _scenario("song", "generating", "A song still being made",
              "Press “Find tracks”, and again 20 seconds later: it is finished.",
              "Bread before dawn", "kitchen", status=None),
    _scenario("song", "first_track", "Only the first track is ready",
              "One track plays, the other is still missing: too early for a persona.",
              "Half a rainbow", "kite", status="FIRST_SUCCESS"),
    _scenario("song", "failed", "A song that failed",
              "The generation failed, so there is nothing to make a persona from.",
              "The piano that would not", "winter",
              status="GENERATE_AUDIO_FAILED", error=(500, "Internal Error, Please try again later.")),
    _scenario("song", "sensitive", "Lyrics that were refused",
              "The words were found sensitive and no track was made.",
              "Letter to a thunderstorm", "tram",
              status="SENSITIVE_WORD_ERROR", error=(400, "The lyrics contain sensitive words.")),
    _scenario("song", "old_model", "A song by an old model",
              "Made with V3_5, which personas cannot be made from.",
              "Cassette summer", "tram", model="V3_5"),
    _scenario("song", "instrumental", "An instrumental",
              "No voice and no lyrics; a persona can be asked for all the same.",
              "Slow snow over slate", "slate"),
    _scenario("song", "short", "A track shorter than 30 seconds",
              "22.4 seconds long: the usual window of 30 seconds does not fit, a shorter one does.",
              "Postcard song", "bell", durations=(22.4, 24.16)),
    _scenario("song", "tiny", "A track shorter than 10 seconds",
              "8.2 seconds long: no window fits.",
              "Doorbell waltz", "bell", durations=(8.2, 9.04)),
    _scenario("song", "callback", "Finished, but the callback failed",
              "KIE could not report back; the tracks are complete all the same.",
              "Nobody picked up", "quay", status="CALLBACK_EXCEPTION"),
    _scenario("song", "not_ready", "Finished a moment ago",
              "Too early twice (music does not exist), then it works: after “Find tracks” it waits by itself.",
              "Paint still wet", "kitchen", _says(500, "Music does not exist", 2), fresh=True),
    _scenario("song", "one_refused", "One track is refused for good",
              "The first track cannot become a persona; the other one can.",
              "Only one twin sings", "kite",
              _says(500, "Current music failed to generate persona"), sibling_fine=True),
    _scenario("song", "documented", "An answer in the older shape",
              "Dates as text and fewer addresses, as the documentation shows it.",
              "Sepia tramway", "tram", model="V4", documented_shape=True),
    _scenario("song", "job_song", "A finished song made by a job",
              "Only KIE’s newer interface, jobs, knows it; both tracks can become personas.",
              "Ferry to the far side", "quay", interface="jobs"),
    _scenario("song", "job_generating", "A song a job is still making",
              "Press “Find tracks”, and again 20 seconds later: it is finished.",
              "Dough under a towel", "kitchen", status=None, interface="jobs", task_id="task_ai-music_1790000000000"),
    _scenario("song", "job_failed", "A song whose job failed",
              "KIE says that the job failed, so there is nothing to make a persona from.",
              "Strings that snapped", "winter", interface="jobs",
              status="GENERATE_AUDIO_FAILED", error=(500, "Internal Error, Please try again later.")),
    Scenario("unknown", "A task nobody knows", "The answer is empty: wrong ID, or a task too old.",
             "song", None),
)  # fmt: skip

_REFUSALS = (
    _scenario("refusal", "code_401", "The token is not accepted",
              "Code 401, although the token was fine a moment ago.",
              "Key under the mat", "winter", _says(401, "You do not have access permissions")),
    _scenario("refusal", "code_402", "No credits left",
              "Code 402.",
              "Empty pockets, full moon", "kitchen", _says(402, "Credits insufficient")),
    _scenario("refusal", "credits_as_500", "No credits left, said differently",
              "The same thing under code 500.",
              "Three buttons and a dime", "tram", _says(500, "Credits insufficient")),
    _scenario("refusal", "code_404", "KIE cannot find it",
              "Code 404.",
              "A house without a number", "kite", _says(404, "Not found")),
    _scenario("refusal", "code_409", "A persona exists already",
              "Code 409, which does not tell the ID of the persona.",
              "Twice told", "quay", _says(409, "Persona already exists for this music")),
    _scenario("refusal", "code_422", "KIE does not accept a field",
              "Code 422 with a message that names the field.",
              "Square peg serenade", "winter",
              _says(422, "description contains characters that are not supported")),
    _scenario("refusal", "code_429", "Too many requests",
              "Asked to wait 3 seconds once, then it works.",
              "Everybody at once", "tram",
              Fault("status", status=429, code=429, message=TOO_MANY, retry_after=3)),
    _scenario("refusal", "code_433", "The token has reached its limit",
              "Code 433: the cap set for this token is used up.",
              "Pocket money", "kitchen", _says(433, "Sub-key usage exceeds limit")),
    _scenario("refusal", "code_451", "KIE cannot fetch the music",
              "Code 451.",
              "Message in no bottle", "quay", _says(451, "Failed to fetch the music data")),
    _scenario("refusal", "code_455", "Maintenance",
              "Code 455.",
              "Closed for repainting", "kite", _says(455, "System maintenance")),
    _scenario("refusal", "code_500", "An error at KIE",
              "Code 500.",
              "Blown fuse ballad", "tram", _says(500, "Server exception, please try again later")),
    _scenario("refusal", "code_501", "The persona could not be made",
              "Code 501.",
              "Cake that did not rise", "kitchen", _says(501, "Generation failed")),
    _scenario("refusal", "code_505", "The feature is switched off",
              "Code 505.",
              "Lights out on Main Street", "winter", _says(505, "This feature is currently disabled")),
)  # fmt: skip

_TROUBLES = (
    _scenario("trouble", "slow", "A slow answer",
              "Takes 6 seconds, then works.",
              "Snail in the express lane", "kite", Fault("delay", seconds=6, times=None)),
    _scenario("trouble", "answer_lost", "The answer gets lost",
              "KIE makes the persona, then the line goes dead; asking again gives the same ID.",
              "Half a conversation", "tram", Fault("drop_after")),
    _scenario("trouble", "dropped", "The request gets lost",
              "The line goes dead before KIE does anything; the next request works.",
              "Paper boat", "quay", Fault("drop_before")),
    _scenario("trouble", "cut_off", "The answer is cut off",
              "KIE makes the persona, but only half of the answer arrives.",
              "Halfway up the stair", "winter", Fault("truncated")),
    _scenario("trouble", "html_page", "An error page for an answer",
              "A gateway answers with a page (502); the next request works.",
              "Wrong number waltz", "kitchen", Fault("html")),
    _scenario("trouble", "no_persona_id", "An answer without a persona ID",
              "KIE says success and leaves out the ID.",
              "Gift box, empty", "kite", Fault("no_id")),
    _scenario("trouble", "job_slow", "A persona job that takes long",
              "KIE accepts the request and needs about 8 seconds for the persona.",
              "The long way round", "tram", interface="jobs", by_job=ByJob(seconds=8)),
    _scenario("trouble", "job_fails", "A persona job that fails",
              "KIE accepts the request, then says that the job failed: code 501.",
              "A kite in the tree", "kite", interface="jobs", by_job=ByJob(failure=(501, "Generation failed"))),
    _scenario("trouble", "job_inline", "A persona job answered at once",
              "The first answer has the persona ID already; there is nothing to wait for.",
              "Yes before the question", "quay", interface="jobs", by_job=ByJob(shape="inline")),
    _scenario("trouble", "job_without_id", "A persona job without a persona ID",
              "KIE says that the job is done, and the ID cannot be found.",
              "Luggage without a label", "winter", interface="jobs", by_job=ByJob(shape="none")),
)  # fmt: skip

SCENARIOS: tuple[Scenario, ...] = _SONGS + _REFUSALS + _TROUBLES
"""Everything the sandbox can show, in the order in which to show it."""

TASKS: dict[str, Task] = {scenario.task_id: scenario.task for scenario in SCENARIOS if scenario.task}
TRACKS: dict[str, Track] = {track.audio_id: track for task in TASKS.values() for track in task.tracks}


def crowd(size: int) -> Task:
    """Add one finished song with so many tracks, for load tests; it is no scenario. The IDs are always the same."""
    tracks = tuple(
        Track(audio_id, "Everybody sings", *SHEETS["quay"], _duration(audio_id))
        for audio_id in (_audio_id("crowd", number) for number in range(size))
    )
    task = TASKS[_task_id("crowd")] = Task(_task_id("crowd"), tracks)
    TRACKS.update({track.audio_id: track for track in tracks})
    return task
