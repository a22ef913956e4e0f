"""A browser that still shows one account, while the server has already drawn the page for another."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, Page, WebSocketRoute, expect

from sandbox import Server
from tests.browser.acts import button, eventually, fill_in, settled, sign_in
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
