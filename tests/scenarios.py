"""The songs of the stand-in KIE, by their keys."""

from __future__ import annotations

from sandbox import SCENARIOS, Scenario
from sandbox.scenarios import Task

BY_KEY = {each.key: each for each in SCENARIOS}


def scenario(key: str) -> Scenario:
    """Return the scenario of a key."""
    return BY_KEY[key]


def task_of(each: Scenario | str) -> Task:
    """Return the task of a scenario that has one, or of its key."""
    task = (BY_KEY[each] if isinstance(each, str) else each).task
    assert task is not None
    return task
