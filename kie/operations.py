"""The operations of KIE's API that are used here: where each request goes, and what its errors mean to a person.

A further operation is one more instance here, and a method of `KieClient` that sends it and names KIE's page for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from kie.error_sentences import Cause, Meaning, meaning_for


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One operation. `own_meanings` says where a cause means something else than in general."""

    name: str
    method: Literal["GET", "POST"]
    """With GET the fields go into the query, with POST into the body as JSON."""
    path: str
    own_meanings: Mapping[str, Meaning] = field(default_factory=dict, repr=False)

    @property
    def is_job(self) -> bool:
        """Whether it is asked for through KIE's jobs interface."""
        return self.path.startswith("/api/v1/jobs/")

    def meaning_for(self, cause: str) -> Meaning:
        """Return what a cause means to somebody who asked for this operation; see `kie.meaning_for`."""
        return self.own_meanings.get(cause, meaning_for(cause))


_NOTHING_READ = Meaning(
    Cause.NO_ANSWER,
    "KIE did not answer.",
    "This was only a question, so nothing has changed. Try again in a moment.",
    True,
)
_READ: Mapping[str, Meaning] = {
    Cause.NO_ANSWER: _NOTHING_READ,
    Cause.UNREADABLE: _NOTHING_READ._replace(
        cause=Cause.UNREADABLE, sentence="KIE answered, and the answer could not be read."
    ),
}
"""For operations that change nothing at KIE."""
_READ_FOR_CREDITS: Mapping[str, Meaning] = {
    cause: meaning._replace(next_step="Nothing has changed, but KIE may have counted credits. Try again in a moment.")
    for cause, meaning in _READ.items()
}

_NOT_BOOSTED = Meaning(
    Cause.FAILED, "KIE did not write a richer text.", "Try again later, or say it in other words.", True
)
_BOOST_UNKNOWN = Meaning(
    Cause.NO_ANSWER,
    "The request was sent, but no answer came back. KIE may have counted its credits.",
    "Your text is unchanged. Asking again may be counted again.",
    True,
)
_OF_PERSONA = (Cause.FAILED, Cause.OTHER, Cause.NOT_FOUND, Cause.EXISTS, Cause.MEDIA, Cause.NOT_READY, Cause.UNSUITABLE)
"""Causes whose general sentences speak of a persona or a track."""

_JOB_AGAIN = (
    "Look at kie.ai/logs first: a job that was started is listed there. Asking again starts a second job, and whether "
    "KIE counts it, or overwrites the persona, is not known."
)
_PERSONA_BY_JOB: Mapping[str, Meaning] = {
    Cause.NO_ANSWER: meaning_for(Cause.NO_ANSWER)._replace(next_step=_JOB_AGAIN),
    Cause.UNREADABLE: meaning_for(Cause.UNREADABLE)._replace(
        sentence="The answer did not give the persona's ID for certain. KIE may have made the persona.",
        next_step=f"The whole answer is kept with the attempt; the ID may be in it. {_JOB_AGAIN}",
    ),
}

CREATE_PERSONA = Operation("create persona", "POST", "/api/v1/generate/generate-persona")
CREATE_PERSONA_JOB = Operation("create persona by job", "POST", "/api/v1/jobs/createTask", _PERSONA_BY_JOB)
READ_MUSIC_TASK = Operation("read music task", "GET", "/api/v1/generate/record-info", _READ)
READ_JOB = Operation("read job", "GET", "/api/v1/jobs/recordInfo", _READ)
READ_TIMED_WORDS = Operation("read timed words", "POST", "/api/v1/generate/get-timestamped-lyrics", _READ_FOR_CREDITS)
READ_TIMED_WORDS_BY_JOB = Operation("read timed words by job", "POST", "/api/v1/jobs/createTask", _READ_FOR_CREDITS)
READ_CREDITS = Operation("read credits", "GET", "/api/v1/chat/credit", _READ)

BOOST_STYLE = Operation(
    "boost style",
    "POST",
    "/api/v1/style/generate",
    {
        Cause.NO_ANSWER: _BOOST_UNKNOWN,
        Cause.UNREADABLE: _BOOST_UNKNOWN._replace(
            cause=Cause.UNREADABLE,
            sentence="The request was sent, but the answer could not be read. KIE may have counted its credits.",
        ),
        **{cause: _NOT_BOOSTED._replace(cause=cause) for cause in _OF_PERSONA},
    },
)
