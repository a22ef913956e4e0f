"""What several test files of this folder use: waiting for a condition, a clock to turn, requests to send."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa

from kie import PersonaRequest
from sandbox import Server
from studio.database.tables import attempts, events, number_at
from studio.facade import Studio
from studio.library.edits import Library
from studio.library.export_files import csv_file
from studio.library.search_query import Query
from studio.people.token_store import Account
from studio.sending.attempt_store import Claim, Store
from studio.sending.attempts import Attempt, Outcome, Seen, Status
from studio.sending.engine import Engine
from studio.sending.kinds import body_of
from studio.sending.kinds.persona import PERSONA
from studio.sending.row_mapping import blank_row, search_columns
from tests.polling import eventually
from tests.scenarios import task_of

ME, YOU = "aaaaaaaaaaaa", "bbbbbbbbbbbb"
CREATED = Outcome(Status.CREATED, persona_id="persona-1", code=200, http_status=200, raw='{"code": 200}')
REFUSED = Outcome(Status.REFUSED, cause="credits", code=402, message="Credits insufficient", http_status=200)
UNKNOWN = Outcome(Status.UNKNOWN, cause="no_answer", message="ReadTimeout")
PERIOD = timedelta(seconds=10)
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    """A time that moves only when told to."""

    def __init__(self) -> None:
        self.set_back()

    def set_back(self) -> None:
        self.time = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def forward(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def a_request(audio_id: str = "audio-1", name: str = "Quay", **fields: Any) -> PersonaRequest:
    """A request that no sandbox has to understand."""
    values: dict[str, Any] = {"task_id": "task-1", "description": "A warm low voice", **fields}
    return PersonaRequest(audio_id=audio_id, name=name, **values)


def press_in(
    store: Store, request: PersonaRequest, account: str = ME, replaces: Seen | None = None, **details: Any
) -> tuple[Attempt, bool]:
    """File a request as a click does, and say whether it is new."""
    return store.add(account, PERSONA, body_of(request.payload()), replaces, request=request, **details)


def add(store: Store, account: str = ME, replaces: Seen | None = None, **fields: Any) -> Attempt:
    attempt, new = press_in(store, a_request(**fields), account, replaces)
    assert new
    return attempt


def claim(store: Store, account: str = ME, executor: str = "one") -> Claim:
    """Ask for what is next for an account."""
    return store.claim(account, executor, limit=20, period=PERIOD)


def sent(store: Store, executor: str = "one", **fields: Any) -> Attempt:
    attempt = add(store, **fields)
    claimed = claim(store, attempt.account, executor).attempt
    assert claimed
    assert claimed.id == attempt.id
    return claimed


def over(store: Store, clock: Clock, outcome: Outcome, replaces: Seen | None = None, **fields: Any) -> Attempt:
    """An attempt that ended, longer ago than a double click takes."""
    attempt = sent(store, replaces=replaces, **fields)
    store.finish(attempt, outcome)
    clock.forward(2)
    return now(store, attempt)


def now(store: Store, attempt: Attempt) -> Attempt:
    found = store.get(attempt.account, attempt.id)
    assert found
    return found


_filed = itertools.count(1)


def filed(where: Store | Library, account: str = ME, **columns: Any) -> str:
    """File an attempt that ended, as it is, past the rules; return its ID. Each is newer than the one before."""
    number = next(_filed)
    row: dict[str, Any] = blank_row() | {
        "id": uuid.uuid4().hex,
        "account": account,
        "status": Status.CREATED.value,
        "created_at": EPOCH + timedelta(seconds=number),
        "task_id": "task-1",
        "audio_id": f"audio-{number}",
        "name": "Quay",
        "description": "",
        **columns,
    }
    row |= {
        "subject": row["audio_id"],
        "number": number_at(row["created_at"], row["id"]),
        **search_columns(row),
    } | columns
    with where.database.writing() as connection:
        connection.execute(sa.insert(attempts).values(row))
    return str(row["id"])


def image(where: Store | Library, account: str) -> list[dict[str, Any]]:
    """All that the database has of an account, to the last column, with its stories."""
    with where.database.reading() as connection:
        rows = connection.execute(sa.select(attempts).where(attempts.c.account == account).order_by(attempts.c.id))
        found = [dict(row._mapping) for row in rows]
        told = connection.execute(sa.select(events).order_by(events.c.id)).all()
    for row in found:
        row["story"] = [(event.at, event.kind, event.detail, event.author) for event in told if event[1] == row["id"]]
    return found


def for_song(key: str, track: int = 0, name: str = "Quay") -> PersonaRequest:
    """A request for one track of a scenario of the sandbox."""
    task = task_of(key)
    return PersonaRequest(task.task_id, task.tracks[track].audio_id, name, "A warm low voice")


def until(
    studio: Studio, account: Account, attempt: Attempt, condition: Callable[[Attempt], bool], seconds: float = 10
) -> Attempt:
    """Wait until a condition holds of an attempt; return it as it is then."""

    def look() -> Attempt | None:
        now = studio.attempt(account, attempt.id)
        return now if now and condition(now) else None

    return eventually(look, seconds)


def ended(studio: Studio, account: Account, attempt: Attempt, seconds: float = 15) -> Attempt:
    """Wait until an attempt has ended and is on disk."""
    return until(studio, account, attempt, lambda now: now.saved and not now.in_flight, seconds)


def press(studio: Studio, account: Account, key: str = "finished", track: int = 0, name: str = "Quay") -> Attempt:
    return studio.create_persona(account, for_song(key, track, name))


def history_file(studio: Studio, account: Account) -> bytes:
    """The CSV of all that an account has."""
    return csv_file(studio.library, account.id, Query()).read()


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
    return until(studio, account, attempt, lambda now: not now.saved)


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


def filed_without_token(studio: Studio, account: Account, monkeypatch: pytest.MonkeyPatch) -> Attempt:
    """Return an attempt whose token went before it was served, as in a process that ends."""
    with monkeypatch.context() as patch:
        patch.setattr(Engine, "serve_soon", lambda *args: None)
        attempt = press(studio, account)
    studio.token_store.remove(account.id)
    return attempt
