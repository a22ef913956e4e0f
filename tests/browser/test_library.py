"""The library in a real browser: searching, opening, leading on, files out and in, and what two accounts never see."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from urllib.parse import urlsplit

from playwright.sync_api import Browser, FilePayload, Locator, Page, Route, expect

from sandbox import Server
from tests.browser.acts import (
    button,
    choose_song,
    click_row,
    download,
    eventually,
    field,
    go_to_the_library,
    history_cell,
    settled,
    sign_in,
    start_demo,
)
from tests.browser.conftest import BROWSER, START, App
from tests.scenarios import scenario


def card(page: Page) -> Locator:
    """Return the attempt that is open."""
    return page.locator(".st-key-library_detail")


def bring_in(page: Page, name: str, content: bytes) -> None:
    """Give the library a file."""
    page.get_by_role("tab", name="Bring in").click()
    settled(page)  # until then, the field for the last file may stand beside the one for the next
    file: FilePayload = {"name": name, "mimeType": "text/plain", "buffer": content}
    page.locator('.stFileUploader input[type="file"]').set_input_files(files=[file])


def counts(page: Page) -> Locator:
    """Return what a preview counts: what is new, here already, and different here."""
    return page.locator('[data-testid="stMain"] [data-testid="stMetricValue"]')


def test_what_is_typed_is_looked_for_without_enter(
    app: App, page: Page, token: str, add_attempts: Callable[..., list[str]]
) -> None:
    add_attempts(token, {"name": "Harbour Alto"}, {"name": "Kitchen Tenor", "note": "for the trailer"})
    page.goto(f"{app.url}/library")
    sign_in(page, token)
    expect(history_cell(page, "Harbour Alto")).to_be_attached()
    field(page, "library_search").press_sequentially("trail", delay=20)
    expect(history_cell(page, "Harbour Alto")).not_to_be_attached()
    expect(history_cell(page, "Kitchen Tenor")).to_be_attached()
    field(page, "library_search").press_sequentially("zz")
    expect(page.get_by_text("Nothing fits.")).to_be_visible()


def test_a_clicked_row_opens_beside_the_list_stands_in_the_address_and_survives_a_reload(
    app: App, page: Page, token: str, add_attempts: Callable[..., list[str]]
) -> None:
    first, second = add_attempts(token, {"name": "Harbour Alto"}, {"name": "Kitchen Tenor"})
    page.goto(f"{app.url}/library")
    sign_in(page, token)
    click_row(page, 1)
    expect(card(page).get_by_text("Harbour Alto", exact=True)).to_be_visible()
    expect(page).to_have_url(f"{app.url}/library?attempt={first}")
    page.reload()
    expect(card(page).get_by_text("Harbour Alto", exact=True)).to_be_visible()
    expect(page).to_have_url(f"{app.url}/library?attempt={first}")
    settled(page)
    click_row(page, 0)
    expect(card(page).get_by_text("Kitchen Tenor", exact=True)).to_be_visible()
    expect(page).to_have_url(f"{app.url}/library?attempt={second}")
    button(page, "library_close").click()
    expect(card(page)).not_to_be_attached()
    expect(page).to_have_url(f"{app.url}/library")
    settled(page)
    click_row(page, 0)
    expect(card(page).get_by_text("Kitchen Tenor", exact=True)).to_be_visible()


def test_what_did_not_become_a_persona_leads_on_to_the_create_page(
    app: App, page: Page, token: str, add_attempts: Callable[..., list[str]]
) -> None:
    texts = {"persona_id": "", "name": "Alto", "description": "Low", "style": "Chamber jazz"}
    songs = [{"task_id": song.task_id, "audio_id": song.audio_id} for song in map(scenario, ("finished", "callback"))]
    add_attempts(
        token,
        texts | songs[0] | {"status": "refused"},
        texts | songs[1] | {"status": "unknown"},
    )
    page.goto(f"{app.url}/library")
    sign_in(page, token)
    click_row(page, 1)
    button(page, "library_change").click()
    expect(page.get_by_role("heading", name="Create a persona", level=1)).to_be_visible()
    expect(field(page, "audio_id")).to_have_value(scenario("finished").audio_id)
    expect(field(page, "name")).to_have_value("Alto")
    expect(field(page, "style")).to_have_value("Chamber jazz")
    go_to_the_library(page)
    click_row(page, 0)
    button(page, "library_ask_again").click()
    expect(page.get_by_text("Here is your persona")).to_be_visible()
    go_to_the_library(page)
    expect(card(page).get_by_text("The same request was sent again later")).to_be_visible()


def test_a_file_carries_what_was_found_to_another_account_and_nothing_else_crosses(
    app: App, kie: Server, chromium: Browser, page: Page, token: str, add_attempts: Callable[..., list[str]]
) -> None:
    add_attempts(token, {"name": "Quay one", "tags": "choir"}, {"name": "Secret voice"}, {"name": "=Quay two"})
    page.goto(f"{app.url}/library")
    sign_in(page, token)
    expect(history_cell(page, "Secret voice")).to_be_attached()
    field(page, "library_search").fill("quay")
    expect(history_cell(page, "Secret voice")).not_to_be_attached()
    settled(page)
    name, table = download(page, "library_csv")
    assert name == "personas.csv"
    assert [word in table for word in (b"Quay one", b"'=Quay two", b"Secret")] == [True, True, False]
    name, whole = download(page, "library_json")
    assert name == "personas.jsonl"
    assert [json.loads(line)["name"] for line in whole.splitlines()[1:]] == ["=Quay two", "Quay one"]

    context = chromium.new_context(**BROWSER)
    other, seen = context.new_page(), []
    other_token = kie.sandbox.new_account()
    add_attempts(other_token, {"name": "Their own"})
    other.goto(f"{app.url}/library")
    sign_in(other, other_token)
    bring_in(other, "bad.csv", b"persona_id,code\np1,1\np2,many\n")
    expect(other.get_by_text("Row 3, “code”: it must be a number")).to_be_visible()
    bring_in(other, "personas.jsonl", whole)
    expect(other.get_by_role("button", name="Bring in 2")).to_be_visible()
    expect(counts(other)).to_have_text(["2", "0", "0"])
    expect(other.get_by_text("1 in all")).to_be_visible()
    seen.append(other.content())
    other.get_by_role("button", name="Bring in 2").click()
    expect(other.get_by_text("2 brought in.")).to_be_visible()
    expect(other.get_by_text("3 in all")).to_be_visible()
    expect(history_cell(other, "=Quay two")).to_be_attached()
    bring_in(other, "personas.csv", table)
    expect(counts(other)).to_have_text(["0", "2", "0"])
    seen.append(other.content())
    context.close()

    field(page, "library_search").fill("")
    expect(history_cell(page, "Secret voice")).to_be_attached()
    assert "Their own" not in page.content()
    assert not [content for content in seen if "Secret" in content]


def test_a_second_click_while_a_file_is_brought_in_changes_nothing_and_both_say_how_many(
    app: App, page: Page, token: str
) -> None:
    page.goto(f"{app.url}/library")
    sign_in(page, token)
    rows = "".join(f"p{number},n{number},{uuid.uuid4()}\n" for number in range(3000))
    bring_in(page, "many.csv", f"persona_id,name,audio_id\n{rows}".encode())
    into = page.get_by_role("button", name="Bring in 3,000")
    into.scroll_into_view_if_needed()
    box = into.bounding_box()
    assert box
    for _ in range(3):
        page.mouse.click(box["x"] + 20, box["y"] + 10, delay=150)  # one by one, not a double click
    expect(page.get_by_text("3,000 brought in.")).to_be_visible()
    settled(page)
    expect(page.get_by_text("3,000 brought in.")).to_be_visible()
    expect(page.get_by_text("of more than 200")).to_be_visible()


def test_the_source_clip_is_kept_and_only_this_machine_is_asked_in_the_whole_library(app: App, page: Page) -> None:
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.goto(app.url)
    start_demo(page)
    choose_song(page, "finished")
    button(page, "find_tracks").click()
    expect(page.get_by_role("button", name="Chosen").first).to_be_visible()
    button(page, "create").click()
    expect(page.get_by_text("Here is your persona")).to_be_visible()
    go_to_the_library(page)
    click_row(page, 0)
    cover = card(page).locator('[data-testid="stImage"] img')
    cover.wait_for()
    assert cover.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
    card(page).locator("audio").wait_for(state="attached")
    name, clip = download(page, "library_clip")
    assert name == f"{scenario('finished').audio_id}.wav"
    assert clip.startswith(b"RIFF")
    assert len(clip) > 100_000
    for box in ("Its story", "All that was sent and answered"):
        card(page).locator("summary", has_text=box).click()
    expect(card(page).get_by_text("the token is never kept")).to_be_visible()
    outside = [address for address in asked if not re.match(r"(data|blob):", address)]
    assert {urlsplit(address).hostname for address in outside} == {"127.0.0.1"}
    assert complaints == []


def test_on_a_phone_the_library_never_scrolls_sideways(
    app: App, page: Page, token: str, add_attempts: Callable[..., list[str]]
) -> None:
    add_attempts(token, {"name": "Alto " * 40, "description": "x" * 500, "raw": "y" * 500})
    page.goto(f"{app.url}/library")
    sign_in(page, token)
    page.set_viewport_size({"width": 390, "height": 844})
    click_row(page, 0)
    expect(card(page)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    main = page.get_by_test_id("stMain")
    assert main.evaluate("main => main.scrollWidth <= main.clientWidth")


def test_an_attempt_from_a_file_loads_its_cover_on_a_click_and_its_long_story_in_pages(
    app: App, page: Page, token: str
) -> None:
    asked: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.url)
        route.abort()

    page.route("https://tracker.example/**", refuse)
    at = START.isoformat()
    story = [{"at": at, "kind": "used", "detail": {"for": f"song {number}"}} for number in range(120)]
    entry = {"id": uuid.uuid4().hex, "created_at": at, "status": "created", "persona_id": "p-1", "story": story}
    entry |= {"track_image_url": "https://tracker.example/a", "track_audio_url": "https://tracker.example/b"}
    page.goto(f"{app.url}/library")
    sign_in(page, token)
    head = {"format": "persona-studio", "version": 2}
    bring_in(page, "a.jsonl", "\n".join(map(json.dumps, (head, entry))).encode())
    page.get_by_role("button", name="Bring in 1").click()
    expect(page.get_by_text("1 brought in.")).to_be_visible()
    click_row(page, 0)
    expect(card(page).get_by_text("Its cover and sound are at: tracker.example")).to_be_visible()
    card(page).get_by_text("Its story (121)").click()
    button(page, "library_events__earlier").click()
    expect(card(page).get_by_text("21 to 70 of 120")).to_be_visible()  # it is still open
    settled(page)
    assert asked == []
    button(page, "library_media").click()
    expect(card(page).get_by_text("Its cover and sound are at:")).to_be_hidden()
    eventually(lambda: "https://tracker.example/a" in asked, page=page)
