"""What a track sounds and looks like: a small tune and a picture, composed from its audio ID alone."""

from __future__ import annotations

import io
import random
import wave
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .scenarios import Track
from .track_timing import LOUDNESS, sections, words

Samples = NDArray[np.float64]

RATE = 8000
"""Samples per second: a hundredth of a second is a whole number of them."""

PROGRESSIONS = ((0, 4, 5, 3), (5, 3, 0, 4), (0, 5, 3, 4), (0, 2, 3, 4), (3, 4, 2, 5))
"""Four chords each, as steps of the major scale."""

MAJOR = (0, 2, 4, 5, 7, 9, 11)
PENTATONIC = (0, 1, 2, 4, 5)
"""The steps of the major scale that are consonant with every chord."""

SIDE = 320
"""Width and height of a cover in pixels."""

PALETTES = (
    ("#1b2a49", "#465c8b", "#c97b84", "#f2b79f", "#ffe8c9"),
    ("#12343b", "#2d6a6a", "#7fb69e", "#f1c27d", "#fff1d6"),
    ("#2e1f3e", "#6b3f69", "#c46b7c", "#f5a97f", "#fde3b8"),
    ("#0f2d3d", "#1f6f8b", "#6fb3b8", "#ef8f6b", "#fbe3c0"),
    ("#33272a", "#7d4f50", "#cc8b65", "#e3c07f", "#f9f0dc"),
    ("#20304c", "#47709b", "#9fc0d6", "#f3a6a0", "#fff0e6"),
    ("#1d3528", "#4d7c5b", "#a9bf7a", "#f0cf73", "#fdf3d3"),
    ("#3a1f2d", "#8c3a4f", "#dd6e5b", "#f7b267", "#fff0cf"),
)
"""Five colours each, from the darkest to the lightest."""


def _pitch(root: int, step: int) -> float:
    """Hertz of a step of the major scale over a MIDI root note."""
    octave, place = divmod(step, 7)
    return float(440.0 * 2 ** ((root + 12 * octave + MAJOR[place] - 69) / 12))


def _note(hertz: float, seconds: float, partials: tuple[float, ...], rise: float, fall: float) -> Samples:
    """A note with soft ends. `rise` is its attack in seconds, `fall` how fast it dies away (1/s)."""
    at = np.arange(max(int(seconds * RATE), 1)) / RATE
    swing = 0.004 * np.sin(2 * np.pi * 5.2 * at) * np.minimum(at / 0.4, 1) if fall < 1 else 0.0
    tone = sum(
        level * np.sin(2 * np.pi * hertz * number * at + number * swing * 6)
        for number, level in enumerate(partials, 1)
        if hertz * number < RATE / 2.2
    )
    ends = np.minimum(1, np.minimum(at / rise, (seconds - at) / min(0.08, seconds / 3)))
    return np.asarray(tone * np.clip(ends, 0, 1) * np.exp(-fall * at), dtype=np.float64)


def _add(song: Samples, start: float, note: Samples, level: float) -> None:
    first = int(start * RATE)
    room = min(len(note), len(song) - first)
    if room > 0:
        song[first : first + room] += level * note[:room]


@lru_cache(maxsize=32)
def tune(track: Track) -> bytes:
    """A WAV file exactly as long as the track: chords, bass, arpeggio, and a voice for every timed word."""
    dice = random.Random(f"tune {track.audio_id}")
    root, beat = dice.choice((53, 55, 57, 58, 60)), 60 / dice.randint(84, 112)
    verse, chorus = dice.sample(PROGRESSIONS, 2)
    pattern = dice.choice(((0, 2, 4, 2), (0, 4, 2, 7), (4, 2, 0, 2), (0, 2, 4, 7)))
    song: Samples = np.zeros(round(track.duration * RATE))
    for part in sections(track):
        chords, level = chorus if part.label == "Chorus" else verse, LOUDNESS[part.label]
        for bar in range(int((part.end - part.start) / (4 * beat)) + 1):
            _play_bar(song, root, chords[bar % 4], beat, part.start + bar * 4 * beat, part.end, pattern, level)
    place = dice.randint(2, 4)
    for word in words(track):
        place = min(max(place + dice.choice((-1, -1, 0, 1, 1)), 0), 9)
        octave, step = divmod(place, 5)
        hertz = _pitch(root, PENTATONIC[step] + 7 * octave)
        _add(song, word.start, _note(hertz, word.end - word.start + 0.05, (1, 0.35, 0.2, 0.08), 0.05, 0.4), 0.3)
    return _wav(_in_a_room(song, beat))


def _play_bar(
    song: Samples,
    root: int,
    chord: int,
    beat: float,
    start: float,
    end: float,
    pattern: tuple[int, ...],
    level: float,
) -> None:
    length = min(4 * beat, end - start)
    if length < 0.1:
        return
    for step in (0, 2, 4):
        _add(
            song,
            start,
            _note(_pitch(root, chord + step), length + 0.3, (1, 0.3, 0.1), 0.35, 0.25),
            0.13 * level,
        )
    for number in range(int(length / (2 * beat)) + 1):
        bass = _note(_pitch(root - 12, chord), 1.8 * beat, (1, 0.45, 0.15), 0.02, 1.6)
        _add(song, start + number * 2 * beat, bass, 0.42 * level)
    for number in range(int(length / (beat / 2))):
        pluck = _note(_pitch(root, chord + pattern[number % 4]), 1.1, (1, 0.5, 0.25, 0.12), 0.006, 4.5)
        _add(song, start + number * beat / 2, pluck, 0.26 * level * (1.0 if number % 2 == 0 else 0.75))


def _in_a_room(song: Samples, beat: float) -> Samples:
    """Add two echoes, fade both ends and set the level."""
    wet = song.copy()
    for beats, level in ((0.75, 0.24), (1.5, 0.12)):
        late = int(beats * beat * RATE)
        wet[late:] += level * song[: max(len(song) - late, 0)]
    at = np.arange(len(song)) / RATE
    wet *= np.clip(np.minimum(at / 0.4, (len(song) / RATE - at) / 1.6), 0, 1)
    return np.asarray(np.tanh(1.3 * wet / (np.abs(wet).max() or 1.0)) * 0.8, dtype=np.float64)


def _wav(song: Samples) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((song * 32767).astype("<i2").tobytes())
    return file.getvalue()


class _Canvas:
    """A square image over which shapes are drawn. Lengths are shares of its side; y grows downwards."""

    def __init__(self, top: Samples, bottom: Samples) -> None:
        grid = (np.arange(SIDE) + 0.5) / SIDE
        self.x, self.y = np.meshgrid(grid, grid)
        self.colours = top + (bottom - top) * self.y[..., None] ** 1.2

    def lay(self, inside: Samples, colour: Samples, strength: float | Samples = 1.0, soft: float = 1.0) -> None:
        """Draw a shape where `inside`, the distance to its edge, is positive; `soft` is its blur in pixels."""
        cover = (np.clip(inside * SIDE / soft + 0.5, 0, 1) * strength)[..., None]
        self.colours = self.colours * (1 - cover) + colour * cover

    def distance(self, x: float, y: float) -> Samples:
        """The distance of every point of the image from one point."""
        return np.asarray(np.hypot(self.x - x, self.y - y), dtype=np.float64)


def _sun(canvas: _Canvas, light: Samples, x: float, y: float, radius: float) -> None:
    away = canvas.distance(x, y)
    canvas.lay(0.9 - away, light, 0.55 * np.exp(-((away / (2.6 * radius)) ** 2)), soft=20)
    canvas.lay(radius - away, light, 0.95, soft=1.5)


def _hills(canvas: _Canvas, colours: list[Samples], dice: random.Random) -> None:
    _sun(canvas, colours[4], dice.uniform(0.25, 0.75), dice.uniform(0.26, 0.42), dice.uniform(0.09, 0.14))
    for layer in range(5):
        near = layer / 4
        ridge = np.full_like(canvas.x, 0.52 + 0.11 * layer)
        for waves in (1.0, 2.3, 4.1):
            height = 0.06 / waves * (1.2 - 0.5 * near)
            ridge = ridge + height * np.sin(2 * np.pi * (waves * canvas.x + dice.random()))
        tone = colours[2] + (colours[0] - colours[2]) * near
        haze = 1 - 0.35 * np.clip((canvas.y - ridge) * 4, 0, 1) * (1 - near)
        canvas.lay(canvas.y - ridge, tone, haze, soft=1.5)


def _arcs(canvas: _Canvas, colours: list[Samples], dice: random.Random) -> None:
    x, y = dice.uniform(0.3, 0.7), dice.uniform(0.78, 1.0)
    away = canvas.distance(x, y)
    first = dice.uniform(0.66, 0.8)
    for ring in range(7):
        shade = colours[(1, 2, 3, 4)[ring % 4]]
        canvas.lay(first - ring * 0.095 - away, shade, 0.92 - 0.15 * canvas.y, soft=1.5)
        if ring < 6:
            canvas.lay(first - ring * 0.095 - 0.075 - away, colours[0], 0.38, soft=5)
    for _ in range(26):
        star = canvas.distance(dice.random(), dice.uniform(0, 0.6))
        dot = dice.uniform(0.002, 0.006)
        canvas.lay(dot - star, colours[4], np.where(away > first + 0.02, dice.uniform(0.4, 0.9), 0.0), soft=1.5)


def _bubbles(canvas: _Canvas, colours: list[Samples], dice: random.Random) -> None:
    for number in range(11):
        x, y, radius = dice.uniform(0, 1), dice.uniform(0.05, 1), dice.uniform(0.09, 0.3) * (1 - number / 22)
        away = canvas.distance(x, y)
        shade = 0.3 + 0.5 * np.clip((canvas.y - y) / radius * 0.5 + 0.5, 0, 1)
        canvas.lay(radius - away, colours[dice.choice((1, 2, 2, 3, 3, 4))], shade, soft=dice.choice((1.5, 1.5, 14)))
    _sun(canvas, colours[4], dice.uniform(0.3, 0.7), dice.uniform(0.3, 0.6), 0.07)


def _rgb(colour: str) -> Samples:
    return np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)], dtype=np.float64)


@lru_cache(maxsize=128)
def cover(track: Track) -> bytes:
    """A square PNG: hills, arcs or bubbles. Tracks of one title share the colours, never the picture."""
    colours = [_rgb(colour) for colour in random.Random(track.title).choice(PALETTES)]
    dice = random.Random(f"cover {track.audio_id}")
    draw: Any = dice.choice((_hills, _hills, _arcs, _bubbles))
    sky = (colours[1], colours[3]) if draw is not _arcs else (colours[0], colours[1])
    canvas = _Canvas(*sky)
    draw(canvas, colours, dice)
    grain = np.random.default_rng(dice.getrandbits(32)).normal(0, 2.2, (SIDE, SIDE, 1))
    file = io.BytesIO()
    Image.fromarray(np.clip(canvas.colours + grain, 0, 255).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()
