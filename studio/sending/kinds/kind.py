"""What every kind of attempt has to say of itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import ClassVar

from kie import Cause, KieClient, KieError, Meaning, pause_before_repeat
from studio.sending.attempts import Attempt, Outcome


class Kind(ABC):
    """What one kind of attempt knows. One object for all attempts of the kind; it keeps nothing."""

    name: ClassVar[str]
    """At most 16 characters; it stands in the database."""
    makes: ClassVar[str]
    """"persona", "song" or "text": in which list it is found."""
    once: ClassVar[bool] = False
    """Whether its subject can be made only once, so that a person decides before it is asked for again."""
    again_may_cost: ClassVar[bool] = True
    """Whether asking again may cost; then a server error without a known message is "unknown"."""
    troubles: ClassVar[Mapping[Cause, Meaning]] = {}
    """Where a cause means something else than for a persona (see `kie.meaning_for`)."""
    look_for: ClassVar[timedelta] = timedelta(days=1)
    """How long KIE's work is looked for; then the attempt is unknown."""

    def subject(self, attempt_id: str, body: str) -> str:
        """Return what may be in flight only once for an account: the attempt itself, if the kind does not say more."""
        return attempt_id

    @abstractmethod
    def send(self, client: KieClient, attempt: Attempt) -> Outcome:
        """Send the attempt's body once and return its outcome: created, or working with a handle.

        Raises `kie.KieError`.
        """

    def look(self, client: KieClient, attempt: Attempt) -> Outcome | None:
        """Ask KIE what became of the attempt's handle: created, refused, or None while it works.

        Raises `kie.KieError` if that could not be asked; then it is asked again later.
        """
        raise NotImplementedError

    def look_again_after(self, age: timedelta) -> timedelta:
        """Return the pause before the next look at work of this age: 3 seconds at first, half a minute at last."""
        return min(max(age / 4, timedelta(seconds=3)), timedelta(seconds=30))

    def pause(self, attempt: Attempt, error: KieError, now: datetime) -> float | None:
        """Return the seconds after which the attempt is sent again by itself, or None.

        Only for an error after which KIE certainly did not act.
        """
        return pause_before_repeat(error, attempt.repeats)
