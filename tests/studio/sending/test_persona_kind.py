"""A song that was just finished: KIE says no at first, and the attempt tries again by itself until told to stop."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kie import KieError, NoAnswer, Refused, Sent, Track, meaning_of
from sandbox import Server
from studio.facade import Studio
from studio.people.token_store import Account
from studio.sending.attempts import Attempt, Outcome, Status
from studio.sending.kinds.persona import SONG_TRIES, may_wait_for_song
from tests.studio.helpers import Story, ended, for_song, press, story, until

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FRESH = Track("audio", created_at=NOW - timedelta(minutes=2))
TOO_EARLY = Refused(meaning_of(500, "Music does not exist"), Sent.YES, code=500)
ATTEMPT = Attempt("id", "account", for_song("not_ready"), Outcome(Status.SENDING), NOW, track=FRESH)


@pytest.fixture
def looked_up(studio: Studio, account: Account) -> Track:
    """The track of the song that is not there yet, as the page knows it after a lookup."""
    request = for_song("not_ready")
    tracks = studio.music_task(account, request.task_id).tracks
    return next(track for track in tracks if track.audio_id == request.audio_id)


def create(studio: Studio, account: Account, track: Track | None) -> Attempt:
    return studio.create_persona(account, for_song("not_ready"), track=track)


def test_too_early_for_a_fresh_song_is_worth_waiting() -> None:
    assert may_wait_for_song(ATTEMPT, TOO_EARLY, NOW)


@pytest.mark.parametrize(
    ("attempt", "error"),
    [
        (replace(ATTEMPT, track=None), TOO_EARLY),
        (replace(ATTEMPT, track=Track("audio")), TOO_EARLY),
        (replace(ATTEMPT, track=Track("audio", created_at=NOW - timedelta(hours=1))), TOO_EARLY),
        (replace(ATTEMPT, repeats=SONG_TRIES), TOO_EARLY),
        (ATTEMPT, Refused(meaning_of(500, "Current music failed to generate persona"), Sent.YES, code=500)),
        (ATTEMPT, NoAnswer("ReadTimeout")),
    ],
    ids=["not looked up", "no age", "old", "tried enough", "refused for good", "no answer"],
)
def test_anything_else_is_not(attempt: Attempt, error: KieError) -> None:
    assert not may_wait_for_song(attempt, error, NOW)


def test_it_waits_and_then_makes_the_persona(
    studio: Studio, account: Account, server: Server, token: str, looked_up: Track, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.sending.kinds.persona.SONG_PAUSE", 0.05)
    attempt = ended(studio, account, create(studio, account, looked_up))
    assert (story(server, token, attempt), attempt.repeats) == (Story(Status.CREATED, "", 200, 3), 2)


def test_without_a_lookup_the_refusal_is_final(studio: Studio, account: Account, server: Server, token: str) -> None:
    attempt = ended(studio, account, create(studio, account, None))
    assert story(server, token, attempt) == Story(Status.REFUSED, "not_ready", 500, 1)


def waiting(studio: Studio, account: Account, attempt: Attempt) -> Attempt:
    return until(studio, account, attempt, lambda now: now.wait_until is not None)


def test_a_person_can_stop_the_waiting(
    studio: Studio, account: Account, server: Server, token: str, looked_up: Track
) -> None:
    attempt = waiting(studio, account, create(studio, account, looked_up))
    stopped = studio.cancel(account, attempt.id)
    seen = ended(studio, account, attempt)
    assert (stopped, story(server, token, seen)) == (True, Story(Status.REFUSED, "not_ready", 500, 1))


def test_another_account_cannot_stop_it(studio: Studio, account: Account, server: Server, looked_up: Track) -> None:
    stranger = studio.token_store.add(server.sandbox.new_account(), server.base_url)
    attempt = waiting(studio, account, create(studio, account, looked_up))
    assert not studio.cancel(stranger, attempt.id)
    studio.cancel(account, attempt.id)


def test_what_has_ended_cannot_be_stopped(studio: Studio, account: Account) -> None:
    attempt = ended(studio, account, press(studio, account))
    assert not studio.cancel(account, attempt.id)
