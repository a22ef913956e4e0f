"""A page that waits: what it shows, what it offers to be told of, and who gets the event stream behind the grant."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from streamlit.testing.v1 import AppTest

from sandbox import Server
from studio.facade import NotSaved, Studio
from studio.people.browser_grants import Grant
from studio.people.token_store import Account
from studio.sending import change_notifier
from studio.sending.change_notifier import ChangeNotifier
from tests import loops
from tests.pages.helpers import elements, ended, field_of, run_until, said, screen_state
from tests.polling import eventually
from tests.scenarios import scenario
from views.shared import browser_cookie, event_stream
from views.shared.browser_cookie import COOKIE
from views.shared.screen_state import LibraryPage, PersonaRequests

LONG = 20.0
ACCOUNT = Account("0123456789ab", "1234")


@pytest.fixture
def slow_kie(kie: Server) -> Iterator[None]:
    kie.sandbox.delay = 2.5
    yield
    kie.sandbox.delay = 0.0


def press(page: AppTest, key: str = "finished") -> AppTest:
    """Fill in a song and press Create; do not wait for its end."""
    song = scenario(key)
    for widget, text in (("task_id", song.task_id), ("audio_id", song.audio_id), ("name", "Alto")):
        field_of(page, widget).input(text)
    page.text_area(key="description").input("Low")
    return page.button(key="create").click().run()


def waits(page: AppTest) -> dict[str, dict[str, Any]]:
    """What the page gives the browser to wait with, by key."""
    found = {str(element.key): json.loads(element.proto.json) for element in elements(page, "bidi_component")}
    return {key: data for key, data in found.items() if key.endswith("_waiting")}


def offered(studio: Studio, address: str) -> dict[str, Any]:
    """What is told at this address; here there is no browser, so nobody could ask there."""
    return dict(studio.waits._grants[address.partition("key=")[2].partition("&")[0]].make())


@pytest.mark.usefixtures("slow_kie")
def test_the_create_page_waits_for_the_attempt_in_the_state_that_it_shows(signed_in: AppTest, studio: Studio) -> None:
    page = press(signed_in)
    [(key, data)] = waits(page).items()
    assert key == "outcome_waiting"
    assert data["headline"] in ("Waiting for its turn", "Sent. Waiting for KIE’s answer")
    assert 0 <= data["now"] - data["started"] < 10_000
    [(attempt_id, state)] = offered(studio, data["stream"]).items()
    assert attempt_id == screen_state(page, PersonaRequests).attempt_id
    assert state[0] in ("queued", "sending")
    page = ended(page, studio)
    assert waits(page) == {"outcome_waiting": {**waits(page)["outcome_waiting"], "said": "Your persona is ready."}}
    assert "stream" not in waits(page)["outcome_waiting"]
    assert not waits(page.run())


@pytest.mark.usefixtures("slow_kie")
def test_the_address_changes_with_what_is_shown_and_not_with_each_drawing(signed_in: AppTest, studio: Studio) -> None:
    page = press(signed_in, "code_422")
    account = studio.token_store.account(page.session_state["account_id"])
    assert account is not None
    eventually(lambda: studio.history(account, 1)[0].status != "queued")
    sending = waits(page.run())["outcome_waiting"]["stream"]
    assert waits(page.run())["outcome_waiting"]["stream"] == sending
    ended(page, studio)


@pytest.mark.usefixtures("slow_kie")
def test_the_history_waits_for_what_the_page_does_not_show_elsewhere(signed_in: AppTest, studio: Studio) -> None:
    page = press(signed_in)
    screen_state(page, PersonaRequests).attempt_id = ""
    [(key, data)] = waits(page.run()).items()
    assert (key, data["headline"]) == ("history_waiting", "")
    assert len(offered(studio, data["stream"])) == 1
    assert not waits(ended(page, studio))


@pytest.mark.usefixtures("slow_kie")
def test_the_library_waits_in_its_list_and_in_the_card_that_is_open(signed_in: AppTest, studio: Studio) -> None:
    page = press(signed_in)
    attempt_id = screen_state(page, PersonaRequests).attempt_id
    screen_state(page, LibraryPage).attempt_id = ""
    page.switch_page("../pages/library.py").run()
    assert list(waits(page)) == ["library_waiting"]
    screen_state(page, LibraryPage).attempt_id = attempt_id
    [(key, data)] = waits(page.run()).items()
    assert (key, list(offered(studio, data["stream"]))) == ("library_card_waiting", [attempt_id])
    page = ended(page, studio)
    assert not waits(page)
    assert "On its way" not in said(page)


def test_a_boost_is_waited_for(signed_in: AppTest, kie: Server) -> None:
    kie.sandbox.fault("delay", path="/api/v1/style/generate", seconds=1.0)
    signed_in.text_area(key="description").input("warm folk")
    page = signed_in.button(key="boost").click().run()
    assert waits(page)["boost_waiting"]["headline"] == "A richer text is on its way"
    assert page.button(key="boost").disabled
    assert not waits(run_until(page, "It cost"))


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("finished", "Your persona is ready."),
        ("code_402", "No persona was made. The page says why."),
        ("dropped", "No readable answer came. The page says what you can do."),
    ],
)
def test_what_became_of_it_is_said_once(signed_in: AppTest, studio: Studio, key: str, words: str) -> None:
    page, heard = press(signed_in, key), []
    steps: list[Callable[[], AppTest]] = [lambda: page, lambda: ended(page, studio), page.run]
    for step in steps:  # it may end before the first
        heard += [data["said"] for data in waits(step()).values() if data.get("said")]
    assert heard == [words]


def test_an_attempt_that_cannot_be_read_is_asked_for_again_later(
    account: Account, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise NotSaved

    def script(account_id: str) -> None:
        from studio.facade import the_studio
        from views.create import result_card
        from views.shared import visitor

        account = the_studio().token_store.account(account_id)
        assert account is not None
        visitor.arrive()
        visitor.enter(account)
        result_card._on_its_way(account, "attempt")

    monkeypatch.setattr(studio, "attempt", fail)
    page = AppTest.from_function(script, args=(account.id,)).run()
    assert "The history cannot be read or written now" in said(page)
    assert waits(page)["outcome_waiting"]["again"] == 1000


class Visit:
    """One browser at the event stream, without a network in between."""

    def __init__(self, query: str, browser: str = "") -> None:
        self._sent: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
        self._gone = asyncio.Event()
        scope = {
            "type": "http",
            "asgi": {"spec_version": "2.3"},
            "method": "GET",
            "path": "/changes",
            "query_string": query.encode(),
            "headers": [(b"cookie", f"{COOKIE}={browser}".encode())] if browser else [],
        }
        app = Starlette(routes=[Route("/changes", event_stream.changes)])
        self.task = asyncio.create_task(app(scope, self._receive, self._sent.put))

    async def _receive(self) -> MutableMapping[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def next(self) -> Mapping[str, Any]:
        return await self._sent.get()

    async def status(self) -> int:
        return int((await self.next())["status"])

    async def words(self) -> str:
        body: bytes = (await self.next())["body"]
        return body.decode()

    async def leave(self) -> None:
        self._gone.set()
        await self.task


@pytest.fixture
def grant(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Grant to tell a browser at an account of an attempt, seen in the state in which it is."""
    monkeypatch.setattr(browser_cookie, "_is_ours", bool)
    changes = ChangeNotifier(lambda ids: dict.fromkeys(ids, "sending"))
    monkeypatch.setattr(studio, "changes", changes)

    def grant(key: str, browser: str = "chrome", state: str = "sending", account: Account = ACCOUNT) -> None:
        if browser:
            studio.browsers.use_account(browser, account.id)
        studio.waits.grant(key, Grant(account, browser, lambda: {"attempt-" + key: state}))

    yield grant
    changes.close()


def test_the_stream_says_ready_and_once_changed_and_nothing_else(studio: Studio, grant: Callable[..., None]) -> None:
    async def scene() -> None:
        grant("k")
        visit = Visit("key=k&drawn=3", "chrome")
        start = await visit.next()
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        assert start["status"] == 200
        assert headers["content-type"].startswith("text/event-stream")
        assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-store", "no")
        assert await visit.words() == "event: ready\ndata: ready\n\n"
        studio.changes.notify("attempt-k")
        assert [await visit.words(), await visit.words()] == ["data: changed\n\n", ""]
        await visit.task

    loops.run(scene())


def test_what_changed_before_the_stream_was_open_is_told(grant: Callable[..., None]) -> None:
    async def scene() -> None:
        grant("k", state="queued")
        visit = Visit("key=k", "chrome")
        assert [await visit.status(), await visit.words(), await visit.words()][2] == "data: changed\n\n"

    loops.run(scene())


@pytest.mark.parametrize("browser", ["", "firefox", "chrom"])
@pytest.mark.parametrize("query", ["key=k", "key=", "", "key=other"])
def test_no_other_browser_and_no_other_key_gets_a_stream(grant: Callable[..., None], browser: str, query: str) -> None:
    async def scene() -> None:
        grant("k")
        assert await Visit(query, browser).status() == 404

    loops.run(scene())


@pytest.mark.parametrize("leave", [True, False])
def test_a_browser_that_left_the_account_is_told_nothing_more(
    studio: Studio, grant: Callable[..., None], leave: bool
) -> None:
    async def scene() -> None:
        grant("k")
        visit = Visit("key=k", "chrome")
        assert [await visit.status(), await visit.words()][0] == 200
        studio.browsers.leave_account("chrome", ACCOUNT.id) if leave else studio.browsers.use_account(
            "chrome", "ba9876543210"
        )
        studio.changes.notify("attempt-k")
        assert await visit.words() == ""
        assert await Visit("key=k", "chrome").status() == 404

    loops.run(scene())


def test_a_stream_gives_signs_of_life_and_ends_after_a_while(
    grant: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        monkeypatch.setattr(event_stream, "HEARTBEAT", 0.001)
        grant("k")
        visit = Visit("key=k", "chrome")
        await visit.status()
        assert [await visit.words() for _ in range(3)] == ["event: ready\ndata: ready\n\n", ":\n\n", ":\n\n"]
        await visit.leave()
        monkeypatch.setattr(event_stream, "LONGEST", 0)
        visit = Visit("key=k", "chrome")
        await visit.task
        assert await visit.status() == 200
        assert [await visit.words(), await visit.words()] == ["event: ready\ndata: ready\n\n", ""]

    loops.run(scene())


def test_a_browser_that_goes_waits_no_more(studio: Studio, grant: Callable[..., None]) -> None:
    async def scene() -> None:
        grant("k")
        visit = Visit("key=k", "chrome")
        assert [await visit.status(), await visit.words()][0] == 200
        assert studio.changes._waiting
        await visit.leave()
        assert not studio.changes._waiting

    loops.run(scene())


def test_a_hundred_open_streams_cost_one_thread(studio: Studio, grant: Callable[..., None]) -> None:
    async def scene() -> None:
        before = threading.active_count()
        for number in range(100):
            grant(str(number), f"browser{number}")
        visits = [Visit(f"key={number}", f"browser{number}") for number in range(100)]
        for visit in visits:
            assert [await visit.status(), await visit.words()][0] == 200
        assert threading.active_count() - before <= 1
        for visit in visits:
            await visit.leave()

    loops.run(scene())


def test_when_too_many_wait_the_next_one_is_sent_away(
    grant: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        monkeypatch.setattr(change_notifier, "MOST_SUBSCRIPTIONS", 1)
        grant("one")
        grant("two")
        first = Visit("key=one", "chrome")
        assert [await first.status(), await first.words()][0] == 200
        assert await Visit("key=two", "chrome").status() == 503
        await first.leave()

    loops.run(scene())


@pytest.mark.usefixtures("slow_kie")
def test_while_the_database_does_not_answer_a_waiting_page_says_so(
    signed_in: AppTest, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = press(signed_in)
    assert "does not answer" not in said(page)
    monkeypatch.setattr(Studio, "answers", False)
    assert "The database does not answer now. What KIE answers is shown here all the same" in said(page.run())
    monkeypatch.undo()
    assert "does not answer" not in said(page.run())
    ended(page, studio)
