"""Who waits for which attempts, and who is told when one of them changed. No database, no pages.

Whoever waits says in which state it has seen its attempts, and is told once when one of them is in another: at once if
this process changed it (`tell`), within a second if another server did. One thread looks for that, for all that wait
together, and only while somebody waits. That looking fails, or succeeds again, is told as a change is.
"""

from __future__ import annotations

import asyncio
import logging
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0
"""Seconds between two looks."""
LONGEST_PAUSE = 15.0
"""Seconds between two looks while they fail; the pause doubles up to here."""
MOST_ATTEMPTS = 500
"""Attempts that one may wait for."""
MOST_SUBSCRIPTIONS = 2000
"""Who may wait at the same time."""
PACE, OF_EACH, SLOWEST = 1.0, 0.03, 10.0
"""Seconds for which changes are gathered, what each that waits adds, and the most. All lists take 0.2 of a core."""


class TooMany(RuntimeError):
    """Too many wait, or for too much, or this process is ending."""


class Subscription:
    """One that waits, in the event loop that it subscribed from. Close it when nobody waits any more."""

    def __init__(
        self, seen: Mapping[str, object], gathers: bool, sees_trouble: bool, close: Callable[[Subscription], None]
    ) -> None:
        self.seen = seen
        """The state of each attempt, as whoever waits has seen it."""
        self.gathers = gathers
        """Whether it is told some time later of all that has changed by then."""
        self.sees_trouble = sees_trouble
        """Whether whoever waits has seen that looking fails."""
        self.changed = False
        """Whether there is something new to see."""
        self._close = close
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()

    async def wait(self, seconds: float) -> bool:
        """Wait until it is over, because of a change or of the end, and say whether it is; at most so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._over.wait()
        return self._over.is_set()

    def close(self) -> None:
        """Wait no more."""
        self._close(self)

    def _end(self, after: float = 0.0) -> None:
        with suppress(RuntimeError):  # the loop is closed
            if after:
                self._loop.call_soon_threadsafe(self._loop.call_later, after, self._over.set)
            else:
                self._loop.call_soon_threadsafe(self._over.set)


class ChangeNotifier:
    """The changes that this process hears of. Safe for many threads.

    `look` returns the state of each of these attempts, in anything that can be compared; one that is gone is absent.
    """

    def __init__(self, look: Callable[[Sequence[str]], Mapping[str, object]], look_every: float = LOOK_EVERY) -> None:
        self._look = look
        self._look_every = look_every
        self._condition = threading.Condition()
        self._waiting: dict[str, Subscription] = {}
        self._watcher: threading.Thread | None = None
        self._look_now = False
        self._pause = look_every
        self._closed = False

    def subscribe(
        self, key: str, seen: Mapping[str, object], *, gathers: bool = False, sees_trouble: bool = False
    ) -> Subscription:
        """Wait for a change of any of these attempts, seen in these states; from a running event loop.

        With `gathers` it is told some time later of all that has changed by then: the more wait, the later.
        `sees_trouble` says whether whoever waits was told that looking fails; if that is not so any more, or now is,
        that is a change too.
        What changed before is told at once. An older subscription with the same key ends. Raises `TooMany`.
        """
        subscription = Subscription(seen, gathers, sees_trouble, self._forget)
        with self._condition:
            self._end(key)
            if self._closed or len(seen) > MOST_ATTEMPTS or len(self._waiting) >= MOST_SUBSCRIPTIONS:
                raise TooMany
            self._waiting[key] = subscription
            self._look_now = True
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._watch, name="changes", daemon=True)
                self._watcher.start()
            self._condition.notify_all()
        return subscription

    def notify(self, attempt_id: str) -> None:
        """Tell whoever waits for this attempt that it has changed."""
        with self._condition:
            for key in [key for key, waiting in self._waiting.items() if attempt_id in waiting.seen]:
                self._end(key, changed=True)

    def close(self) -> None:
        """End all waiting, and let nobody wait any more."""
        with self._condition:
            self._closed = True
            for key in list(self._waiting):
                self._end(key)

    def _forget(self, subscription: Subscription) -> None:
        with self._condition:
            for key in [key for key, waiting in self._waiting.items() if waiting is subscription]:
                self._end(key)

    def _end(self, key: str, changed: bool = False) -> None:
        waiting = self._waiting.get(key)
        if waiting is not None and waiting.gathers and changed:  # it stays among those who wait until it is told
            if not waiting.changed:
                waiting.changed = True
                pace = min(max(PACE, OF_EACH * len(self._waiting)), SLOWEST)
                waiting._end(after=pace * random.uniform(0.5, 1.0))
            return
        subscription = self._waiting.pop(key, None)
        if subscription is not None:
            subscription.changed = changed
            subscription._end()
            self._condition.notify_all()

    def _watch(self) -> None:
        while True:
            with self._condition:
                if not self._waiting:
                    self._watcher = None
                    return
                waiting = dict(self._waiting)
                self._look_now = False
            now: Mapping[str, object] | None = None
            try:
                now = self._look(sorted({attempt_id for each in waiting.values() for attempt_id in each.seen}))
            except Exception as error:  # noqa: BLE001  # a database that is stopped; the pages wait on
                if self._pause == self._look_every:
                    log.warning("Nobody can be told of changes now, it is tried again: %s", type(error).__name__)
                self._pause = min(self._pause * 2, max(LONGEST_PAUSE, 2 * self._look_every))
            else:
                self._pause = self._look_every
            with self._condition:
                for key, each in waiting.items():
                    changed = each.sees_trouble is not (now is None) or (
                        now is not None and any(now.get(attempt_id) != state for attempt_id, state in each.seen.items())
                    )
                    if changed and self._waiting.get(key) is each:
                        self._end(key, changed=True)
                if self._pause == self._look_every:
                    self._condition.wait_for(lambda: not self._waiting or self._look_now, self._pause)
                else:  # a database in trouble is not asked more often because more people come
                    self._condition.wait_for(lambda: not self._waiting, self._pause)
