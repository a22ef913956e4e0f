"""The calls, in Python's words: what to send, and what an answer means."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from kie.error_meanings import BOOST, NO_ANSWER, QUESTION, UNREADABLE, Cause, meaning_of
from kie.errors import InvalidInput, KieError, NoAnswer, NotConnected, Refused, Sent, UnreadableAnswer
from kie.json_values import clean, read_text
from kie.persona import (
    Persona,
    PersonaRequest,
    Problem,
    audio_id_problems,
    boost_problems,
    task_id_problems,
)
from kie.retry import pause_before_repeat
from kie.transport import Answer, Transport

if TYPE_CHECKING:
    from kie.boost import BoostedStyle
    from kie.music_task import MusicTask
    from kie.timed_words import TimedWords

UNCERTAIN = frozenset({408, 499, 502, 503, 504, 520, 521, 522, 523, 524})
"""Numbers, in the status line or in the body, that say somebody on the way gave up waiting, not that KIE said no."""
MAX_RAW = 64 * 1024
"""Characters of an answer that are kept with an error or a persona."""
MAX_CREDITS = 1e15
"""A balance beyond it is no balance; NaN and infinity, which Python's JSON lets pass, are not below it either."""
MAX_CODE = 1_000_000
_SEEN_ID = r'"personaId"\s*:\s*("(?:[^"\\]|\\.)*"|\d+(?=\s*[,}]))'
"""A persona ID in a broken answer, with what shows that it is complete. Compiled when there is one."""


class KieClient:
    """A client for one account. Make one for each thread; close it, or use it in a `with` statement.

    `base_url` is the only host that the token is sent to. `timeout` is (seconds to connect, seconds for the whole
    answer). With `repeat` a call that KIE certainly did not act on is sent again by itself after a pause: one that
    never connected twice more, one that was refused for the rate five times more.
    `departing` is called once for each POST, when the connection stands and before the first byte of the body leaves.
    If it raises `kie.errors.NotLeaving`, the body is not sent, the connection is closed, and the call ends as
    `NotConnected` with that text.

    Every method raises `KieError`; see `kie.errors` for its kinds.
    """

    def __init__(
        self,
        token: str,
        base_url: str = "https://api.kie.ai",
        timeout: tuple[float, float] = (5, 120),
        *,
        repeat: bool = True,
        sleep: Callable[[float], None] = time.sleep,
        departing: Callable[[], None] | None = None,
    ) -> None:
        self._transport = Transport(token, base_url, timeout, departing)
        self._repeat = repeat
        self._sleep = sleep

    def __enter__(self) -> KieClient:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def create_persona(self, request: PersonaRequest) -> Persona:
        """Make a persona from one finished track (docs.kie.ai/suno-api/generate-persona).

        The answer is the only copy of the ID. An error whose `sent` is "unknown" means that KIE may have made it; if
        an ID stands in what came, it is the error's `seen_id`.
        """
        _refuse(request.problems())
        try:
            answer, data = self._call(
                lambda: self._transport.post("/api/v1/generate/generate-persona", request.payload()),
                lambda data: isinstance(data, Mapping) and bool(_id(data.get("personaId"))),
            )
        except (NoAnswer, UnreadableAnswer) as error:
            error.seen_id = _seen_id(error.raw)
            raise
        return Persona(
            persona_id=_id(data["personaId"]),
            name=read_text(data.get("name")) or request.name,
            description=read_text(data.get("description")) or request.description,
            raw=self._raw(answer),
        )

    def music_task(self, task_id: str) -> MusicTask:
        """Read a music task's state and tracks (docs.kie.ai/suno-api/get-music-details); at most 3 times a second."""
        _refuse(task_id_problems(task_id))
        _, data = self._call(
            lambda: self._transport.get("/api/v1/generate/record-info", {"taskId": task_id}),
            lambda data: True,
        )
        from kie.music_task import MusicTask

        return MusicTask.read(task_id, data)

    def timed_words(self, task_id: str, audio_id: str) -> TimedWords:
        """Read when each word of a finished track is sung (docs.kie.ai/suno-api/get-timestamped-lyrics).

        Both parts are empty for an instrumental. KIE does not say what this costs.
        """
        _refuse([*task_id_problems(task_id), *audio_id_problems(audio_id)])
        _, data = self._call(
            lambda: self._transport.post(
                "/api/v1/generate/get-timestamped-lyrics", {"taskId": task_id, "audioId": audio_id}, QUESTION
            ),
            lambda data: True,
        )
        from kie.timed_words import TimedWords

        return TimedWords.read(data)

    def boost_style(self, content: str) -> BoostedStyle:
        """Have a note on style written out, for credits (docs.kie.ai/suno-api/boost-music-style).

        An error whose `sent` is "unknown" means that KIE may have counted the credits.
        """
        _refuse(boost_problems(content))
        from kie.boost import BoostedStyle

        answer, data = self._call(
            lambda: self._transport.post("/api/v1/style/generate", {"content": content}, BOOST), BoostedStyle.is_answer
        )
        if BoostedStyle.is_failure(data):
            raise self._refused(answer, _code(data.get("errorCode")), read_text(data.get("errorMessage")))
        return BoostedStyle.read(data, self._raw(answer))

    def credits(self) -> float:
        """Return the account's balance in credits, with decimals (docs.kie.ai/common-api/get-account-credits)."""
        _, data = self._call(
            lambda: self._transport.get("/api/v1/chat/credit", {}),
            lambda data: isinstance(data, int | float) and not isinstance(data, bool) and abs(data) < MAX_CREDITS,
        )
        return float(data)

    def _call(self, send: Callable[[], Answer], has_field: Callable[[Any], bool]) -> tuple[Answer, Any]:
        """Send, and return the answer and its `data`; repeat only what KIE certainly did not act on."""
        repeats = 0
        while True:
            try:
                answer = send()
                return answer, self._data(answer, has_field)
            except (NotConnected, Refused) as error:
                pause = pause_before_repeat(error, repeats) if self._repeat else None
                if pause is None:
                    raise
            repeats += 1
            self._sleep(pause)

    def _data(self, answer: Answer, has_field: Callable[[Any], bool]) -> Any:
        """Return `data` of a success: HTTP 2xx, a JSON object, code 200, and the field that was asked for."""
        body = answer.content
        if answer.broken and not body:
            words, meaning = self._transport.scrub(answer.broken)[:500], answer.asked.get(Cause.NO_ANSWER, NO_ANSWER)
            raise NoAnswer(words, http_status=answer.status, raw=self._raw(answer), meaning=meaning)
        code = _code(body.get("code"))
        if code == 200 and 200 <= answer.status < 300:
            if has_field(body.get("data")):
                return body.get("data")
            raise self._unreadable(answer, "KIE reported success, and the expected field is not in the answer", code)
        message = next(filter(None, (read_text(body.get(key)) for key in ("msg", "message", "error"))), "")
        data = body.get("data")
        if isinstance(data, Mapping) and _id(data.get("personaId")):
            raise self._unreadable(answer, f"{message} (no success, and yet the answer names a persona ID)", code)
        if (answer.status if code is None else code) in UNCERTAIN:
            raise self._unreadable(answer, f"{message} (HTTP {answer.status})", code)
        if code not in (None, 200):
            raise self._refused(answer, code, message)
        if code is None and (answer.status == 429 or (body and 400 <= answer.status < 500)):
            raise self._refused(answer, answer.status, message)
        words = "The answer was too long" if not answer.whole else message or "The answer is not what KIE documents"
        raise self._unreadable(answer, f"{words} (HTTP {answer.status})", code)

    def _refused(self, answer: Answer, code: int | None, message: str) -> KieError:
        meaning = meaning_of(code, message)
        return Refused(
            answer.asked.get(meaning.cause, meaning),
            Sent.NO if meaning.cause is Cause.RATE else Sent.YES,
            code=code,
            message=self._transport.scrub(message)[:1000],
            http_status=answer.status,
            raw=self._raw(answer),
            retry_after=answer.retry_after,
        )

    def _unreadable(self, answer: Answer, words: str, code: int | None) -> KieError:
        words = self._transport.scrub(words)[:1000]
        meaning = answer.asked.get(Cause.UNREADABLE, UNREADABLE)
        return UnreadableAnswer(words, http_status=answer.status, raw=self._raw(answer), code=code, meaning=meaning)

    def _raw(self, answer: Answer) -> str:
        return self._transport.scrub(clean(answer.body.decode("utf-8", "replace")))[:MAX_RAW]


def _refuse(problems: Iterable[Problem]) -> None:
    """Raise the first of the problems, if there is one; then nothing is sent."""
    for problem in problems:
        raise InvalidInput(problem.field, problem.sentence)


def _code(code: object) -> int | None:
    if isinstance(code, str) and code.isdecimal() and len(code) < 6:
        return int(code)
    return code if isinstance(code, int) and not isinstance(code, bool) and abs(code) < MAX_CODE else None


def _id(value: object) -> str:
    return read_text(value).strip() if isinstance(value, str | int) else ""


def _seen_id(text: str) -> str:
    found = re.search(_SEEN_ID, text)
    try:
        return _id(json.loads(found[1])) if found else ""
    except ValueError:
        return ""
