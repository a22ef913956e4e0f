"""Markers that follow from what a test needs, so that nobody puts them on by hand.

`browser` and `postgres` are put on by the folders; `fast` is what runs anywhere at once. What is missing on a machine
is a failure, never a skip.
"""

from __future__ import annotations

import pytest

SLOW = {"any_studio", "house", "open_studio", "shaky_database", "studio", "traces"}
"""Fixtures behind which a whole studio works, or something is tried over and over."""
MEASURES = {"process_time", "tracemalloc"}
"""What a test measures time or memory with, for which it does a lot."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as fast what needs neither a browser nor PostgreSQL nor a process of its own, and measures nothing."""
    for item in items:
        if not isinstance(item, pytest.Function):
            continue
        processes = "subprocess" in vars(item.module)
        measures = MEASURES & set(item.function.__code__.co_names)
        marked = {mark.name for mark in item.iter_markers()} & {"browser", "postgres"}
        if not (processes or measures or marked or SLOW & set(item.fixturenames)):
            item.add_marker("fast")
