"""The field of several lines that people paste into: Enter finds, Shift+Enter begins a line, long texts do not stop."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from sandbox import Server
from sandbox.state import Recorded
from tests.browser.acts import button, eventually, field, go_to_the_library, settled, sign_in
from tests.browser.conftest import App
from tests.scenarios import scenario
from views.shared import custom_components

SONG = scenario("finished")
LINES = f"audioId: {SONG.audio_id}\ntaskId: {SONG.task_id}\nstatus: done"
LISTEN = """() => {
    window.heard = []
    addEventListener("keydown", ({key, ctrlKey, isComposing, defaultPrevented}) => {
        if (key === "Enter") window.heard.push({ctrlKey, isComposing, defaultPrevented})
    })
}"""


@pytest.fixture
def task_field(app: App, page: Page, token: str) -> Locator:
    """The field, empty and with the focus, on the page of somebody who has signed in."""
    page.goto(app.url)
    sign_in(page, token)
    found = field(page, "task_id")
    found.focus()
    return found


def lookups(kie: Server, token: str) -> list[Recorded]:
    return kie.sandbox.requests("/api/v1/generate/record-info", token)


def paste(page: Page, text: str) -> None:
    """Paste a text as the keyboard does."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("text => navigator.clipboard.writeText(text)", text)
    page.keyboard.press("ControlOrMeta+v")


def track_card(page: Page, key: str) -> Locator:
    return page.locator(f".st-key-track_{scenario(key).audio_id}")


def test_the_lines_of_a_paste_are_read_at_enter(page: Page, task_field: Locator) -> None:
    paste(page, LINES)
    expect(task_field).to_have_value(LINES)
    page.keyboard.press("Enter")
    expect(track_card(page, "finished").get_by_role("button", name="Chosen")).to_be_visible()
    expect(task_field).to_have_value(SONG.task_id)
    expect(field(page, "audio_id")).to_have_value(SONG.audio_id)


@pytest.mark.parametrize("key", ["Enter", "NumpadEnter", "Control+Enter", "Tab"])
def test_a_task_id_alone_is_looked_up_at_the_key(page: Page, task_field: Locator, key: str) -> None:
    task_field.press_sequentially(SONG.task_id)
    page.keyboard.press(key)
    expect(track_card(page, "finished")).to_be_visible()


def test_enter_again_asks_nothing(page: Page, task_field: Locator, kie: Server, token: str) -> None:
    task_field.press_sequentially(SONG.task_id)
    page.keyboard.press("Enter")
    expect(track_card(page, "finished")).to_be_visible()
    settled(page)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    button(page, "refresh_balance").click()  # the page is drawn anew, after whatever came before
    settled(page)
    assert len(lookups(kie, token)) == 1
    expect(task_field).to_have_value(SONG.task_id)


def test_shift_and_enter_begin_a_line(page: Page, task_field: Locator, kie: Server, token: str) -> None:
    page.evaluate(LISTEN)
    task_field.press_sequentially("status: done")
    page.keyboard.press("Shift+Enter")
    task_field.press_sequentially(f"taskId: {SONG.task_id}")
    expect(task_field).to_have_value(f"status: done\ntaskId: {SONG.task_id}")
    assert page.evaluate("window.heard") == [{"ctrlKey": False, "isComposing": False, "defaultPrevented": False}]
    assert not lookups(kie, token)
    page.keyboard.press("Enter")
    expect(track_card(page, "finished")).to_be_visible()


def test_an_enter_that_ends_the_writing_of_a_word_is_left_alone(
    page: Page, task_field: Locator, kie: Server, token: str
) -> None:
    page.evaluate(LISTEN)
    task_field.press_sequentially(SONG.task_id)
    writing = page.context.new_cdp_session(page)
    writing.send("Input.imeSetComposition", {"text": "うた", "selectionStart": 2, "selectionEnd": 2})
    page.keyboard.press("Enter")
    assert page.evaluate("window.heard") == [{"ctrlKey": False, "isComposing": True, "defaultPrevented": False}]
    assert not lookups(kie, token)


def test_the_field_still_works_after_the_page_was_drawn_anew_and_after_another_page(
    page: Page, task_field: Locator
) -> None:
    button(page, "refresh_balance").click()
    settled(page)
    task_field.fill(SONG.task_id)
    page.keyboard.press("Enter")
    expect(track_card(page, "finished")).to_be_visible()
    go_to_the_library(page)
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Create a persona").click()
    expect(task_field).to_have_value(SONG.task_id)
    settled(page)
    task_field.fill(scenario("callback").task_id)
    page.keyboard.press("Enter")
    expect(track_card(page, "callback")).to_be_visible()


@pytest.mark.parametrize(
    ("pasted", "key"),
    [(LINES, "name"), (LINES, "description"), (SONG.task_id, "audio_id")],
    ids=["name", "description", "audio ID"],
)
def test_what_is_typed_while_the_tracks_come_stays(
    page: Page, task_field: Locator, kie: Server, token: str, pasted: str, key: str
) -> None:
    kie.sandbox.fault("delay", token=token, path="/api/v1/generate/record-info", seconds=1.0)
    task_field.fill(pasted)
    page.keyboard.press("Enter")
    eventually(lambda: lookups(kie, token), page=page)
    field(page, key).press_sequentially("typed before")
    expect(track_card(page, "finished")).to_be_visible()
    settled(page)
    expect(field(page, key)).to_be_focused()
    page.keyboard.type(" and after")
    page.keyboard.press("Tab")
    settled(page)
    expect(field(page, key)).to_have_value("typed before and after")


def test_the_hint_below_the_field_names_the_key_that_works(page: Page, task_field: Locator) -> None:
    def hint() -> object:
        shown = page.locator('.st-key-task_id [data-testid="InputInstructions"]')
        told = "hint => [hint.innerText, getComputedStyle(hint, '::after').content]"
        return shown.evaluate(told)

    assert hint() == ["", "none"]
    task_field.press_sequentially("7f3c")
    eventually(lambda: hint() == ["", '"Press Enter to find the tracks"'], page=page)


def test_a_long_paste_is_read_at_once_and_the_field_keeps_the_focus(page: Page, task_field: Locator) -> None:
    task_field.press_sequentially("typed before")
    paste(page, "2026-11-26 INFO nothing of interest\n" * 20_000 + f"taskId: {SONG.task_id}\n")
    expect(track_card(page, "finished")).to_be_visible()
    expect(task_field).to_have_value(SONG.task_id)
    expect(task_field).to_be_focused()


def test_a_long_paste_without_an_id_leaves_its_beginning(page: Page, task_field: Locator) -> None:
    paste(page, "nothing of interest\n" * 20_000)
    expect(page.get_by_text("Task ID: there is no task ID in this text.")).to_be_visible()
    eventually(lambda: len(task_field.input_value()) == 10_000, page=page)
    expect(task_field).to_be_visible()


def test_an_audio_id_is_cleaned_as_the_field_is_left(page: Page, task_field: Locator) -> None:
    field(page, "audio_id").fill(f'"{SONG.audio_id}",')
    field(page, "audio_id").press("Enter")
    expect(field(page, "audio_id")).to_have_value(SONG.audio_id)


LOAD = """async javascript => {
    const field = '<div class="st-key-task_id"><textarea></textarea></div>'
    document.body.innerHTML = `<div class="place"></div>${field}`
    const url = URL.createObjectURL(new Blob([javascript], {type: "text/javascript"}))
    const {default: component} = await import(url)
    const parentElement = document.querySelector(".place")
    window.call = () => component({data: {field: "task_id", longest: 5000000}, parentElement})
    document.querySelector("textarea").focus()
}"""


def test_the_component_listens_once_and_not_any_more_when_it_was_removed(page: Page) -> None:
    page.evaluate(LOAD, custom_components.read("create/enter_key", "js"))
    page.evaluate(LISTEN)
    page.evaluate("() => { window.ends = [call(), call(), call()] }")
    page.keyboard.press("Enter")
    assert [heard["ctrlKey"] for heard in page.evaluate("window.heard")] == [True, False]
    page.evaluate("() => ends[0]()")  # as Streamlit does if an older call was loaded last
    page.keyboard.press("Enter")
    assert [heard["ctrlKey"] for heard in page.evaluate("window.heard")] == [True, False] * 2
    page.evaluate("() => { document.querySelector('.place').remove(); ends.slice(1).forEach(end => end()) }")
    page.keyboard.press("Enter")
    assert [heard["ctrlKey"] for heard in page.evaluate("window.heard")] == [*[True, False] * 2, False]
    assert page.locator("textarea").input_value() == "\n"
