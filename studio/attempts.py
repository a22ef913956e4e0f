"""An attempt: one request for a persona, and everything known about its outcome. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from kie import Cause, InvalidInput, KieError, Persona, PersonaRequest, Sent

if TYPE_CHECKING:
    from kie import Track


class NotSaved(RuntimeError):
    """The database cannot be used, so nothing was sent or changed. The text says so to a person."""


class Status(StrEnum):
    """Where an attempt stands: `queued`, `sending`, then one of the others; only a person moves it out of `unknown`."""

    QUEUED = "queued"
    """On disk, not sent, or refused for the rate and waiting to be sent again."""
    SENDING = "sending"
    CREATED = "created"
    """KIE made it, and its ID is on file."""
    REFUSED = "refused"
    """KIE said no, or nothing was sent."""
    UNKNOWN = "unknown"
    """Sent, no readable answer: KIE may have made it."""


class Settled(StrEnum):
    """How a person moved an attempt on after its answer was lost."""

    NOT = ""
    ASKED_AGAIN = "asked_again"
    """The same request was sent again, and that one was answered."""
    NOT_MADE = "not_made"
    """A person said that KIE had made nothing."""
    BY_HAND = "by_hand"
    """A person found the persona ID in KIE's logs."""


IN_FLIGHT = (Status.QUEUED, Status.SENDING)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request ended, as it is written to disk."""

    status: Status
    persona_id: str = ""
    cause: str = ""
    code: int | None = None
    message: str = ""
    http_status: int | None = None
    raw: str = ""

    @classmethod
    def of(cls, result: Persona | KieError) -> Outcome:
        """Say what an answer or an error means for the attempt."""
        if isinstance(result, Persona):
            return cls(Status.CREATED, persona_id=result.persona_id, raw=result.raw, http_status=200, code=200)
        return cls(
            Status.UNKNOWN if result.sent is Sent.UNKNOWN else Status.REFUSED,
            cause=result.cause.value,
            code=result.code,
            message=result.sentence if isinstance(result, InvalidInput) else result.message,
            http_status=result.http_status,
            raw=result.raw,
        )

    @classmethod
    def interrupted(cls, message: str) -> Outcome:
        """The program ended, or failed, between sending and writing."""
        return cls(Status.UNKNOWN, cause=Cause.NO_ANSWER.value, message=message)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request as it stands on disk. Times are UTC; `saved` is false while the outcome could not be written."""

    id: str
    account: str
    status: Status
    request: PersonaRequest
    created_at: datetime
    sent_at: datetime | None = None
    ended_at: datetime | None = None
    persona_id: str = ""
    cause: str = ""
    code: int | None = None
    message: str = ""
    http_status: int | None = None
    raw: str = ""
    repeats: int = 0
    """How often it was sent again after KIE asked to wait, or after no connection was made."""
    wait_until: datetime | None = None
    replaces: str = ""
    """The attempt for the same track that a person deliberately repeated with this one."""
    executor: str = ""
    """The process that works on it."""
    author: str = ""
    """Who made it, where people sign in."""
    origin: str = ""
    """"import" if it came from a file."""
    settled: Settled = Settled.NOT
    note: str = ""
    tags: tuple[str, ...] = ()
    favourite: bool = False
    track: Track | None = None
    """The track as it was when it was looked up, if it was."""
    credits_before: float | None = None
    credits_after: float | None = None
    deleted_at: datetime | None = None
    number: int = 0
    """Its place in time among all attempts."""
    saved: bool = True

    def overlaid(self, outcome: Outcome | None) -> Attempt:
        """Return the attempt with an outcome that is known but could not be written yet."""
        if outcome is None:
            return self
        return replace(
            self,
            status=outcome.status,
            persona_id=outcome.persona_id,
            cause=outcome.cause,
            code=outcome.code,
            message=outcome.message,
            raw=outcome.raw,
            saved=False,
        )

    @property
    def in_flight(self) -> bool:
        """Whether it has not ended yet."""
        return self.status in IN_FLIGHT

    @property
    def state(self) -> tuple[object, ...]:
        """What a page that waits for it compares: in another state there is something new to show."""
        return (self.status, self.wait_until, self.repeats, self.saved)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that was decided about an attempt after it was sent."""

    at: datetime
    kind: str
    detail: dict[str, str]
    author: str = ""
