"""What KIE's codes and messages mean to somebody who asked for a persona. Knows no HTTP; `operations` has the rest.

Codes are from the `generate-persona` page and its shared error block (docs.kie.ai/suno-api/generate-persona);
messages are those that public clients report. A message says more than the number that travels with it ("Credits
insufficient" has been seen as 402 and as 500), so messages are looked up first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class Cause(StrEnum):
    """What went wrong. The values are written into databases and files, so they never change."""

    TOKEN = "token"
    """The token is unknown, inactive or not allowed from this address. Check it, or use another one."""
    CREDITS = "credits"
    """The account has too few credits. Top up, then send the same again."""
    TOKEN_LIMIT = "token_limit"
    """The token reached its own spending limit. Raise the limit, or use another token."""
    NOT_FOUND = "not_found"
    """KIE does not know the task or the track. Check both IDs."""
    EXISTS = "exists"
    """The track already has a persona. Find its ID in the history, or choose another track."""
    INPUT = "input"
    """A field was refused, by KIE or by the checks here. Change it."""
    RATE = "rate"
    """Too many requests at a time; KIE did not act. Wait, then send the same again."""
    MEDIA = "media"
    """KIE could not fetch the track's audio. Try again in a minute; make an old song anew."""
    MAINTENANCE = "maintenance"
    """KIE is down for a while. Try later."""
    NOT_READY = "not_ready"
    """KIE does not see the finished track yet. Wait a minute, then send the same again."""
    UNSUITABLE = "unsuitable"
    """No persona can be made from this track. Choose another one."""
    FAILED = "failed"
    """KIE tried and did not succeed. Try again later."""
    REMOVED = "removed"
    """KIE does not offer this call here any more. Use the other interface, or a newer version of this program."""
    BLOCKED = "blocked"
    """Something between here and KIE turned the request away; KIE did not act. Check the way, then try again."""
    SWITCHED_OFF = "switched_off"
    """KIE has switched the feature off. Nothing helps but asking KIE."""
    SERVER = "server"
    """An error on KIE's side. Try again in a few minutes."""
    GONE = "gone"
    """The voice or persona no longer exists at KIE. Make a new one."""
    OTHER = "other"
    """A refusal with a code and message that are in no table. Read KIE's own words."""
    NOT_CONNECTED = "not_connected"
    """Nothing was sent. Check the connection, then send the same again."""
    NO_ANSWER = "no_answer"
    """Sent, and no whole answer came. KIE may have acted: a person decides what to do."""
    UNREADABLE = "unreadable"
    """Sent, and the answer could not be read. KIE may have acted: look into the raw answer."""
    UNFINISHED = "unfinished"
    """KIE accepted it, and had not finished it when it was given up. KIE may have made it: a person decides."""
    CANCELLED = "cancelled"
    """Taken back before it was sent. Nothing to do."""


class Meaning(NamedTuple):
    """What a cause means to a person: `sentence` says what happened."""

    cause: Cause
    sentence: str
    next_step: str = ""
    """What the person can do now, "" if the sentence says it."""
    may_retry: bool = False
    """Whether the very same request can succeed later without a change."""


GENERAL: Mapping[str, Meaning] = {
    meaning.cause: meaning
    for meaning in (
        Meaning(
            Cause.TOKEN,
            "KIE did not accept the token.",
            "Check the token at kie.ai/api-key: that it is complete, still active, and allowed from this address.",
        ),
        Meaning(Cause.CREDITS, "The KIE account has too few credits.", "Top up at kie.ai, then try again.", True),
        Meaning(
            Cause.TOKEN_LIMIT,
            "This token has reached the spending limit that was set for it.",
            "Raise its hourly, daily or total limit at kie.ai/api-key, or use another token.",
            True,
        ),
        Meaning(
            Cause.NOT_FOUND,
            "KIE does not know this task or track.",
            "Check the task ID and the audio ID: both must come from the same finished song, made with this account.",
        ),
        Meaning(
            Cause.EXISTS,
            "KIE says that a persona was already made from this track.",
            "Look for its ID in the history below. A track gives one persona; choose another track for a new one.",
        ),
        Meaning(
            Cause.INPUT,
            "KIE did not accept one of the fields.",
            "KIE's own words may say which one. Change it and try again.",
        ),
        Meaning(Cause.RATE, "KIE is asking for fewer requests at a time.", "Wait a little, then try again.", True),
        Meaning(
            Cause.MEDIA,
            "KIE could not fetch the track's audio.",
            "Media is kept for about 14 days. If the song is older, make it anew; otherwise try again in a minute.",
            True,
        ),
        Meaning(Cause.MAINTENANCE, "KIE is down for maintenance.", "Try again later. Your text stays here.", True),
        Meaning(
            Cause.NOT_READY,
            "KIE does not see the finished track yet.",
            "If the song was finished within the last minutes, wait a minute and try again. Otherwise check both IDs.",
            True,
        ),
        Meaning(
            Cause.UNSUITABLE,
            "KIE cannot make a persona from this track.",
            "Try the other track of the same song; if that is refused too, make a new song.",
        ),
        Meaning(
            Cause.FAILED,
            "KIE tried, and making the persona failed.",
            "Try again later, or choose another 10 to 30 seconds of the track.",
            True,
        ),
        Meaning(
            Cause.REMOVED,
            "KIE does not offer this call here any more. Nothing was made.",
            "A newer version of this program may know the call that replaces it. Your text stays here.",
        ),
        Meaning(
            Cause.BLOCKED,
            "The request was turned away on its way, before KIE acted on it.",
            "If a text is very long, shorten it. Otherwise check whether the token may be used from this address "
            "(kie.ai/api-key), and whether a proxy or firewall stands in between. Then try again.",
            True,
        ),
        Meaning(
            Cause.SWITCHED_OFF,
            "KIE has switched this feature off.",
            "Nothing can be done from here; ask KIE's support when it will be back.",
        ),
        Meaning(Cause.SERVER, "Something went wrong on KIE's side.", "Try again in a few minutes.", True),
        Meaning(
            Cause.GONE,
            "The voice or persona behind this ID no longer exists at KIE.",
            "Make a new persona from a newer song.",
        ),
        Meaning(Cause.OTHER, "KIE refused the request.", "KIE's own code and message are below."),
        Meaning(
            Cause.NOT_CONNECTED,
            "Could not reach KIE. Nothing was sent.",
            "Check the internet connection, and the proxy if there is one. Then try again.",
            True,
        ),
        Meaning(
            Cause.NO_ANSWER,
            "The request was sent, but no answer came back. KIE may have made the persona, or never seen the request.",
            "Do not send a changed request yet. Asking again with exactly the same text is safe: "
            "KIE then answers with the ID, or says that the persona exists.",
        ),
        Meaning(
            Cause.UNREADABLE,
            "The request was sent, but the answer could not be read. KIE may have made the persona.",
            "The raw answer is kept with the attempt; the ID may be in it. Asking again with exactly the same text is "
            "safe: KIE then answers with the ID, or says that the persona exists.",
        ),
        Meaning(
            Cause.UNFINISHED,
            "KIE accepted it, and it was not finished for as long as this program asked. It may be finished since.",
            "Look at kie.ai/logs: a job that has finished is listed there with its result.",
        ),
        Meaning(
            Cause.CANCELLED,
            "It was cancelled before it was sent.",
            "Nothing was sent. Press Create again when you want it.",
            True,
        ),
    )
}
"""The meaning of each cause, unless the operation has one of its own. Written for somebody who asked for a persona."""

NO_CONNECTION: tuple[tuple[str, str], ...] = (
    ("SOCKS", "The proxy in the settings speaks SOCKS, and this program does not. Set one that speaks HTTP."),
    ("failed: 407", "The proxy asks for a name and a password. They belong into the proxy's address in HTTPS_PROXY."),
    ("CA certificate", "The file with certificates, which REQUESTS_CA_BUNDLE names, cannot be read. Mend the setting."),
    ("CERTIFICATE_VERIFY_FAILED", "The other end's certificate is not trusted here. Check the clock and any proxy."),
    ("Proxy", "The proxy in the settings could not be used. Check HTTPS_PROXY and HTTP_PROXY."),
)
"""What a connection's message tells of the cause, with the next step; the first part that is in the message counts."""

BY_CODE: dict[int, Cause] = {
    400: Cause.INPUT,
    401: Cause.TOKEN,
    402: Cause.CREDITS,
    403: Cause.TOKEN,
    404: Cause.NOT_FOUND,
    405: Cause.REMOVED,
    409: Cause.EXISTS,
    410: Cause.REMOVED,
    413: Cause.INPUT,
    422: Cause.INPUT,
    429: Cause.RATE,
    430: Cause.RATE,
    433: Cause.TOKEN_LIMIT,
    451: Cause.MEDIA,
    455: Cause.MAINTENANCE,
    500: Cause.SERVER,
    501: Cause.FAILED,
    505: Cause.SWITCHED_OFF,
    531: Cause.FAILED,
    553: Cause.GONE,
}

BY_MESSAGE: tuple[tuple[str, Cause], ...] = (
    ("access permissions", Cause.TOKEN),
    ("sub-key usage exceeds", Cause.TOKEN_LIMIT),
    ("persona already exists", Cause.EXISTS),
    ("current music failed to generate persona", Cause.UNSUITABLE),
    ("music does not exist", Cause.NOT_READY),
    ("create persona error", Cause.NOT_READY),
    ("still generating", Cause.NOT_READY),
    ("generation task is fully completed", Cause.NOT_READY),
    ("recordinfo is null", Cause.NOT_FOUND),
    ("record does not exist", Cause.NOT_FOUND),
    ("task not found", Cause.NOT_FOUND),
    ("task does not exist", Cause.NOT_FOUND),
    ("call frequency is too high", Cause.RATE),
    ("voice has expired", Cause.GONE),
    ("persona has expired", Cause.GONE),
)
"""Parts of messages, in lower case; the first that is found counts."""

_CREDITS = r"\bcredits?\b|\bbalance\b|\bfunds\b|积分|余额|餘額|点数"
_TOO_FEW = (
    r"insufficient|(\bnot|no longer|n't)\W+(\w+\W+){0,3}(sufficient|enough|any)\b|\black|too (few|low)"
    r"|r[ua]n out|out of|exhaust|deplet|used up|expired|limit (was )?reached|exceeded"
    r"|(costs?|needs?) \d|\b(0|no|zero)\b (\w+ )?credit|(credits?|balance)( is| of|:)? 0\b"
    r"|need more|more credit|negative|overdue|\bbuy\b|不足|不够"
)
_ALONE = r"\btop.?up\b|\brecharge\b|insufficient (quota|points)|充值"
"""Says that there are too few credits without a word for them."""
_NOT_ABOUT_IT = (
    r"refund|return|given back|unaffected|\b(no|not)\b.*\b(charged|deducted|consumed|taken)"
    r"|\bkey\b.{0,30}\b(limit|quota)|\b(limit|quota)\b.{0,30}\bkey\b"
)
"""KIE says in many words, and under many codes, that an account has too few credits. Other sentences mention credits
too: that none were taken, that they were given back, or that a key has its own limit."""
_CALL_REMOVED = (
    r"no static resource|model name you specified is not supported"
    r"|\b(endpoint|interface|api|path)\b.{0,40}\b(deprecated|removed|discontinued)"
)
_NO_RECORD = r"\b(task|record)\w*\b.{0,20}\b(not exist|not found)|\brecord\w*\b.{0,20}\bis null"
"""KIE has no record of the task or the track; not believed of an error of the server."""
_FIELD_MISSING = r"( is required| cannot be null)[. ]*$"
"""The end of a message about a field, which jobs send with the code of a server error."""
LONGEST_READ = 2000
"""Characters of a message that are looked at."""


def says_too_few_credits(message: str) -> bool:
    """Whether a part of a message says that the account has too few credits."""
    for part in re.split(r"[.,!?;\n。！，]", re.sub("[_-]", " ", message[:LONGEST_READ].lower())):
        about = re.search(_CREDITS, part) and re.search(_TOO_FEW, part)
        if (about or re.search(_ALONE, part)) and not re.search(_NOT_ABOUT_IT, part):
            return True
    return False


def meaning_of(code: int | None, message: str) -> Meaning:
    """Return what a refusal means. The message counts more than the code, unless the code is about the token."""
    if says_too_few_credits(message):
        return GENERAL[Cause.CREDITS]
    if code in (401, 403):
        return GENERAL[Cause.TOKEN]
    lowered = message[:LONGEST_READ].lower()
    cause = next((cause for text, cause in BY_MESSAGE if text in lowered), None)
    if cause is None and re.search(_CALL_REMOVED, lowered):
        cause = Cause.REMOVED
    if cause is None and (code or 0) < 500 and re.search(_NO_RECORD, lowered):
        cause = Cause.NOT_FOUND
    cause = cause or BY_CODE.get(code or 0, Cause.OTHER)
    return GENERAL[Cause.INPUT if cause is Cause.SERVER and re.search(_FIELD_MISSING, lowered) else cause]


def no_connection(message: str) -> Meaning:
    """Return what it means that there was no connection, with the cause where the connection's message names it."""
    steps = (step for part, step in NO_CONNECTION if part in message)
    general = GENERAL[Cause.NOT_CONNECTED]
    return general._replace(next_step=next(steps, general.next_step))


def meaning_for(cause: str) -> Meaning:
    """Return the meaning of a cause as it was written down earlier; of a word that is no cause, that of `OTHER`."""
    return GENERAL.get(cause, GENERAL[Cause.OTHER])
