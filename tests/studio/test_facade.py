"""Studios from their opening to their end, each with a database of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
import sqlalchemy as sa

from sandbox import Server
from studio.database.connection import Database
from studio.facade import NotSaved, Studio
from studio.sending.attempt_store import Store
from studio.sending.attempts import Attempt, NotAllowed, Status
from studio.sending.engine import Engine
from tests.polling import eventually
from tests.studio.helpers import Disk, Story, database_fails, ended, filed_without_token, press, story, unsaved

Opener = Callable[..., Studio]


@pytest.fixture
def any_studio(database_url: str, open_studio: Opener) -> Studio:
    """A studio on either kind of database."""
    return open_studio(database_url=database_url)


def test_requests_of_one_account_leave_no_faster_than_its_rate(open_studio: Opener, server: Server, token: str) -> None:
    studio = open_studio(rate_limit=1, rate_period=0.5)
    account = studio.sign_in(token)
    pressed = [press(studio, account, key) for key in ("finished", "callback", "documented")]
    times = sorted(each.sent_at for each in (ended(studio, account, one) for one in pressed) if each.sent_at)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert len(gaps) == 2
    assert min(gaps) >= timedelta(seconds=0.5)


def test_without_a_record_nothing_is_sent(any_studio: Studio, server: Server, token: str) -> None:
    account = any_studio.sign_in(token)
    store, _ = any_studio.open().result()
    with store.database.writing() as connection:
        connection.execute(sa.text("ALTER TABLE attempts RENAME TO elsewhere"))
    with pytest.raises(NotSaved):
        press(any_studio, account)
    assert server.sandbox.count(token=token) == 0


def test_a_database_that_cannot_be_opened_sends_nothing(
    open_studio: Opener, server: Server, token: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    studio = open_studio(database_url=f"sqlite:///{tmp_path}/file/studio.db")
    with pytest.raises(NotSaved):
        press(studio, studio.token_store.add(token, server.base_url))
    assert server.sandbox.count(token=token) == 0


def test_a_folder_whose_name_looks_coded_is_a_folder(
    open_studio: Opener, server: Server, token: str, tmp_path: Path
) -> None:
    (tmp_path / "studio%2Fmain").mkdir()
    studio = open_studio(database_url=f"sqlite:///{tmp_path}/studio%2Fmain/studio.db")
    account = studio.sign_in(token)
    assert ended(studio, account, press(studio, account)).status is Status.CREATED
    assert (tmp_path / "studio%2Fmain" / "studio.db").exists()


def test_the_oldest_demos_make_room_for_new_ones(open_studio: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.facade.MOST_DEMOS", 5)
    studio = open_studio()
    demos = [studio.start_demo() for _ in range(20)]
    assert studio.token_store.accounts() == [demo.id for demo in demos[-5:]]


def test_a_database_that_can_be_opened_later_is_used_from_then_on(
    open_studio: Opener, server: Server, token: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    studio = open_studio(database_url=f"sqlite:///{tmp_path}/file/studio.db")
    account = studio.token_store.add(token, server.base_url)
    with pytest.raises(NotSaved):
        press(studio, account)
    (tmp_path / "file").unlink()
    assert ended(studio, account, press(studio, account)).status is Status.CREATED


def test_a_start_that_failed_halfway_leaves_nothing_in_the_way_of_the_next(
    open_studio: Opener, server: Server, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = open_studio()
    account = studio.token_store.add(token, server.base_url)
    with monkeypatch.context() as patch:
        patch.setattr(Engine, "_recover", database_fails)
        with pytest.raises(NotSaved):
            press(studio, account)
    assert ended(studio, account, press(studio, account)).status is Status.CREATED


def test_a_studio_that_never_opened_closes_quietly(open_studio: Opener, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    studio = open_studio(database_url=f"sqlite:///{tmp_path}/file/studio.db")
    eventually(studio.open().done)
    studio.close()


def test_closing_waits_for_the_answer_and_stores_it(open_studio: Opener, server: Server, token: str) -> None:
    studio = open_studio()
    account = studio.sign_in(token)
    server.sandbox.fault("delay", token=token, seconds=1.5)
    attempt = press(studio, account)
    eventually(lambda: server.sandbox.count(token=token))
    studio.close()
    assert stored(studio, attempt).status is Status.CREATED


def test_while_closing_nothing_new_is_sent(open_studio: Opener, server: Server, token: str) -> None:
    studio = open_studio(rate_limit=1, rate_period=0.5)
    account = studio.sign_in(token)
    server.sandbox.fault("delay", token=token, seconds=2)
    press(studio, account)
    eventually(lambda: server.sandbox.count(token=token))
    waiting = press(studio, account, "callback")
    studio.close()
    assert (stored(studio, waiting).status, server.sandbox.count(token=token)) == (Status.QUEUED, 1)


def test_what_waited_at_the_end_goes_on_after_the_next_start(
    open_studio: Opener, server: Server, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_studio()
    account = first.token_store.add(token, server.base_url)
    attempt = filed_without_token(first, account, monkeypatch)
    first.close()
    second = open_studio(api_key=token)
    second.open()
    assert story(server, token, ended(second, account, attempt)) == Story(Status.CREATED, "", 200, 1)


def test_a_persona_that_could_not_be_saved_up_to_the_end_is_unknown_after_the_next_start(
    open_studio: Opener, server: Server, token: str, disk: Disk
) -> None:
    first = open_studio()
    account = first.sign_in(token)
    attempt = unsaved(first, account, press(first, account))
    first.close()
    disk.full = False
    second = open_studio()
    second.open()
    assert ended(second, account, attempt).status is Status.UNKNOWN


def stored(studio: Studio, attempt: Attempt) -> Attempt:
    """The attempt as it stands on disk after its studio was closed."""
    store = Store(Database(studio.settings.database_url))
    try:
        found = store.get(attempt.account, attempt.id)
    finally:
        store.database.close()
    assert found
    return found


def test_dbos_finds_its_clock_on_an_old_sqlite_too() -> None:
    import studio.sending.engine  # noqa: F401  # it teaches every connection

    with sa.create_engine("sqlite://").connect() as connection:
        seconds = connection.execute(sa.text("SELECT unixepoch('subsec')")).scalar()
    assert seconds is not None
    assert abs(seconds - time.time()) < 60


@pytest.mark.parametrize("moment", ["before it is written", "after it was written"])
def test_a_token_stays_if_a_request_is_filed_while_its_last_browser_leaves(
    open_studio: Opener, server: Server, token: str, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Otherwise it would wait for ever, and be sent without asking when the token is pasted again."""
    studio = open_studio()
    account = studio.sign_in(token)
    studio.browsers.use_account("chrome", account.id)
    store, _ = studio.open().result()
    filed: list[Attempt] = []
    if moment == "after it was written":
        looks = store.any_in_flight

        def look(account_id: str) -> bool:
            found = looks(account_id)
            filed.append(press(studio, account))  # in another tab, just after the look
            return found

        monkeypatch.setattr(store, "any_in_flight", look)
        studio.leave_account("chrome", account)
    else:
        add = store.add

        def write(*given: object, **named: object) -> object:
            studio.leave_account("chrome", account)
            return add(*given, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(store, "add", write)
        filed.append(press(studio, account))
    assert ended(studio, account, filed[0]).status is Status.CREATED


def test_for_a_token_that_was_forgotten_nothing_is_filed(open_studio: Opener, server: Server, token: str) -> None:
    studio = open_studio()
    account = studio.sign_in(token)
    studio.leave_account("chrome", account)
    with pytest.raises(NotAllowed, match="not known any more"):
        press(studio, account)
    assert studio.history(account, 10) == []
