"""An attempt: one request to KIE, and everything known about its outcome. Plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from kie import Cause, InvalidInput, KieError, PersonaRequest, Sent

if TYPE_CHECKING:
    from kie import Track


class Status(StrEnum):
    """The state of an attempt; docs/architecture.md has the diagram."""

    QUEUED = "queued"
    """Filed and not sent, or KIE certainly did not act on it and it is to be sent again."""
    SENDING = "sending"
    WORKING = "working"
    """KIE accepted it; its handle is on file, and KIE is polled until there is a result."""
    CREATED = "created"
    """KIE made it, and what it made is on file."""
    REFUSED = "refused"
    """KIE refused it, or nothing was sent."""
    UNKNOWN = "unknown"
    """Sent, and no readable answer: KIE may have made it. Only a late answer or a person changes this."""


class Settled(StrEnum):
    """How a person settled an attempt whose answer was lost."""

    NOT = ""
    ASKED_AGAIN = "asked_again"
    """The same request was sent again, and that one was answered."""
    NOT_MADE = "not_made"
    """A person said that KIE had made nothing."""
    BY_HAND = "by_hand"
    """A person found the persona ID in KIE's logs."""


IN_FLIGHT_STATUSES = (Status.QUEUED, Status.SENDING, Status.WORKING)
CANCELLED = "cancelled"
"""The cause of an attempt that a person cancelled before it was sent."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The state of an attempt, with all that KIE said about it."""

    status: Status
    persona_id: str = ""
    cause: str = ""
    code: int | None = None
    message: str = ""
    http_status: int | None = None
    raw: str = ""
    handle: str = ""
    """The ID by which KIE is polled for the result, if KIE gave one."""
    result: Mapping[str, Any] = field(default_factory=dict)
    """What KIE made, if it is no persona; and `seen_id`, an ID in an answer that broke off."""

    @classmethod
    def of(cls, error: KieError, *, again_may_cost: bool = False) -> Outcome:
        """Return the outcome of an attempt that ended in this error."""
        unclear = error.cause in (Cause.SERVER, Cause.OTHER) and (error.code or 0) >= 500  # KIE may have acted on it
        lost = error.sent is Sent.UNKNOWN or (again_may_cost and unclear)
        seen = getattr(error, "seen_id", "")
        return cls(
            Status.UNKNOWN if lost else Status.REFUSED,
            cause=error.cause.value,
            code=error.code,
            message=error.sentence if isinstance(error, InvalidInput) else error.message,
            http_status=error.http_status,
            raw=error.raw,
            result={"seen_id": seen} if seen else {},
        )

    @classmethod
    def interrupted(cls, message: str) -> Outcome:
        """Return the outcome of an attempt whose process ended or failed between sending and writing."""
        return cls(Status.UNKNOWN, cause=Cause.NO_ANSWER.value, message=message)


@dataclass(frozen=True, slots=True)
class Seen:
    """An attempt as a person saw it when they decided about it."""

    id: str
    status: Status


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request, as its row has it. Times are UTC; `saved` is false while the outcome could not be written."""

    id: str
    account: str
    request: PersonaRequest
    """The persona that was asked for; blank for other kinds."""
    outcome: Outcome
    created_at: datetime
    kind: str = "persona"
    body: str = ""
    """The JSON that was or will be sent; "" in rows of the first versions of this program."""
    sent_at: datetime | None = None
    ended_at: datetime | None = None
    due_at: datetime | None = None
    """When it is next to be sent or polled for."""
    held: bool = False
    """Whether it waits for a person: its batch is paused, or the database was restored from a backup."""
    repeats: int = 0
    """How often it was sent again automatically: KIE asked to wait, or could not be reached."""
    replaces: str = ""
    """The ID of the attempt for the same subject that a person decided to repeat or replace with this one."""
    batch: str = ""
    executor: str = ""
    """The process that claimed it last."""
    claim: str = ""
    """The ID of its last claim, by which an outcome of an earlier claim is recognised."""
    author: str = ""
    """Who asked for it, where people sign in."""
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
    """Its sort key: orders all attempts by time, and is unique."""
    saved: bool = True

    def with_unsaved(self, outcome: Outcome | None) -> Attempt:
        """Return the attempt with an outcome that could not be written yet, if there is one."""
        return self if outcome is None else replace(self, outcome=outcome, saved=False)

    @property
    def seen(self) -> Seen:
        """What a decision names: this attempt in this state."""
        return Seen(self.id, self.status)

    @property
    def in_flight(self) -> bool:
        """Whether it has not ended yet."""
        return self.status in IN_FLIGHT_STATUSES

    @property
    def state(self) -> tuple[object, ...]:
        """What a page that waits for it compares: if this has changed, the page has something new to show."""
        return self.state_of(self.status, self.due_at, self.repeats, self.held, self.saved)

    @staticmethod
    def state_of(status: Status, due_at: datetime | None, repeats: int, held: bool, saved: bool) -> tuple[object, ...]:
        """Return `state` from its parts."""
        return status, due_at if status is Status.QUEUED and repeats else None, repeats, held, saved

    @property
    def wait_until(self) -> datetime | None:
        """When it is sent again automatically, or None."""
        return self.due_at if self.status is Status.QUEUED and self.repeats else None

    @property
    def status(self) -> Status:
        """Its state."""
        return self.outcome.status

    @property
    def persona_id(self) -> str:
        """The ID of what KIE made, or ""."""
        return self.outcome.persona_id

    @property
    def cause(self) -> str:
        """Why it was refused or is unknown (`kie.Cause`), or ""."""
        return self.outcome.cause

    @property
    def code(self) -> int | None:
        """KIE's code."""
        return self.outcome.code

    @property
    def message(self) -> str:
        """KIE's message, or the connection's."""
        return self.outcome.message

    @property
    def http_status(self) -> int | None:
        """The number of the answer's status line."""
        return self.outcome.http_status

    @property
    def raw(self) -> str:
        """The answer as it came."""
        return self.outcome.raw


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that was decided about an attempt after it was sent."""

    at: datetime
    kind: str
    detail: dict[str, str]
    author: str = ""


class NeedsDecision(Exception):
    """The subject has an attempt that was created or is unknown: a person decides before another one is filed.

    `stale` says that a decision was given, but the attempt it was made about has changed meanwhile.
    """

    def __init__(self, earlier: Attempt, stale: bool = False) -> None:
        super().__init__(earlier.status)
        self.earlier = earlier
        self.stale = stale


class NotAllowed(Exception):
    """The attempt's state does not allow what a person asked for. The text is a sentence for that person."""
