"""Limits that know neither HTTP nor sockets: a token bucket, a count that decays, and a queue for a few places."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

Clock = Callable[[], float]
OLDEST_EVERY = 4
"""Of so many that start in a `RunQueue`, one is who has waited longest."""


class Timer(Protocol):
    """What `call_later` returns."""

    def cancel(self) -> None:
        """Do not call back."""


CallLater = Callable[[float, Callable[[], object]], Timer]


def call_later(seconds: float, callback: Callable[[], object]) -> Timer:
    """Call back later, by the clock of the loop that runs."""
    return asyncio.get_running_loop().call_later(seconds, callback)


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
"""Says who is next: the lowest. Asked each time when a place becomes free."""


@dataclass(slots=True, eq=False)
class Waiter:
    """One place in the queue, and then among those that run."""

    rank: Rank
    started: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    timer: Timer | None = field(default=None, repr=False)


class RunQueue:
    """A semaphore of so many places. The lowest rank is next; every fourth time it is who has waited longest.

    So nobody waits for ever, and whoever goes before the others leaves them a quarter. A place that is not released is
    free again after so many seconds all the same.
    """

    def __init__(self, places: int, longest: float, later: CallLater = call_later) -> None:
        self._free, self._longest, self._later = places, longest, later
        self._waiting: list[Waiter] = []
        self._started = 0

    def acquire(self, rank: Rank) -> Waiter:
        """Ask for a place. Wait for `started` before using it, and call `release` in the end, whatever happened."""
        waiter = Waiter(rank)
        self._waiting.append(waiter)
        self._start()
        return waiter

    def release(self, waiter: Waiter) -> None:
        """Give the place back, or stop waiting. A second time changes nothing."""
        if waiter.released.is_set():
            return
        waiter.released.set()
        if waiter.timer is None:
            self._waiting.remove(waiter)
        else:
            waiter.timer.cancel()
            self._free += 1
            self._start()

    def _start(self) -> None:
        while self._free and self._waiting:
            self._started += 1
            oldest = self._started % OLDEST_EVERY == 0
            waiter = self._waiting[0] if oldest else min(self._waiting, key=lambda each: each.rank())
            self._waiting.remove(waiter)
            self._free -= 1
            waiter.timer = self._later(self._longest, partial(self.release, waiter))
            waiter.started.set()
