"""What is sung when in a track: the plan from which its timed words, its waveform and its tune are made."""

from __future__ import annotations

import math
import random
import re
from functools import lru_cache
from typing import NamedTuple

from .scenarios import Track

LOUDNESS = {"Intro": 0.3, "Verse": 0.6, "Break": 0.4, "Chorus": 0.9, "Outro": 0.3}
"""How loud each kind of section is, 0 to 1."""

_POINTS = 300


class Section(NamedTuple):
    """A stretch of a track, in seconds, with the lines sung in it."""

    label: str
    start: float
    end: float
    lines: tuple[str, ...] = ()


class Word(NamedTuple):
    """One sung word with its label or line break, and when it is sung, in seconds."""

    text: str
    start: float
    end: float


@lru_cache(maxsize=256)
def sections(track: Track) -> tuple[Section, ...]:
    """The plan of a track from 0 to its duration: intro, sung sections with a break between them, outro."""
    dice = random.Random(track.audio_id)
    sung = [
        (label, tuple(lines.strip().splitlines())) for label, lines in re.findall(r"\[(\w+)\]\n([^\[]+)", track.lyrics)
    ] or [("Verse", ()), ("Chorus", ())]
    parts: list[tuple[str, tuple[str, ...], float]] = [("Intro", (), dice.uniform(0.9, 1.4))]
    for label, lines in sung:
        parts += [(label, lines, dice.uniform(3.4, 4.0)), ("Break", (), dice.uniform(0.6, 1.0))]
    parts[-1] = ("Outro", (), dice.uniform(0.7, 1.1))
    second = track.duration / sum(share for *_, share in parts)
    plan, start = [], 0.0
    for label, lines, share in parts:
        end = min(round(start + share * second, 2), track.duration)
        plan.append(Section(label, start, end, lines))
        start = end
    plan[-1] = plan[-1]._replace(end=track.duration)
    return tuple(plan)


@lru_cache(maxsize=256)
def words(track: Track) -> tuple[Word, ...]:
    """Every word of the lyrics in order; a longer word takes longer, and a pause follows each line."""
    timed = []
    for section in sections(track):
        line_seconds = (section.end - section.start) / max(len(section.lines), 1)
        for number, line in enumerate(section.lines):
            pieces = line.split()
            unit = 0.85 * line_seconds / sum(len(piece) + 2 for piece in pieces)
            at = section.start + number * line_seconds
            for place, piece in enumerate(pieces):
                label = f"[{section.label}]\n" if number == place == 0 else ""
                end = at + unit * (len(piece) + 2)
                gap = " " if place + 1 < len(pieces) else "\n"
                timed.append(Word(f"{label}{piece}{gap}", round(at, 2), round(end, 2)))
                at = end
    return tuple(timed)


def loudness(track: Track, seconds: float) -> float:
    """How loud the track is at one moment, 0 to 1; both ends are faded."""
    here = next(part for part in reversed(sections(track)) if seconds >= part.start)
    edge = min(1.0, seconds / 1.5, (track.duration - seconds) / 2.0)
    return LOUDNESS[here.label] * max(edge, 0.0)


def waveform(track: Track) -> list[float]:
    """The envelope as the API gives it: evenly spaced values from 0 to 1 over the whole track."""
    dice = random.Random(f"waveform {track.audio_id}")
    sung = words(track)
    values = []
    for point in range(_POINTS):
        at = track.duration * point / (_POINTS - 1)
        voice = 0.12 if any(word.start <= at < word.end for word in sung) else 0.0
        beat = 0.78 + 0.12 * math.sin(at * 2 * math.pi / 2.4) + dice.uniform(-0.1, 0.1)
        level = loudness(track, at)
        values.append(round(min(1.0, level * beat + (voice if level else 0.0)), 3))
    return values
