"""The interface of a kind of attempt."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from kie import KieClient, KieError, pause_before_repeat
from kie.operations import Operation
from studio.sending.attempts import Attempt, Outcome


def body_of(payload: Mapping[str, Any]) -> str:
    """Return a request's JSON as it is filed and sent."""
    return json.dumps(payload, ensure_ascii=False)


class Kind(ABC):
    """How attempts of one kind are sent and polled for. One object for all of them, without state."""

    name: ClassVar[str]
    """At most 16 characters; the value of the column `kind`."""
    makes: ClassVar[str]
    """"persona", "song" or "text": the list that shows it."""
    once: ClassVar[bool] = False
    """Whether a subject has one result at most, so that a person decides before it is asked for again."""
    again_may_cost: ClassVar[bool] = True
    """Whether asking again may cost credits; then a server error of unknown meaning is `unknown`."""
    operation: ClassVar[Operation]
    """What is asked of KIE; it knows what its errors mean to a person."""
    job: ClassVar[str] = ""
    """The name of the kind that asks for the same as a job, "" if there is none or it is one."""
    poll_for: ClassVar[timedelta] = timedelta(days=1)
    """How long KIE is polled for the result; then the attempt is `unknown`."""

    def subject(self, attempt_id: str, body: str) -> str:
        """Return the key of which an account has one attempt in flight at most; by default the attempt's ID."""
        return attempt_id

    @abstractmethod
    def send(self, client: KieClient, attempt: Attempt) -> Outcome:
        """Send the attempt's body once and return its outcome: created, or working with a handle.

        Raises `kie.KieError`.
        """

    def poll(self, client: KieClient, attempt: Attempt) -> Outcome | None:
        """Ask KIE what became of the attempt's handle: created, refused, or None while it works.

        Raises `kie.KieError` if that could not be asked; then it is asked again later.
        """
        raise NotImplementedError

    def poll_again_after(self, age: timedelta) -> timedelta:
        """Return the pause until the next poll for a request of this age: 3 seconds at first, 30 at most."""
        return min(max(age / 4, timedelta(seconds=3)), timedelta(seconds=30))

    def job_body(self, body: str) -> str:
        """Return the body with which the kind `job` asks for the same."""
        raise NotImplementedError

    def pause(self, attempt: Attempt, error: KieError, now: datetime) -> float | None:
        """Return the seconds after which the attempt is sent again automatically, or None.

        Only for an error after which KIE certainly did not act.
        """
        return pause_before_repeat(error, attempt.repeats)
