"""Servers that end in the middle of a request, and two servers at once: nothing is sent twice, nothing is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable

from playwright.sync_api import Browser, Page, expect

from sandbox import Server
from tests.browser.acts import button, eventually, field, fill_in, history_cell, sign_in
from tests.browser.conftest import App

PAGES = {"/": "Create a persona"}


def test_two_servers_and_two_tabs_pressing_create_for_one_track_send_one_request(
    app: App, start_app: Callable[..., App], kie: Server, chromium: Browser, token: str
) -> None:
    second = start_app(database=app.database)
    kie.sandbox.fault("delay", token=token, seconds=2.0, times=None)
    pages = [chromium.new_context().new_page() for _ in range(2)]
    for page, server in zip(pages, (app, second), strict=True):
        page.goto(server.url)
        sign_in(page, token)
        fill_in(page, "finished")
    for page in pages:
        button(page, "create").dispatch_event("click")
    for page in pages:
        expect(page.get_by_text("Here is your persona")).to_be_visible()
        page.context.close()
    assert kie.sandbox.count(token=token) == 1


def test_a_server_killed_while_sending_comes_back_with_the_attempt_unknown_and_sends_nothing(
    start_app: Callable[..., App], kie: Server, page: Page, token: str
) -> None:
    app = start_app()
    kie.sandbox.fault("delay", token=token, seconds=60.0, times=None)
    page.goto(app.url)
    sign_in(page, token)
    fill_in(page, "finished")
    button(page, "create").click()
    eventually(lambda: kie.sandbox.count(token=token) == 1, page=page)
    app.kill()
    kie.sandbox.clear_faults()
    app.start()
    page.goto(app.url)
    sign_in(page, token)
    expect(history_cell(page, "Unknown")).to_be_attached(timeout=25_000)
    assert kie.sandbox.count(token=token) == 1

    page.reload()
    field(page, "task_id").wait_for()
    fill_in(page, "finished", name="Another name")
    button(page, "create").click()
    expect(page.get_by_text("KIE may already have made this persona")).to_be_visible()
    assert kie.sandbox.count(token=token) == 1
    button(page, "ask_again").click()
    expect(page.get_by_text("Here is your persona")).to_be_visible()
    sent = [recorded.json for recorded in kie.sandbox.requests("/api/v1/generate/generate-persona", token)]
    assert sent[0] == sent[1]


def test_a_graceful_end_waits_for_the_answer_and_writes_it_down(
    start_app: Callable[..., App], kie: Server, page: Page, token: str
) -> None:
    app = start_app()
    kie.sandbox.fault("delay", token=token, seconds=3.0)
    page.goto(app.url)
    sign_in(page, token)
    fill_in(page, "finished")
    button(page, "create").click()
    eventually(lambda: kie.sandbox.count(token=token) == 1, page=page)
    ending = threading.Thread(target=app.stop)
    ending.start()
    ending.join(20)
    app.start()
    page.goto(app.url)
    sign_in(page, token)
    [persona] = kie.sandbox.personas(token)
    expect(history_cell(page, persona["personaId"])).to_be_attached()
