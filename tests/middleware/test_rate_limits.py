"""The token bucket, the decaying count and the turnstile, with a clock that stands until it is moved."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests import loops
from views.middleware.rate_limits import Idle, Pass, RecentCount, TokenBucket, Turnstile

LOOK_EVERY, MOST_LOOKS = 0.05, 5


class Clock:
    """A clock, and what is to be called later by it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.calls: list[_Call] = []

    def __call__(self) -> float:
        return self.now

    def call_later(self, seconds: float, callback: Callable[[], object]) -> _Call:
        self.calls.append(_Call(self.now + seconds, callback))
        return self.calls[-1]

    def pass_by(self, seconds: float) -> None:
        until = self.now + seconds
        while due := sorted((call for call in self.calls if call.at <= until), key=lambda call: call.at):
            self.calls.remove(due[0])
            self.now = due[0].at
            if not due[0].cancelled:
                due[0].callback()
        self.now = until


class _Call:
    def __init__(self, at: float, callback: Callable[[], object]) -> None:
        self.at, self.callback, self.cancelled = at, callback, False

    def cancel(self) -> None:
        self.cancelled = True


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


def test_a_process_is_idle_if_it_used_little_of_a_processor(clock: Clock) -> None:
    used = Clock()
    idle = Idle(0.5, clock, used)
    for more, expected in ((0.01, True), (0.09, False), (0.04, True)):
        clock.now += 0.1
        used.now += more
        assert idle() is expected
    clock.now += 0.001
    used.now += 0.001
    assert idle()  # too short a stretch: as before


def turnstile(clock: Clock, places: int = 1, is_idle: bool = False) -> Turnstile:
    return Turnstile(places, LOOK_EVERY, MOST_LOOKS, clock.call_later, lambda: is_idle)


def inside(*tickets: Pass) -> list[bool]:
    return [ticket.entered.done() and not ticket.ended.done() for ticket in tickets]


def test_only_so_many_are_inside_at_once(clock: Clock) -> None:
    async def play() -> None:
        gate = turnstile(clock, places=2)
        first, second, third = (gate.enter(lambda: (0.0,)) for _ in range(3))
        assert inside(first, second, third) == [True, True, False]
        gate.leave(second)
        gate.leave(second)  # changes nothing
        assert inside(first, second, third) == [True, False, True]
        fourth = gate.enter(lambda: (0.0,))
        assert inside(first, third, fourth) == [True, True, False]

    loops.run(play())


def test_who_asked_least_of_late_goes_first_and_of_equals_who_came_last(clock: Clock) -> None:
    async def play() -> None:
        gate = turnstile(clock)
        asked = {"flood": 50.0, "new": 0.0, "newer": 0.0}
        holder = gate.enter(lambda: (0.0,))
        waiting = {name: gate.enter(lambda name=name: (asked[name],)) for name in asked}  # type: ignore[misc]
        order = []
        while waiting:
            gate.leave(holder)
            name = next(each for each, ticket in waiting.items() if ticket.entered.done())
            order.append(name)
            holder = waiting.pop(name)
        assert order == ["newer", "new", "flood"]

    loops.run(play())


def test_a_place_is_given_back_after_the_longest_time(clock: Clock) -> None:
    async def play() -> None:
        gate = turnstile(clock)
        first, second = (gate.enter(lambda: (0.0,)) for _ in range(2))
        clock.pass_by(LOOK_EVERY * (MOST_LOOKS - 0.5))
        assert inside(first, second) == [True, False]
        clock.pass_by(LOOK_EVERY)
        assert inside(first, second) == [False, True]

    loops.run(play())


def test_a_place_is_given_back_at_once_while_the_process_is_idle(clock: Clock) -> None:
    async def play() -> None:
        gate = turnstile(clock, is_idle=True)
        first, second = (gate.enter(lambda: (0.0,)) for _ in range(2))
        clock.pass_by(LOOK_EVERY * 1.5)
        assert inside(first, second) == [False, True]

    loops.run(play())


def test_who_stops_waiting_is_not_let_in(clock: Clock) -> None:
    async def play() -> None:
        gate = turnstile(clock)
        first, second, third = (gate.enter(lambda: (0.0,)) for _ in range(3))
        gate.leave(third)
        gate.leave(first)
        assert inside(first, second, third) == [False, True, False]

    loops.run(play())
