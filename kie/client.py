"""The client: one method for each operation, and what an answer means for it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from kie.error_sentences import Cause, meaning_of
from kie.errors import InvalidInput, KieError, NoAnswer, NotConnected, Refused, Sent, UnreadableAnswer
from kie.json_values import clean, read_text
from kie.operations import BOOST_STYLE, CREATE_PERSONA, READ_CREDITS, READ_MUSIC_TASK, READ_TIMED_WORDS, Operation
from kie.persona import Persona, PersonaRequest, Problem, audio_id_problems, boost_problems, task_id_problems
from kie.retry import pause_before_repeat
from kie.transport import Answer, Transport

if TYPE_CHECKING:
    from kie.boost import BoostedStyle
    from kie.music_task import MusicTask
    from kie.timed_words import TimedWords

GATEWAY_CODES = frozenset({408, 499, 502, 503, 504, 520, 521, 522, 523, 524})
"""Codes, in the status line or in the body, with which a server in between stopped waiting: KIE itself said nothing."""
MAX_RAW = 64 * 1024
"""Characters of an answer that are kept with an error or a persona."""
MAX_CREDITS = 1e15
"""No balance is larger. Python's JSON also reads NaN and infinity; this limit refuses both."""
MAX_CODE = 1_000_000
"""No code is as large; a larger number would not fit into a database column."""
_PERSONA_ID = r'"personaId"\s*:\s*("(?:[^"\\]|\\.)*"|\d+(?=\s*[,}]))'
"""A persona ID in a broken answer, with what follows a complete one. Compiled only when it is needed."""


class KieClient:
    """A client for one account. Make one for each thread; close it, or use it in a `with` statement.

    `base_url` is the only host that the token is sent to. `timeout` is (seconds to connect, seconds for the whole
    answer). With `repeat`, a request that KIE certainly did not act on is sent again after a pause: see
    `pause_before_repeat`. `departing` is called once for each POST, after connecting and before the first byte of the
    body is sent. If it raises `kie.errors.NotLeaving`, the body is not sent, the connection is closed, and the call
    ends as `NotConnected` with the text of that exception.

    Every method raises `KieError`; `kie.errors` shows all of them. An error whose `sent` is "unknown" means that KIE
    may have acted, and counted credits.
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

        The answer is the only copy of the persona's ID. If the answer is unreadable but has a complete ID in it, the
        ID is the error's `seen_id`.
        """
        _check(request.problems())
        try:
            answer, data = self._call(CREATE_PERSONA, request.payload(), _persona_id)
        except (NoAnswer, UnreadableAnswer) as error:
            error.seen_id = _seen_id(error.raw)
            raise
        return Persona(
            persona_id=_persona_id(data),
            name=read_text(data.get("name")) or request.name,
            description=read_text(data.get("description")) or request.description,
            raw=self._raw(answer),
        )

    def music_task(self, task_id: str) -> MusicTask:
        """Read a music task's state and tracks (docs.kie.ai/suno-api/get-music-details).

        KIE allows 3 such requests a second for each task.
        """
        _check(task_id_problems(task_id))
        _, data = self._call(READ_MUSIC_TASK, {"taskId": task_id})
        from kie.music_task import MusicTask

        return MusicTask.read(task_id, data)

    def timed_words(self, task_id: str, audio_id: str) -> TimedWords:
        """Read when each word of a finished track is sung (docs.kie.ai/suno-api/get-timestamped-lyrics).

        Words and waveform are empty for an instrumental. KIE does not document what this costs.
        """
        _check([*task_id_problems(task_id), *audio_id_problems(audio_id)])
        _, data = self._call(READ_TIMED_WORDS, {"taskId": task_id, "audioId": audio_id})
        from kie.timed_words import TimedWords

        return TimedWords.read(data)

    def boost_style(self, content: str) -> BoostedStyle:
        """Have a note on style written out, for credits (docs.kie.ai/suno-api/boost-music-style)."""
        _check(boost_problems(content))
        from kie.boost import BoostedStyle

        answer, data = self._call(BOOST_STYLE, {"content": content}, BoostedStyle.is_answer)
        if BoostedStyle.is_failure(data):
            raise self._refused(answer, _code(data.get("errorCode")), read_text(data.get("errorMessage")))
        return BoostedStyle.read(data, self._raw(answer))

    def credits(self) -> float:
        """Return the account's balance in credits, with decimals (docs.kie.ai/common-api/get-account-credits)."""
        _, data = self._call(
            READ_CREDITS,
            {},
            lambda data: isinstance(data, int | float) and not isinstance(data, bool) and abs(data) < MAX_CREDITS,
        )
        return float(data)

    def _call(
        self,
        operation: Operation,
        fields: Mapping[str, Any],
        is_complete: Callable[[Any], object] = lambda data: True,
    ) -> tuple[Answer, Any]:
        """Send, and return the answer and its `data`; repeat only what KIE certainly did not act on."""
        repeats = 0
        while True:
            try:
                answer = self._transport.send(operation, fields)
                return answer, self._data(answer, is_complete)
            except (NotConnected, Refused) as error:
                pause = pause_before_repeat(error, repeats) if self._repeat else None
                if pause is None:
                    raise
            repeats += 1
            self._sleep(pause)

    def _data(self, answer: Answer, is_complete: Callable[[Any], object]) -> Any:
        """Return `data` of a success: HTTP 2xx, a JSON object, code 200, and the field that was asked for."""
        body = answer.content
        if answer.broken and not body:
            raise NoAnswer(
                self._transport.scrub(answer.broken)[:500],
                http_status=answer.status,
                raw=self._raw(answer),
                meaning=answer.operation.meaning_for(Cause.NO_ANSWER),
            )
        code, data = _code(body.get("code")), body.get("data")
        if code == 200 and 200 <= answer.status < 300:
            if is_complete(data):
                return data
            raise self._unreadable(answer, "KIE reported success, and the expected field is not in the answer", code)
        message = next(filter(None, (read_text(body.get(key)) for key in ("msg", "message", "error"))), "")
        if _persona_id(data):
            raise self._unreadable(answer, f"{message} (no success, and yet the answer names a persona ID)", code)
        if answer.damaged or (answer.status if code is None else code) in GATEWAY_CODES:
            raise self._unreadable(answer, f"{message} (HTTP {answer.status})", code)
        if code not in (None, 200):
            raise self._refused(answer, code, message)
        if code is None and (answer.status == 429 or (body and 400 <= answer.status < 500)):
            raise self._refused(answer, answer.status, message)
        problem = "The answer was too long" if not answer.whole else message or "The answer is not what KIE documents"
        raise self._unreadable(answer, f"{problem} (HTTP {answer.status})", code)

    def _refused(self, answer: Answer, code: int | None, message: str) -> KieError:
        cause = meaning_of(code, message).cause
        return Refused(
            answer.operation.meaning_for(cause),
            Sent.NO if cause is Cause.RATE else Sent.YES,
            code=code,
            message=self._transport.scrub(message)[:1000],
            http_status=answer.status,
            raw=self._raw(answer),
            retry_after=answer.retry_after,
        )

    def _unreadable(self, answer: Answer, message: str, code: int | None) -> KieError:
        return UnreadableAnswer(
            self._transport.scrub(message)[:1000],
            http_status=answer.status,
            raw=self._raw(answer),
            code=code,
            meaning=answer.operation.meaning_for(Cause.UNREADABLE),
        )

    def _raw(self, answer: Answer) -> str:
        return self._transport.scrub(clean(answer.body.decode("utf-8", "replace")))[:MAX_RAW]


def _check(problems: Iterable[Problem]) -> None:
    for problem in problems:
        raise InvalidInput(problem.field, problem.sentence)


def _code(code: object) -> int | None:
    if isinstance(code, str) and code.isdecimal() and len(code) < 6:
        return int(code)
    return code if isinstance(code, int) and not isinstance(code, bool) and abs(code) < MAX_CODE else None


def _persona_id(data: object) -> str:
    found = data.get("personaId") if isinstance(data, Mapping) else None
    return read_text(found).strip() if isinstance(found, str | int) else ""


def _seen_id(text: str) -> str:
    found = re.search(_PERSONA_ID, text)
    try:
        return _persona_id({"personaId": json.loads(found[1])}) if found else ""
    except ValueError:
        return ""
