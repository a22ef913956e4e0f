"""What KIE's codes and messages mean to a person. Data only: this module knows nothing of HTTP.

Codes are from the `generate-persona` page and its shared error block (docs.kie.ai/suno-api/generate-persona);
messages are those that public clients report. A message is more telling than the number that travels with it
("Credits insufficient" has been seen as 402 and as 500), so messages are looked up first.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class Cause(StrEnum):
    """The kind of trouble, one word each; stable, so that records and tests can rely on it."""

    TOKEN = "token"
    CREDITS = "credits"
    TOKEN_LIMIT = "token_limit"
    NOT_FOUND = "not_found"
    EXISTS = "exists"
    INPUT = "input"
    RATE = "rate"
    MEDIA = "media"
    MAINTENANCE = "maintenance"
    NOT_READY = "not_ready"
    UNSUITABLE = "unsuitable"
    FAILED = "failed"
    SWITCHED_OFF = "switched_off"
    SERVER = "server"
    GONE = "gone"
    OTHER = "other"
    NOT_CONNECTED = "not_connected"
    NO_ANSWER = "no_answer"
    UNREADABLE = "unreadable"
    CANCELLED = "cancelled"


class Meaning(NamedTuple):
    """What one code or message means.

    `sentence` says what happened, `next_step` what the person can do, and `may_retry` whether the very same
    request can succeed later without a change.
    """

    cause: Cause
    sentence: str
    next_step: str
    may_retry: bool


TOKEN = Meaning(
    Cause.TOKEN,
    "KIE did not accept the token.",
    "Check the token at kie.ai/api-key: that it is complete, still active, and allowed from this address.",
    False,
)
CREDITS = Meaning(
    Cause.CREDITS,
    "The KIE account has too few credits.",
    "Top up at kie.ai, then try again.",
    True,
)
TOKEN_LIMIT = Meaning(
    Cause.TOKEN_LIMIT,
    "This token has reached the spending limit that was set for it.",
    "Raise its hourly, daily or total limit at kie.ai/api-key, or use another token.",
    True,
)
NOT_FOUND = Meaning(
    Cause.NOT_FOUND,
    "KIE does not know this task or track.",
    "Check the task ID and the audio ID: both must come from the same finished song, made with this account.",
    False,
)
EXISTS = Meaning(
    Cause.EXISTS,
    "KIE says that a persona was already made from this track.",
    "Look for its ID in the history below. A track gives one persona; choose another track for a new one.",
    False,
)
INPUT = Meaning(
    Cause.INPUT,
    "KIE did not accept one of the fields.",
    "KIE's message below names the field. Change it and try again.",
    False,
)
RATE = Meaning(
    Cause.RATE,
    "KIE is asking for fewer requests at a time.",
    "Wait a little, then try again.",
    True,
)
MEDIA = Meaning(
    Cause.MEDIA,
    "KIE could not fetch the track's audio.",
    "Media is kept for about 14 days. If the song is older, make it anew; otherwise try again in a minute.",
    True,
)
MAINTENANCE = Meaning(
    Cause.MAINTENANCE,
    "KIE is down for maintenance.",
    "Try again later. Your text stays here.",
    True,
)
NOT_READY = Meaning(
    Cause.NOT_READY,
    "KIE does not see the finished track yet.",
    "If the song was finished within the last minutes, wait a minute and try again. Otherwise check both IDs.",
    True,
)
UNSUITABLE = Meaning(
    Cause.UNSUITABLE,
    "KIE cannot make a persona from this track.",
    "Try the other track of the same song; if that is refused too, make a new song.",
    False,
)
FAILED = Meaning(
    Cause.FAILED,
    "KIE tried, and making the persona failed.",
    "Try again later, or choose another 10 to 30 seconds of the track.",
    True,
)
SWITCHED_OFF = Meaning(
    Cause.SWITCHED_OFF,
    "KIE has switched this feature off.",
    "Nothing can be done from here; ask KIE's support when it will be back.",
    False,
)
SERVER = Meaning(
    Cause.SERVER,
    "Something went wrong on KIE's side.",
    "Try again in a few minutes.",
    True,
)
GONE = Meaning(
    Cause.GONE,
    "The voice or persona behind this ID no longer exists at KIE.",
    "Make a new persona from a newer song.",
    False,
)
OTHER = Meaning(
    Cause.OTHER,
    "KIE refused the request.",
    "KIE's own code and message are below.",
    False,
)
NOT_CONNECTED = Meaning(
    Cause.NOT_CONNECTED,
    "Could not reach KIE. Nothing was sent.",
    "Check the internet connection, then try again.",
    True,
)
NO_ANSWER = Meaning(
    Cause.NO_ANSWER,
    "The request was sent, but no answer came back. KIE may have made the persona.",
    "Do not send a changed request yet. Asking again with exactly the same text is safe: "
    "KIE then answers with the ID, or says that the persona exists.",
    False,
)
NOTHING_READ = Meaning(
    Cause.NO_ANSWER,
    "KIE did not answer.",
    "This was only a question, so nothing has changed. Try again in a moment.",
    True,
)
UNREADABLE = Meaning(
    Cause.UNREADABLE,
    "The request was sent, but the answer could not be read. KIE may have made the persona.",
    "The raw answer is kept with the attempt; the ID may be in it. Asking again with exactly the same text is "
    "safe: KIE then answers with the ID, or says that the persona exists.",
    False,
)
CANCELLED = Meaning(
    Cause.CANCELLED,
    "It was cancelled before it was sent.",
    "Nothing was sent. Press Create again when you want it.",
    True,
)
NO_BOOST = Meaning(
    Cause.FAILED,
    "KIE did not write a richer text.",
    "Try again later, or say it in other words.",
    True,
)
BOOST_LOST = Meaning(
    Cause.NO_ANSWER,
    "The request was sent, but no answer came back. KIE may have counted its credits.",
    "Your text is unchanged. Asking again may be counted again.",
    True,
)
BOOST_UNREADABLE = Meaning(
    Cause.UNREADABLE,
    "The request was sent, but the answer could not be read. KIE may have counted its credits.",
    BOOST_LOST.next_step,
    True,
)

PERSONA: Mapping[Cause, Meaning] = {}
"""What a cause means to somebody who asked for a persona is written above; these tables say where others differ."""
QUESTION: Mapping[Cause, Meaning] = {Cause.NO_ANSWER: NOTHING_READ, Cause.UNREADABLE: NOTHING_READ}
BOOST: Mapping[Cause, Meaning] = {
    Cause.NO_ANSWER: BOOST_LOST,
    Cause.UNREADABLE: BOOST_UNREADABLE,
    **{
        cause: NO_BOOST._replace(cause=cause)
        for cause in (
            Cause.FAILED,
            Cause.OTHER,
            Cause.NOT_FOUND,
            Cause.EXISTS,
            Cause.MEDIA,
            Cause.NOT_READY,
            Cause.UNSUITABLE,
        )
    },
}

BY_CODE: dict[int, Meaning] = {
    400: INPUT,
    401: TOKEN,
    402: CREDITS,
    403: TOKEN,
    404: NOT_FOUND,
    405: INPUT,
    409: EXISTS,
    413: INPUT,
    422: INPUT,
    429: RATE,
    430: RATE,
    433: TOKEN_LIMIT,
    451: MEDIA,
    455: MAINTENANCE,
    500: SERVER,
    501: FAILED,
    505: SWITCHED_OFF,
    531: FAILED,
    553: GONE,
}

BY_MESSAGE: tuple[tuple[str, Meaning], ...] = (
    ("credits insufficient", CREDITS),
    ("insufficient credits", CREDITS),
    ("access permissions", TOKEN),
    ("sub-key usage exceeds", TOKEN_LIMIT),
    ("persona already exists", EXISTS),
    ("current music failed to generate persona", UNSUITABLE),
    ("music does not exist", NOT_READY),
    ("create persona error", NOT_READY),
    ("still generating", NOT_READY),
    ("generation task is fully completed", NOT_READY),
    ("call frequency is too high", RATE),
    ("voice has expired", GONE),
    ("persona has expired", GONE),
)


def meaning_of(code: int | None, message: str) -> Meaning:
    """Return what a refusal means: the message wins over the code, except over one that is about the token."""
    if code in (401, 403):
        return TOKEN
    lowered = message.lower()
    for text, meaning in BY_MESSAGE:
        if text in lowered:
            return meaning
    return BY_CODE.get(code, OTHER) if code is not None else OTHER


_ELSEWHERE = (UNSUITABLE, NOT_READY, NOT_CONNECTED, NO_ANSWER, UNREADABLE, CANCELLED)
_BY_CAUSE = {meaning.cause: meaning for meaning in (*BY_CODE.values(), *_ELSEWHERE)}


def meaning_for(cause: str, asked: Mapping[Cause, Meaning] = PERSONA) -> Meaning:
    """Return the meaning behind a cause's word, as it was written down earlier; an unknown word is `OTHER`.

    `asked` is the table of what was asked for: `PERSONA`, `QUESTION` or `BOOST`.
    """
    return next((asked.get(known, meaning) for known, meaning in _BY_CAUSE.items() if known.value == cause), OTHER)
