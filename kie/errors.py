"""The errors of a call, sorted by what was sent: that decides what a caller may do next.

KieError               sent      meaning for the caller
├─ InvalidInput        no        A value was refused here. Change it.
├─ NotConnected        no        No connection. The same may be sent again, unless it was `stopped` by `departing`.
├─ Refused             yes       KIE said no. The same request can succeed later only if `meaning.may_retry` is true.
│                      no        Refused for the rate. The same request may be sent again after a pause.
├─ NoAnswer            unknown   Sent, and no whole answer came. KIE may have acted: do not repeat it automatically.
└─ UnreadableAnswer    unknown   Sent, and the answer is neither success nor refusal. The same; `raw` may hold the ID.
"""

from __future__ import annotations

from enum import StrEnum

from kie.error_sentences import GENERAL, Cause, Meaning, no_connection


class Sent(StrEnum):
    """Whether the request reached KIE."""

    YES = "yes"
    """KIE, or a server in front of it, said no."""
    NO = "no"
    """It never left, or KIE certainly did not act on it."""
    UNKNOWN = "unknown"
    """It left, and nothing readable came back: KIE may have acted on it."""


class KieError(Exception):
    """Anything that keeps a call from succeeding.

    `code` and `message` are KIE's own; where KIE gave no message, `message` is the one of the HTTP library.
    `http_status` is the number in the status line, `raw` the start of the body as received (never with the token in
    it), `retry_after` the seconds that KIE asked to wait. `seen_id` is a persona ID found in an answer that could not
    be read as a success, "" if there is none: a hint for a person, no proof that the persona was made. `seen_handle` is
    likewise a job's ID; whether KIE knows it can be asked.
    """

    seen_id = ""
    seen_handle = ""
    gone = False
    """Whether KIE certainly does not offer the call any more: 404 or 405 with a path and no code, 410, or code 505."""

    def __init__(
        self,
        meaning: Meaning,
        sent: Sent,
        *,
        code: int | None = None,
        message: str = "",
        http_status: int | None = None,
        raw: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(meaning, sent)
        self.meaning = meaning
        self.sent = sent
        self.code = code
        self.message = message
        self.http_status = http_status
        self.raw = raw
        self.retry_after = retry_after

    @property
    def cause(self) -> Cause:
        """What went wrong, as one of a closed set."""
        return self.meaning.cause

    @property
    def sentence(self) -> str:
        """What happened, for a person."""
        return self.meaning.sentence

    @property
    def next_step(self) -> str:
        """What the person can do now."""
        return self.meaning.next_step

    def __str__(self) -> str:
        details = " ".join(str(part) for part in (self.code, self.message) if part)
        return f"{self.sentence} ({details})" if details else self.sentence

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(cause={self.cause.value!r}, sent={self.sent.value!r}, code={self.code!r}, "
            f"message={self.message!r}, http_status={self.http_status!r})"
        )


class InvalidInput(KieError):
    """A value was refused before a request was built: `field` names it, `sentence` says what to change."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(Meaning(Cause.INPUT, sentence), Sent.NO)
        self.field = field


class NotConnected(KieError):
    """No connection came about (name, network, proxy, certificate, TLS), or, with `stopped`, `departing` refused it."""

    def __init__(self, message: str, *, stopped: bool = False) -> None:
        super().__init__(no_connection(message), Sent.NO, message=message)
        self.stopped = stopped


class NotLeaving(Exception):
    """No `KieError`: a client's `departing` raises it to stop a request, which ends as `NotConnected` with its text."""


class NoAnswer(KieError):
    """The request left, and the connection or the time ended before a whole answer came; `raw` is what did come."""

    def __init__(
        self,
        message: str,
        *,
        http_status: int | None = None,
        raw: str = "",
        meaning: Meaning = GENERAL[Cause.NO_ANSWER],
    ) -> None:
        super().__init__(meaning, Sent.UNKNOWN, message=message, http_status=http_status, raw=raw)


class UnreadableAnswer(KieError):
    """An answer came that is neither a refusal nor a success with its field: not JSON, too long, without an ID."""

    def __init__(
        self,
        message: str,
        *,
        http_status: int,
        raw: str,
        code: int | None = None,
        meaning: Meaning = GENERAL[Cause.UNREADABLE],
    ) -> None:
        super().__init__(meaning, Sent.UNKNOWN, code=code, message=message, http_status=http_status, raw=raw)


class Refused(KieError):
    """KIE said no, or a server in front of it did; `sent` is "no" if that was only for the rate, otherwise "yes"."""
