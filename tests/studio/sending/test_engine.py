"""What the engine keeps and costs while it waits, and when attempts have ended."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from kie import NotConnected
from sandbox import Server
from studio.database.connection import sqlite_file
from studio.facade import Studio
from studio.people.token_store import Account
from studio.sending import engine as engines
from studio.sending.attempt_store import Claim, Store
from studio.sending.attempts import Attempt, Status
from studio.sending.kinds import BatchItem, body_of
from studio.sending.kinds.persona import PERSONA
from studio.settings import Settings
from tests.polling import eventually
from tests.studio.helpers import Story, a_request, ended, press, story


@pytest.fixture(scope="module")
def any_studio(new_database: Callable[[], str], server: Server) -> Iterator[Studio]:
    """A studio on either kind of database, for the whole file; it looks for what was left ten times as often."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engines, "HEARTBEAT", engines.HEARTBEAT / 10)
        patch.setattr(engines, "OVERDUE", engines.OVERDUE / 10)
        studio = Studio(Settings(base_url=server.base_url, database_url=new_database(), rate_limit=3, rate_period=600))
        yield studio
        studio.close()


def wanted(count: int) -> list[BatchItem]:
    requests = [a_request(f"audio-{number}", task_id=f"task-{number}") for number in range(count)]
    return [BatchItem(PERSONA, body_of(request.payload()), request) for request in requests]


def workflows(studio: Studio) -> set[str]:
    """The workflows that DBOS has on file."""
    store, running = studio.open().result()
    if store.database.kind == "sqlite":
        engine = sqlite_file(f"{store.database.engine.url.database}-engine-{running.executor}")
        table = "workflow_status"
    else:
        engine, table = store.database.engine, "dbos.workflow_status"
    with engine.connect() as connection:
        return set(connection.execute(sa.text(f"SELECT workflow_uuid FROM {table}")).scalars())


@pytest.fixture(scope="module", autouse=True)
def early(any_studio: Studio, server: Server) -> set[str]:
    """The workflows of the first attempt; it has ended when the other tests begin."""
    account = any_studio.sign_in(server.sandbox.new_account())
    attempt = press(any_studio, account)
    found = eventually(lambda: workflows(any_studio))
    ended(any_studio, account, attempt)
    return found | workflows(any_studio)


def test_one_press_makes_one_persona_and_files_its_id(any_studio: Studio, server: Server, token: str) -> None:
    account = any_studio.sign_in(token)
    attempt = ended(any_studio, account, press(any_studio, account))
    assert (story(server, token, attempt), attempt.persona_id) == (
        Story(Status.CREATED, "", 200, 1),
        server.sandbox.personas(token)[0]["personaId"],
    )


def test_thirty_threads_pressing_at_once_send_one_request(any_studio: Studio, server: Server, token: str) -> None:
    account = any_studio.sign_in(token)
    start = threading.Barrier(30)

    def one_of_them(_: int) -> Attempt:
        start.wait()
        return press(any_studio, account)

    server.sandbox.fault("delay", token=token, seconds=1)
    with ThreadPoolExecutor(30) as pool:
        attempts = list(pool.map(one_of_them, range(30)))
    ended(any_studio, account, attempts[0])
    assert (len({each.id for each in attempts}), server.sandbox.count(token=token)) == (1, 1)


def test_an_answer_that_no_database_takes_as_it_is_gets_filed_all_the_same(
    any_studio: Studio, server: Server, token: str
) -> None:
    server.sandbox.fault("code", token=token, code=422, message="name has a NUL \0 in it")
    account = any_studio.sign_in(token)
    assert ended(any_studio, account, press(any_studio, account)).status is Status.REFUSED


def test_three_hundred_waiting_attempts_need_no_thread_each(any_studio: Studio, server: Server, token: str) -> None:
    account = any_studio.sign_in(token)
    before = threading.active_count()
    batch_id, _ = any_studio.batches.start(account.id, "", wanted(300))
    eventually(lambda: server.sandbox.count(token=token) == 3)
    assert threading.active_count() - before <= 10
    any_studio.batches.cancel(account.id, batch_id)


def test_accounts_are_served_beside_each_other(any_studio: Studio, server: Server, token: str) -> None:
    busy, other = any_studio.sign_in(token), any_studio.sign_in(server.sandbox.new_account())
    batch_id, _ = any_studio.batches.start(busy.id, "", wanted(50))
    assert ended(any_studio, other, press(any_studio, other)).status is Status.CREATED
    any_studio.batches.cancel(busy.id, batch_id)


def test_what_was_held_up_too_long_does_not_leave(
    any_studio: Studio, server: Server, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = any_studio.sign_in(token)
    with monkeypatch.context() as patch:
        patch.setattr(engines, "TOO_LATE", -1.0)
        attempt = press(any_studio, account)
        store, _ = any_studio.open().result()
        eventually(lambda: released(store, account))
        eventually(lambda: any_studio.cancel(account, attempt.id))
    assert (ended(any_studio, account, attempt).status, server.sandbox.count(token=token)) == (Status.REFUSED, 0)


def released(store: Store, account: Account) -> bool:
    """Whether something was claimed and put back."""
    return any(each.claim and each.status is Status.QUEUED for each in store.newest(account.id, 1))


def test_a_claim_whose_answer_was_lost_is_put_back_and_sent_once(
    any_studio: Studio, server: Server, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = any_studio.sign_in(token)
    claim = Store.claim
    lost = iter([True])

    def answer_lost(*args: Any, **options: Any) -> Claim:
        found = claim(*args, **options)
        if found.attempt is not None and next(lost, False):
            raise NotConnected("the commit's answer is lost")
        return found

    monkeypatch.setattr(Store, "claim", answer_lost)
    attempt = press(any_studio, account)
    assert ended(any_studio, account, attempt).status is Status.CREATED
    assert server.sandbox.count(token=token) == 1


def test_an_attempt_that_was_put_back_and_claimed_again_at_once_is_sent_once(
    any_studio: Studio, server: Server, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.sandbox.fault("delay", token=token, seconds=1)
    account, release = any_studio.sign_in(token), Store.release
    _, engine = any_studio.open().result()
    monkeypatch.setattr(engines, "TOO_LATE", -1.0)

    def release_and_see_it_leave(store: Store, attempt: Attempt) -> bool:
        done = release(store, attempt)
        monkeypatch.setattr(engines, "TOO_LATE", 60.0)
        engine.serve_soon(account.id)
        eventually(lambda: server.sandbox.count(token=token) == 1)
        return done

    with monkeypatch.context() as patch:
        patch.setattr(Store, "release", release_and_see_it_leave)
        attempt = press(any_studio, account)
        eventually(lambda: server.sandbox.count(token=token) == 1)
    assert ended(any_studio, account, attempt).status is Status.CREATED
    assert server.sandbox.count(token=token) == 1


def test_what_cannot_be_started_waits_for_the_next_sign_of_life(
    any_studio: Studio, server: Server, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = any_studio.sign_in(token)
    _, engine = any_studio.open().result()
    tries = []

    def fail(what: str, *args: object) -> None:
        tries.append(what)
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(engine, "_start", fail)
        pressed = [press(any_studio, account, track=track) for track in range(2)]
        engine.serve(account.id)
    assert tries.count("carry") <= 1
    for attempt in pressed:
        ended(any_studio, account, attempt)


def test_the_engine_forgets_what_has_ended(any_studio: Studio, early: set[str]) -> None:
    eventually(lambda: not early & workflows(any_studio), 20, lambda: early & workflows(any_studio))
