"""Limits that know neither HTTP nor sockets: a token bucket, a count that decays, and a turnstile that is fair."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

Clock = Callable[[], float]


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
    """One place in the turnstile, until `leave` or the longest time is over."""

    entered: asyncio.Future[None]
    ended: asyncio.Future[None]
    rank: Rank
    timer: Timer | None = field(default=None, repr=False)


class Turnstile:
    """Lets at most so many be inside at once, each for at most so many seconds; of those who wait, the lowest rank."""

    def __init__(self, places: int, longest: float, call_later: CallLater) -> None:
        self._free, self._longest, self._call_later = places, longest, call_later
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
            ticket = min(self._waiting, key=lambda each: each.rank())
            self._waiting.remove(ticket)
            self._free -= 1
            ticket.timer = self._call_later(self._longest, lambda inside=ticket: self.leave(inside))  # type: ignore[misc]
            if not ticket.entered.done():
                ticket.entered.set_result(None)
