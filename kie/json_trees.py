"""Finding values in KIE's JSON by name, in whatever spelling, depth and wrapping. Imported when first needed.

The same value is `audioUrl` in one answer and `audio_url` in another, and JSON stands in texts inside JSON. So names
are compared in lower case and without "_", and a text that is a JSON object or list is read as one.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from kie.json_values import read_text
from kie.persona import MAX_ID

MOST_VALUES = 20_000
"""Values of one answer that are looked at; a real one has a few hundred."""
MOST_TEXTS = 50
"""Texts of one answer that are read as JSON."""

NOT_OWN = ("param", "input", "request", "music", "sunodata", "track", "take", "clip", "song", "source")
"""Beginnings of names under which an answer repeats the request, or tells of the song: IDs there are not its own."""


def plain_name(name: object) -> str:
    """Return a name as it is compared: "audioUrl" and "audio_url" are both "audiourl"."""
    return str(name).replace("_", "").lower()


def as_json(value: object) -> Any:
    """Return what a text holds if it is a JSON object or list, also if it is encoded twice; else the value itself."""
    for _ in range(3):
        if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "[", '"'):
            return value
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def as_object(value: object) -> Mapping[str, Any]:
    """Return a JSON object with its names as they are compared; an empty one for anything else.

    Of two spellings of a name, the one with a value counts.
    """
    value = as_json(value)
    found: dict[str, Any] = {}
    for name, content in value.items() if isinstance(value, Mapping) else ():
        if found.get(plain_name(name)) in (None, "", [], {}):
            found[plain_name(name)] = content
    return found


def named(value: object, *names: str, own: bool = False) -> Iterator[Any]:
    """Yield every value under one of these names (as they are compared), the ones nearest to the top first.

    With `own`, what stands under a name of `NOT_OWN` is not searched.
    """
    waiting, texts = deque([as_json(value)]), 0
    for _ in range(MOST_VALUES):
        if not waiting:
            return
        each = waiting.popleft()
        if isinstance(each, str) and each.lstrip()[:1] in ("{", "[") and texts < MOST_TEXTS:
            each, texts = as_json(each), texts + 1
        if isinstance(each, list):
            waiting.extend(each[:MOST_VALUES])
        elif isinstance(each, Mapping):
            for name, content in each.items():
                if plain_name(name) in names:
                    yield content
                if not (own and plain_name(name).startswith(NOT_OWN)):
                    waiting.append(content)


def persona_id_in(value: object) -> str:
    """Return the persona ID that an answer gives, wherever it stands, "" if there is none."""
    return _first_id(named(value, "personaid", own=True))


def task_id_in(value: object, but: str = "") -> str:
    """Return the ID of a job that an answer gives, "" if there is none; `but` is the ID of something else."""
    return _first_id(each for each in named(value, "taskid", "recordid", own=True) if each != but)


def _first_id(values: Iterator[Any]) -> str:
    found = (read_text(each).strip() for each in values if not isinstance(each, float))
    return next((each for each in found if 0 < len(each) <= MAX_ID), "")
