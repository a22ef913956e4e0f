"""Which track can become a persona, and why not. Rules only; nothing is sent or stored."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from kie import Cause, MusicTask, TaskState, Track
from kie.models_and_prices import model_label
from kie.persona import WINDOW_MIN
from studio.sending.attempts import Attempt, Status

TOO_OLD = re.compile(r"V?[123](_\d)?|chirp-v[123].*")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a track can become a persona: `can`, `not_yet`, `cannot`, or `made` already; with a sentence."""

    kind: Literal["can", "not_yet", "cannot", "made"]
    sentence: str = ""


def verdict(task: MusicTask, track: Track, earlier: Attempt | None = None) -> Verdict:
    """Return whether a track can become a persona, by its task, its model and length, and its newest attempt."""
    if task.state is TaskState.FAILED:
        return Verdict("cannot", "The song failed at KIE.")
    if task.state is not TaskState.READY:
        return Verdict("not_yet", "Not finished yet.")
    if TOO_OLD.fullmatch(track.model):
        return Verdict("cannot", f"Made with {model(track)}. KIE makes personas from V4 and later.")
    if track.duration is not None and track.duration < WINDOW_MIN:
        return Verdict("cannot", f"It is {track.duration:g} s long, and KIE needs at least {WINDOW_MIN:g} s.")
    if earlier is not None and earlier.in_flight:
        return Verdict("made", "A request for it is on its way.")
    if earlier is not None and earlier.status is Status.CREATED:
        return Verdict("made", "It has a persona in your library.")
    if earlier is not None and earlier.status is Status.UNKNOWN:
        return Verdict("made", "An earlier request for it has no answer yet.")
    if earlier is not None and earlier.cause == Cause.UNSUITABLE.value:
        return Verdict("cannot", "KIE refused this track before, for good. Try the other one.")
    return Verdict("can", "Can become a persona.")


def model(track: Track) -> str:
    """Return the name that people know a track's model by."""
    return model_label(track.model)


def state_sentence(task: MusicTask, keeps_looking: bool = True) -> str:
    """Return a sentence for a person about a task that has no tracks to choose from, while the page looks again."""
    if task.state is TaskState.ABSENT:
        if task.error_message:
            return (
                "KIE does not offer one of its two look-ups any more, and the other one does not know this song. If it "
                "is finished, fill in the audio ID by hand: a persona can be asked for all the same."
            )
        return (
            "KIE has no record of this song. It was just started, or made with another token; or the ID is mistyped, "
            "or the song is older than KIE keeps records."
        )
    if task.state is TaskState.NO_SONG:
        return "This is no song, but another kind of work at KIE. Copy the task ID of the song."
    if task.state is TaskState.FAILED:
        return "This song failed at KIE, so there is no track to use. Make the song again."
    if keeps_looking:
        return "This song is still being made. Its tracks appear here by themselves."
    return "This song is not finished yet. Press “Find tracks” to look again."
