"""A persona from one track of a finished song, asked for directly."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from kie import Cause, KieClient, KieError, PersonaRequest, Sent
from kie.operations import CREATE_PERSONA
from studio.sending.attempts import Attempt, Outcome, Status
from studio.sending.kinds.kind import Kind, body_of

SONG_PAUSE, SONG_TRIES = 15.0, 8
"""Seconds between tries, and how many, while KIE does not find the music of a song that was just finished."""
FRESH = timedelta(minutes=15)
"""For so long after a song was started KIE may not find its music."""


class PersonaKind(Kind):
    """KIE answers at once; one persona for each track, and asking again with the same text costs nothing."""

    name = "persona"
    makes = "persona"
    operation = CREATE_PERSONA
    once = True
    again_may_cost = False
    job = "persona_job"

    def subject(self, attempt_id: str, body: str) -> str:
        """The track: one request at a time for it."""
        return str(json.loads(body)["audioId"])

    def send(self, client: KieClient, attempt: Attempt) -> Outcome:
        """Ask for the persona."""
        request = PersonaRequest.of_payload(json.loads(attempt.body)) if attempt.body else attempt.request
        made = client.create_persona(request)
        return Outcome(Status.CREATED, persona_id=made.persona_id, raw=made.raw, http_status=200, code=200)

    def job_body(self, body: str) -> str:
        """Write the request as a job has it."""
        return body_of(PersonaRequest.of_payload(json.loads(body)).job_payload())

    def pause(self, attempt: Attempt, error: KieError, now: datetime) -> float | None:
        """As for every kind; and `SONG_PAUSE` while KIE may not find the music of a new song."""
        pause = super().pause(attempt, error, now)
        return SONG_PAUSE if pause is None and may_wait_for_song(attempt, error, now) else pause


def may_wait_for_song(attempt: Attempt, error: KieError, now: datetime) -> bool:
    """Whether a refused attempt is sent again automatically, because its song is only minutes old."""
    made = attempt.track.created_at if attempt.track is not None else None
    too_early = error.sent is Sent.YES and error.cause is Cause.NOT_READY
    return too_early and attempt.repeats < SONG_TRIES and made is not None and now - made < FRESH


PERSONA = PersonaKind()
