"""What the two endpoints of the jobs interface do and answer, as docs.kie.ai/suno-api has it since autumn 2026."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from typing import Any

from .direct_endpoints import BOOST_COST, boosted, made_at, make_persona, missing, shown_track, timed_words
from .replies import CREDITS_INSUFFICIENT, PERSONA_JOB, Reply, fails_later, refusal, success
from .scenarios import TASKS, TRACKS, ByJob, Task
from .state import Account, Job, Recorded, Sandbox

SONG_COST = 12
"""Credits for a song, in KIE's price list."""

_REQUIRED: dict[str, Any] = {"code": 500, "says": "is required"}
_SONG_JOB = "ai-music-api/generate"
_SONG_SECONDS = 96
_PERSONA_TEXTS = ("task_id", "audio_id", "name", "description")
_PERSONA_FIELDS = (*_PERSONA_TEXTS, "vocal_start", "vocal_end")
_WAITING_SHARE = 0.25
_UNKNOWN: dict[str, Reply] = {
    "422": refusal(422, "recordInfo is null"),
    "404": refusal(404, "Task not found"),
    "null": success(None),
}


def create_job(sandbox: Sandbox, account: Account, call: Recorded) -> Reply:
    """docs.kie.ai, createTask of each Suno page: the outer `model` names the job. Unknown keys are ignored."""
    wrong = missing(call.json, "model", **_REQUIRED)
    if wrong:
        return wrong
    job = JOBS.get(call.json["model"])
    if job is None:
        return refusal(422, "The model name you specified is not supported. Please check it.")
    if not isinstance(call.json.get("input"), dict):
        return refusal(500, "input is required")
    return job(sandbox, account, call)


def _persona(sandbox: Sandbox, account: Account, call: Recorded) -> Reply:
    given = call.json["input"]
    wrong = missing(given, *_PERSONA_TEXTS, **_REQUIRED)
    if wrong:
        return wrong
    if account.credits <= 0:
        return CREDITS_INSUFFICIENT
    track = TRACKS.get(given["audio_id"])
    plan = track.by_job if track else ByJob()
    shape = plan.shape or sandbox.persona_shape
    failure = plan.failure or sandbox.late_trouble(call)
    fields = {_camel(name): given.get(name) for name in _PERSONA_FIELDS}
    reply = refusal(*failure) if failure else make_persona(sandbox, account, TASKS.get(given["task_id"]), fields)
    made, code, message = reply.body["data"], reply.body["code"], _snake(reply.body["msg"])
    if code != 200 and (shape == "inline" or not fails_later(code, message)):
        return refusal(code, message)
    in_snake = {_snake(name): text for name, text in (made or {}).items()}
    if made and shape == "inline":
        return success(in_snake)
    job_id = secrets.token_hex(16)
    results: dict[str, Any] = {
        "camel_data": {"code": 200, "data": made, "task_id": job_id},
        "result_object": {"resultObject": in_snake},
        "deep": {"code": 200, "data": {"items": [{"detail": {"persona": made}}]}},
        "none": {"code": 200, "data": {name: text for name, text in in_snake.items() if name != "persona_id"}},
    }
    accepted = _accept(
        sandbox,
        account,
        call,
        job_id,
        seconds=sandbox.job_seconds if plan.seconds is None else plan.seconds,
        result=results.get(shape, in_snake),
        failure=None if code == 200 else (str(code), message),
        places={"response": ("response",), "object": ("object",)}.get(shape, ("text",)),
    )
    if made and shape == "inline_with_task":
        return success({"taskId": job_id, "personaId": made["personaId"]})
    return accepted


def _lyrics(sandbox: Sandbox, account: Account, call: Recorded) -> Reply:
    given = call.json["input"]
    wrong = missing(given, "task_id", "audio_id", **_REQUIRED)
    if wrong:
        return wrong
    reply = timed_words(sandbox, account, TASKS.get(given["task_id"]), given["audio_id"])
    if sandbox.job_lyrics == "camel" or reply.body["code"] != 200:
        return reply
    return success(_keys_in_snake(reply.body))


def _boost(sandbox: Sandbox, account: Account, call: Recorded) -> Reply:
    given = call.json["input"]
    wrong = missing(given, "content", **_REQUIRED)
    if wrong:
        return wrong
    style = boosted(account, given["content"].strip())
    if style is None:
        return CREDITS_INSUFFICIENT
    result = {"resultObject": {"result": style}}
    seconds = sandbox.job_seconds
    return _accept(sandbox, account, call, secrets.token_hex(16), seconds=seconds, result=result, cost=BOOST_COST)


JOBS: dict[str, Callable[[Sandbox, Account, Recorded], Reply]] = {
    PERSONA_JOB: _persona,
    "ai-music-api/timeStamped-lyrics": _lyrics,
    "ai-music-api/boost-music-style": _boost,
}
"""Every job there is, by the name that stands in `model`."""


def _accept(sandbox: Sandbox, account: Account, call: Recorded, job_id: str, **fields: Any) -> Reply:
    rest = {name: value for name, value in call.json.items() if name in ("model", "callBackUrl")}
    param = json.dumps({"input": json.dumps(call.json["input"]), **rest})
    account.keep(Job(job_id, call.json["model"], param, sandbox.clock(), **fields))
    return success({"taskId": job_id, "recordId": job_id})


def job_record(sandbox: Sandbox, account: Account, call: Recorded) -> Reply:
    """docs.kie.ai, job detail page, shaped like live replies. Knows the account's own jobs, and songs made by jobs."""
    job_id = call.query.get("taskId")
    if not job_id:
        return refusal(400, "taskId is required")
    song = TASKS.get(job_id)
    job = account.jobs.get(job_id)
    if song and song.interface == "jobs":
        job = _song(sandbox, account, song, call.base_url)
    return success(_record(job, sandbox.clock())) if job else _UNKNOWN[sandbox.unknown_job]


def _song(sandbox: Sandbox, account: Account, task: Task, base_url: str) -> Job:
    made = made_at(sandbox, account, task)
    first = task.tracks[0]
    texts = {"title": first.title, "style": first.tags, **({"lyrics": first.lyrics} if first.lyrics else {})}
    given = {"custom_mode": True, "instrumental": not first.lyrics, "model": task.model, **texts}
    takes = [
        {name if name == "createTime" else _snake(name): value for name, value in shown.items()}
        for shown in (shown_track(task, track, base_url, made, finished=True) for track in task.tracks)
    ]
    return Job(
        task.task_id,
        _SONG_JOB,
        json.dumps({"input": json.dumps(given), "model": _SONG_JOB}),
        made,
        seconds=sandbox.generation_seconds if task.status is None else _SONG_SECONDS,
        result={"code": 200, "data": takes, "task_id": task.task_id},
        failure=(str(task.error[0]), task.error[1]) if task.error else None,
        cost=SONG_COST,
        places=("text", "response"),
    )


def _record(job: Job, now: float) -> dict[str, Any]:
    passed = now - job.created
    done = passed >= job.seconds
    running = "waiting" if passed < _WAITING_SHARE * job.seconds else "generating"
    works = done and job.failure is None
    code, message = job.failure if done and job.failure else (None, None)
    shown = {"text": json.dumps(job.result), "object": job.result} if works else {}
    return {
        "taskId": job.job_id,
        "model": job.model,
        "state": ("success" if works else "fail") if done else running,
        "param": job.param,
        "resultJson": next((shown[place] for place in job.places if place in shown), ""),
        **({"response": job.result} if works and "response" in job.places else {}),
        "failCode": code,
        "failMsg": message,
        "costTime": round(job.seconds) if done else None,
        "completeTime": int((job.created + job.seconds) * 1000) if done else None,
        "createTime": int(job.created * 1000),
        "creditsConsumed": job.cost if works else 0.0,
    }


def _snake(text: str) -> str:
    return re.sub("(?<=[a-z])[A-Z]", lambda found: f"_{found[0].lower()}", text)


def _camel(text: str) -> str:
    return re.sub("_([a-z])", lambda found: found[1].upper(), text)


def _keys_in_snake(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {_snake(name): _keys_in_snake(value) for name, value in tree.items()}
    return [_keys_in_snake(value) for value in tree] if isinstance(tree, list) else tree
