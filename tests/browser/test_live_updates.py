"""Pages that wait: they are told of the end, ask for nothing meanwhile, and find it out where the telling fails too."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect

from sandbox import Server
from studio.database.connection import Database
from studio.people.token_store import account_of
from studio.sending.attempt_store import Store
from studio.sending.attempts import Status
from tests.browser.acts import button, eventually, fill_in, history_cell, settled, sign_in
from tests.browser.conftest import App

HIDE = """hidden => {
    Object.defineProperty(document, 'hidden', {configurable: true, get: () => hidden});
    document.dispatchEvent(new Event('visibilitychange'));
}"""


def start_waiting(page: Page, app: App, kie: Server, token: str, seconds: float) -> None:
    """Press Create for a song whose answer takes so many seconds, and wait until the page waits."""
    kie.sandbox.fault("delay", token=token, seconds=seconds)
    page.goto(app.url)
    sign_in(page, token)
    fill_in(page, "finished")
    button(page, "create").click()
    expect(page.get_by_text("so far. It usually takes")).to_be_visible()
    settled(page)


def test_a_page_asks_for_nothing_while_it_waits_and_says_once_what_came_of_it(
    app: App, kie: Server, page: Page, token: str, chromium: Browser
) -> None:
    asked: list[object] = []
    streams: list[str] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: asked.append(frame)))
    page.on("request", lambda request: streams.append(request.url) if "/changes?" in request.url else None)
    start_waiting(page, app, kie, token, 5.0)
    said = page.locator("#persona-studio-said")
    expect(said).to_have_text("Sent. Waiting for KIE’s answer")
    expect(page.get_by_role("progressbar", name="Sent. Waiting for KIE’s answer")).to_be_visible()
    eventually(lambda: streams, page=page)
    expect(page.get_by_text("2 s so far.")).to_be_visible()
    before = len(asked), len(streams)
    expect(page.get_by_text("4 s so far.")).to_be_visible()
    assert (len(asked), len(streams)) == before

    stranger = chromium.new_context()
    stranger.new_page().goto(app.url)
    assert stranger.request.get(streams[-1]).status == 404
    stranger.close()

    expect(page.get_by_text("Here is your persona")).to_be_visible()
    expect(said).to_have_text("Your persona is ready.")
    expect(button(page, "start_over")).to_be_enabled()


def test_where_the_stream_does_not_get_through_the_end_is_found_out_all_the_same(
    app: App, kie: Server, page: Page, token: str
) -> None:
    page.route("**/changes?*", lambda route: route.abort())
    start_waiting(page, app, kie, token, 6.0)
    expect(page.get_by_text("4 s so far.")).to_be_visible()
    expect(page.get_by_text("5 s so far.")).to_be_visible()
    expect(page.get_by_text("Here is your persona")).to_be_visible()


def test_a_hidden_tab_holds_no_stream_and_shows_the_end_when_it_is_seen_again(
    app: App, kie: Server, page: Page, token: str
) -> None:
    streams: set[Request] = set()
    page.on("request", lambda request: streams.add(request) if "/changes?" in request.url else None)
    for event in ("requestfinished", "requestfailed"):
        page.on(event, lambda request: streams.discard(request))
    start_waiting(page, app, kie, token, 4.0)
    eventually(lambda: streams, page=page)
    page.evaluate(HIDE, True)
    eventually(lambda: not streams, page=page)
    expect(page.get_by_text("Here is your persona")).to_have_count(0)
    store = Store(Database(app.database))
    eventually(lambda: store.newest(account_of(token), 1)[0].status is Status.CREATED, page=page)
    store.database.close()
    page.wait_for_timeout(300)
    expect(page.get_by_text("Here is your persona")).to_have_count(0)
    page.evaluate(HIDE, False)
    expect(page.get_by_text("Here is your persona")).to_be_visible()


def pause(page: Page, app: App, kie: Server, token: str) -> None:
    """Have a page wait for a minute, because KIE has asked for that."""
    kie.sandbox.fault("status", token=token, status=429, code=429, retry_after=60)
    page.goto(app.url)
    sign_in(page, token)
    fill_in(page, "finished")
    button(page, "create").click()
    expect(page.get_by_text(re.compile(r"Sending again by itself in \d+ s"))).to_be_visible()
    settled(page)


@pytest.fixture
def paused(app: App, kie: Server, page: Page, token: str) -> App:
    """A server of which a page waits for a minute; the test ends that by the page's own button."""
    pause(page, app, kie, token)
    return app


def test_a_server_that_is_told_to_stop_does_not_wait_for_pages_that_wait(
    start_app: Callable[..., App], kie: Server, page: Page, token: str
) -> None:
    app = start_app()
    pause(page, app, kie, token)
    started = time.monotonic()
    app.process.terminate()
    app.process.wait(20)
    assert time.monotonic() - started < 2.5


def test_a_library_that_is_open_while_an_attempt_ends_shows_its_end(
    paused: App, page: Page, browser: BrowserContext
) -> None:
    lists, card = browser.new_page(), browser.new_page()
    lists.goto(f"{paused.url}/library")
    card.goto(f"{paused.url}/library?{page.url.partition('?')[2]}")
    for tab in (lists, card):
        expect(history_cell(tab, "On its way")).to_be_attached()
    expect(card.get_by_role("progressbar")).to_be_visible()
    button(page, "stop_waiting").click()
    for tab in (lists, card):
        expect(history_cell(tab, "Refused")).to_be_attached()
    expect(card.get_by_text("KIE is asking for fewer requests at a time.")).to_be_visible()
    expect(card.get_by_role("progressbar")).to_have_count(0)


def test_what_another_server_does_is_shown_here(
    paused: App, page: Page, browser: BrowserContext, start_app: Callable[..., App], token: str
) -> None:
    other, second = browser.new_page(), start_app(database=paused.database)
    other.goto(second.url)
    sign_in(other, token)
    other.goto(f"{second.url}/?{page.url.partition('?')[2]}")
    button(other, "stop_waiting").click()
    expect(page.get_by_text("KIE is asking for fewer requests at a time.")).to_be_visible()
