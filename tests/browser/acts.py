"""What a person does on the pages, by intent."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress

from playwright.sync_api import Locator, Page, Position, TimeoutError, expect

from tests import polling
from tests.scenarios import scenario

HEADER = ROW = 35
"""Pixels of the library's list: of its head, and of each of its rows."""


def settled(page: Page) -> None:
    """Wait until the page has content, its script has ended, and every element's code is loaded.

    Until then a grey bar stands in its place, and what is below it moves once more.
    """
    page.wait_for_function(
        """() => {
            const app = document.querySelector('[data-testid="stApp"]');
            return app && app.getAttribute('data-test-script-state') === 'notRunning'
                && document.querySelector('[data-testid="stMain"] [data-testid="stElementContainer"]')
                && !document.querySelector('[data-testid="stMain"] [data-testid^="stSkeleton"]');
        }"""
    )


def field(page: Page, key: str) -> Locator:
    """Return an input by its widget's key."""
    return page.locator(f".st-key-{key} input, .st-key-{key} textarea")


def button(page: Page, key: str) -> Locator:
    """Return a button by its widget's key, without the attempt that it is of."""
    return page.locator(f'.st-key-{key} button, [class*="st-key-{key}-"] button').first


def sign_in(page: Page, token: str) -> None:
    """Paste a token."""
    field(page, "token").fill(token)
    field(page, "token").press("Enter")
    expect(page.get_by_text("Credits left")).to_be_visible()
    settled(page)
    expect(page.locator(".st-key-try_demo_here")).to_have_count(0)  # what stands below moves up once it is gone


def pictures_came(page: Page) -> None:
    """Wait until every picture is there: Streamlit forgets those of a page that is left, and then answers 404."""
    page.wait_for_function("() => [...document.images].every(picture => picture.complete)")


def start_demo(page: Page) -> None:
    """Press "Try the demo"."""
    button(page, "try_demo").click()
    expect(page.get_by_text("This is the demo")).to_be_visible()
    expect(page.get_by_text("Credits left")).to_be_visible()
    settled(page)


def choose_song(page: Page, key: str) -> None:
    """Choose a song of the demo, in words. A list closes when the page scrolls or is drawn anew; then it is opened
    again, as a person would."""
    option = page.get_by_role("option").filter(has_text=scenario(key).words).first

    def choose() -> bool:
        settled(page)
        field(page, "demo_scene").fill("")
        field(page, "demo_scene").fill(scenario(key).words)
        with suppress(TimeoutError):
            option.click(timeout=2000)
            return True
        return False

    eventually(choose)
    expect(field(page, "task_id")).to_have_value(scenario(key).task_id)
    settled(page)


def fill_in(page: Page, key: str, name: str = "Harbour Alto", description: str = "Low and slightly smoky") -> None:
    """Type the fields for a song of the stand-in KIE."""
    song = scenario(key)
    texts = {"task_id": song.task_id, "audio_id": song.audio_id, "name": name, "description": description}
    for widget, text in texts.items():
        field(page, widget).fill(text)
        field(page, widget).press("Tab")
    settled(page)


def download(page: Page, key: str, held: float = 0) -> tuple[str, bytes]:
    """Press a download button once, for some milliseconds; return the file's name and content."""
    with page.expect_download(timeout=15 * 1000) as kept:
        button(page, key).click(delay=held)
    return kept.value.suggested_filename, kept.value.path().read_bytes()


def history_cell(page: Page, text: str) -> Locator:
    """Return a cell of the history table, by its text."""
    return page.locator('[data-testid="stDataFrame"] td', has_text=re.compile(f"^{re.escape(text)}$"))


def eventually(condition: Callable[[], object], seconds: float = 15, page: Page | None = None) -> None:
    """Wait until a condition holds; what a page tells meanwhile is heard if it is given."""
    polling.eventually(condition, seconds, pause=(lambda: page.wait_for_timeout(20)) if page else polling.a_moment)


def go_to_the_library(page: Page) -> None:
    """Follow the link from the create page, once that has stopped looking for an outcome, and wait for the list."""
    expect(button(page, "create")).to_be_enabled()
    settled(page)
    pictures_came(page)
    page.get_by_role("link", name="Library").click()
    expect(page.get_by_role("heading", name="Library", level=1)).to_be_visible()
    settled(page)


def click_row(page: Page, number: int) -> None:
    """Click the name in a row of the list, from 0; the list is a drawing, so by its place.

    Streamlit takes a click only after it has seen the pointer come, which a hand never outruns.
    """
    table = page.locator('[data-testid="stDataFrame"] .dvn-scroller').first
    place: Position = {"x": 220, "y": HEADER + number * ROW + ROW // 2}
    table.hover(position=place)
    page.evaluate("() => new Promise(seen => requestAnimationFrame(() => requestAnimationFrame(seen)))")
    table.click(position=place)
