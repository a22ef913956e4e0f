"""Which interface a process chooses: by the setting, after a restart, and what it remembers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from kie import Cause, KieError, MusicTask, PersonaRequest, Refused, Sent, meaning_for
from studio.facade import Studio
from studio.sending.attempts import Attempt, Outcome, Status
from studio.sending.interface_choice import InterfaceChoice
from studio.sending.kinds import PERSONA, PERSONA_JOB, body_of
from tests.studio.helpers import ended, for_song, press
from tests.studio.sending.kie_of_a_file import Kie


@pytest.mark.parametrize(("interface", "sent"), [("auto", (2, 2)), ("direct", (2, 0)), ("jobs", (0, 2))])
def test_a_restart_tries_the_direct_path_again_and_a_setting_holds(
    open_studio: Callable[..., Studio], kie: Kie, interface: str, sent: tuple[int, int]
) -> None:
    kie.sandbox.direct = False
    for track in (0, 1):
        studio = open_studio(base_url=kie.server.base_url, interface=interface)
        account = studio.token_store.add(kie.token, kie.server.base_url) if kie.token else kie.account(studio)
        attempt = ended(studio, account, press(studio, account, track=track))
        assert attempt.status is (Status.REFUSED if interface == "direct" else Status.CREATED)
        assert (attempt.cause == "removed") is (interface == "direct")
        studio.close()
    assert kie.sent == sent


def test_the_direct_interface_asks_for_no_job_of_a_song_that_only_jobs_know(
    open_studio: Callable[..., Studio], kie: Kie
) -> None:
    studio = open_studio(base_url=kie.server.base_url, interface="direct")
    account = kie.account(studio)
    attempt = ended(studio, account, press(studio, account, "job_song"))
    assert (attempt.status, attempt.cause, kie.sent) == (Status.REFUSED, "not_ready", (1, 0))


# The choice by itself

REQUEST = for_song("finished")
GONE = Refused(meaning_for(Cause.REMOVED), Sent.YES, code=404)
GONE.gone = True


def a_direct_attempt(number: int) -> Attempt:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    body = body_of(REQUEST.payload())
    return Attempt(str(number), f"account {number}", REQUEST, Outcome(Status.SENDING), moment, body=body)


def test_a_body_is_the_same_request_for_either_interface() -> None:
    attempt = a_direct_attempt(1)
    chosen = InterfaceChoice("jobs").choose("account", REQUEST.task_id, PERSONA, attempt.body)
    assert chosen[0] is PERSONA_JOB
    assert PersonaRequest.of_payload(json.loads(chosen[1])) == REQUEST
    assert PERSONA_JOB.subject("", chosen[1]) == PERSONA.subject("", attempt.body)


def ended_at(attempt: Attempt, when: datetime) -> Attempt:
    return replace(attempt, ended_at=when)


def test_the_memory_of_accounts_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.sending.interface_choice.MOST_REMEMBERED", 3)
    choice, attempts = InterfaceChoice(), [a_direct_attempt(number) for number in range(5)]
    for attempt in attempts:
        assert choice.instead(attempt, GONE)
    later = datetime.now(UTC)
    assert [choice.says_change(ended_at(each, later)) for each in attempts] == [False, False, True, True, True]


def test_the_change_is_said_with_the_first_persona_after_it_and_with_no_other() -> None:
    choice, attempt = InterfaceChoice(), a_direct_attempt(1)
    assert choice.instead(attempt, GONE)
    before, later = datetime(2026, 3, 1, tzinfo=UTC), datetime.now(UTC)
    old, first, second = (replace(attempt, id=name) for name in ("old", "first", "second"))
    assert not choice.says_change(ended_at(old, before))
    assert [choice.says_change(ended_at(each, later)) for each in (first, second, first)] == [True, False, True]


def test_a_boost_whose_call_is_gone_moves_no_personas_to_jobs() -> None:
    choice, boost = InterfaceChoice(), replace(a_direct_attempt(1), kind="boost", body='{"content": "low"}')
    assert choice.instead(boost, GONE) is None
    body = body_of(REQUEST.payload())
    assert choice.choose(boost.account, REQUEST.task_id, PERSONA, body) == (PERSONA, body)


def test_a_refusal_that_is_not_certain_leads_nowhere() -> None:
    error = Refused(meaning_for(Cause.REMOVED), Sent.YES, code=404)
    assert InterfaceChoice().instead(a_direct_attempt(1), error) is None


def test_an_interface_that_cannot_be_asked_is_an_error() -> None:
    class Broken:
        def __enter__(self) -> Broken:
            return self

        def __exit__(self, *exc_info: object) -> None:
            pass

        def music_task(self, task_id: str) -> None:
            raise KieError(meaning_for(Cause.NO_ANSWER), Sent.UNKNOWN)

    with pytest.raises(KieError):
        InterfaceChoice().look_up(a_direct_attempt(1), Broken())  # type: ignore[arg-type]


def test_a_task_that_is_not_found_later_stays_a_song_of_jobs() -> None:
    choice = InterfaceChoice()
    choice.note_task("account", "task", MusicTask("task", "success", interface="jobs"))
    choice.note_task("account", "task", MusicTask("task"))
    assert choice.is_of_job("account", "task")
    choice.note_task("account", "task", MusicTask("task", "SUCCESS"))
    assert not choice.is_of_job("account", "task")
