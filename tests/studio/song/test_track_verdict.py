"""Which track can become a persona, and why not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kie import MusicTask, PersonaRequest, Track
from studio.sending.attempts import Attempt, Outcome, Status
from studio.song import track_verdict

TRACK = Track("audio", "Quay", "folk, warm alto", "[Verse]\nOne", "V6", 120.0, "https://a.example/1.mp3")


def task(status: str = "SUCCESS", track: Track = TRACK) -> MusicTask:
    return MusicTask("task", status, (track,))


def earlier(status: Status, cause: str = "") -> Attempt:
    request = PersonaRequest("task", "audio", "Quay", "Warm")
    return Attempt("id", "account", request, Outcome(status, cause=cause), datetime(2026, 3, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("SUCCESS", "can"),
        ("CALLBACK_EXCEPTION", "can"),
        ("FIRST_SUCCESS", "not_yet"),
        ("TEXT_SUCCESS", "not_yet"),
        ("PENDING", "not_yet"),
        ("GENERATE_AUDIO_FAILED", "cannot"),
        ("SENSITIVE_WORD_ERROR", "cannot"),
    ],
)
def test_a_track_is_judged_by_the_state_of_its_task(status: str, kind: str) -> None:
    assert track_verdict.verdict(task(status), TRACK).kind == kind


@pytest.mark.parametrize("model", ["V3_5", "chirp-v3-5", "V3", "chirp-v3-0", "V2"])
def test_a_model_before_v4_cannot(model: str) -> None:
    track = Track("audio", model=model, duration=60)
    assert track_verdict.verdict(task(track=track), track).kind == "cannot"


@pytest.mark.parametrize("model", ["V4", "V4_5", "V5", "V6", "V6_WILD", "chirp-new-thing", ""])
def test_other_models_and_unknown_ones_can(model: str) -> None:
    track = Track("audio", model=model, duration=60)
    assert track_verdict.verdict(task(track=track), track).kind == "can"


@pytest.mark.parametrize(("duration", "kind"), [(9.99, "cannot"), (10.0, "can"), (None, "can")])
def test_a_track_needs_ten_seconds(duration: float | None, kind: str) -> None:
    track = Track("audio", model="V6", duration=duration)
    assert track_verdict.verdict(task(track=track), track).kind == kind


@pytest.mark.parametrize(
    ("before", "kind"),
    [
        (earlier(Status.CREATED), "made"),
        (earlier(Status.UNKNOWN), "made"),
        (earlier(Status.QUEUED), "made"),
        (earlier(Status.REFUSED, "unsuitable"), "cannot"),
        (earlier(Status.REFUSED, "credits"), "can"),
    ],
)
def test_the_library_has_a_say(before: Attempt, kind: str) -> None:
    assert track_verdict.verdict(task(), TRACK, before).kind == kind


def test_each_verdict_says_why() -> None:
    assert all(
        track_verdict.verdict(task(status), TRACK, before).sentence
        for status in ("SUCCESS", "PENDING", "GENERATE_AUDIO_FAILED")
        for before in (None, earlier(Status.CREATED), earlier(Status.REFUSED, "unsuitable"))
    )


@pytest.mark.parametrize(("model", "name"), [("V4_5PLUS", "V4.5 Plus"), ("chirp-new-thing", "chirp-new-thing")])
def test_models_have_peoples_names(model: str, name: str) -> None:
    assert track_verdict.model(Track("audio", model=model)) == name
