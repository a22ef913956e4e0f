"""Markers that follow from what a test needs, so that nobody puts them on by hand.

`browser` and `postgres` are put on by the folders; `fast` is what runs anywhere at once. What is missing on a machine
is a failure, never a skip.

With NO_SKIPS, as in CI, the property-based tests try the same examples each time; without it new ones, so that what
they find is found before.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable, Iterator
from types import CodeType, ModuleType

import hypothesis
import pytest

if os.environ.get("NO_SKIPS"):
    hypothesis.settings.load_profile("ci")  # hypothesis' own; it has no deadline for an example either

SLOW = {"any_studio", "deployment", "open_studio", "shaky_database", "studio", "traces"}
"""Fixtures behind which a whole studio works, or something is tried over and over."""
NOT_AT_ONCE = {"Studio", "process_time", "subprocess", "tracemalloc"}
"""What a test names if it makes a whole studio, starts a process, or measures time or memory, for which it does a
lot."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as fast what needs neither a browser nor PostgreSQL nor a process of its own, and measures nothing."""
    for item in items:
        if not isinstance(item, pytest.Function):
            continue
        needs = {mark.name for mark in item.iter_markers()} & {"browser", "postgres"}
        used = set(names_used(item.module, [item.originalname, *item.fixturenames]))
        if not (needs or SLOW & set(item.fixturenames) or NOT_AT_ONCE & used):
            item.add_marker("fast")


def names_used(module: ModuleType, names: Iterable[str]) -> Iterator[str]:
    """Yield the names that functions, fixtures and classes of a module use, and what those that they name use."""
    seen, left = set(names), list(names)
    while left:
        name = left.pop()
        yield name
        for code in code_of(module, vars(module).get(name)):
            left += set(code.co_names) - seen
            seen |= set(code.co_names)


def code_of(module: ModuleType, thing: object) -> Iterator[CodeType]:
    """Yield the code of a function, fixture or class that the module defines, with all that is written inside it."""
    thing = inspect.unwrap(thing) if callable(thing) else thing
    if getattr(thing, "__module__", None) != module.__name__:
        return
    if inspect.isclass(thing):
        for member in vars(thing).values():
            yield from code_of(module, member)
    if inspect.isfunction(thing):
        inside = [thing.__code__]
        while inside:
            code = inside.pop()
            yield code
            inside += [each for each in code.co_consts if isinstance(each, CodeType)]
