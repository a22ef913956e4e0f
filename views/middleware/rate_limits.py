"""Limits that know neither HTTP nor sockets: a token bucket, a count that decays, and a turnstile that is fair."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

Clock = Callable[[], float]
SHORTEST_STRETCH = 0.02
"""Seconds; what was used in a shorter stretch says little."""


class Timer(Protocol):
    """What `call_later` returns."""

    def cancel(self) -> None:
        """Do not call back."""


CallLater = Callable[[float, Callable[[], object]], Timer]


class TokenBucket:
    """So much at once, and then so much a second."""

    def __init__(self, capacity: float, per_second: float, clock: Clock) -> None:
        self._capacity, self._per_second, self._clock = capacity, per_second, clock
        self._level, self._at = capacity, clock()

    def take(self, amount: float = 1.0, longest: float = float("inf")) -> float | None:
        """Take this much and return the seconds to wait for it; None, and nothing is taken, if that is too long."""
        now = self._clock()
        self._level = min(self._capacity, self._level + (now - self._at) * self._per_second)
        self._at = now
        wait = max(0.0, (amount - self._level) / self._per_second)
        if wait > longest:
            return None
        self._level -= amount
        return wait


class RecentCount:
    """How often something happened lately; each time counts half as much after so many seconds."""

    def __init__(self, half_life: float, clock: Clock) -> None:
        self._half_life, self._clock = half_life, clock
        self._value, self._at = 0.0, clock()

    def add(self) -> None:
        """Count one more."""
        self._value, self._at = self.value() + 1, self._clock()

    def value(self) -> float:
        """Return the count as of now."""
        return float(self._value * 0.5 ** ((self._clock() - self._at) / self._half_life))


Rank = Callable[[], tuple[float, ...]]
"""Says who goes first among those who wait: the smallest. Asked each time when a place becomes free."""


@dataclass(slots=True, eq=False)
class Pass:
    """One place in the turnstile, or the wish for one."""

    entered: asyncio.Future[None]
    ended: asyncio.Future[None]
    rank: Rank
    timer: Timer | None = field(default=None, repr=False)
    looks: int = 0


class Idle:
    """Whether the process did little of late: threads that wait for others need no processor."""

    def __init__(self, share: float, clock: Clock, used: Clock) -> None:
        self._share, self._clock, self._used = share, clock, used
        self._at, self._used_at, self._idle = clock(), used(), True

    def __call__(self) -> bool:
        """Whether less than this share of one processor was used since the last but one question."""
        passed, used = self._clock() - self._at, self._used() - self._used_at
        if passed >= SHORTEST_STRETCH:
            self._at, self._used_at, self._idle = self._at + passed, self._used_at + used, used < self._share * passed
        return self._idle


class Turnstile:
    """Lets so many be inside at once; of those who wait, the lowest rank is next, and of equals who came last.

    (Otherwise many new sockets would be a queue before whoever comes after them.)

    Who is inside is looked at every so often. It gives its place back after so many looks, or at one at which the
    process is idle.
    """

    def __init__(
        self, places: int, look_every: float, most_looks: int, call_later: CallLater, is_idle: Callable[[], bool]
    ) -> None:
        self._free, self._look_every, self._most_looks = places, look_every, most_looks
        self._call_later, self._is_idle = call_later, is_idle
        self._waiting: list[Pass] = []

    def enter(self, rank: Rank) -> Pass:
        """Ask for a place. Await `entered` before going in, and call `leave` in the end, whatever happened."""
        loop = asyncio.get_running_loop()
        ticket = Pass(loop.create_future(), loop.create_future(), rank)
        self._waiting.append(ticket)
        self._admit()
        return ticket

    def leave(self, ticket: Pass) -> None:
        """Give the place back, or stop waiting. A second time changes nothing."""
        if ticket.ended.done():
            return
        ticket.ended.set_result(None)
        if ticket.timer is None:
            self._waiting.remove(ticket)
            return
        ticket.timer.cancel()
        self._free += 1
        self._admit()

    def _admit(self) -> None:
        while self._free and self._waiting:
            ticket = min(reversed(self._waiting), key=lambda each: each.rank())
            self._waiting.remove(ticket)
            self._free -= 1
            self._look_later(ticket)
            if not ticket.entered.done():
                ticket.entered.set_result(None)

    def _look_later(self, ticket: Pass) -> None:
        ticket.timer = self._call_later(self._look_every, partial(self._look, ticket))

    def _look(self, ticket: Pass) -> None:
        ticket.looks += 1
        if ticket.looks >= self._most_looks or self._is_idle():
            self.leave(ticket)
        else:
            self._look_later(ticket)
