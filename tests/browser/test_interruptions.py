"""One click sends exactly one request, and its outcome is kept and shown, whatever the browser does meanwhile.

The API takes three seconds; the person acts during them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from streamlit.proto.BackMsg_pb2 import BackMsg

from sandbox import Server
from sandbox.replies import JOB_PATH, PERSONA_PATH
from tests.browser.acts import button, eventually, field, fill_in, history_cell, settled, sign_in
from tests.browser.conftest import App

KEEP_SOCKET = """
    const Native = window.WebSocket;
    window.WebSocket = class extends Native {
        constructor(...given) { super(...given); window.theSocket = this; }
    };
"""

STOP_OFTEN = """bytes => {
    const send = () => window.theSocket.send(new Uint8Array(bytes));
    let left = 200;
    send();
    const timer = setInterval(() => left-- > 0 ? send() : clearInterval(timer), 20);
}"""


@pytest.fixture(autouse=True)
def slow_api(kie: Server) -> Iterator[None]:
    kie.sandbox.delay = 3.0
    yield
    kie.sandbox.delay = 0.0


def sent(kie: Server, token: str) -> int:
    """How many requests for a persona have arrived, through both interfaces."""
    return sum(kie.sandbox.count(path, token) for path in (PERSONA_PATH, JOB_PATH))


def just_wait(page: Page) -> Page:
    return page


def click_again(page: Page) -> Page:
    button(page, "create").click(force=True, no_wait_after=True)
    return page


def use_another_widget(page: Page) -> Page:
    button(page, "refresh_balance").click()
    return page


def reload(page: Page) -> Page:
    page.reload()
    return page


def press_stop(page: Page) -> Page:
    """Send again and again what the Stop button sends, which the browser shows while a run takes long."""
    stop = list(BackMsg(stop_script=True).SerializeToString())
    page.evaluate(STOP_OFTEN, stop)
    return page


def close_the_tab(page: Page) -> Page:
    """And come back by the plain address, which says nothing of the attempt."""
    context = page.context
    address = page.url.partition("?")[0]
    page.close()
    other = context.new_page()
    other.goto(address)
    return other


@pytest.mark.parametrize(
    ("song", "meanwhile"),
    [
        *(("finished", act) for act in (just_wait, click_again, use_another_widget, reload, press_stop, close_the_tab)),
        *(("job_song", act) for act in (click_again, reload, close_the_tab)),
    ],
    ids=lambda each: each if isinstance(each, str) else each.__name__,
)
def test_one_click_sends_one_request_and_its_outcome_is_kept_and_shown(
    app: App, kie: Server, browser: BrowserContext, token: str, meanwhile: Callable[[Page], Page], song: str
) -> None:
    page = browser.new_page()
    page.add_init_script(KEEP_SOCKET)
    page.goto(app.url)
    sign_in(page, token)
    fill_in(page, song)
    button(page, "create").dblclick() if meanwhile is click_again else button(page, "create").click()
    eventually(lambda: sent(kie, token) == 1, page=page)

    page = meanwhile(page)

    eventually(lambda: kie.sandbox.personas(token), page=page)
    [persona] = kie.sandbox.personas(token)
    expect(page.get_by_text("Here is your persona")).to_be_visible()
    expect(page.get_by_text(persona["personaId"], exact=True).first).to_be_visible()
    expect(history_cell(page, persona["personaId"])).to_be_attached()
    assert sent(kie, token) == 1


def test_a_double_click_on_a_fast_api_sends_one_request(app: App, kie: Server, page: Page, token: str) -> None:
    kie.sandbox.delay = 0.0
    page.goto(app.url)
    sign_in(page, token)
    fill_in(page, "code_422")
    button(page, "create").dblclick(delay=40)
    expect(page.get_by_text("KIE did not accept one of the fields.")).to_be_visible()
    button(page, "refresh_balance").click()
    expect(page.get_by_text("Credits left")).to_be_visible()
    assert kie.sandbox.count(token=token) == 1


def test_a_click_that_leaves_the_token_field_asks_for_the_persona(
    app: App, kie: Server, browser: BrowserContext, token: str
) -> None:
    """Leaving the field and the click are two messages; the page is drawn for nobody when both are sent."""
    page = browser.new_page()
    page.goto(app.url)
    settled(page)
    fill_in(page, "finished")
    field(page, "token").fill(token)
    button(page, "create").click()
    eventually(lambda: kie.sandbox.count(token=token) == 1, page=page)
    expect(page.get_by_text("Here is your persona")).to_be_visible()
    assert kie.sandbox.count(token=token) == 1
