"""Which 10 to 30 seconds of a track KIE should listen to: a suggestion from the sung words, and the rules of a window.

Pure functions. They count in whole microseconds, so that the same words always give the same window; a window's edges
are whole hundredths of a second, as KIE takes them.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from kie.persona import DEFAULT_END, DEFAULT_START, MAX_SECONDS, WINDOW_MAX, WINDOW_MIN, last_end

if TYPE_CHECKING:
    from kie import TimedWord, TimedWords

SECOND, STEP = 1_000_000, 10_000
LEAST, MOST = round(WINDOW_MIN * SECOND), round(WINDOW_MAX * SECOND)
PAUSE = SECOND // 2
"""A longer silence between words counts as a pause, not as a breath."""
ENOUGH = 95
"""Percent of the most singing time that a window in one section must have to be preferred."""
SAME = SECOND // 10
"""Windows with the same singing time in tenths of a second are compared by their pauses."""
INTRO = 15
"""Percent of a track that is skipped if its sung words are not known."""
_NAME = re.compile(r"[^\W\d_]+(?:[ -][^\W\d_]+)*")


@dataclass(frozen=True, slots=True)
class Window:
    """A suggestion: `start` and `end` in seconds, `why` in a few words, and whether it is only a guess."""

    start: float
    end: float
    why: str
    guessed: bool = False


def suggest(words: TimedWords | None, duration: float | None) -> Window | None:
    """Return the window with the most singing in a track of `duration` seconds, or None if no window fits in it.

    A window in one section is preferred to one with up to 5 % more singing; of windows with the same singing, the one
    with the fewest and shortest pauses, then the earliest. Without sung words it is a guess.
    """
    if duration is None or not math.isfinite(duration):
        return Window(DEFAULT_START, DEFAULT_END, "a guess: the track's length is not known", guessed=True)
    if duration < WINDOW_MIN:
        return None
    last = _last(duration)
    song = _Song(words.words if words else (), last)
    found = list(song.stretches())
    best = max((each.sung for each in found), default=0)
    if not best:
        first = min(last * INTRO // 100, last - LEAST) // STEP * STEP
        why = "a guess: no sung words to go by, so past the intro"
        return Window(first / SECOND, min(first + MOST, last) / SECOND, why, guessed=True)
    enough = min(ENOUGH * (best + STEP), 100 * best)  # the best of all may begin between two hundredths
    good = [each for each in found if 100 * each.sung >= enough]
    one = min(good, key=lambda it: (song.crossed(it), -it.sung // SAME, it.pauses, it.silence, it.first, -it.end))
    why = f"most singing: {max(round(one.sung / SECOND), 1)} of {round((one.end - one.first) / SECOND)} s"
    return Window(one.first / SECOND, one.end / SECOND, why + song.section_phrase(one))


def clamp(start: float, end: float, duration: float | None, moved: str) -> tuple[float, float]:
    """Return the window (seconds) that keeps KIE's rules after the edge `moved`, "start", "end" or "both", was moved.

    That edge stays where it was put, as far as the track allows, and the other one follows; "both" keep their distance.
    A track under 10 s has no valid window; then it is the whole track.
    """
    last = _last(duration)
    least, most = min(LEAST, last), min(MOST, last)
    first = _hundredths(start, 0)
    until = _hundredths(end, first + most)
    if moved == "start":
        first = max(min(first, last - least), 0)
        until = min(max(until, first + least), first + most, last)
    elif moved == "end":
        until = min(max(until, least), last)
        first = max(min(first, until - least), until - most, 0)
    else:
        length = min(max(abs(until - first), least), most)
        first = max(min(first, until, last - length), 0)
        until = first + length
    return first / SECOND, until / SECOND


def default(duration: float | None) -> tuple[float, float] | None:
    """Return the window (seconds) to send if none was chosen; None if KIE's default, the first 30 s, fits the track."""
    if duration is None or not WINDOW_MIN <= duration < DEFAULT_END:
        return None
    return clamp(0.0, duration, duration, "start")


def is_default(start: float, end: float, duration: float | None) -> bool:
    """Whether this window (seconds) is KIE's default, which it takes when none is sent."""
    chosen = _hundredths(start, -1), _hundredths(end, -1)
    return chosen == (_hundredths(DEFAULT_START, 0), _hundredths(DEFAULT_END, 0)) and _last(duration) >= chosen[1]


class _Stretch(NamedTuple):
    """A window with singing in it: its edges, its singing time, and the number and the sum of its pauses."""

    first: int
    end: int
    sung: int
    pauses: int
    silence: int


class _Song:
    """The phrases of a track, without gaps in them, and where its sections begin."""

    def __init__(self, words: Iterable[TimedWord], last: int) -> None:
        self._last = last
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._sections: list[int] = []
        self._names: list[str] = []
        self._before: list[int] = []
        """Where the singing before each section ends."""
        reached = 0
        for start, end, section in sorted(_spans(words, last)):
            if section:
                self._sections.append(start)
                self._names.append(section)
                self._before.append(reached)
            if self._starts and start <= reached:
                self._ends[-1] = max(reached, end)
            else:
                self._starts.append(start)
                self._ends.append(end)
            reached = self._ends[-1]
        gaps = [start - end for start, end in zip(self._starts[1:], self._ends, strict=False)]
        self._silence = [0, *accumulate(gaps)]
        self._pauses = [0, *accumulate(gap > PAUSE for gap in gaps)]

    def stretches(self) -> Iterator[_Stretch]:
        """Yield the candidates. The window with the most singing begins where a phrase begins, or ends where one ends,
        or touches an end of the track; a window in one section may touch the section's ends.
        """
        length = min(MOST, self._last)
        firsts = {0, self._last - length, *(start // STEP * STEP for start in self._starts)}
        firsts.update(-(-end // STEP) * STEP - length for end in self._ends)
        lows = [0, *(-(-before // STEP) * STEP for before in self._before)]
        highs = [*(section // STEP * STEP for section in self._sections), self._last]
        for low, high in zip(lows, highs, strict=True):
            if high - low >= length:
                firsts |= {low, high - length}
            elif high - low >= LEAST:
                yield from self._measure([low], high - low)
        yield from self._measure(sorted(first for first in firsts if 0 <= first <= self._last - length), length)

    def _measure(self, firsts: list[int], length: int) -> Iterator[_Stretch]:
        starts, ends = self._starts, self._ends
        one = other = bisect_right(ends, firsts[0])
        for first in firsts:
            end = first + length
            while one < len(ends) and ends[one] <= first:
                one += 1
            while other < len(ends) and starts[other] < end:
                other += 1
            if one < other:
                begins = first if first > starts[one] else starts[one]
                stops = end if end < ends[other - 1] else ends[other - 1]
                silence = self._silence[other - 1] - self._silence[one]
                pauses = self._pauses[other - 1] - self._pauses[one]
                yield _Stretch(first, end, stops - begins - silence, pauses, silence)

    def crossed(self, it: _Stretch) -> int:
        """Return how many sections begin in a window in which the one before is still sung."""
        return bisect_left(self._sections, it.end) - bisect_right(self._before, it.first)

    def section_phrase(self, it: _Stretch) -> str:
        """Return in which section a window is, in words, if the song has several and it is in one."""
        if len(self._names) < 2 or self.crossed(it):
            return ""
        number = bisect_left(self._sections, it.end) - 1
        name = _NAME.match(self._names[number]) if number >= 0 else None
        return f", in one {name[0].lower() if name and len(name[0]) <= 20 else 'section'}"


def _spans(words: Iterable[TimedWord], last: int) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and section of the words that are sung within the track."""
    limit = last / SECOND
    for word in words:
        start, end = max(word.start, 0.0), min(word.end, limit)
        if start <= end:
            yield round(start * SECOND), round(end * SECOND), word.section


def _last(duration: float | None) -> int:
    """Return where a window can end at the latest; KIE's limit if the track's length is not known."""
    if duration is None or not math.isfinite(duration):
        duration = MAX_SECONDS
    return _hundredths(last_end(duration), 0)


def _hundredths(seconds: float, otherwise: int) -> int:
    if math.isnan(seconds):
        return otherwise
    return round(min(max(seconds, -MAX_SECONDS), MAX_SECONDS) * 100) * STEP
