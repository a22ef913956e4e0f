"""What only a browser can show: cold starts, strangers, the keyboard, sound, and nothing from outside."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from sandbox import SCENARIOS, Server
from tests.browser.acts import button, choose_song, download, field, fill_in, settled, sign_in, start_demo
from tests.browser.conftest import App

PAGES = {"/": "Create a persona", "/library": "Library"}


@pytest.mark.parametrize("address", list(PAGES))
def test_a_fresh_server_answers_a_deep_link_with_the_whole_page(
    start_app: Callable[..., App], page: Page, address: str
) -> None:
    app = start_app()
    page.goto(app.url + address)
    expect(page.get_by_role("heading", name=PAGES[address], level=1)).to_be_visible()
    expect(button(page, "try_demo")).to_be_visible()
    assert page.title() == PAGES[address]


def test_every_click_on_a_download_gets_the_file_also_just_after_typing(app: App, page: Page, token: str) -> None:
    page.goto(app.url)
    sign_in(page, token)
    for number in range(9):  # Chromium lets only ten downloads of a page begin in a second
        field(page, "name").fill(f"Take {number}")  # which starts a run of the page in the moment of the click
        name, table = download(page, "download_csv", held=number * 13)
        assert name == "personas.csv"
        assert table.startswith(b"\xef\xbb\xbfcreated_at,")


def test_no_request_leaves_the_host_in_the_whole_demo_and_the_page_complains_of_nothing(app: App, page: Page) -> None:
    outside: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: _note_if_outside(request.url, outside))
    page.on("websocket", lambda socket: _note_if_outside(socket.url, outside))
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
    )
    page.goto(app.url)
    start_demo(page)
    for song in SCENARIOS:
        if song.group == "song" and song.key in ("instrumental", "short"):
            choose_song(page, song.key)
            button(page, "find_tracks").click()
            expect(page.get_by_role("button", name="Use this track").first).to_be_visible()
            settled(page)
    button(page, "create").click()
    expect(page.get_by_text("Here is your persona")).to_be_visible()
    button(page, "start_over").click()
    choose_song(page, "sensitive")
    button(page, "create").click()
    expect(page.get_by_text("Your text is still in the fields.")).to_be_visible()
    assert outside == []
    assert complaints == []


def test_the_demos_tracks_have_covers_and_sound_that_plays(app: App, page: Page) -> None:
    page.goto(app.url)
    start_demo(page)
    choose_song(page, "finished")
    button(page, "find_tracks").click()
    sound = page.locator("audio").first
    sound.wait_for(state="attached")
    page.wait_for_function("() => document.querySelector('audio').readyState >= 2")
    sound.evaluate("audio => { audio.muted = true; return audio.play() }")
    page.wait_for_function("() => document.querySelector('audio').currentTime > 0.2")
    cover = page.locator('[data-testid="stImage"] img').first
    assert cover.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
    assert urlsplit(sound.get_attribute("src") or "").netloc in ("", urlsplit(app.url).netloc)


def test_a_reload_asks_for_no_token_and_leaving_forgets_it(app: App, page: Page, token: str) -> None:
    page.goto(app.url)
    sign_in(page, token)
    page.reload()
    expect(page.get_by_text("Credits left")).to_be_visible()
    button(page, "leave").click()
    expect(field(page, "token")).to_be_visible()
    page.reload()
    expect(field(page, "token")).to_be_visible()


def test_a_browser_that_kept_the_page_but_not_its_name_gets_a_new_one(app: App, page: Page) -> None:
    page.goto(app.url)
    page.context.clear_cookies()
    page.goto(app.url)
    assert "persona_studio" in {cookie.get("name") for cookie in page.context.cookies()}


def test_another_browser_sees_nothing_of_an_attempt_by_guessing_its_address(
    app: App, kie: Server, chromium: Browser, page: Page, token: str
) -> None:
    page.goto(app.url)
    sign_in(page, token)
    fill_in(page, "finished", name="Secret voice")
    button(page, "create").click()
    expect(page.get_by_text("Here is your persona")).to_be_visible()
    stranger = chromium.new_context().new_page()
    stranger.goto(page.url)
    sign_in(stranger, kie.sandbox.new_account())
    expect(stranger.get_by_text("Nothing yet.")).to_be_visible()
    assert "Secret voice" not in stranger.content()
    stranger.context.close()


def test_the_form_can_be_filled_and_sent_with_the_keyboard_alone(app: App, kie: Server, page: Page, token: str) -> None:
    page.goto(app.url)
    sign_in(page, token)
    fill_in(page, "finished")
    field(page, "description").focus()
    for _ in range(4):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('.st-key-create') !== null"):
            break
    page.keyboard.press("Enter")
    expect(page.get_by_text("Here is your persona")).to_be_visible()
    assert kie.sandbox.count(token=token) == 1


def test_the_page_never_scrolls_sideways(app: App, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(app.url)
    page.get_by_role("heading", name="Create a persona", level=1).wait_for()
    for width in (390, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(f"() => window.innerWidth === {width}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def _note_if_outside(address: str, outside: list[str]) -> None:
    if not re.match(r"(data|blob):", address) and urlsplit(address).hostname != "127.0.0.1":
        outside.append(address)
