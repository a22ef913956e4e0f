"""Which endpoints there are: `OPERATIONS` has the function of each, and `answer` carries out a request."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from .direct_endpoints import balance, boost_style, create_persona, music_task, timed_lyrics
from .faults import Fault
from .job_endpoints import create_job, job_record
from .replies import (
    CREDIT_PATH,
    DIRECT_PATHS,
    JOB_PATH,
    JOB_RECORD_PATH,
    LYRICS_PATH,
    NO_ACCESS,
    PERSONA_PATH,
    SERVER_TROUBLE,
    STYLE_PATH,
    TASK_PATH,
    Reply,
)
from .state import Account, Recorded, Sandbox

OPERATIONS: dict[tuple[str, str], Callable[[Sandbox, Account, Recorded], Reply]] = {
    ("POST", PERSONA_PATH): create_persona,
    ("GET", TASK_PATH): music_task,
    ("POST", LYRICS_PATH): timed_lyrics,
    ("POST", STYLE_PATH): boost_style,
    ("GET", CREDIT_PATH): balance,
    ("POST", JOB_PATH): create_job,
    ("GET", JOB_RECORD_PATH): job_record,
}
"""Every endpoint there is, by method and path."""


def answer(sandbox: Sandbox, call: Recorded, fault: Fault | None = None) -> Reply:
    """Carry out one request, unless its fault prevents that. The fault still has to render the reply."""
    reply = _carry_out(sandbox, call) if fault is None or fault.acts else SERVER_TROUBLE
    return _not_served(call, fault.status or 404) if fault and fault.kind == "gone" else reply


def _carry_out(sandbox: Sandbox, call: Recorded) -> Reply:
    served = sandbox.direct or call.path not in DIRECT_PATHS
    operation = OPERATIONS.get((call.method, call.path)) if served else None
    if operation is None:
        return _not_served(call, 405 if served and any(path == call.path for _, path in OPERATIONS) else 404)
    with sandbox.lock:
        account = sandbox.account(call.token)
        return operation(sandbox, account, call) if account else NO_ACCESS


def _not_served(call: Recorded, status: int) -> Reply:
    """The framework's own error, which has no `code`."""
    at = call.at.isoformat(timespec="milliseconds")
    error = HTTPStatus(status).phrase
    return Reply({"timestamp": at, "status": status, "error": error, "path": call.path}, status)
