"""A browser that still shows one account or attempt, while the server has already drawn the page for another."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, WebSocketRoute, expect
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from sandbox import Server
from studio.database.connection import Database
from studio.library.edits import Library
from studio.library.search_query import Query
from studio.people.token_store import account_of
from tests.browser.acts import button, click_row, eventually, fill_in, go_to_the_library, settled, sign_in
from tests.browser.conftest import App

REFUSED = "This tab showed another account than this browser uses now, so nothing was done."


class Network:
    """What lies between a page and the server; it can hold back what the server sends."""

    def __init__(self, page: Page) -> None:
        self.holds = False
        self._held: list[tuple[WebSocketRoute, str | bytes]] = []
        page.route_web_socket("**/_stcore/stream", self._connect)

    def _connect(self, page: WebSocketRoute) -> None:
        server = page.connect_to_server()
        page.on_message(server.send)
        server.on_message(lambda message: self._held.append((page, message)) if self.holds else page.send(message))

    @property
    def ended_runs(self) -> int:
        """How many runs have ended of those whose answers are held back."""
        answers = [ForwardMsg.FromString(message) for _, message in self._held if isinstance(message, bytes)]
        return sum(answer.HasField("script_finished") for answer in answers)

    def let_go(self) -> None:
        """Hand over what was held back."""
        self.holds = False
        for page, message in self._held:
            page.send(message)
        self._held.clear()


def test_clicks_on_a_page_that_the_browser_has_not_yet_drawn_anew_send_nothing(
    app: App, kie: Server, browser: BrowserContext, token: str
) -> None:
    stale, other, new = browser.new_page(), browser.new_page(), kie.sandbox.new_account()
    network = Network(stale)
    stale.goto(app.url)
    sign_in(stale, token)
    fill_in(stale, "finished")
    settled(stale)
    other.goto(app.url)
    settled(other)
    network.holds = True
    button(other, "leave").click()
    sign_in(other, new)
    for _ in range(2):  # the first makes the server draw for the new account once more
        button(stale, "create").click(no_wait_after=True)
    other.reload()  # a round trip: the server has the clicks
    settled(other)
    network.let_go()
    expect(stale.get_by_text(REFUSED)).to_be_visible()
    settled(stale)
    assert (kie.sandbox.count(token=token), kie.sandbox.count(token=new)) == (0, 0)
    button(stale, "create").click()  # now the page shows the new account
    eventually(lambda: kie.sandbox.count(token=new) == 1, page=stale)
    assert kie.sandbox.count(token=token) == 0


def test_a_button_acts_for_the_attempt_that_the_browser_shows(
    app: App, page: Page, token: str, add_attempts: Callable[..., list[str]]
) -> None:
    network = Network(page)
    page.goto(app.url)
    sign_in(page, token)
    add_attempts(token, {"name": "Older"}, {"name": "Newer"})
    go_to_the_library(page)
    click_row(page, 0)
    expect(button(page, "library_star")).to_be_visible()
    settled(page)
    network.holds = True
    click_row(page, 1)
    eventually(lambda: network.ended_runs == 1, page=page)  # the server has drawn the older one
    button(page, "library_star").click(no_wait_after=True)
    eventually(lambda: network.ended_runs == 2, page=page)
    network.let_go()
    settled(page)
    library = Library(Database(app.database))
    found = library.find(account_of(token), Query(favourites=True), limit=2)
    library.database.close()
    assert "Older" not in [attempt.request.name for attempt in found.attempts]
