"""One tree of errors: everything that can go wrong on the line, sorted by what it says about the request."""

from __future__ import annotations

from enum import StrEnum

from kie.error_meanings import NO_ANSWER, NOT_CONNECTED, UNREADABLE, Cause, Meaning


class Sent(StrEnum):
    """Whether the request reached KIE."""

    YES = "yes"
    """KIE read it and said no."""
    NO = "no"
    """It never left, or KIE certainly did not act on it."""
    UNKNOWN = "unknown"
    """It left, and nothing readable came back: KIE may have acted on it."""


class KieError(Exception):
    """Anything that keeps a call from succeeding.

    `code` and `message` are KIE's own (`message` is the transport's words where KIE gave none), `http_status` the
    status line's number, `raw` the start of the body as received (the token is never in it), `retry_after` the
    seconds that KIE asked to wait. `sentence` and `next_step` are written for a person.
    `seen_id` is the persona ID that stands in an answer which could not be read as a success, "" if none does: a
    hint for a person, no proof that the persona was made.
    """

    seen_id = ""

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
        """The kind of trouble."""
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
        own = " ".join(str(part) for part in (self.code, self.message) if part)
        return f"{self.sentence} ({own})" if own else self.sentence

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(cause={self.cause.value!r}, sent={self.sent.value!r}, code={self.code!r}, "
            f"message={self.message!r}, http_status={self.http_status!r})"
        )


class InvalidInput(KieError):
    """A value was refused here, before a request was built. `field` names it; `sentence` says what to change."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(Meaning(Cause.INPUT, sentence, "", False), Sent.NO)
        self.field = field


class NotConnected(KieError):
    """Nothing was sent: no connection was made (refused, name not found, proxy or certificates unusable, TLS refused,
    no answer to the connect), or, with `stopped`, `departing` raised `NotLeaving` and its text is the message."""

    def __init__(self, message: str, *, stopped: bool = False) -> None:
        super().__init__(NOT_CONNECTED, Sent.NO, message=message)
        self.stopped = stopped


class NotLeaving(Exception):
    """Raised by a client's `departing` to keep a request from being sent; its text says why."""


class NoAnswer(KieError):
    """The request left, and the connection or the clock ended before a whole answer came. `raw` is what did come."""

    def __init__(
        self, message: str, *, http_status: int | None = None, raw: str = "", meaning: Meaning = NO_ANSWER
    ) -> None:
        super().__init__(meaning, Sent.UNKNOWN, message=message, http_status=http_status, raw=raw)


class UnreadableAnswer(KieError):
    """An answer came, and it is neither a success with its field nor a refusal: not JSON, too long, no ID in it."""

    def __init__(
        self, message: str, *, http_status: int, raw: str, code: int | None = None, meaning: Meaning = UNREADABLE
    ) -> None:
        super().__init__(meaning, Sent.UNKNOWN, code=code, message=message, http_status=http_status, raw=raw)


class Refused(KieError):
    """KIE read the request and said no."""
