"""A persona from one track of a finished song, asked for as a job: KIE accepts it, and is polled for the result."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from kie import Cause, KieClient, NoAnswer, PersonaRequest, TaskState, UnreadableAnswer, meaning_of
from kie.json_values import read_code
from kie.operations import CREATE_PERSONA_JOB
from studio.sending.attempts import Attempt, Outcome, Status
from studio.sending.kinds.persona import PersonaKind

NO_ID = "KIE says that the job is done, and no persona ID is in its answer."
NO_RECORD = "KIE accepted the job, and has no record of it."
ABSENT_FOR = timedelta(minutes=10)
"""After so long a job that KIE has no record of is given up."""
FAILED_WITH_ID = "KIE says that the job failed, and yet a persona ID is in its answer."


class PersonaJobKind(PersonaKind):
    """One persona for each track. What a second job for the same track does is not documented."""

    name = "persona_job"
    operation = CREATE_PERSONA_JOB
    again_may_cost = True
    job = ""

    def subject(self, attempt_id: str, body: str) -> str:
        """The track, as for a persona that is asked for directly: one request at a time for it."""
        return str(json.loads(body)["input"]["audio_id"])

    def poll_again_after(self, age: timedelta) -> timedelta:
        """As for every kind, but sooner at first: a persona takes seconds."""
        return max(min(super().poll_again_after(age), age / 4), timedelta(seconds=1.5))

    def send(self, client: KieClient, attempt: Attempt) -> Outcome:
        """Start the job. An answer that breaks off behind the job's ID is as good as a whole one: KIE can be asked."""
        try:
            handle = client.start_persona_job(PersonaRequest.of_payload(json.loads(attempt.body)))
        except (NoAnswer, UnreadableAnswer) as error:
            if not error.seen_handle:
                raise
            seen = {"seen_id": error.seen_id} if error.seen_id else {}
            return Outcome(
                Status.WORKING,
                handle=error.seen_handle,
                raw=error.raw,
                http_status=error.http_status,
                result=seen,
            )
        accepted = Outcome(Status.WORKING, handle=str(handle), raw=handle.raw, http_status=200, code=200)
        if handle.persona is None:
            return accepted
        return replace(accepted, status=Status.CREATED, persona_id=handle.persona.persona_id)

    def poll(self, client: KieClient, attempt: Attempt) -> Outcome | None:
        """Read the job's record. A job that KIE has no record of may have been started a moment ago."""
        job = client.job(attempt.outcome.handle)
        told = Outcome(Status.UNKNOWN, handle=attempt.outcome.handle, raw=job.raw, http_status=200, code=200)
        age = datetime.now(UTC) - (attempt.sent_at or attempt.created_at)
        if job.state is TaskState.ABSENT and age > ABSENT_FOR:
            seen = attempt.outcome.result
            return replace(told, cause=Cause.UNFINISHED.value, code=None, message=NO_RECORD, result=seen)
        unreadable = replace(told, cause=Cause.UNREADABLE.value, message=NO_ID)
        if job.state is TaskState.FAILED:
            if job.persona_id:  # a person has to look at it
                return replace(unreadable, message=FAILED_WITH_ID, result={"seen_id": job.persona_id})
            code = read_code(job.error_code)
            message = job.error_message if code is not None else f"{job.error_code} {job.error_message}".strip()
            cause = meaning_of(code, message).cause
            cause = Cause.FAILED if cause is Cause.OTHER else cause
            return replace(told, status=Status.REFUSED, cause=cause.value, code=code, message=message)
        if job.persona_id:
            return replace(told, status=Status.CREATED, persona_id=job.persona_id)
        return unreadable if job.state is TaskState.READY else None


PERSONA_JOB = PersonaJobKind()
