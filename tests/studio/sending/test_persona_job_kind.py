"""A persona by job: what one press comes to through KIE's jobs, and when jobs are taken instead of the direct call."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, get_args

import pytest

from kie import Cause, Job
from sandbox import Server
from sandbox.replies import JOB_RECORD_PATH, PERSONA_PATH
from sandbox.scenarios import PersonaShape
from studio.facade import Studio
from studio.people.token_store import Account
from studio.sending.attempts import Attempt, NeedsDecision, Outcome, Status
from studio.sending.kinds import PERSONA_JOB
from studio.settings import Settings
from tests.studio.helpers import ended, for_song, press, until
from tests.studio.sending.kie_of_a_file import Kie

FOUND_IN = [shape for shape in get_args(PersonaShape) if shape != "none"]


@pytest.fixture(scope="module")
def studio(kie_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """With `auto`, as it is without a setting."""
    path = tmp_path_factory.mktemp("studio")
    studio = Studio(
        Settings(base_url=kie_server.base_url, database_url=f"sqlite:///{path}/studio.db", read_timeout=2.0)
    )
    yield studio
    studio.close()


@pytest.fixture
def account(studio: Studio, kie: Kie) -> Account:
    return kie.account(studio)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job is looked for again at once."""
    monkeypatch.setattr(type(PERSONA_JOB), "poll_again_after", lambda kind, age: age * 0)


# A song that only jobs know


@pytest.fixture
def known(studio: Studio, account: Account) -> None:
    """The song was looked up, as pages do."""
    assert studio.music_task(account, for_song("job_song").task_id).interface == "jobs"


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("shape", FOUND_IN)
def test_the_id_is_found_in_every_shape_and_one_job_is_started(
    studio: Studio, account: Account, kie: Kie, shape: PersonaShape
) -> None:
    kie.sandbox.persona_shape = shape
    attempt = ended(studio, account, press(studio, account, "job_song"))
    assert (attempt.status, attempt.kind, [attempt.persona_id]) == (Status.CREATED, "persona_job", kie.made)
    assert kie.sent == (0, 1)
    assert attempt.persona_id in attempt.raw


@pytest.mark.usefixtures("known")
def test_what_was_sent_is_the_request_as_a_job_has_it(studio: Studio, account: Account, kie: Kie) -> None:
    request = for_song("job_song")
    attempt = ended(studio, account, press(studio, account, "job_song"))
    (call,) = kie.sandbox.requests("/api/v1/jobs/createTask", kie.token)
    texts = {"name": request.name, "description": request.description}
    fields = {"task_id": request.task_id, "audio_id": request.audio_id, **texts}
    assert call.json == {"model": "ai-music-api/generate-persona", "input": fields}
    assert attempt.request == request


@pytest.mark.usefixtures("known")
def test_the_handle_is_on_disk_before_the_persona_is_there(studio: Studio, account: Account, kie: Kie) -> None:
    kie.sandbox.job_seconds = 600
    attempt = press(studio, account, "job_song")
    working = until(studio, account, attempt, lambda now: now.status is Status.WORKING)
    assert (len(working.outcome.handle), working.persona_id) == (32, "")
    kie.sandbox.clock = lambda: time.time() + 1000
    made = ended(studio, account, attempt)
    assert (made.status, made.outcome.handle, kie.sent) == (Status.CREATED, working.outcome.handle, (0, 1))


@pytest.mark.usefixtures("known")
def test_done_without_an_id_is_unknown_and_keeps_everything(studio: Studio, account: Account, kie: Kie) -> None:
    kie.sandbox.persona_shape = "none"
    attempt = ended(studio, account, press(studio, account, "job_song"))
    assert (attempt.status, attempt.cause, kie.sent) == (Status.UNKNOWN, Cause.UNREADABLE.value, (0, 1))
    assert "no persona ID" in attempt.message
    assert attempt.outcome.handle
    assert attempt.outcome.handle in attempt.raw


@pytest.mark.parametrize(
    ("key", "cause", "code"),
    [("job_fails", "failed", 501), ("code_409", "exists", 409), ("code_451", "media", 451)],
)
def test_a_job_that_fails_is_refused_with_kies_reason(
    studio: Studio, account: Account, kie: Kie, key: str, cause: str, code: int
) -> None:
    kie.fault("gone", PERSONA_PATH)
    attempt = ended(studio, account, press(studio, account, key))
    assert (attempt.status, attempt.cause, attempt.code, kie.sent) == (Status.REFUSED, cause, code, (1, 1))
    assert attempt.message
    assert attempt.outcome.handle


@pytest.mark.parametrize(("key", "cause"), [("code_402", "credits"), ("code_455", "maintenance")])
def test_a_refusal_of_create_task_is_a_refusal(
    studio: Studio, account: Account, kie: Kie, key: str, cause: str
) -> None:
    kie.fault("gone", PERSONA_PATH)
    attempt = ended(studio, account, press(studio, account, key))
    assert (attempt.status, attempt.cause, attempt.outcome.handle, kie.sent) == (Status.REFUSED, cause, "", (1, 1))


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        ("drop_before", "no_answer"),
        ("drop_after", "no_answer"),
        ("html", "unreadable"),
        ("no_id", "unreadable"),
    ],
)
def test_a_lost_answer_is_unknown_and_a_person_decides_before_a_second_job(
    studio: Studio, account: Account, kie: Kie, kind: str, cause: str
) -> None:
    kie.fault(kind)
    attempt = ended(studio, account, press(studio, account, "job_song"))
    assert (attempt.status, attempt.cause, kie.sent) == (Status.UNKNOWN, cause, (0, 1))
    with pytest.raises(NeedsDecision):
        press(studio, account, "job_song", name="Other words")
    again = studio.create_persona(account, attempt.request, replaces=attempt.seen)
    assert (ended(studio, account, again).status, kie.sent) == (Status.CREATED, (0, 2))


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("kind", ["cut_after_id", "cut_after_id_plain", "not_object"])
def test_a_handle_in_a_broken_answer_is_looked_for(studio: Studio, account: Account, kie: Kie, kind: str) -> None:
    kie.fault(kind)
    attempt = ended(studio, account, press(studio, account, "job_song"))
    assert (attempt.status, [attempt.persona_id], kie.sent) == (Status.CREATED, kie.made, (0, 1))


@pytest.mark.usefixtures("known")
def test_a_server_error_without_a_known_message_is_unknown(studio: Studio, account: Account, kie: Kie) -> None:
    kie.fault("code", code=598, message="Whatever")
    attempt = ended(studio, account, press(studio, account, "job_song"))
    assert (attempt.status, attempt.code, kie.sent) == (Status.UNKNOWN, 598, (0, 1))


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("said", ["422", "404", "null"])
def test_a_record_that_is_not_there_yet_is_asked_for_again(
    studio: Studio, account: Account, kie: Kie, said: str
) -> None:
    messages = {"422": (422, "recordInfo is null"), "404": (404, "Task not found"), "null": (200, "success")}
    code, message = messages[said]
    kie.fault("code", JOB_RECORD_PATH, code=code, message=message, times=2)
    kie.fault("html", JOB_RECORD_PATH)
    attempt = ended(studio, account, press(studio, account, "job_song"))
    assert (attempt.status, kie.sent) == (Status.CREATED, (0, 1))


@pytest.mark.usefixtures("known")
def test_a_double_click_starts_one_job(studio: Studio, account: Account, kie: Kie) -> None:
    first = press(studio, account, "job_song")
    second = press(studio, account, "job_song")
    ended(studio, account, first)
    assert (second.id, kie.sent) == (first.id, (0, 1))


@pytest.mark.usefixtures("known")
def test_one_track_has_one_request_in_flight_through_both_interfaces(
    studio: Studio, account: Account, kie: Kie
) -> None:
    kie.sandbox.job_seconds = 600
    first = press(studio, account, "job_song")
    until(studio, account, first, lambda now: now.status is Status.WORKING)
    other = replace(first.request, task_id=for_song("finished").task_id, name="Other words")  # of a song known directly
    assert studio.create_persona(account, other).id == first.id
    assert kie.sent == (0, 1)


def test_an_unknown_attempt_with_a_handle_can_be_looked_for_again(studio: Studio, account: Account, kie: Kie) -> None:
    studio.music_task(account, for_song("job_song").task_id)
    kie.sandbox.persona_shape = "none"
    unknown = ended(studio, account, press(studio, account, "job_song"))
    job = next(iter(kie.sandbox.account(kie.token).jobs.values()))  # type: ignore[union-attr]
    job.result["data"]["persona_id"] = "found-later"
    assert studio.look_again(account, unknown.id)
    found = ended(studio, account, unknown)
    assert (found.status, found.persona_id, kie.sent) == (Status.CREATED, "found-later", (0, 1))
    assert not studio.look_again(account, unknown.id)


def test_another_account_cannot_have_it_looked_for(studio: Studio, account: Account, kie: Kie) -> None:
    studio.music_task(account, for_song("job_song").task_id)
    kie.sandbox.persona_shape = "none"
    unknown = ended(studio, account, press(studio, account, "job_song"))
    assert not studio.look_again(kie.account(studio), unknown.id)


def test_a_request_without_a_handle_cannot_be_looked_for(studio: Studio, account: Account, kie: Kie) -> None:
    kie.fault("drop_after", PERSONA_PATH)
    assert not studio.look_again(account, ended(studio, account, press(studio, account)).id)


# What a record means


class Record:
    """A client whose every look at a job gives one record."""

    def __init__(self, **record: Any) -> None:
        self.record = record

    def job(self, handle: str) -> Job:
        return Job.read(handle, {"taskId": handle, "model": "ai-music-api/generate-persona", **self.record})


MADE = '{"persona_id": "made"}'
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("record", "status", "seen"),
    [
        ({"state": "success", "resultJson": MADE}, Status.CREATED, ""),
        ({"state": "completed", "resultJson": MADE}, Status.CREATED, ""),
        ({"state": "waiting", "resultJson": MADE}, None, ""),
        ({"state": "generating"}, None, ""),
        ({"state": "fail", "failCode": "501", "failMsg": "No."}, Status.REFUSED, ""),
        ({"state": "fail"}, Status.REFUSED, ""),
        ({"state": "fail", "failMsg": "No.", "resultJson": MADE}, Status.UNKNOWN, "made"),
        ({"state": "success", "failMsg": "No.", "resultJson": MADE}, Status.UNKNOWN, "made"),
        (
            {"state": "success", "resultJson": '{"code": 500, "msg": "No.", "persona_id": "made"}'},
            Status.UNKNOWN,
            "made",
        ),
        ({"state": "success", "resultJson": '{"code": 422, "msg": "Music does not exist"}'}, Status.REFUSED, ""),
        ({"state": "success", "resultJson": '{"music": {"persona_id": "another"}}'}, Status.UNKNOWN, ""),
        ({"state": "success", "param": MADE, "request": {"personaId": "another"}}, Status.UNKNOWN, ""),
        ({"state": "success", "model": "ai-music-api/generate", "resultJson": MADE}, Status.UNKNOWN, ""),
        ({"state": "processing", "failMsg": "Attempt 1 failed, retrying"}, Status.UNKNOWN, ""),
        ({"state": "success", "taskId": "another", "resultJson": MADE}, Status.UNKNOWN, ""),
    ],
)
def test_only_a_finished_job_of_ours_with_an_id_and_without_an_error_made_the_persona(
    record: dict[str, Any], status: Status | None, seen: str
) -> None:
    attempt = Attempt("id", "account", for_song("job_song"), Outcome(Status.WORKING, handle="h"), NOW, sent_at=NOW)
    outcome = PERSONA_JOB.poll(Record(**record), attempt)  # type: ignore[arg-type]
    assert (outcome.status if outcome else None, outcome.result.get("seen_id", "") if outcome else "") == (status, seen)
    assert outcome is None or outcome.handle == "h"


def test_a_message_of_any_length_is_kept_in_part() -> None:
    attempt = Attempt("id", "account", for_song("job_song"), Outcome(Status.WORKING, handle="h"), NOW, sent_at=NOW)
    long = {"state": "fail", "failCode": "X" * 5000, "failMsg": "y" * 5000}
    outcome = PERSONA_JOB.poll(Record(**long), attempt)  # type: ignore[arg-type]
    assert outcome
    assert len(outcome.message) <= 1000


# Which interface


def test_a_song_that_nobody_looked_up_goes_to_the_jobs_that_know_it(studio: Studio, account: Account, kie: Kie) -> None:
    attempt = ended(studio, account, press(studio, account, "job_song"))
    assert (attempt.status, attempt.kind, [attempt.persona_id]) == (Status.CREATED, "persona_job", kie.made)
    assert kie.sent == (1, 1)  # the direct call was refused: KIE does not know the song there


def test_a_song_that_nobody_knows_stays_refused(studio: Studio, account: Account, kie: Kie) -> None:
    attempt = ended(studio, account, press(studio, account, "not_ready"))
    assert (attempt.status, attempt.cause, kie.sent) == (Status.REFUSED, "not_ready", (1, 0))


def test_a_song_of_the_direct_interface_is_asked_for_directly(studio: Studio, account: Account, kie: Kie) -> None:
    attempt = ended(studio, account, press(studio, account))
    assert (attempt.status, attempt.kind, kie.sent) == (Status.CREATED, "persona", (1, 0))


def test_without_the_direct_path_the_first_persona_is_made_by_a_job_and_that_is_said_once(
    studio: Studio, account: Account, kie: Kie, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "studio.sending.interface_choice")
    kie.sandbox.direct = False
    first = ended(studio, account, press(studio, account))
    assert (first.status, first.kind, [first.persona_id], kie.sent) == (
        Status.CREATED, "persona_job", kie.made, (1, 1),
    )  # fmt: skip
    second = ended(studio, account, press(studio, account, track=1))
    assert (second.status, second.persona_id in kie.made, kie.sent) == (Status.CREATED, True, (1, 2))
    assert [studio.says_change_of_interface(each) for each in (first, second, first)] == [True, False, True]
    assert len(caplog.records) == 1
    assert [event.kind for event in studio.library.events(account.id, first.id)] == ["by_job"]


@pytest.mark.parametrize(
    "gone",
    [
        {"kind": "gone", "status": 404},
        {"kind": "gone", "status": 405},
        {"kind": "gone", "status": 410},
        {"kind": "code", "code": 505, "message": "This feature is currently disabled"},
    ],
    ids=["404", "405", "410", "505"],
)
def test_every_sign_that_the_direct_call_is_gone_leads_to_a_job(
    studio: Studio, account: Account, kie: Kie, gone: dict[str, Any]
) -> None:
    kie.fault(path=PERSONA_PATH, **gone)
    attempt = ended(studio, account, press(studio, account))
    assert (attempt.status, [attempt.persona_id], kie.sent) == (Status.CREATED, kie.made, (1, 1))


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("drop_before", Status.UNKNOWN),
        ("drop_after", Status.UNKNOWN),
        ("html", Status.UNKNOWN),
        ("cut_json", Status.UNKNOWN),
        ("redirect", Status.UNKNOWN),
        ("code", Status.REFUSED),
    ],
)
def test_nothing_else_leads_to_a_second_request(
    studio: Studio, account: Account, kie: Kie, kind: str, status: Status
) -> None:
    kie.fault(kind, PERSONA_PATH)
    attempt = ended(studio, account, press(studio, account))
    assert (attempt.status, kie.sent) == (status, (1, 0))


def test_where_both_paths_are_gone_it_is_refused_and_the_direct_one_is_tried_first_again(
    studio: Studio, account: Account, kie: Kie
) -> None:
    kie.sandbox.direct = False
    kie.fault("gone")
    attempt = ended(studio, account, press(studio, account))
    assert (attempt.status, attempt.cause, kie.sent) == (Status.REFUSED, "removed", (1, 1))
    assert press(studio, account).id == attempt.id  # a double click, although it would go the other way by now
    kie.sandbox.direct = True
    attempt = ended(studio, account, press(studio, account, name="Other words"))
    assert (attempt.status, attempt.kind, kie.sent) == (Status.CREATED, "persona", (2, 1))


def test_a_lost_request_is_asked_for_again_through_its_own_interface_first(
    studio: Studio, account: Account, kie: Kie
) -> None:
    kie.fault("drop_after", PERSONA_PATH)
    lost = ended(studio, account, press(studio, account))
    kie.sandbox.direct = False
    ended(studio, account, press(studio, account, track=1))
    assert (lost.status, kie.sent) == (Status.UNKNOWN, (2, 1))
    kie.sandbox.direct = True
    again = ended(studio, account, studio.create_persona(account, lost.request, replaces=lost.seen))
    assert (again.status, again.kind, again.body, kie.sent) == (Status.CREATED, "persona", lost.body, (3, 1))


def test_another_account_is_not_led_to_jobs(studio: Studio, account: Account, kie: Kie) -> None:
    kie.fault("gone", PERSONA_PATH)
    ended(studio, account, press(studio, account))
    other = kie.account(studio)
    assert (ended(studio, other, press(studio, other)).kind, kie.sent) == ("persona", (1, 0))
