"""Notifies whoever waits for attempts that one of them changed. Knows no database and no pages.

A subscriber says in which states it has seen its attempts, and is notified once when one of them is in another: at once
if this process changed it (`notify`), within a second if another process did. One thread polls the states for all
subscribers together, while there are any. A subscriber is also notified when polling fails, or succeeds again.
"""

from __future__ import annotations

import asyncio
import logging
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

log = logging.getLogger(__name__)

POLL_EVERY = 1.0
"""Seconds between two polls of the states."""
LONGEST_PAUSE = 15.0
"""Seconds between two polls while they fail, at most; the pause doubles up to this."""
MOST_ATTEMPTS = 500
"""Attempts of one subscription."""
MOST_SUBSCRIPTIONS = 2000
"""Subscriptions at the same time."""
PACE, OF_EACH, SLOWEST = 1.0, 0.03, 10.0
"""Seconds for which changes are gathered: the least, for each subscription, the most. Lists take 0.2 of a core so."""


class TooMany(RuntimeError):
    """Too many subscriptions, or too many attempts in one, or this process is ending."""


class Subscription:
    """One subscriber, in the event loop that it subscribed from. Whoever made it closes it."""

    def __init__(
        self, seen: Mapping[str, object], gathers: bool, sees_trouble: bool, close: Callable[[Subscription], None]
    ) -> None:
        self.seen = seen
        """The state in which the subscriber has seen each attempt."""
        self.gathers = gathers
        """Whether it is notified some time after the first change, of all changes until then."""
        self.sees_trouble = sees_trouble
        """Whether the subscriber was told that polling fails."""
        self.changed = False
        """Whether it ended because of a change."""
        self._close = close
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()

    async def wait(self, seconds: float) -> bool:
        """Wait for a change or the end, at most so many seconds; return whether there was one."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._over.wait()
        return self._over.is_set()

    def close(self) -> None:
        """End the subscription."""
        self._close(self)

    def _end(self, after: float = 0.0) -> None:
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._loop.call_later, after, self._over.set)


class ChangeNotifier:
    """The subscriptions of this process. Safe for many threads.

    `read_states` returns the states of attempts by ID, as values that can be compared; an erased attempt is absent.
    """

    def __init__(
        self, read_states: Callable[[Sequence[str]], Mapping[str, object]], poll_every: float = POLL_EVERY
    ) -> None:
        self._read_states = read_states
        self._poll_every = poll_every
        self._condition = threading.Condition()
        self._waiting: dict[str, Subscription] = {}
        self._watcher: threading.Thread | None = None
        self._poll_now = False
        self._pause = poll_every
        self._closed = False

    def subscribe(
        self, key: str, seen: Mapping[str, object], *, gathers: bool = False, sees_trouble: bool = False
    ) -> Subscription:
        """Subscribe to changes of these attempts, seen in these states; from a running event loop. Raises `TooMany`.

        What has changed already notifies at once. With `gathers`, the notification comes some time after the first
        change: the more subscriptions, the later. `sees_trouble` says whether the subscriber was told that polling
        fails; it is notified when that is otherwise. An older subscription with the same key ends.
        """
        subscription = Subscription(seen, gathers, sees_trouble, self._remove)
        with self._condition:
            self._end(key)
            if self._closed or len(seen) > MOST_ATTEMPTS or len(self._waiting) >= MOST_SUBSCRIPTIONS:
                raise TooMany
            self._waiting[key] = subscription
            self._poll_now = True
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._watch, name="changes", daemon=True)
                self._watcher.start()
            self._condition.notify_all()
        return subscription

    def notify(self, attempt_id: str) -> None:
        """Notify the subscribers of this attempt that it has changed."""
        with self._condition:
            for key in [key for key, waiting in self._waiting.items() if attempt_id in waiting.seen]:
                self._end(key, changed=True)

    def close(self) -> None:
        """End all subscriptions, and allow no more."""
        with self._condition:
            self._closed = True
            for key in list(self._waiting):
                self._end(key)

    def _remove(self, subscription: Subscription) -> None:
        with self._condition:
            for key in [key for key, waiting in self._waiting.items() if waiting is subscription]:
                self._end(key)

    def _end(self, key: str, changed: bool = False) -> None:
        waiting = self._waiting.get(key)
        if waiting is not None and waiting.gathers and changed:  # it stays until it is notified
            if not waiting.changed:
                waiting.changed = True
                pace = min(max(PACE, OF_EACH * len(self._waiting)), SLOWEST)
                waiting._end(after=pace * random.uniform(0.5, 1.0))
        elif waiting is not None:
            del self._waiting[key]
            waiting.changed = changed
            waiting._end()
            self._condition.notify_all()

    def _watch(self) -> None:
        while True:
            with self._condition:
                if not self._waiting:
                    self._watcher = None
                    return
                waiting = dict(self._waiting)
                self._poll_now = False
            now: Mapping[str, object] | None = None
            try:
                now = self._read_states(sorted({attempt_id for each in waiting.values() for attempt_id in each.seen}))
            except Exception as error:  # noqa: BLE001  # a database that is stopped; the subscribers stay
                if self._pause == self._poll_every:
                    log.warning("Nobody can be told of changes now, it is tried again: %s", type(error).__name__)
                self._pause = min(self._pause * 2, max(LONGEST_PAUSE, 2 * self._poll_every))
            else:
                self._pause = self._poll_every
            with self._condition:
                for key, each in waiting.items():
                    changed = each.sees_trouble is not (now is None) or (
                        now is not None and any(now.get(attempt_id) != state for attempt_id, state in each.seen.items())
                    )
                    if changed and self._waiting.get(key) is each:
                        self._end(key, changed=True)
                if self._pause == self._poll_every:
                    self._condition.wait_for(lambda: not self._waiting or self._poll_now, self._pause)
                else:  # new subscribers do not make it poll a failing database more often
                    self._condition.wait_for(lambda: not self._waiting, self._pause)
