"""The JavaScript of our components, called as Streamlit calls it, in the order that a browser may make of it."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Page, expect

from views.shared import custom_components

LOAD = """async ([html, javascript]) => {
    document.body.innerHTML = `<div class="place">${html}</div>`
    const url = URL.createObjectURL(new Blob([javascript], {type: "text/javascript"}))
    const {default: component} = await import(url)
    window.call = data => {
        const parentElement = document.querySelector(".place")
        return component({data, parentElement, setTriggerValue: () => {}, setStateValue: () => {}})
    }
}"""
BEFORE = "const back = call(older); call(newer); back()"
AFTER = "call(newer); const back = call(older); back()"


@pytest.fixture(params=[BEFORE, AFTER], ids=["the older call ran first", "the older call ran last"])
def order(request: pytest.FixtureRequest) -> str:
    return f"([older, newer]) => {{ {request.param} }}"


def load(page: Page, name: str) -> None:
    page.evaluate(LOAD, [custom_components.read(name, "html"), custom_components.read(name, "js")])


def test_what_waits_shows_the_newer_of_two_calls_and_goes_on(page: Page, order: str) -> None:
    load(page, "shared/live_updates")
    began = time.time() * 1000 - 1500
    older = {"key": "any", "now": began, "headline": "Waiting for its turn", "started": began, "usual": ""}
    page.evaluate(order, [older, {**older, "now": began + 1, "headline": "Sent"}])
    expect(page.get_by_text("Sent.", exact=True)).to_be_attached()
    expect(page.get_by_text("2 s so far.")).to_be_attached()


def test_the_window_is_the_newer_of_two_calls_and_can_be_moved(page: Page, order: str) -> None:
    load(page, "create/window_chooser")
    older = {
        "duration": 90,
        "start": 0,
        "end": 30,
        "wave": [],
        "words": [],
        "quiet": "",
        "player": "",
        "playable": False,
    }
    page.evaluate(order, [older, {**older, "start": 40, "end": 60}])
    expect(page.locator(".chooser")).to_have_attribute("data-start", "40")
    page.get_by_role("slider", name="Window start").press("Shift+ArrowRight")
    expect(page.locator(".chooser")).to_have_attribute("data-start", "41")


@pytest.mark.parametrize("name", ["shared/live_updates", "create/window_chooser"])
def test_a_component_that_was_removed_can_be_drawn_again(page: Page, name: str) -> None:
    load(page, name)
    data = {"key": "any", "now": 0, "headline": "Sent", "duration": 90, "start": 0, "end": 30, "wave": [], "words": []}
    assert page.evaluate(
        """data => {
            const end = call(data), place = document.querySelector(".place")
            place.remove()
            end()
            document.body.append(place)
            call({...data, start: 5, headline: "Again"})
            return place.textContent.includes("Again") || place.querySelector(".chooser")?.dataset.start === "5"
        }""",
        data,
    )
