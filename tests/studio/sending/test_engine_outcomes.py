"""What one press of the button comes to: what is sent, what is on disk, what a page is told, on good and bad days."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from kie import KieClient, KieError, Track
from sandbox import SCENARIOS, Server
from studio.facade import Balance, Studio
from studio.people.token_store import Account
from studio.sending.attempt_store import Store
from studio.sending.attempts import NeedsDecision, Status
from studio.sending.engine import Engine
from tests.polling import eventually
from tests.studio.helpers import (
    Disk,
    Story,
    ended,
    filed_without_token,
    for_song,
    history_file,
    press,
    story,
    unsaved,
    until,
)

# Good days


def test_the_raw_answer_is_kept(studio: Studio, account: Account) -> None:
    attempt = ended(studio, account, press(studio, account))
    assert attempt.persona_id in attempt.raw


def test_a_persona_says_when_it_was_sent_and_answered(studio: Studio, account: Account) -> None:
    before = datetime.now(UTC)
    attempt = ended(studio, account, press(studio, account))
    assert attempt.sent_at
    assert attempt.ended_at
    assert before <= attempt.created_at <= attempt.sent_at <= attempt.ended_at <= datetime.now(UTC)


def test_a_double_click_sends_nothing_more(studio: Studio, account: Account, server: Server, token: str) -> None:
    first = ended(studio, account, press(studio, account))
    assert (press(studio, account).id, server.sandbox.count(token=token)) == (first.id, 1)


def test_a_track_with_a_persona_needs_a_decision_and_sends_nothing(
    studio: Studio, account: Account, server: Server, token: str
) -> None:
    ended(studio, account, press(studio, account))
    with pytest.raises(NeedsDecision):
        press(studio, account, name="Changed")
    assert server.sandbox.count(token=token) == 1


def test_a_decision_sends_one_more(studio: Studio, account: Account, server: Server, token: str) -> None:
    first = ended(studio, account, press(studio, account))
    again = studio.create_persona(account, for_song("finished", name="Changed"), replaces=first.seen)
    assert story(server, token, ended(studio, account, again)) == Story(Status.CREATED, "", 200, 2)


def test_another_account_sees_nothing_of_it(studio: Studio, account: Account, server: Server) -> None:
    attempt = ended(studio, account, press(studio, account))
    other = studio.token_store.add(server.sandbox.new_account(), server.base_url)
    assert (studio.attempt(other, attempt.id), studio.history(other, 10)) == (None, [])


def test_the_history_as_a_file_has_the_persona(studio: Studio, account: Account) -> None:
    attempt = ended(studio, account, press(studio, account))
    assert attempt.persona_id in history_file(studio, account).decode()


def test_who_asked_and_the_track_as_it_was_are_kept(studio: Studio, account: Account) -> None:
    track = Track(for_song("finished").audio_id, "Pier", duration=180.5)
    asked = studio.create_persona(account, for_song("finished"), author="ines@example.org", track=track)
    attempt = ended(studio, account, asked)
    assert (attempt.author, attempt.track) == ("ines@example.org", track)


# What is left


def test_an_attempt_says_what_was_left_before_and_after(studio: Studio, token: str) -> None:
    account = studio.sign_in(token)
    attempt = press(studio, account)
    after = until(studio, account, attempt, lambda now: now.credits_after is not None)
    assert (after.credits_before, after.credits_after) == (100.0, 100.0)


def test_the_balance_is_asked_again_after_an_attempt(studio: Studio, account: Account) -> None:
    assert studio.balance(account) is None
    press(studio, account)
    assert eventually(lambda: studio.balance(account)) == Balance(100.0)


def test_a_balance_that_cannot_be_asked_costs_no_outcome(
    studio: Studio, account: Account, server: Server, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "studio.sending.engine")
    server.sandbox.fault("html", token=token, path="/api/v1/chat/credit", times=None)
    attempt = ended(studio, account, press(studio, account))
    eventually(lambda: [record for record in caplog.records if "balance" in record.message])
    assert (attempt.status, studio.balance(account)) == (Status.CREATED, None)


# KIE says no

REFUSALS = [
    (401, "You do not have access permissions", "token"),
    (402, "Credits insufficient", "credits"),
    (404, "Not found", "not_found"),
    (409, "Persona already exists for this music", "exists"),
    (422, "description contains characters that are not supported", "input"),
    (433, "Sub-key usage exceeds limit", "token_limit"),
    (451, "Failed to fetch the music data", "media"),
    (455, "System maintenance", "maintenance"),
    (500, "Server exception, please try again later", "server"),
    (501, "Generation failed", "failed"),
    (505, "This feature is currently disabled", "switched_off"),
]
"""505 is refused only if KIE's jobs answer it too, as for this track of the sandbox."""
BY_MESSAGE = [
    ("credits_as_500", 500, "credits"),
    ("not_ready", 500, "not_ready"),
    ("one_refused", 500, "unsuitable"),
]


def test_every_refusal_of_the_sandbox_is_among_them() -> None:
    here = {f"code_{row[0]}" for row in REFUSALS} | {row[0] for row in BY_MESSAGE}
    waits = {"code_429"}  # which is sent again by itself, below
    assert {each.key for each in SCENARIOS if each.group == "refusal"} - waits - here == set()


@pytest.mark.parametrize(("code", "message", "cause"), REFUSALS, ids=[str(row[0]) for row in REFUSALS])
def test_a_refusal_is_filed_with_its_code_and_message(
    studio: Studio, account: Account, server: Server, token: str, code: int, message: str, cause: str
) -> None:
    attempt = ended(studio, account, press(studio, account, f"code_{code}"))
    assert (story(server, token, attempt), attempt.message, attempt.http_status) == (
        Story(Status.REFUSED, cause, code, 1), message, 200,
    )  # fmt: skip


@pytest.mark.parametrize(("code", "message", "cause"), REFUSALS[:-1], ids=[str(row[0]) for row in REFUSALS[:-1]])
def test_a_refusal_with_a_status_of_its_own_is_filed_alike(
    studio: Studio, account: Account, server: Server, token: str, code: int, message: str, cause: str
) -> None:
    server.sandbox.fault("status", token=token, status=code, code=code, message=message)
    attempt = ended(studio, account, press(studio, account))
    assert (story(server, token, attempt), attempt.message, attempt.http_status) == (
        Story(Status.REFUSED, cause, code, 1), message, code,
    )  # fmt: skip


@pytest.mark.parametrize(("key", "code", "cause"), BY_MESSAGE)
def test_a_message_tells_more_than_the_number_beside_it(
    studio: Studio, account: Account, server: Server, token: str, key: str, code: int, cause: str
) -> None:
    attempt = ended(studio, account, press(studio, account, key))
    assert story(server, token, attempt) == Story(Status.REFUSED, cause, code, 1)


def test_a_refused_track_can_be_pressed_again_with_other_words(
    studio: Studio, account: Account, server: Server, token: str
) -> None:
    server.sandbox.fault("code", token=token, code=422, message="name is too plain")
    ended(studio, account, press(studio, account))
    attempt = ended(studio, account, press(studio, account, name="Less plain"))
    assert story(server, token, attempt) == Story(Status.CREATED, "", 200, 2)


def test_what_cannot_be_right_is_refused_without_being_sent(
    studio: Studio, account: Account, server: Server, token: str
) -> None:
    attempt = ended(studio, account, press(studio, account, name=""))
    assert story(server, token, attempt) == Story(Status.REFUSED, "input", None, 0)


# Asked to wait


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is added to the pauses that KIE asks for, and others have no length."""
    monkeypatch.setattr("random.uniform", lambda low, high: 0.0)


@pytest.mark.usefixtures("no_pauses")
def test_a_request_refused_for_the_rate_is_sent_again_by_itself(
    studio: Studio, account: Account, server: Server, token: str
) -> None:
    server.sandbox.fault("status", token=token, status=429, code=429, retry_after=0)
    attempt = ended(studio, account, press(studio, account))
    assert story(server, token, attempt)._replace(cause="") == Story(Status.CREATED, "", 200, 2)


@pytest.mark.usefixtures("no_pauses")
def test_a_persona_after_a_pause_keeps_no_trace_of_the_refusal(
    studio: Studio, account: Account, server: Server, token: str
) -> None:
    server.sandbox.fault("status", token=token, status=429, code=429, retry_after=0)
    attempt = ended(studio, account, press(studio, account))
    assert (attempt.cause, attempt.message, attempt.wait_until) == ("", "", None)


@pytest.mark.usefixtures("no_pauses")
def test_waiting_and_sending_again_is_one_attempt(studio: Studio, account: Account, server: Server, token: str) -> None:
    server.sandbox.fault("status", token=token, status=429, code=429, retry_after=0, times=2)
    attempt = ended(studio, account, press(studio, account))
    assert [(each.id, each.repeats) for each in studio.history(account, 10)] == [(attempt.id, 2)]


@pytest.mark.usefixtures("no_pauses")
def test_a_page_can_see_that_it_waits_and_until_when(
    studio: Studio, account: Account, server: Server, token: str
) -> None:
    server.sandbox.fault("status", token=token, status=429, code=429, retry_after=1)
    attempt = press(studio, account)
    seen = until(studio, account, attempt, lambda now: now.wait_until is not None)
    assert (seen.status, seen.cause, seen.code) == (Status.QUEUED, "rate", 429)
    ended(studio, account, attempt)


@pytest.mark.usefixtures("no_pauses")
def test_after_five_repeats_the_refusal_is_final(studio: Studio, account: Account, server: Server, token: str) -> None:
    server.sandbox.fault("status", token=token, status=429, code=429, retry_after=0, times=None)
    attempt = ended(studio, account, press(studio, account))
    assert story(server, token, attempt) == Story(Status.REFUSED, "rate", 429, 6)


@pytest.mark.usefixtures("no_pauses")
def test_a_pause_that_cannot_be_written_at_first_is_still_only_a_pause(
    studio: Studio, account: Account, server: Server, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.sandbox.fault("status", token=token, status=429, code=429, retry_after=0)
    postpone = Store.postpone
    failures = iter([OSError("disk full")])

    def fails_once(*args: Any) -> None:
        for failure in failures:
            raise failure
        postpone(*args)

    monkeypatch.setattr(Store, "postpone", fails_once)
    attempt = ended(studio, account, press(studio, account))
    assert (attempt.status, server.sandbox.count(token=token)) == (Status.CREATED, 2)


# No readable answer

LOST = {
    "drop_before": "no_answer",
    "drop_after": "no_answer",
    "truncated": "no_answer",
    "cut_json": "unreadable",
    "html": "unreadable",
    "huge": "unreadable",
    "no_id": "unreadable",
    "not_object": "unreadable",
    "redirect": "unreadable",
}
LATE = {"delay": 6.0, "drip": 0.1, "drip_headers": 0.1}
"""Seconds, so that the answer takes longer than the studio waits."""


@pytest.mark.parametrize(("kind", "cause"), LOST.items())
def test_without_a_readable_answer_it_is_unknown_and_sent_once(
    studio: Studio, account: Account, server: Server, token: str, kind: str, cause: str
) -> None:
    server.sandbox.fault(kind, token=token)
    attempt = ended(studio, account, press(studio, account))
    assert (attempt.status, attempt.cause, server.sandbox.count(token=token)) == (Status.UNKNOWN, cause, 1)


@pytest.fixture(scope="module")
def late(studio: Studio, server: Server) -> dict[str, tuple[Status, str, int]]:
    """What came of each late answer; all at once, because each is waited for."""
    pressed = {}
    for kind, seconds in LATE.items():
        token = server.sandbox.new_account()
        server.sandbox.fault(kind, token=token, seconds=seconds)
        account = studio.token_store.add(token, server.base_url)
        pressed[kind] = (token, account, press(studio, account))
    found = {}
    for kind, (token, account, attempt) in pressed.items():
        after = ended(studio, account, attempt)
        found[kind] = (after.status, after.cause, server.sandbox.count(token=token))
    return found


@pytest.mark.parametrize("kind", LATE)
def test_an_answer_that_takes_too_long_is_unknown_and_sent_once(
    late: dict[str, tuple[Status, str, int]], kind: str
) -> None:
    assert late[kind] == (Status.UNKNOWN, "no_answer", 1)


def test_what_could_not_be_read_is_kept(studio: Studio, account: Account, server: Server, token: str) -> None:
    server.sandbox.fault("html", token=token)
    assert "502 Bad Gateway" in ended(studio, account, press(studio, account)).raw


def test_an_unknown_outcome_needs_a_decision(studio: Studio, account: Account, server: Server, token: str) -> None:
    server.sandbox.fault("drop_after", token=token)
    attempt = ended(studio, account, press(studio, account))
    with pytest.raises(NeedsDecision) as raised:
        press(studio, account, name="Changed")
    assert raised.value.earlier.id == attempt.id


def test_asking_again_after_a_lost_answer_finds_the_same_persona(
    studio: Studio, account: Account, server: Server, token: str
) -> None:
    lost = ended(studio, account, press(studio, account, "answer_lost"))
    again = studio.create_persona(account, for_song("answer_lost", name="Once more"), replaces=lost.seen)
    assert ended(studio, account, again).persona_id == server.sandbox.personas(token)[0]["personaId"]


def test_a_mistake_in_the_program_after_sending_is_unknown(
    studio: Studio, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*args: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(KieClient, "create_persona", breaks)
    attempt = ended(studio, account, press(studio, account))
    assert (attempt.status, attempt.cause) == (Status.UNKNOWN, "no_answer")


# Nothing was sent


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port where nobody listens, and that nobody else gets meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.mark.usefixtures("no_pauses")
def test_a_refused_connection_is_refused_and_says_that_nothing_was_sent(
    studio: Studio, server: Server, token: str, closed_port: int
) -> None:
    account = studio.token_store.add(token, f"http://127.0.0.1:{closed_port}")
    attempt = ended(studio, account, press(studio, account))
    assert (story(server, token, attempt), attempt.repeats) == (Story(Status.REFUSED, "not_connected", None, 0), 2)


@pytest.mark.usefixtures("no_pauses")
def test_a_name_that_is_not_found_is_refused(studio: Studio, server: Server, token: str) -> None:
    account = studio.token_store.add(token, "http://kie.invalid")
    attempt = ended(studio, account, press(studio, account))
    assert story(server, token, attempt) == Story(Status.REFUSED, "not_connected", None, 0)


@pytest.mark.usefixtures("no_pauses")
def test_a_failed_handshake_is_refused(studio: Studio, server: Server, token: str) -> None:
    account = studio.token_store.add(token, server.base_url.replace("http:", "https:"))
    attempt = ended(studio, account, press(studio, account))
    assert story(server, token, attempt) == Story(Status.REFUSED, "not_connected", None, 0)


# Saving fails after KIE answered


@pytest.mark.usefixtures("disk")
def test_a_persona_that_cannot_be_saved_is_shown_with_a_warning(
    studio: Studio, account: Account, server: Server, token: str
) -> None:
    seen = unsaved(studio, account, press(studio, account))
    assert (seen.status, seen.persona_id) == (Status.CREATED, server.sandbox.personas(token)[0]["personaId"])


@pytest.mark.usefixtures("disk")
def test_a_persona_that_cannot_be_saved_is_in_history_and_file(studio: Studio, account: Account) -> None:
    seen = unsaved(studio, account, press(studio, account))
    assert [each.persona_id for each in studio.history(account, 10)] == [seen.persona_id]
    assert seen.persona_id in history_file(studio, account).decode()


@pytest.mark.usefixtures("disk")
def test_a_persona_that_cannot_be_saved_is_in_the_log(
    studio: Studio, account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    seen = unsaved(studio, account, press(studio, account))
    assert [record.levelno for record in caplog.records if seen.persona_id in record.message] == [logging.CRITICAL]


@pytest.mark.usefixtures("disk")
def test_while_a_persona_cannot_be_saved_pressing_again_sends_nothing(
    studio: Studio, account: Account, server: Server, token: str
) -> None:
    unsaved(studio, account, press(studio, account))
    press(studio, account, name="Changed")
    assert server.sandbox.count(token=token) == 1


def test_a_persona_is_saved_once_the_disk_works_again(studio: Studio, account: Account, disk: Disk) -> None:
    attempt = unsaved(studio, account, press(studio, account))
    disk.full = False
    after = ended(studio, account, attempt)
    assert (after.status, after.persona_id) == (Status.CREATED, attempt.persona_id)


def test_a_refusal_that_could_not_be_saved_at_first_is_saved_as_one(
    studio: Studio, account: Account, disk: Disk
) -> None:
    attempt = unsaved(studio, account, press(studio, account, "code_402"))
    disk.full = False
    assert ended(studio, account, attempt).status is Status.REFUSED


# Runs that wait for a token, or were not started


def test_without_its_token_a_run_waits(
    studio: Studio, account: Account, server: Server, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = filed_without_token(studio, account, monkeypatch)
    other = studio.token_store.add(server.sandbox.new_account(), server.base_url)
    ended(studio, other, press(studio, other))
    waits = studio.attempt(account, attempt.id)
    assert waits
    assert story(server, token, waits) == Story(Status.QUEUED, "", None, 0)


def test_a_waiting_run_goes_on_when_its_token_is_pasted(
    studio: Studio, account: Account, server: Server, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = filed_without_token(studio, account, monkeypatch)
    studio.sign_in(token)
    assert story(server, token, ended(studio, account, attempt)) == Story(Status.CREATED, "", 200, 1)


def test_an_account_that_nobody_woke_is_served_by_the_heartbeat(
    studio: Studio, account: Account, server: Server, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Engine, "serve_soon", lambda *args: None)
        attempt = press(studio, account)
    assert story(server, token, ended(studio, account, attempt)) == Story(Status.CREATED, "", 200, 1)


def test_waking_an_account_many_times_sends_its_attempt_once(
    studio: Studio, account: Account, server: Server, token: str
) -> None:
    server.sandbox.fault("delay", token=token, seconds=1)
    attempt = press(studio, account)
    _, engine = studio.open().result()
    for _ in range(20):
        engine.serve_soon(account.id)
    assert story(server, token, ended(studio, account, attempt)) == Story(Status.CREATED, "", 200, 1)


# Signing in


def test_a_token_that_kie_refuses_is_not_kept(studio: Studio) -> None:
    kept = studio.token_store.accounts()
    with pytest.raises(KieError, match="did not accept the token"):
        studio.sign_in("0123456789abcdef")
    assert studio.token_store.accounts() == kept


def test_signing_in_tells_the_credits(studio: Studio, token: str) -> None:
    assert studio.balance(studio.sign_in(token)) == Balance(100.0)


def test_a_token_is_kept_while_kie_cannot_be_asked(studio: Studio, server: Server, token: str) -> None:
    server.sandbox.fault("html", token=token, path="/api/v1/chat/credit")
    account = studio.sign_in(token)
    balance = studio.balance(account)
    assert balance
    assert (balance.credits, studio.token_store.account(account.id)) == (None, account)
