"""A persona from one track of a finished song, asked for as a job: KIE accepts it, and is polled for the result."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

from kie import Cause, KieClient, NoAnswer, PersonaRequest, TaskState, UnreadableAnswer, meaning_of
from kie.operations import CREATE_PERSONA_JOB
from studio.sending.attempts import Attempt, Outcome, Status
from studio.sending.kinds.kind import Kind

NO_ID = "KIE says that the job is done, and no persona ID is in its answer."
FAILED_WITH_ID = "KIE says that the job failed, and yet a persona ID is in its answer."


class PersonaJobKind(Kind):
    """One persona for each track. What a second job for the same track does is not documented."""

    name = "persona_job"
    makes = "persona"
    operation = CREATE_PERSONA_JOB
    once = True

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
            return Outcome(Status.WORKING, handle=error.seen_handle, raw=error.raw, http_status=error.http_status)
        accepted = Outcome(Status.WORKING, handle=str(handle), raw=handle.raw, http_status=200, code=200)
        if handle.persona is None:
            return accepted
        return replace(accepted, status=Status.CREATED, persona_id=handle.persona.persona_id)

    def poll(self, client: KieClient, attempt: Attempt) -> Outcome | None:
        """Read the job's record. A job that KIE has no record of may have been started a moment ago."""
        job = client.job(attempt.outcome.handle)
        told = Outcome(Status.UNKNOWN, handle=attempt.outcome.handle, raw=job.raw, http_status=200, code=200)
        unreadable = replace(told, cause=Cause.UNREADABLE.value, message=NO_ID)
        if job.state is TaskState.FAILED:
            if job.persona_id:  # a person has to look at it
                return replace(unreadable, message=FAILED_WITH_ID, result={"seen_id": job.persona_id})
            code = int(job.error_code) if job.error_code.isdecimal() and len(job.error_code) < 6 else None
            message = job.error_message if code is not None else f"{job.error_code} {job.error_message}".strip()
            cause = meaning_of(code, message).cause.value
            return replace(told, status=Status.REFUSED, cause=cause, code=code, message=message)
        if job.persona_id:
            return replace(told, status=Status.CREATED, persona_id=job.persona_id)
        return unreadable if job.state is TaskState.READY else None


PERSONA_JOB = PersonaJobKind()
