"""Coroutines in tests: each in an event loop of its own, in a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")
LONG = 60.0
"""Seconds after which a coroutine is given up."""


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine. Not in this thread, because Playwright may have a loop in it."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(asyncio.wait_for(coroutine, LONG))).result()
