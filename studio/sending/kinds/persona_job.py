"""A persona from one track of a finished song, asked for as a job: KIE accepts it, and is polled for the result."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from kie import Cause, KieClient, KieError, PersonaRequest, TaskState, meaning_of
from kie.json_values import read_code
from kie.music_task import says_done, says_failed
from kie.operations import CREATE_PERSONA_JOB
from studio.sending.attempts import Attempt, Outcome, Status
from studio.sending.kinds.persona import PersonaKind

NO_ID = "KIE says that the job is done, and no persona ID is in its answer."
NO_RECORD = "KIE accepted the job, and has no record of it."
ABSENT_FOR = timedelta(minutes=10)
"""After so long a job that KIE has no record of is given up."""
ID_AND_ERROR = "KIE's answer has a persona ID, and an error too."
LONGEST_MESSAGE, LONGEST_CODE = 1000, 100
"""Characters of KIE's message that are kept, and of a code that is a word."""


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
        except KieError as error:
            if not error.seen_handle:
                raise
            seen = {"seen_id": error.seen_id} if error.seen_id else {}
            return Outcome(Status.WORKING, handle=error.seen_handle, raw=error.raw, code=error.code, result=seen)
        accepted = Outcome(Status.WORKING, handle=str(handle), raw=handle.raw, http_status=200, code=200)
        if handle.persona is None:
            return accepted
        return replace(accepted, status=Status.CREATED, persona_id=handle.persona.persona_id)

    def poll(self, client: KieClient, attempt: Attempt) -> Outcome | None:
        """Read the job's record. A job that KIE has no record of may have been started a moment ago."""
        handle, seen = attempt.outcome.handle, attempt.outcome.result
        job = client.job(handle)
        told = Outcome(Status.UNKNOWN, handle=handle, raw=job.raw, http_status=200, code=200, result=seen)
        if job.state is TaskState.ABSENT or job.handle != handle:
            age = datetime.now(UTC) - (attempt.sent_at or attempt.created_at)
            given_up = replace(told, cause=Cause.UNFINISHED.value, code=None, message=NO_RECORD)
            return given_up if age > ABSENT_FOR else None
        if job.state is TaskState.WORKING:
            return None
        unreadable = replace(told, cause=Cause.UNREADABLE.value, code=None, message=NO_ID)
        if job.persona_id and (job.error_code or job.error_message or says_failed(job.status)):
            return replace(unreadable, message=ID_AND_ERROR, result={"seen_id": job.persona_id})
        if job.persona_id:
            return replace(told, status=Status.CREATED, persona_id=job.persona_id, result={})
        if job.state is TaskState.READY:
            return unreadable
        code = read_code(job.error_code)
        words = [job.error_message] if code is not None else [job.error_code[:LONGEST_CODE], job.error_message]
        message = " ".join(filter(None, words))[:LONGEST_MESSAGE]
        if job.status and not says_failed(job.status) and not says_done(job.status):
            return replace(unreadable, message=f"{job.status[:LONGEST_CODE]}: {message}")  # perhaps it goes on
        cause = meaning_of(code, message).cause
        cause = Cause.FAILED if cause is Cause.OTHER else cause
        return replace(told, status=Status.REFUSED, cause=cause.value, code=code, message=message)


PERSONA_JOB = PersonaJobKind()
