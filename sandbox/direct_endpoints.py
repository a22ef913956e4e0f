"""What each endpoint of the direct interface does and answers, with the documentation page it follows."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from .replies import CREDITS_INSUFFICIENT, NO_MUSIC, Reply, refusal, success
from .scenarios import INTERNAL_NAMES, PHASES, READY_TRACKS, TASKS, UNFINISHED, Task, Track
from .state import Account, Recorded, Sandbox
from .track_timing import waveform, words

BOOST_COST = 0.4
"""Credits for one expanded style note, as third parties report it."""

_NO_LYRICS = refusal(422, "The corresponding record does not exist")
_FINISHED_AGO = 2 * 3600
_MADE_A_MOMENT_AGO = 60
_STILL_GENERATING = refusal(
    500, "The music is still generating, please ensure the music generation task is fully completed"
)


def status(sandbox: Sandbox, account: Account, task: Task) -> str:
    """The task's status as this account sees it now. The first look at an unfinished song starts its generation."""
    if task.status is not None:
        return task.status
    since = sandbox.clock() - made_at(sandbox, account, task)
    share = max(since, 0) / sandbox.generation_seconds if sandbox.generation_seconds > 0 else 1.0
    return next(name for start, name in reversed(PHASES) if share >= start)


def made_at(sandbox: Sandbox, account: Account, task: Task) -> float:
    """When this account's task was sent to KIE, in seconds since 1970."""
    if task.status is None or task.fresh:
        first_look = account.first_looks.setdefault(task.task_id, sandbox.clock())
        return first_look - _MADE_A_MOMENT_AGO if task.fresh else first_look
    return sandbox.started - _FINISHED_AGO


def _direct(task_id: str) -> Task | None:
    task = TASKS.get(task_id)
    return task if task and task.interface == "direct" else None


def create_persona(sandbox: Sandbox, account: Account, call: Recorded) -> Reply:
    """docs.kie.ai/suno-api/generate-persona. Unknown keys are ignored, as the live service ignores them."""
    fields = call.json
    wrong = missing(fields, "taskId", "audioId", "name", "description")
    if wrong:
        return wrong
    if account.credits <= 0:
        return CREDITS_INSUFFICIENT
    return make_persona(sandbox, account, _direct(fields["taskId"]), fields)


def make_persona(sandbox: Sandbox, account: Account, task: Task | None, fields: dict[str, Any]) -> Reply:
    """Make and keep the persona that the direct request `fields` asks for, or say why it cannot be made."""
    if task is None:
        return NO_MUSIC
    now = status(sandbox, account, task)
    if now in UNFINISHED:
        return _STILL_GENERATING
    track = next((track for track in task.tracks if track.audio_id == fields["audioId"]), None)
    if track is None or now not in READY_TRACKS:
        return NO_MUSIC
    if task.model == "V3_5":
        return refusal(422, "Personas can only be created from music made with models above V3_5")
    wrong = _window(fields, track)
    if wrong:
        return wrong
    if sandbox.once == "conflict" and track.audio_id in account.personas:
        return refusal(409, "Persona already exists for this music")
    seed = f"{account.token} {track.audio_id}".encode()
    persona_id = hashlib.blake2b(seed, digest_size=16).hexdigest()
    made = {"personaId": persona_id, "name": fields["name"], "description": fields["description"]}
    account.personas[track.audio_id] = made
    return success(dict(made))


def missing(fields: Any, *names: str, code: int = 422, says: str = "cannot be null") -> Reply | None:
    """The refusal of a request that lacks one of these texts; None when it has them all."""
    if not isinstance(fields, dict):
        return refusal(422, "The request body must be a JSON object")
    for name in names:
        value = fields.get(name)
        if value is None or value == "":
            return refusal(code, f"{name} {says}")
        if not isinstance(value, str) or not value.strip():
            return refusal(422, f"{name} must be a text that is not blank")
    return None


def _window(fields: dict[str, Any], track: Track) -> Reply | None:
    ends = []
    for name, default in (("vocalStart", 0), ("vocalEnd", 30)):
        value = fields.get(name, default)
        value = default if value is None else value
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6:
            return refusal(422, f"{name} must be a number of seconds, 0 or more")
        ends.append(Decimal(str(value)))
    start, end = ends
    if not 10 <= end - start <= 30:
        return refusal(422, "vocalEnd minus vocalStart must be between 10 and 30")
    if end > Decimal(str(track.duration)):
        return refusal(422, f"vocalEnd must not be beyond the duration of the music ({track.duration:g})")
    return None


def music_task(sandbox: Sandbox, account: Account, call: Recorded) -> Reply:
    """docs.kie.ai/suno-api/get-music-details, shaped like live replies. An unknown task gives data null."""
    if not call.query.get("taskId"):
        return refusal(422, "taskId cannot be null")
    task = _direct(call.query["taskId"])
    if task is None:
        return success(None)
    now = status(sandbox, account, task)
    ready = READY_TRACKS.get(now)
    made = made_at(sandbox, account, task)
    shown = None
    if ready is not None:
        tracks = [
            shown_track(task, track, call.base_url, made, finished=number < ready)
            for number, track in enumerate(task.tracks)
        ]
        shown = {"taskId": task.task_id, "sunoData": tracks}
    code, message = task.error or (None, None)
    data: dict[str, Any] = {
        "taskId": task.task_id,
        "parentMusicId": "",
        "param": _param(task),
        "response": shown,
        "status": now,
        "type": "GENERATE" if task.documented_shape else INTERNAL_NAMES[task.model],
        "errorCode": code,
        "errorMessage": message,
    }
    if not task.documented_shape:
        data |= {"operationType": "generate", "createTime": int(made * 1000)}
    return success(data)


def shown_track(task: Task, track: Track, base_url: str, made: float, *, finished: bool) -> dict[str, Any]:
    """A track as record-info shows it."""
    media = f"{base_url}/media/{track.audio_id}"
    live = not task.documented_shape
    urls = {"audioUrl": f"{media}.wav" if finished else "", "streamAudioUrl": f"{media}.stream"}
    urls["imageUrl"] = f"{media}.png"
    if live:
        urls |= {f"source{name[0].upper()}{name[1:]}": url for name, url in urls.items()}
    return {
        "id": track.audio_id,
        **urls,
        "prompt": track.lyrics,
        "modelName": INTERNAL_NAMES[task.model],
        "title": track.title,
        "tags": track.tags,
        "createTime": int(made * 1000) if live else f"{datetime.fromtimestamp(made, UTC):%Y-%m-%d %H:%M:%S}",
        "duration": track.duration if finished else None,
    }


def _param(task: Task) -> str:
    track = task.tracks[0]
    return json.dumps(
        {
            "callBackUrl": "https://hooks.example.com/suno",
            "customMode": True,
            "instrumental": not track.lyrics,
            "model": task.model,
            "prompt": track.lyrics,
            "style": track.tags,
            "title": track.title,
        }
    )


def timed_lyrics(sandbox: Sandbox, account: Account, call: Recorded) -> Reply:
    """docs.kie.ai/suno-api/get-timestamped-lyrics. An instrumental has empty arrays."""
    wrong = missing(call.json, "taskId", "audioId")
    return wrong or timed_words(sandbox, account, _direct(call.json["taskId"]), call.json["audioId"])


def timed_words(sandbox: Sandbox, account: Account, task: Task | None, audio_id: str) -> Reply:
    """The words of a finished track with their times."""
    now = status(sandbox, account, task) if task else None
    ready = task.tracks[: READY_TRACKS.get(now or "", 0)] if task else ()
    track = next((track for track in ready if track.audio_id == audio_id), None)
    if track is None:
        return _STILL_GENERATING if now in UNFINISHED else _NO_LYRICS
    aligned = [
        {"word": word.text, "success": True, "startS": word.start, "endS": word.end, "palign": 0}
        for word in words(track)
    ]
    sung = bool(aligned)
    return success(
        {
            "alignedWords": aligned,
            "waveformData": waveform(track) if sung else [],
            "hootCer": 0.21 if sung else None,
            "isStreamed": False,
        }
    )


def boost_style(sandbox: Sandbox, account: Account, call: Recorded) -> Reply:
    """docs.kie.ai/suno-api/boost-music-style, shaped like live replies. Costs `BOOST_COST` credits."""
    wrong = missing(call.json, "content")
    if wrong:
        return wrong
    content = call.json["content"].strip()
    result = boosted(account, content)
    if result is None:
        return CREDITS_INSUFFICIENT
    return success(
        {
            "taskId": hashlib.blake2b(content.encode(), digest_size=16).hexdigest(),
            "param": content,
            "result": result,
            "creditsConsumed": BOOST_COST,
            "creditsRemaining": account.credits,
            "successFlag": "成功",
            "errorCode": None,
            "errorMsg": None,
            "createTime": int(sandbox.clock() * 1000),
        }
    )


def boosted(account: Account, content: str) -> str | None:
    """A longer style, paid from the account; None if it cannot pay."""
    if account.credits < BOOST_COST:
        return None
    account.credits = round(account.credits - BOOST_COST, 2)
    return (
        f"{content[0].upper()}{content[1:]}, unhurried and close: warm lead voice, soft room, "
        "verses that hold back, a chorus that opens wide, acoustic detail in the gaps"
    )


def balance(sandbox: Sandbox, account: Account, call: Recorded) -> Reply:
    """docs.kie.ai/common-api/get-account-credits. Documented as an integer, decimals in practice."""
    return success(account.credits)
