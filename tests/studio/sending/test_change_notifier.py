"""Who is told of a change, when, and at what cost. No test sleeps: the pauses between polls are part of the record."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress

import pytest

from sandbox import Server
from studio.facade import Studio
from studio.people.token_store import Account
from studio.sending import change_notifier
from studio.sending.change_notifier import ChangeNotifier, Subscription, TooMany
from tests import loops
from tests.polling import eventually
from tests.studio.helpers import Disk, ended, press, unsaved

LONG = 20.0
"""Seconds in which everything here has happened."""


class Database:
    """States that can be set, how often they were asked for, and trouble that can be made."""

    def __init__(self, **states: object) -> None:
        self.states = states
        self.asked: list[Sequence[str]] = []
        self.stopped = False

    def __call__(self, ids: Sequence[str]) -> Mapping[str, object]:
        self.asked.append(ids)
        if self.stopped:
            raise OSError("stopped")
        return {each: self.states[each] for each in ids if each in self.states}


class Paced(ChangeNotifier):
    """A notifier that polls as fast as it can, and notes how long it would have paused."""

    def __init__(self, states: Callable[[Sequence[str]], Mapping[str, object]]) -> None:
        super().__init__(states)
        self.pauses: list[float] = []
        wait_for = self._condition.wait_for

        def wait(predicate: Callable[[], object], timeout: float) -> object:
            self.pauses.append(timeout)
            return wait_for(predicate, 0.001)

        self._condition.wait_for = wait  # type: ignore[method-assign,assignment]  # a wait that takes no time


@pytest.fixture
def database() -> Database:
    return Database(a="sending", b="sending")


@pytest.fixture
def slow(database: Database) -> Iterator[ChangeNotifier]:
    """A notifier that polls again only when somebody subscribes."""
    made = ChangeNotifier(database, poll_every=3600)
    yield made
    made.close()


@pytest.fixture
def paced(database: Database) -> Iterator[Paced]:
    made = Paced(database)
    yield made
    made.close()


async def meanwhile(condition: Callable[[], object]) -> None:
    """Let others go on until the condition holds."""
    while not condition():
        await asyncio.sleep(0.001)


def test_a_change_of_this_process_is_told_at_once_from_whatever_thread(slow: ChangeNotifier) -> None:
    async def scene() -> None:
        waiting = slow.subscribe("one", {"a": "sending"})
        threading.Thread(target=slow.notify, args=("a",)).start()
        assert await waiting.wait(LONG)
        assert waiting.changed

    loops.run(scene())


def test_a_change_of_another_attempt_is_not_told(slow: ChangeNotifier) -> None:
    async def scene() -> None:
        waiting = slow.subscribe("one", {"a": "sending"})
        slow.notify("b")
        assert not await waiting.wait(0)

    loops.run(scene())


@pytest.mark.parametrize("seen", [{"a": "queued"}, {"a": "sending", "gone": "sending"}])
def test_what_changed_between_drawing_and_coming_is_told_at_once(slow: ChangeNotifier, seen: dict[str, object]) -> None:
    async def scene() -> None:
        waiting = slow.subscribe("one", seen)
        assert await waiting.wait(LONG)
        assert waiting.changed

    loops.run(scene())


def test_a_change_of_another_server_is_found_by_one_question_for_all(paced: Paced, database: Database) -> None:
    async def scene() -> None:
        one, two = paced.subscribe("one", {"a": "sending"}), paced.subscribe("two", {"a": "sending", "b": "sending"})
        await meanwhile(lambda: ["a", "b"] in database.asked)
        database.states["b"] = "created"
        assert await two.wait(LONG)
        assert not one.changed
        assert set(paced.pauses) == {change_notifier.POLL_EVERY}

    loops.run(scene())


def test_what_did_not_change_is_not_told_however_often_it_is_polled(paced: Paced, database: Database) -> None:
    async def scene() -> None:
        waiting = paced.subscribe("one", {"a": "sending"})
        await meanwhile(lambda: len(database.asked) > 5)
        assert not await waiting.wait(0)

    loops.run(scene())


def test_one_thread_watches_for_all_and_only_while_somebody_waits(paced: Paced) -> None:
    async def scene() -> None:
        before = set(threading.enumerate())
        waiting = [paced.subscribe(str(number), {"a": "sending"}) for number in range(100)]
        [watcher] = set(threading.enumerate()) - before
        for each in waiting:
            each.close()
        await meanwhile(lambda: not watcher.is_alive())
        other = paced.subscribe("again", {"a": "sending"})
        paced.notify("a")
        assert await other.wait(LONG)

    loops.run(scene())


def test_a_stopped_database_is_asked_less_and_less_whoever_comes_and_is_heard_of_once(
    paced: Paced, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        database.stopped = True
        told = paced.subscribe("one", {"a": "sending"})
        assert await told.wait(LONG)
        assert told.changed
        waiting = paced.subscribe("one", {"a": "sending"}, sees_trouble=True)
        await meanwhile(lambda: len(paced.pauses) > 5)
        paced.subscribe("two", {"a": "sending"}, sees_trouble=True)
        assert paced.pauses[:5] == [2.0, 4.0, 8.0, change_notifier.LONGEST_PAUSE, change_notifier.LONGEST_PAUSE]
        assert not await waiting.wait(0)
        assert [record.levelno for record in caplog.records if record.name == "studio.sending.change_notifier"] == [
            logging.WARNING
        ]
        database.stopped = False
        assert await waiting.wait(LONG)  # that it answers again
        assert waiting.changed

    loops.run(scene())


def test_this_process_tells_also_while_the_database_is_stopped(slow: ChangeNotifier, database: Database) -> None:
    async def scene() -> None:
        database.stopped = True
        waiting = slow.subscribe("one", {"a": "sending"})
        slow.notify("a")
        assert await waiting.wait(LONG)

    loops.run(scene())


def test_who_comes_while_a_stopped_database_is_left_alone_does_not_wake_it(
    slow: ChangeNotifier, database: Database
) -> None:
    async def scene() -> None:
        database.stopped = True
        await slow.subscribe("one", {"a": "sending"}).wait(LONG)
        slow.subscribe("one", {"a": "sending"}, sees_trouble=True)
        await meanwhile(lambda: len(database.asked) == 2)
        for number in range(50):
            slow.subscribe(f"other {number}", {"a": "sending"})
        with suppress(TimeoutError):
            await asyncio.wait_for(meanwhile(lambda: len(database.asked) > 2), 0.2)
        assert len(database.asked) == 2

    loops.run(scene())


def test_the_same_key_again_ends_the_older_one_without_a_change(slow: ChangeNotifier) -> None:
    async def scene() -> None:
        old, new = (slow.subscribe("one", {"a": "sending"}) for _ in range(2))
        assert await old.wait(LONG)
        assert not old.changed
        old.close()  # when its connection is noticed to be gone
        slow.notify("a")
        assert await new.wait(LONG)
        assert new.changed

    loops.run(scene())


def test_too_many_or_too_much_is_refused(slow: ChangeNotifier, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        with pytest.raises(TooMany):
            slow.subscribe("one", dict.fromkeys(map(str, range(change_notifier.MOST_ATTEMPTS + 1)), ""))
        monkeypatch.setattr(change_notifier, "MOST_SUBSCRIPTIONS", 2)
        first, _ = (slow.subscribe(key, {"a": "sending"}) for key in "xy")
        with pytest.raises(TooMany):
            slow.subscribe("z", {"a": "sending"})
        first.close()
        slow.subscribe("z", {"a": "sending"})

    loops.run(scene())


def test_the_end_ends_all_waiting_and_lets_nobody_wait_any_more(slow: ChangeNotifier) -> None:
    async def scene() -> None:
        waiting = [slow.subscribe(key, {"a": "sending"}) for key in "xyz"]
        slow.close()
        assert [(await each.wait(LONG), each.changed) for each in waiting] == [(True, False)] * 3
        with pytest.raises(TooMany):
            slow.subscribe("late", {"a": "sending"})
        slow.notify("a")

    loops.run(scene())


def test_a_loop_that_has_ended_does_no_harm(slow: ChangeNotifier) -> None:
    left: list[Subscription] = []

    async def scene() -> None:
        left.append(slow.subscribe("one", {"a": "sending"}))

    loops.run(scene())
    slow.notify("a")
    assert left[0].changed


def test_each_step_of_an_attempt_is_told_to_who_saw_the_one_before(
    studio: Studio, account: Account, server: Server, token: str
) -> None:
    async def scene() -> None:
        server.sandbox.fault("delay", token=token, seconds=0.2)
        attempt = press(studio, account)
        while attempt.in_flight:
            waiting = studio.changes.subscribe("page", {attempt.id: attempt.state})
            assert await waiting.wait(LONG)
            now = studio.attempt(account, attempt.id)
            assert now is not None
            attempt = now

    loops.run(scene())


def test_an_outcome_that_cannot_be_written_is_told_too(studio: Studio, account: Account, disk: Disk) -> None:
    attempt = unsaved(studio, account, press(studio, account))
    assert studio._states([attempt.id]) == {attempt.id: attempt.state}
    disk.full = False
    attempt = ended(studio, account, attempt)
    assert studio._states([attempt.id]) == {attempt.id: attempt.state}


def test_a_pause_looks_the_same_to_a_page_and_to_who_watches(
    studio: Studio, account: Account, server: Server, token: str
) -> None:
    server.sandbox.fault("status", token=token, status=429, code=429, retry_after=1)
    attempt = press(studio, account)

    def paused() -> bool:
        now = studio.attempt(account, attempt.id)
        return now is not None and now.wait_until is not None and studio._states([now.id]) == {now.id: now.state}

    eventually(paused)
    ended(studio, account, attempt)


def test_a_boost_is_told_too(studio: Studio, account: Account, server: Server, token: str) -> None:
    async def scene() -> None:
        server.sandbox.fault("delay", path="/api/v1/style/generate", token=token, seconds=0.2)
        boost = studio.start_boost(account, "warm folk")
        waiting = studio.changes.subscribe("page", {boost.id: boost.state})
        assert await waiting.wait(LONG)
        now = studio.attempt(account, boost.id)
        assert now is not None
        assert now.state != boost.state

    loops.run(scene())


def test_a_list_is_told_later_and_the_end_does_not_wait_for_that(slow: ChangeNotifier) -> None:
    async def scene() -> None:
        soon, later = slow.subscribe("one", {"a": "sending"}), slow.subscribe("list", {"a": "sending"}, gathers=True)
        slow.notify("a")
        slow.notify("a")
        assert await soon.wait(LONG)
        assert not await later.wait(0)
        slow.close()
        assert await later.wait(LONG)
        assert not later.changed

    loops.run(scene())


def test_a_list_hears_of_a_change_in_the_end(slow: ChangeNotifier, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        monkeypatch.setattr(change_notifier, "PACE", 0.001)
        monkeypatch.setattr(change_notifier, "OF_EACH", 0.001)
        waiting = slow.subscribe("list", {"a": "sending"}, gathers=True)
        slow.notify("a")
        assert await waiting.wait(LONG)
        assert waiting.changed

    loops.run(scene())


def test_who_still_says_that_it_fails_is_told_that_it_does_not(slow: ChangeNotifier) -> None:
    async def scene() -> None:
        waiting = slow.subscribe("one", {"a": "sending"}, sees_trouble=True)
        assert await waiting.wait(LONG)
        assert waiting.changed

    loops.run(scene())
