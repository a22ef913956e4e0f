"""The envelope every answer comes in, and the paths that are answered. Knows no tasks and no accounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PERSONA_PATH = "/api/v1/generate/generate-persona"
TASK_PATH = "/api/v1/generate/record-info"
LYRICS_PATH = "/api/v1/generate/get-timestamped-lyrics"
STYLE_PATH = "/api/v1/style/generate"
CREDIT_PATH = "/api/v1/chat/credit"
JOB_PATH = "/api/v1/jobs/createTask"
JOB_RECORD_PATH = "/api/v1/jobs/recordInfo"
DIRECT_PATHS = frozenset({PERSONA_PATH, TASK_PATH, LYRICS_PATH, STYLE_PATH})
"""What the jobs interface has in its own way too."""

PERSONA_JOB = "ai-music-api/generate-persona"
"""The name of the job that makes a persona, a job's `model`."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer before it is sent: a JSON body, an HTTP status and extra headers."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def success(data: Any) -> Reply:
    """Code 200 with its data."""
    return Reply({"code": 200, "msg": "success", "data": data})


def refusal(code: int, message: str) -> Reply:
    """A refusal the way the live service sends nearly all of them: the code inside HTTP 200."""
    return Reply({"code": code, "msg": message, "data": None})


CREDITS_INSUFFICIENT = refusal(402, "Credits insufficient")
NO_MUSIC = refusal(422, "Music does not exist")
TOO_MANY = "Your call frequency is too high. Please try again later."
NO_ACCESS = Reply({"code": 401, "msg": "You do not have access permissions"})
SERVER_TROUBLE = refusal(500, "Server exception, please try again later")


def too_many(retry_after: float | None) -> Reply:
    """The rate limiter's answer, the one refusal documented as a real HTTP status.

    `retry_after` is in seconds; the documentation mentions no such header, so it is left out by default.
    """
    body = {"code": 429, "msg": TOO_MANY}
    return Reply(body, 429, {} if retry_after is None else {"Retry-After": f"{retry_after:g}"})


def fails_later(code: int, message: str) -> bool:
    """Whether a job that meets this is accepted and fails with it; the rest is what createTask itself refuses."""
    if message == NO_MUSIC.body["msg"]:
        return True
    return code not in {401, 402, 422, 429, 433, 455, 505} and message != CREDITS_INSUFFICIENT.body["msg"]
