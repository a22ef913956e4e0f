"""The token bucket, the decaying count and the queue of runs, with a clock that stands until it is moved."""

from __future__ import annotations

import asyncio

import pytest

from tests import loops
from tests.middleware.helpers import Clock
from views.middleware.rate_limits import OLDEST_EVERY, RecentCount, RunQueue, TokenBucket, Waiter

LONGEST = 0.1


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_bucket_gives_much_at_once_and_then_so_much_a_second(clock: Clock) -> None:
    bucket = TokenBucket(3, 2.0, clock)
    assert [bucket.take() for _ in range(5)] == [0, 0, 0, 0.5, 1.0]
    clock.now += 1.0
    assert bucket.take() == 0.5
    clock.now += 1000
    assert [bucket.take() for _ in range(4)] == [0, 0, 0, 0.5]


def test_what_would_take_too_long_takes_nothing_out_of_the_bucket(clock: Clock) -> None:
    bucket = TokenBucket(10, 1.0, clock)
    assert bucket.take(31, longest=20) is None
    assert bucket.take(30, longest=20) == 20
    assert bucket.take(1, longest=20) is None


def test_a_count_fades(clock: Clock) -> None:
    count = RecentCount(5.0, clock)
    count.add()
    count.add()
    clock.now += 5
    assert count.value() == 1
    clock.now += 500
    assert count.value() < 1e-9


def queue(clock: Clock, places: int = 1) -> RunQueue:
    return RunQueue(places, LONGEST, clock.call_later)


def acquired(runs: RunQueue, *rank: float) -> Waiter:
    return runs.acquire(lambda: rank)


def running(*waiters: Waiter) -> list[bool]:
    return [waiter.started.is_set() and not waiter.released.is_set() for waiter in waiters]


def test_only_so_many_run_at_once(clock: Clock) -> None:
    runs = queue(clock, places=2)
    first, second, third = (acquired(runs) for _ in range(3))
    assert running(first, second, third) == [True, True, False]
    runs.release(second)
    runs.release(second)  # changes nothing
    assert running(first, second, third) == [True, False, True]
    fourth = acquired(runs)
    assert running(first, third, fourth) == [True, True, False]


def order_of(runs: RunQueue, holder: Waiter, waiting: dict[str, Waiter]) -> list[str]:
    order = []
    while waiting:
        runs.release(holder)
        name = next(each for each, waiter in waiting.items() if waiter.started.is_set())
        order.append(name)
        holder = waiting.pop(name)
    return order


def test_the_lowest_rank_is_next_and_of_equals_the_first(clock: Clock) -> None:
    runs = queue(clock)
    holder = acquired(runs)
    ranks = {"known": (0, 0), "many": (1, 7), "one": (1, 0), "other": (1, 0)}
    waiting = {name: acquired(runs, *rank) for name, rank in reversed(ranks.items())}
    assert order_of(runs, holder, waiting)[:2] == ["known", "other"]


def test_whoever_goes_before_others_leaves_them_a_quarter(clock: Clock) -> None:
    runs = queue(clock)
    holder = acquired(runs)
    waiting = {"stranger": acquired(runs, 1)} | {f"known {number}": acquired(runs, 0) for number in range(20)}
    assert order_of(runs, holder, waiting).index("stranger") < OLDEST_EVERY


def test_a_place_is_free_again_after_the_longest_time(clock: Clock) -> None:
    runs = queue(clock)
    first, second = acquired(runs), acquired(runs)
    clock.pass_by(LONGEST * 0.9)
    assert running(first, second) == [True, False]
    clock.pass_by(LONGEST * 0.2)
    assert running(first, second) == [False, True]


def test_who_stops_waiting_does_not_start(clock: Clock) -> None:
    runs = queue(clock)
    first, second, third = (acquired(runs) for _ in range(3))
    runs.release(third)
    runs.release(first)
    assert running(first, second, third) == [False, True, False]


def test_whoever_gives_up_waiting_for_a_run_does_not_keep_its_place(clock: Clock) -> None:
    async def play() -> None:
        runs = queue(clock)
        first, second = acquired(runs), acquired(runs)
        for event in (first.released, second.started):
            task = asyncio.create_task(event.wait())
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        runs.release(first)
        assert running(first, second) == [False, True]

    loops.run(play())
