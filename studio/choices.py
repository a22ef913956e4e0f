"""Which track can become a persona, and first words for its fields. Rules only; nothing is sent or stored."""

from __future__ import annotations

from kie import MusicTask, TaskState, Track
from kie.models import WINDOW_MIN


def obstacle(task: MusicTask, track: Track) -> str:
    """Return why this track cannot become a persona now, as a sentence, or ""."""
    if task.state is not TaskState.READY:
        return "Not finished yet."
    if track.model == "V3_5":
        return "Made with V3_5. KIE makes personas from V4 and later."
    if track.duration is not None and track.duration < WINDOW_MIN:
        return f"It is {track.duration:g} s long, and KIE needs at least {WINDOW_MIN:g} s."
    return ""


def state_sentence(task: MusicTask) -> str:
    """Say where a task stands when there is nothing to choose yet."""
    if task.state is TaskState.ABSENT:
        return "KIE has no record of this task. If it was just started, press “Find tracks” again in some seconds."
    if task.state is TaskState.FAILED:
        return "This song failed at KIE, so there is no track to use. Make the song again."
    return "This song is still being made. Press “Find tracks” again in some seconds."


def first_words(track: Track) -> tuple[str, str]:
    """Return a name and a description to start from, made of the track's title and tags."""
    return track.title.strip(), track.tags.strip()
