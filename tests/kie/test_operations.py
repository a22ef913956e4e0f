"""Operations: what their errors mean, and that the client tells it so."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kie import Cause, KieClient, KieError, Meaning, NoAnswer, Refused, UnreadableAnswer, meaning_for
from kie.operations import (
    BOOST_STYLE,
    CREATE_PERSONA,
    CREATE_PERSONA_JOB,
    READ_CREDITS,
    READ_JOB,
    READ_MUSIC_TASK,
    READ_TIMED_WORDS,
    Operation,
)
from tests.kie.servers import REQUEST, ScriptedServer, answer, envelope

CALLS: dict[Operation, Callable[[KieClient], object]] = {
    CREATE_PERSONA: lambda client: client.create_persona(REQUEST),
    CREATE_PERSONA_JOB: lambda client: client.start_persona_job(REQUEST),
    READ_JOB: lambda client: client.job("7f3c"),
    READ_MUSIC_TASK: lambda client: client.music_task("7f3c"),
    READ_TIMED_WORDS: lambda client: client.timed_words("7f3c", "3b0f"),
    READ_CREDITS: lambda client: client.credits(),
    BOOST_STYLE: lambda client: client.boost_style("low"),
}
READS = (READ_JOB, READ_MUSIC_TASK, READ_TIMED_WORDS, READ_CREDITS)
EVERY_OPERATION = pytest.mark.parametrize("operation", CALLS, ids=lambda operation: operation.name)


def text_of(meaning: Meaning) -> str:
    return f"{meaning.sentence} {meaning.next_step}".lower()


# What a cause means


def test_a_persona_has_the_general_meanings() -> None:
    assert [cause for cause in Cause if CREATE_PERSONA.meaning_for(cause) != meaning_for(cause)] == []


@EVERY_OPERATION
def test_an_unknown_cause_is_other(operation: Operation) -> None:
    assert operation.meaning_for("of a later version") == meaning_for(Cause.OTHER)


@pytest.mark.parametrize("operation", READS, ids=lambda operation: operation.name)
def test_a_read_without_an_answer_changed_nothing(operation: Operation) -> None:
    for cause in (Cause.NO_ANSWER, Cause.UNREADABLE):
        meaning = operation.meaning_for(cause)
        assert (meaning.cause, meaning.may_retry) == (cause, True)
        assert ("did not answer" in text_of(meaning)) is (cause is Cause.NO_ANSWER)
        assert ("credits" in text_of(meaning)) is (operation is READ_TIMED_WORDS)
        assert "nothing has changed" in text_of(meaning)
        assert "persona" not in text_of(meaning)


def test_a_boost_speaks_of_no_persona_and_no_track() -> None:
    own = {cause: text_of(BOOST_STYLE.meaning_for(cause)) for cause in Cause if cause is not Cause.GONE}
    assert [cause for cause, text in own.items() if any(word in text for word in ("persona", "track", "audio"))] == []


@pytest.mark.parametrize("cause", [Cause.NO_ANSWER, Cause.UNREADABLE])
def test_asking_for_a_job_again_is_never_called_safe(cause: Cause) -> None:
    assert "safe" not in text_of(CREATE_PERSONA_JOB.meaning_for(cause))
    assert "second job" in CREATE_PERSONA_JOB.meaning_for(cause).next_step


def test_a_boost_keeps_each_cause() -> None:
    assert [cause for cause in Cause if BOOST_STYLE.meaning_for(cause).cause is not cause] == []


@pytest.mark.parametrize("cause", [Cause.NO_ANSWER, Cause.UNREADABLE])
def test_a_boost_of_an_unknown_outcome_may_have_cost_credits(cause: Cause) -> None:
    assert "credits" in BOOST_STYLE.meaning_for(cause).sentence
    assert "counted again" in BOOST_STYLE.meaning_for(cause).next_step


# What the client raises


@EVERY_OPERATION
@pytest.mark.parametrize(
    ("said", "kind", "cause"),
    [
        ([b""], NoAnswer, Cause.NO_ANSWER),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"], NoAnswer, Cause.NO_ANSWER),
        (answer("<html>", 502), UnreadableAnswer, Cause.UNREADABLE),
        (answer(envelope(None, 455, "No.")), Refused, Cause.MAINTENANCE),
        (answer(envelope(None, 500, "Music does not exist")), Refused, Cause.NOT_READY),
        (answer(envelope(None, 401, "No.")), Refused, Cause.TOKEN),
    ],
    ids=["nothing", "no body", "a page", "a code", "a message", "the token"],
)
def test_an_error_has_the_meaning_of_its_operation(
    operation: Operation,
    said: bytes | list[bytes],
    kind: type[KieError],
    cause: Cause,
    server: ScriptedServer,
    client: KieClient,
) -> None:
    server.sends(said)
    with pytest.raises(kind) as raised:
        CALLS[operation](client)
    assert raised.value.meaning == operation.meaning_for(cause)


@EVERY_OPERATION
def test_a_request_goes_to_the_path_of_its_operation(
    operation: Operation, server: ScriptedServer, client: KieClient
) -> None:
    server.sends(answer(envelope(None, 500, "No.")))
    with pytest.raises(Refused):
        CALLS[operation](client)
    (seen,) = server.requests
    assert (seen.method, seen.path.partition("?")[0]) == (operation.method, operation.path)
