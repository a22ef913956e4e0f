"""What several test files of this folder use: waiting for a condition, a clock to turn, requests to send."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar

import pytest
import sqlalchemy as sa

from kie import PersonaRequest
from sandbox import SCENARIOS, Server
from studio.attempts import Attempt, Status
from studio.service import Studio
from studio.store import Store
from studio.tokens import Account

T = TypeVar("T")
SONGS = {scenario.key: scenario for scenario in SCENARIOS}


def eventually(condition: Callable[[], T], seconds: float = 10, instead: Callable[[], object] = lambda: "") -> T:
    """Return the first true value of the condition; fail with what is `instead` if there is none within so many
    seconds."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"it did not happen in time: {instead()}"
        time.sleep(0.01)
    return value


class Clock:
    """A time that moves only when told to."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def forward(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def a_request(audio_id: str = "audio-1", name: str = "Quay", **fields: object) -> PersonaRequest:
    """A request that no sandbox has to understand."""
    values = {"task_id": "task-1", "description": "A warm low voice", **fields}
    return PersonaRequest(audio_id=audio_id, name=name, **values)  # type: ignore[arg-type]


def for_song(key: str, track: int = 0, name: str = "Quay") -> PersonaRequest:
    """A request for one track of a scenario of the sandbox."""
    task = SONGS[key].task
    assert task is not None
    return PersonaRequest(task.task_id, task.tracks[track].audio_id, name, "A warm low voice")


def ended(studio: Studio, account: Account, attempt: Attempt, seconds: float = 15) -> Attempt:
    """Wait until an attempt has ended and is on disk."""

    def look() -> Attempt | None:
        now = studio.attempt(account, attempt.id)
        return now if now and now.saved and not now.in_flight else None

    return eventually(look, seconds)


def press(studio: Studio, account: Account, key: str = "finished", track: int = 0, name: str = "Quay") -> Attempt:
    return studio.create_persona(account, for_song(key, track, name))


class Story(NamedTuple):
    """How an attempt ended, and how many requests arrived."""

    status: Status
    cause: str
    code: int | None
    posts: int


def story(server: Server, token: str, attempt: Attempt) -> Story:
    return Story(attempt.status, attempt.cause, attempt.code, server.sandbox.count(token=token))


def unsaved(studio: Studio, account: Account, attempt: Attempt) -> Attempt:
    """Wait until an attempt has an outcome that could not be written."""

    def look() -> Attempt | None:
        seen = studio.attempt(account, attempt.id)
        return seen if seen and not seen.saved else None

    return eventually(look)


def database_fails(*args: object) -> None:
    raise sa.exc.OperationalError("", {}, Exception("database is locked"))


class Disk:
    """Writing outcomes fails while `full`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = True
        finish = Store.finish

        def write(*args: Any) -> None:
            if self.full:
                database_fails()
            finish(*args)

        monkeypatch.setattr(Store, "finish", write)
