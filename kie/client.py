"""The client: one method for each operation, and what an answer means for it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from kie.error_sentences import Cause, meaning_of, says_too_few_credits
from kie.errors import InvalidInput, KieError, NoAnswer, NotConnected, Refused, Sent, UnreadableAnswer
from kie.json_values import clean, read_code, read_text
from kie.operations import (
    BOOST_STYLE,
    CREATE_PERSONA,
    CREATE_PERSONA_JOB,
    READ_CREDITS,
    READ_JOB,
    READ_MUSIC_TASK,
    READ_TIMED_WORDS,
    READ_TIMED_WORDS_BY_JOB,
    Operation,
)
from kie.persona import MAX_ID, Persona, PersonaRequest, Problem, audio_id_problems, boost_problems, task_id_problems
from kie.retry import pause_before_repeat
from kie.transport import Answer, Transport

if TYPE_CHECKING:
    from kie.boost import BoostedStyle
    from kie.job import Job, JobHandle
    from kie.music_task import Interface, MusicTask
    from kie.timed_words import TimedWords

GATEWAY_CODES = frozenset({408, 499, 502, 503, 504, 520, 521, 522, 523, 524})
"""Codes, in the status line or in the body, with which a server in between stopped waiting: KIE itself said nothing."""
TURNED_AWAY = frozenset({401, 403, 407, 411, 413, 414, 431})
"""HTTP statuses of a server that did not process a request. Without a readable body they count all the same."""
NO_RECORD = frozenset({Cause.NOT_FOUND, Cause.REMOVED, Cause.SWITCHED_OFF})
"""Causes after which the other interface may know a task: this one has no record of it, or is not offered."""
SWITCHED_OFF = 505
"""The code with which KIE says that a feature is disabled."""
JOB_PAUSES = (1.0, 2.0, 3.0, 5.0, 8.0)
"""Seconds between looks at a job that is usually answered at once."""
MAX_RAW = 64 * 1024
"""Characters of an answer that are kept with an error or a persona."""
MAX_CREDITS = 1e15
"""No balance is larger. Python's JSON also reads NaN and infinity; this limit refuses both."""
_ID_IN_BROKEN = r'"(?:%s)"\s*:\s*("(?:[^"\\]|\\.)*"|\d+(?=\s*[,}]))'
"""An ID in a broken answer, with what follows a complete one. Compiled only when it is needed."""


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
            answer, data = self._call(CREATE_PERSONA, request.payload(), _gives_persona)
        except (NoAnswer, UnreadableAnswer) as error:
            error.seen_id = _seen_id(error.raw, "personaId|persona_id")
            raise
        return self._persona(request, answer, data)

    def start_persona_job(self, request: PersonaRequest) -> JobHandle:
        """Have a persona made by a job (docs.kie.ai, "Create task"); return its handle, with which `job` finds it.

        If the answer has the persona's ID already, the handle's `persona` is it. An ID of a persona or of a job in an
        unreadable answer is the error's `seen_id` or `seen_handle`.
        """
        _check(request.problems())
        from kie.job import JobHandle
        from kie.json_trees import task_id_in

        try:
            answer, data = self._call(
                CREATE_PERSONA_JOB,
                request.job_payload(),
                lambda data: task_id_in(data, but=request.task_id) or _gives_persona(data),
            )
        except (NoAnswer, UnreadableAnswer, Refused) as error:
            error.seen_id = _seen_id(error.raw, "personaId|persona_id")
            seen = _seen_id(error.raw, "taskId|recordId")
            error.seen_handle = "" if seen == request.task_id else seen
            raise
        handle = JobHandle(task_id_in(data, but=request.task_id))
        handle.raw = self._raw(answer)
        handle.persona = self._persona(request, answer, data) if _persona_id(data) else None
        return handle

    def job(self, handle: str) -> Job:
        """Read a job's state and result (docs.kie.ai, "Get task details"); one that KIE has no record of is absent.

        KIE allows 3 such requests a second for each job.
        """
        _check(task_id_problems(handle))
        from kie.job import Job

        try:
            answer, data = self._call(READ_JOB, {"taskId": handle})
        except Refused as error:
            if error.cause is Cause.NOT_FOUND:
                return Job(handle, raw=error.raw)
            raise
        return Job.read(handle, data, self._raw(answer))

    def music_task(self, task_id: str) -> MusicTask:
        """Read a music task's state and tracks, from the interface that knows it.

        The form of the ID says which is asked first; the other one is asked if the first has no record. Pages:
        docs.kie.ai/suno-api/get-music-details, and for jobs "Get task details". KIE allows 3 such requests a second for
        each task.
        """
        _check(task_id_problems(task_id))
        from kie.music_task import NOT_OFFERED, MusicTask

        known: list[tuple[Interface, Operation]] = [("direct", READ_MUSIC_TASK), ("jobs", READ_JOB)]
        refused: list[Refused] = []
        for interface, operation in reversed(known) if task_id.startswith("task_") else known:
            try:
                _, data = self._call(operation, {"taskId": task_id})
            except Refused as error:
                if error.cause not in (*NO_RECORD, Cause.INPUT):
                    raise
                refused.append(error)
            else:
                task = MusicTask.read(task_id, data, interface)
                if task.status:
                    return task
        if len(refused) == len(known) and all(error.cause is not Cause.NOT_FOUND for error in refused):
            raise refused[0]  # neither looked for it
        gone = any(error.gone for error in refused)
        return MusicTask(task_id, error_message=NOT_OFFERED if gone else "")

    def timed_words(self, task_id: str, audio_id: str, *, by_job: bool = False) -> TimedWords:
        """Read when each word of a finished track is sung (docs.kie.ai/suno-api/get-timestamped-lyrics).

        Words and waveform are empty for an instrumental. `kie.models_and_prices` has the price. `by_job` asks for a job
        first; the other interface is asked if the first has no record of the track. A job that is not answered at once
        is looked for during 19 seconds.
        """
        _check([*task_id_problems(task_id), *audio_id_problems(audio_id)])
        from kie.timed_words import TimedWords

        asks = [self._direct_words, self._words_by_job]
        first, second = reversed(asks) if by_job else asks
        try:
            data = first(task_id, audio_id)
        except Refused as error:
            if error.cause not in NO_RECORD:
                raise
            try:
                data = second(task_id, audio_id)
            except Refused as other:
                raise (error if other.gone else other) from None
        return TimedWords.read(data)

    def _direct_words(self, task_id: str, audio_id: str) -> Any:
        return self._call(READ_TIMED_WORDS, {"taskId": task_id, "audioId": audio_id})[1]

    def _words_by_job(self, task_id: str, audio_id: str) -> Any:
        """Ask for a job, which KIE answers at once; if it gives a handle instead, look for the result for a while."""
        from kie.json_trees import task_id_in
        from kie.music_task import TaskState
        from kie.timed_words import WORDS_JOB, has_words

        fields = {"model": WORDS_JOB, "input": {"task_id": task_id, "audio_id": audio_id}}
        answer, data = self._call(
            READ_TIMED_WORDS_BY_JOB, fields, lambda data: has_words(data) or task_id_in(data, but=task_id)
        )
        for pause in JOB_PAUSES if not has_words(data) else ():
            self._sleep(pause)
            job = self.job(task_id_in(data, but=task_id))
            if has_words(job.result):
                return job.result
            if job.state is TaskState.FAILED:
                raise self._refused(answer, read_code(job.error_code), job.error_message)
            if job.state is TaskState.READY:
                break
        if not has_words(data):
            raise self._unreadable(answer, "There are no words in the job's answer, or not in time", 200)
        return data

    def boost_style(self, content: str) -> BoostedStyle:
        """Have a note on style written out, for credits (docs.kie.ai/suno-api/boost-music-style)."""
        _check(boost_problems(content))
        from kie.boost import BoostedStyle

        answer, data = self._call(BOOST_STYLE, {"content": content}, BoostedStyle.is_answer)
        if not BoostedStyle.text_in(data):
            raise self._refused(answer, *BoostedStyle.failure(data))
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
        if not body and answer.status in TURNED_AWAY:
            cause = Cause.TOKEN if answer.status == 401 else Cause.BLOCKED
            raise self._refused(answer, answer.status, "", cause)
        if answer.broken and not body:
            raise NoAnswer(
                self._transport.scrub(answer.broken)[:500],
                http_status=answer.status,
                raw=self._raw(answer),
                meaning=answer.operation.meaning_for(Cause.NO_ANSWER),
            )
        code, data = read_code(body.get("code")), body.get("data")
        message = next(filter(None, (read_text(body.get(key)) for key in ("msg", "message", "error"))), "")
        if code == 200 and 200 <= answer.status < 300:
            if is_complete(data):
                return data
            if not says_too_few_credits(message):
                raise self._unreadable(
                    answer, "KIE reported success, and the expected field is not in the answer", code
                )
        if _persona_id(body):
            raise self._unreadable(answer, f"{message} (no success, and yet the answer names a persona ID)", code)
        if answer.damaged:
            raise self._unreadable(answer, f"{message} (HTTP {answer.status})", code)
        if "code" not in body and not data and ((body and answer.status in (404, 405)) or answer.status == 410):
            gone = "path" in body or answer.status == 410
            raise self._refused(answer, answer.status, message, Cause.REMOVED, gone=gone)
        if says_too_few_credits(message):
            raise self._refused(answer, answer.status if code is None else code, message)
        if (answer.status if code is None else code) in GATEWAY_CODES:
            raise self._unreadable(answer, f"{message} (HTTP {answer.status})", code)
        if code not in (None, 200):
            raise self._refused(answer, code, message)
        if code is None and (answer.status == 429 or (body and 400 <= answer.status < 500)):
            raise self._refused(answer, answer.status, message)
        problem = "The answer was too long" if not answer.whole else message or "The answer is not what KIE documents"
        raise self._unreadable(answer, f"{problem} (HTTP {answer.status})", code)

    def _persona(self, request: PersonaRequest, answer: Answer, data: Any) -> Persona:
        told = data if isinstance(data, Mapping) else {}
        return Persona(
            persona_id=_persona_id(data),
            name=read_text(told.get("name")) or request.name,
            description=read_text(told.get("description")) or request.description,
            raw=self._raw(answer),
        )

    def _refused(
        self, answer: Answer, code: int | None, message: str, cause: Cause | None = None, *, gone: bool = False
    ) -> KieError:
        cause = cause or meaning_of(code, message).cause
        error = Refused(
            answer.operation.meaning_for(cause),
            Sent.NO if cause is Cause.RATE else Sent.YES,
            code=code,
            message=self._transport.scrub(message)[:1000],
            http_status=answer.status,
            raw=self._raw(answer),
            retry_after=answer.retry_after,
        )
        error.gone = gone or (code == SWITCHED_OFF and cause is Cause.SWITCHED_OFF)
        return error

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


def _persona_id(data: object) -> str:
    found = data.get("personaId") if isinstance(data, Mapping) else None
    if isinstance(found, str | int) and 0 < len(read_text(found).strip()) <= MAX_ID:
        return read_text(found).strip()
    if not data or not isinstance(data, Mapping | list | str):
        return ""
    from kie.json_trees import persona_id_in

    return persona_id_in(data)


def _gives_persona(data: object) -> bool:
    """Whether `data` of an answer has a persona's ID, and no error."""
    if isinstance(data, Mapping) and (
        read_text(data.get("errorCode")) not in ("", "0", "200") or data.get("errorMessage")
    ):
        return False
    return bool(_persona_id(data))


def _seen_id(text: str, names: str) -> str:
    found = re.search(_ID_IN_BROKEN % names, text)
    try:
        seen = read_text(json.loads(found[1])).strip() if found else ""
        return seen if len(seen) <= MAX_ID else ""
    except ValueError:
        return ""
