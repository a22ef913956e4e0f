"""The state of the stand-in: accounts, faults, limits and a log of requests. Knows no HTTP framework."""

from __future__ import annotations

import secrets
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from .faults import Fault
from .replies import JOB_PATH, JOB_RECORD_PATH, PERSONA_JOB, PERSONA_PATH, TASK_PATH, Reply, fails_later, too_many
from .scenarios import TRACKS, PersonaShape

LOG_LENGTH = 10_000
MOST_ACCOUNTS = 10_000
"""Accounts that are remembered; the oldest goes first."""
MOST_JOBS = 10_000
"""Jobs of one account that are remembered; the oldest goes first."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request as it arrived."""

    at: datetime
    method: str
    path: str
    query: Mapping[str, str]
    json: Any
    """The parsed body; None when there was none or it was not JSON."""
    headers: Mapping[str, str]
    """Lower-case names, without the authorization."""
    base_url: str
    """Scheme and host the caller used."""
    token: str = field(repr=False)

    def public(self) -> dict[str, Any]:
        """What may be shown to another process: of the token only the last four characters."""
        return {
            "at": self.at.isoformat(),
            "method": self.method,
            "path": self.path,
            "query": dict(self.query),
            "token_last4": self.token[-4:],
            "json": self.json,
            "headers": dict(self.headers),
        }


@dataclass(frozen=True, slots=True)
class Job:
    """One job as KIE keeps it."""

    job_id: str
    model: str
    """The job's name."""
    param: str
    """The request as JSON."""
    created: float
    """In seconds since 1970."""
    seconds: float
    """How long it takes."""
    result: Any
    """What it will have made."""
    failure: tuple[str, str] | None = None
    """failCode and failMsg, if it is going to fail."""
    cost: float = 0.0
    """Credits, taken when it was accepted."""
    places: tuple[Literal["text", "object", "response"], ...] = ("text",)
    """Where its record shows the result: in `resultJson` as text or as an object, or in `response`."""


@dataclass(slots=True)
class Account:
    """All that belongs to one token."""

    token: str = field(repr=False)
    credits: float
    personas: dict[str, dict[str, str]] = field(default_factory=dict)
    """What was made, by audio ID."""
    first_looks: dict[str, float] = field(default_factory=dict)
    """When this account first looked at a task that is still being made."""
    troubles: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """How often a track's own fault was used, by audio ID."""
    windows: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    """Recent requests, by what they count against."""
    jobs: dict[str, Job] = field(default_factory=dict)
    """What createTask accepted, by task ID."""

    def keep(self, job: Job) -> None:
        """Remember a job."""
        self.jobs[job.job_id] = job
        if len(self.jobs) > MOST_JOBS:
            del self.jobs[next(iter(self.jobs))]


@dataclass(slots=True)
class _Armed:
    fault: Fault
    left: float


class Sandbox:
    """The stand-in's whole state, in memory. Safe for several threads; nothing is shared between accounts.

    `clock` gives the time in seconds since 1970; tests pass their own instead of waiting.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.once: Literal["overwrite", "conflict"] = "overwrite"
        """A second persona of one track: the same ID with new texts (as observed), or 409 (as documented)."""
        self.delay = 0.0
        """Seconds before every persona answer, that of createTask too."""
        self.generation_seconds = 20.0
        """How long the unfinished song takes, from an account's first look."""
        self.rate_limit, self.rate_period = 20, 10.0
        """New requests an account may send, and in how many seconds."""
        self.retry_after: float | None = None
        """Seconds in the Retry-After header of the rate limiter; None sends no such header."""
        self.looks_per_second = 3
        """How often one task may be looked at."""
        self.direct = True
        """Whether the direct interface answers; if not, its paths are unknown, except the one for credits."""
        self.job_seconds = 0.0
        """How long each job takes; 0: it is done at the first look."""
        self.persona_shape: PersonaShape = "snake"
        """Where the result of a persona's job has the ID."""
        self.job_lyrics: Literal["camel", "snake_nested"] = "camel"
        """Timed lyrics by job: as the direct call has them, or in snake_case and one level deeper."""
        self.unknown_job: Literal["422", "404", "null"] = "422"
        """What recordInfo answers for a task it does not know: one of two refusals, or a success without data."""
        self.started = clock()
        self.lock = threading.RLock()
        self._accounts: dict[str, Account] = {}
        self._faults: list[_Armed] = []
        self._log: deque[Recorded] = deque(maxlen=LOG_LENGTH)

    def new_account(self, credits: float = 100.0, *, token: str | None = None) -> str:
        """Open an account holding `credits` and return its token, 32 random hex digits unless given."""
        token = token or secrets.token_hex(16)
        with self.lock:
            self._accounts[token] = Account(token, credits)
            while len(self._accounts) > MOST_ACCOUNTS:
                del self._accounts[next(iter(self._accounts))]
        return token

    def revoke(self, token: str) -> None:
        """Close an account; its token is refused from now on."""
        with self.lock:
            self._accounts.pop(token, None)

    def account(self, token: str) -> Account | None:
        """The account behind a token, or None if there is none."""
        with self.lock:
            return self._accounts.get(token)

    def personas(self, token: str) -> list[dict[str, str]]:
        """What this account has had made: personaId, name and description of each, oldest first."""
        with self.lock:
            return [dict(made) for made in self._accounts[token].personas.values()]

    def fault(
        self,
        kind: str,
        *,
        token: str | None = None,
        path: str | None = PERSONA_PATH,
        times: int | None = 1,
        seconds: float = 0.0,
        code: int | None = None,
        message: str | None = None,
        status: int | None = None,
        act: bool | None = None,
        retry_after: float | None = None,
    ) -> Fault:
        """Let the next `times` matching requests go wrong; the fields are those of `Fault`.

        Faults apply in the order in which they were set, one to a request.
        """
        fault = Fault(kind, token, path, times, seconds, code, message, status, act, retry_after)
        with self.lock:
            self._faults.append(_Armed(fault, float("inf") if times is None else times))
        return fault

    def clear_faults(self) -> None:
        """Forget every fault set by `fault`."""
        with self.lock:
            self._faults.clear()

    def next_fault(self, call: Recorded) -> Fault | None:
        """The fault that this request gets, which is counted as used: one that was set, or else its track's own."""
        with self.lock:
            for armed in self._faults:
                fault = armed.fault
                if armed.left > 0 and fault.token in (None, call.token) and fault.path in (None, call.path):
                    armed.left -= 1
                    return fault
            return self._trouble(call, late=False)

    def late_trouble(self, call: Recorded) -> tuple[int, str] | None:
        """Code and message with which the job of this request will fail, because its track has such a trouble."""
        fault = self._trouble(call, late=True)
        return (fault.code, fault.message) if fault and fault.code and fault.message else None

    def wants_persona(self, call: Recorded) -> bool:
        """Whether this is a request for a persona, by an interface that answers."""
        if call.path == JOB_PATH:
            return isinstance(call.json, dict) and call.json.get("model") == PERSONA_JOB
        return call.path == PERSONA_PATH and self.direct

    def _trouble(self, call: Recorded, *, late: bool) -> Fault | None:
        account = self._accounts.get(call.token)
        by_job = call.path == JOB_PATH
        fields = call.json.get("input") if by_job and isinstance(call.json, dict) else call.json
        audio_id = fields.get("audio_id" if by_job else "audioId") if isinstance(fields, dict) else None
        track = TRACKS.get(audio_id) if isinstance(audio_id, str) else None
        if account is None or track is None or track.trouble is None or not self.wants_persona(call):
            return None
        can_fail_later = by_job and track.trouble.kind == "code"
        if late != (can_fail_later and fails_later(track.trouble.code or 0, track.trouble.message or "")):
            return None
        times = track.trouble.times
        if times is not None and account.troubles[track.audio_id] >= times:
            return None
        account.troubles[track.audio_id] += 1
        return track.trouble

    def limited(self, call: Recorded) -> Reply | None:
        """The rate limiter's answer if this request is one too many; then it is dropped and not counted."""
        if self.wants_persona(call):
            key, limit, period = "new requests", self.rate_limit, self.rate_period
        elif call.path == JOB_RECORD_PATH or (call.path == TASK_PATH and self.direct):
            key, limit, period = f"{call.path} {call.query.get('taskId')}", self.looks_per_second, 1.0
        else:
            return None
        with self.lock:
            account = self._accounts.get(call.token)
            if account is None:
                return None
            now, window = self.clock(), account.windows[key]
            while window and window[0] <= now - period:
                window.popleft()
            if len(window) >= limit:
                return too_many(self.retry_after)
            window.append(now)
        return None

    def record(self, call: Recorded) -> None:
        """Write a request into the log; the oldest goes when the log is full."""
        with self.lock:
            self._log.append(call)

    def requests(self, path: str | None = None, token: str | None = None) -> list[Recorded]:
        """The requests that arrived, oldest first, of one path or one token if given."""
        with self.lock:
            return [call for call in self._log if path in (None, call.path) and token in (None, call.token)]

    def count(self, path: str | None = PERSONA_PATH, token: str | None = None) -> int:
        """How many requests arrived; by default those for a persona."""
        return len(self.requests(path, token))
