"""Waiting for a condition, with a deadline: the one place where tests poll."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def a_moment() -> None:
    """Let others have the processor."""
    time.sleep(0.01)


def eventually(
    condition: Callable[[], T | None],
    seconds: float = 10,
    instead: Callable[[], object] = lambda: "",
    pause: Callable[[], object] = a_moment,
) -> T:
    """Return the first true value of the condition; fail with what is `instead` if there is none within so many
    seconds."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"it did not happen in time: {instead()}"
        pause()
    return value
