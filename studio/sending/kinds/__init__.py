"""The kinds of attempts, one file each: what is sent, how its answer is read, and what its troubles mean.

A further kind is a file with a subclass of `Kind` and a call of `register`; nothing else changes.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from kie import KieClient, KieError, pause_before_repeat
from kie.operations import Operation
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
    operation: ClassVar[Operation]
    """What is asked of KIE; it knows what its errors mean to a person."""
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


_kinds: dict[str, Kind] = {}


def register(kind: Kind) -> Kind:
    """Make a kind known, and return it."""
    _kinds[kind.name] = kind
    return kind


def kind_named(name: str) -> Kind:
    """Return a kind by its name. Raises `KeyError` for one that nobody registered."""
    if name not in _kinds:
        from studio.sending.kinds import boost, persona  # noqa: F401  # each registers itself
    return _kinds[name]


def body_of(payload: Mapping[str, Any]) -> str:
    """Return the JSON text of a request as it is filed."""
    return json.dumps(payload, ensure_ascii=False)
