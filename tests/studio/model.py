"""A model of the world around the store: KIE, a client, processes that are taken step by step, and a third kind.

Nothing here has a thread or waits: time is a clock that is turned, and whatever may happen is told to happen.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from kie import KieError, NoAnswer, NotConnected, PersonaRequest, Refused, Sent, UnreadableAnswer
from kie.boost import BoostedStyle
from kie.error_sentences import meaning_of
from kie.errors import NotLeaving
from kie.persona import Persona
from studio.database.connection import CommitInDoubt, Database
from studio.sending.attempt_store import Store
from studio.sending.attempts import Attempt, Outcome, Status
from studio.sending.engine import OVERDUE, Engine
from studio.sending.kinds import Kind
from studio.settings import Settings

# A third kind: all that there is of it.


class PortraitKind(Kind):
    """A kind that nobody has: a persona's portrait, which KIE accepts with a handle and paints later."""

    name = "portrait"
    makes = "persona"
    once = True

    def subject(self, attempt_id: str, body: str) -> str:
        """The track, as for a persona: one of both at a time."""
        return str(json.loads(body)["audioId"])

    def send(self, client: Any, attempt: Attempt) -> Outcome:
        """Order the portrait."""
        return Outcome(Status.WORKING, handle=client.order_portrait(json.loads(attempt.body)))

    def poll(self, client: Any, attempt: Attempt) -> Outcome | None:
        """Ask whether it is painted."""
        painted = client.portrait(attempt.outcome.handle)
        if painted is None:
            return None
        if not painted:
            return Outcome(Status.REFUSED, cause="failed", message="It was not painted.")
        return Outcome(Status.CREATED, result={"portrait": painted})

    def poll_again_after(self, age: timedelta) -> timedelta:
        """Painting is quick."""
        return timedelta(seconds=0.2)


PORTRAIT = PortraitKind()


# KIE.


def no(code: int, message: str) -> Refused:
    """KIE's refusal."""
    return Refused(meaning_of(code, message), Sent.YES, code=code, message=message, http_status=200)


FATES: dict[str, Callable[[], KieError] | None] = {
    "done": None,
    "no credits": lambda: no(402, "Credits insufficient"),
    "bad words": lambda: no(422, "description contains characters that are not supported"),
    "too often": lambda: no(429, "Too many requests"),
    "server error": lambda: no(500, "Server exception, please try again later"),
    "never connected": lambda: NotConnected("Connection refused"),
    "lost on its way": lambda: NoAnswer("Connection reset"),
    "answer lost": lambda: NoAnswer("Read timed out"),
    "answer broken": lambda: UnreadableAnswer("Cut off", http_status=200, raw='{"code": 200, "data": {"pers'),
}
"""What may become of a request, each with the error that its sender meets; KIE acts on it or not, see `ACTED`."""
ACTED = ("done", "answer lost", "answer broken")
UNCLEAR = ("lost on its way", "answer lost", "answer broken")
CERTAINLY_NOT = ("too often", "never connected")
"""After which a request may be sent again by itself."""


@dataclass
class Received:
    """A request as KIE received it: of which attempt, when, and whether its sender may know that KIE did not act."""

    attempt: str
    at: float
    fate: str


class Kie:
    """The other end: what it received, in which order, and what it made of that."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.personas: dict[str, tuple[str, str]] = {}
        """The persona of each track, and its name."""
        self.paintings: dict[str, str | None] = {}
        """By handle: None while it is painted, "" if that failed."""
        self.credits = 100

    def act(self, what: str, body: dict[str, Any]) -> Any:
        """Do what a request asks for."""
        self.credits -= 1
        if what == "persona":
            made = self.personas.get(body["audioId"], (f"persona-{len(self.received)}", ""))[0]
            self.personas[body["audioId"]] = (made, body["name"])
            return Persona(made, body["name"], body["description"], raw=f'{{"data": "{made}"}}')
        if what == "boost":
            return BoostedStyle(f"{body['content']}, and more ({len(self.received)})", 1.0)
        handle = f"portrait-{len(self.received)}"
        self.paintings[handle] = None
        return handle


class FakeClient:
    """A client of a process, which leads to the model: what becomes of its one request is told beforehand."""

    def __init__(self, kie: Kie, departing: Callable[[], None] | None, left: Callable[[], Received | None]) -> None:
        self._kie, self._departing, self._left = kie, departing, left

    def __enter__(self) -> FakeClient:
        return self

    def __exit__(self, *args: object) -> None:
        pass

    def create_persona(self, request: PersonaRequest) -> Persona:
        """POST."""
        made: Persona = self._post("persona", dict(request.payload()))
        return made

    def boost_style(self, content: str) -> BoostedStyle:
        """POST."""
        made: BoostedStyle = self._post("boost", {"content": content})
        return made

    def order_portrait(self, body: dict[str, Any]) -> str:
        """POST."""
        return str(self._post("portrait", body))

    def credits(self) -> float:
        """GET."""
        return float(self._kie.credits)

    def portrait(self, handle: str) -> str | None:
        """GET."""
        return self._kie.paintings[handle]

    def _post(self, what: str, body: dict[str, Any]) -> Any:
        assert self._departing
        try:
            self._departing()
        except NotLeaving as reason:
            raise NotConnected(str(reason), stopped=True) from None
        received = self._left()
        if received is None:
            raise NotConnected("Connection refused")
        made = self._kie.act(what, body) if received.fate in ACTED else None
        error = FATES[received.fate]
        if error is not None:
            raise error()
        return made


# Processes, and the database between them.


class ShakyDatabase(Database):
    """A database whose commits break off as told: of the next transactions, one a word, "" for one that goes well."""

    breaks: tuple[str, ...] = ()

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Write; or break off "before" or "after" the commit was done."""
        how, self.breaks = (self.breaks or ("",))[0], self.breaks[1:]
        try:
            with super().writing() as connection:
                yield connection
                if how == "before":
                    raise BrokenPipeError
        except BrokenPipeError:
            pass
        if how:
            raise CommitInDoubt


class Process(Engine):
    """The engine of one process, whose steps are taken one by one; its threads and workflows are left out.

    What a request brought stays in `brought` until it is told to be written.
    """

    def __init__(self, store: Store, token_store: Any, settings: Settings) -> None:
        limit, period = settings.rate_limit, settings.rate_period
        super().__init__(store, token_store, rate_limit=limit, rate_period=period, read_timeout=settings.read_timeout)
        self.brought: dict[str, tuple[Attempt, Outcome, float | None]] = {}
        self.stalled = False

    @property
    def to_send(self) -> list[Attempt]:
        """What was claimed and has not left."""
        return [attempt for attempt, _ in self._claimed.values() if attempt.id not in self.brought]

    @property
    def hands(self) -> bool:
        """Whether it has claimed anything."""
        return bool(self._claimed)

    def claim_next(self, account: str) -> Attempt | None:
        """Take the next attempt that is due."""
        return self._claim_next(account)[0]

    def carry(self, attempt: Attempt) -> None:
        """Send it, or poll for it, and keep what that brings."""
        if attempt.status is Status.WORKING:
            self._poll(attempt)
            if attempt.id not in self.brought:
                self._drop_claim(attempt)
        else:
            self._send(attempt, self._claimed[attempt.id][1])

    def write(self, attempt_id: str) -> bool:
        """Try once to write what was brought; say whether that is done."""
        attempt, outcome, pause = self.brought[attempt_id]
        closing, self._closing = self._closing, True  # or it would try again and again
        super()._save(attempt, outcome, pause)
        self._closing = closing
        if attempt_id in self.unsaved:
            return False
        del self.brought[attempt_id]
        self._drop_claim(attempt)
        return True

    def end(self) -> None:
        """Send nothing more; what has not left goes back."""
        self._closing = True
        for attempt in self.to_send:
            self.carry(attempt)

    def sign_of_life(self) -> None:
        """Do what the heartbeat does, after it said that the process is alive."""
        self._recover(OVERDUE)

    def serve_soon(self, account: str) -> None:
        """Nothing: it is told when to serve."""

    def _save(self, attempt: Attempt, outcome: Outcome, pause: float | None = None, *more: Any) -> bool:
        self.brought[attempt.id] = (attempt, outcome, pause)
        return True

    def _start(self, *args: object) -> None:
        pass

    def _delete_workflows_of(self, executor: str) -> None:
        pass
