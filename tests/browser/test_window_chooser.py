"""The right track and the right thirty seconds, in a real Chromium: choose, hear, nudge, create."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from sandbox import Server
from tests.browser.acts import button, eventually, field, history_cell, settled, sign_in
from tests.browser.conftest import BROWSER, App
from tests.scenarios import scenario, task_of


def visible(page: Page, key: str) -> Locator:
    """A button by its key; one with a help text stands in the page twice, and only one of them shows."""
    return page.locator(f'.st-key-{key} button:visible, [class*="st-key-{key}-"] button:visible').first


def choose_track(page: Page, key: str, number: int = 0) -> None:
    """Paste a task ID, let the tracks be found, and choose one."""
    field(page, "task_id").fill(scenario(key).task_id)
    visible(page, "find_tracks").click()
    task = task_of(key)
    visible(page, f"use_{task.tracks[number].audio_id}").click()
    expect(field(page, "audio_id")).to_have_value(task.tracks[number].audio_id)
    expect(page.locator(".chooser")).to_be_visible()
    settled(page)


def window(page: Page) -> tuple[float, float]:
    """The window as the picture has it."""
    start, end = page.locator(".chooser").evaluate("chooser => [chooser.dataset.start, chooser.dataset.end]")
    return float(start), float(end)


def shown(page: Page) -> tuple[float, float]:
    """The window as the number fields have it."""
    start, end = (field(page, key).input_value() for key in ("vocal_start", "vocal_end"))
    return float(start or 0), float(end or 30)


@pytest.fixture(scope="module")
def account(kie: Server) -> str:
    return kie.sandbox.new_account()


@pytest.fixture(scope="module")
def one_page(app: App, chromium: Browser, account: str) -> Iterator[Page]:
    """A page with a chosen track, for the tests that only move its window."""
    context = chromium.new_context(**BROWSER)
    page = context.new_page()
    page.goto(app.url)
    sign_in(page, account)
    choose_track(page, "finished")
    yield page
    context.close()


@pytest.fixture
def chosen(one_page: Page) -> Page:
    """Its window at the beginning again."""
    visible(one_page, "window_default").click()
    eventually(lambda: window(one_page) == shown(one_page) == (0.0, 30.0), page=one_page)
    settled(one_page)
    return one_page


def test_the_player_stays_inside_the_window(chosen: Page) -> None:
    chosen.get_by_role("slider", name="Window", exact=True).focus()
    chosen.keyboard.press("PageUp")
    chosen.get_by_role("slider", name="Window end").focus()
    for _ in range(4):
        chosen.keyboard.press("PageDown")
    eventually(lambda: shown(chosen) == (5.0, 15.0), page=chosen)
    chosen.evaluate(
        """() => {
            const sound = document.querySelector('.st-key-window_player audio')
            window.heard = []
            sound.playbackRate = 4  // ten seconds in two and a half
            const note = () => { if (!sound.paused) window.heard.push(sound.currentTime); requestAnimationFrame(note) }
            note()
            sound.addEventListener('pause', () => { window.over = true })
        }"""
    )
    chosen.get_by_role("button", name="Play the window").click()
    chosen.wait_for_function("() => window.over === true")
    heard = chosen.evaluate("window.heard")
    assert heard
    assert min(heard) >= 4.9
    assert max(heard) > 14
    assert len([at for at in heard if at > 15]) <= 1  # the first frame beyond the end stops it, how long ever it took


def test_a_window_that_is_dragged_stays_inside_the_track(chosen: Page) -> None:
    stage = chosen.locator(".chooser .stage").bounding_box()
    box = chosen.locator(".chooser .window").bounding_box()
    assert stage
    assert box
    chosen.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    chosen.mouse.down()
    chosen.mouse.move(stage["x"] + stage["width"] + 300, box["y"] + 20, steps=5)
    chosen.mouse.up()
    last = task_of("finished").tracks[0].duration
    eventually(lambda: shown(chosen) == (round(last - 30, 2), last), page=chosen)


def test_a_typed_window_keeps_the_rules(chosen: Page) -> None:
    field(chosen, "vocal_start").fill("20")
    field(chosen, "vocal_start").press("Tab")
    field(chosen, "vocal_end").fill("22")
    field(chosen, "vocal_end").press("Tab")
    eventually(lambda: shown(chosen) == window(chosen) == (12.0, 22.0), page=chosen)


def test_the_keyboard_alone_chooses_a_window_and_the_request_carries_it(
    chosen: Page, kie: Server, account: str
) -> None:
    visible(chosen, "suggest").focus()
    chosen.keyboard.press("Enter")
    expect(chosen.get_by_text("singing:")).to_be_visible()
    settled(chosen)
    eventually(lambda: shown(chosen) == window(chosen) != (0, 30), page=chosen)  # fields and picture follow the words
    suggested = shown(chosen)
    start, end = (chosen.get_by_role("slider", name=f"Window {edge}") for edge in ("start", "end"))
    start.focus()
    for key in ("ArrowRight", "ArrowRight", "Alt+ArrowRight"):
        chosen.keyboard.press(key)
    end.focus()
    chosen.keyboard.press("Shift+ArrowLeft")
    wanted = (round(suggested[0] + 0.21, 2), round(suggested[1] - 1, 2))
    for key, seconds in zip(("vocal_start", "vocal_end"), wanted, strict=True):
        expect(field(chosen, key)).to_have_value(f"{seconds:.2f}")
    visible(chosen, "create").focus()
    chosen.keyboard.press("Enter")
    expect(chosen.get_by_text("Here is your persona")).to_be_visible()
    [sent] = [request.json for request in kie.sandbox.requests("/api/v1/generate/generate-persona", account)]
    assert (sent["vocalStart"], sent["vocalEnd"]) == wanted == window(chosen)


def test_a_song_being_made_turns_into_tracks_without_a_click(app: App, kie: Server, page: Page, token: str) -> None:
    kie.sandbox.generation_seconds = 3.0
    page.goto(app.url)
    sign_in(page, token)
    field(page, "task_id").fill(scenario("generating").task_id)
    visible(page, "find_tracks").click()
    expect(page.get_by_text("Looking for")).to_be_visible()
    expect(page.get_by_text("Can become a persona").first).to_be_visible()
    assert page.get_by_role("button", name="Use this track").first.is_enabled()


def test_a_track_refused_for_good_hands_over_to_its_sibling(app: App, kie: Server, page: Page, token: str) -> None:
    page.goto(app.url)
    sign_in(page, token)
    choose_track(page, "one_refused")
    button(page, "create").click()
    visible(page, "use_sibling").click()
    expect(field(page, "audio_id")).to_have_value(task_of("one_refused").tracks[1].audio_id)
    settled(page)
    button(page, "create").click()
    expect(page.get_by_text("Here is your persona")).to_be_visible()
    [persona] = kie.sandbox.personas(token)
    expect(history_cell(page, persona["personaId"])).to_be_attached()
