"""When each word is sung (docs.kie.ai/suno-api/get-timestamped-lyrics), read tolerantly. Imported when first needed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from kie.json_trees import as_object, named
from kie.json_values import read_number, read_text

_LABEL = re.compile(r"\[([^\[\]]*)\]")
"""A section's name in lyrics, such as [Verse]; KIE sends it inside the word before or after it."""
WORDS_JOB = "ai-music-api/timeStamped-lyrics"
"""The name of the job that answers with them; its capital letter counts."""


def has_words(data: object) -> bool:
    """Whether an answer has the list of words, which is empty for an instrumental."""
    return any(True for _ in named(data, "alignedwords"))


@dataclass(frozen=True, slots=True)
class TimedWord:
    """One sung word, `start` and `end` in seconds; `section` names the section that begins with it, "" elsewhere."""

    text: str
    start: float
    end: float
    section: str = ""


@dataclass(frozen=True, slots=True)
class TimedWords:
    """The words in the order in which they are sung, and the loudness of the track, 0 to 1, at even intervals.

    Both are empty for an instrumental.
    """

    words: tuple[TimedWord, ...] = ()
    waveform: tuple[float, ...] = ()

    @classmethod
    def read(cls, data: object) -> TimedWords:
        """Read `data` of an answer. A word without times is left out; its section's name goes to the next word."""
        words, wave = _list_in(data, "alignedwords"), _list_in(data, "waveformdata")
        levels = (read_number(level) or 0.0 for level in wave)
        return cls(
            tuple(sorted(_read_words(words), key=lambda word: (word.start, word.end))),
            tuple(min(max(level, 0.0), 1.0) for level in levels),
        )


def _list_in(data: object, name: str) -> list[object]:
    """Return the first list under a name that is not empty: an answer may have both spellings."""
    return next((each for each in named(data, name) if isinstance(each, list) and each), [])


def _read_words(entries: list[object]) -> Iterator[TimedWord]:
    announced = ""
    for entry in map(as_object, entries):
        pieces = _LABEL.split(read_text(entry.get("word")))  # text, label, text, label, ..., text
        text = " ".join(" ".join(pieces[::2]).split())
        section, coming = announced, ""
        for label, before in zip(pieces[1::2], accumulate(pieces[::2]), strict=False):
            if before.strip():
                coming = " ".join(label.split())
            else:
                section = " ".join(label.split())
        start, end = read_number(entry.get("starts")), read_number(entry.get("ends"))
        if not text or start is None or end is None or entry.get("success") is False:
            announced = coming or section
            continue
        first, last = sorted((max(start, 0.0), max(end, 0.0)))
        yield TimedWord(text, first, last, section)
        announced = coming
