"""Hostile tokens and texts: after a whole session the token is nowhere, and every text stayed text."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable

import pandas as pd
from playwright.sync_api import Page, expect

from sandbox import Server
from tests.browser.acts import button, download, eventually, field, fill_in, history_cell, settled, sign_in
from tests.browser.conftest import App

TRACKER = "http://tracker.test/pixel.png"
TEXTS = [
    "=1+1",
    f"![x]({TRACKER})",
    f"<script>fetch('{TRACKER}')</script><img src={TRACKER}>",
    "x" * 5000,
    "\u202eright to left \u05e9\u05dc\u05d5\u05dd, \"quoted\", 'single', 100 % 🎤",
    "'already guarded",
    ":material/home: :red[colour] $x^2$ `code` [link](http://tracker.test)",
    "@SUM(1+1)",
]
WRITTEN = dict(
    zip(("finished", "documented", "callback", "code_409"), zip(TEXTS[::2], TEXTS[1::2], strict=True), strict=True)
)
"""For each song a name and a description."""
BAD_TOKENS = {  # the sentence changes from each to the next
    "two words": "it has a space or a line break",
    "sk-abc…def": "it has a character that no token has",
    "t" * 10_000: "characters long",
    "token🎤": "it has a character that no token has",
}


def test_a_token_that_cannot_be_one_is_refused_with_a_sentence_and_not_kept_on_the_page(
    app: App, kie: Server, page: Page
) -> None:
    before = len(kie.sandbox.requests())
    page.goto(app.url)
    for token, why in BAD_TOKENS.items():
        field(page, "token").fill(token)
        field(page, "token").press("Enter")
        expect(page.get_by_text(why)).to_be_visible()
        eventually(lambda: token not in page.content(), page=page)  # noqa: B023  # called at once
    assert len(kie.sandbox.requests()) == before


def test_a_token_that_kie_does_not_know_is_refused_with_the_next_step(app: App, page: Page) -> None:
    page.goto(app.url)
    field(page, "token").fill("0123456789abcdef-not-a-token")
    field(page, "token").press("Enter")
    expect(page.get_by_text("KIE did not accept the token.")).to_be_visible()
    expect(page.get_by_text("You do not have access permissions")).to_be_visible()
    assert "0123456789abcdef-not-a-token" not in page.content()


def test_after_a_whole_hostile_session_the_token_is_nowhere_and_every_text_stayed_text(
    start_app: Callable[..., App], kie: Server, page: Page, token: str
) -> None:
    app = start_app()
    requested: list[str] = []
    dialogs: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    page.goto(app.url)
    sign_in(page, f"  {token}\n".strip("\n"))
    sources: list[str] = []
    for song, (name, description) in WRITTEN.items():
        fill_in(page, song, name=name, description=description)
        button(page, "create").click()
        eventually(lambda: kie.sandbox.count(token=token) == len(sources) + 1, page=page)  # ends here
        expect(page.get_by_text("so far. It usually takes")).to_be_hidden()
        expect(button(page, "create")).to_be_enabled()
        settled(page)
        sources.append(page.content())
    expect(history_cell(page, "=1+1").first).to_be_attached()
    _, table = download(page, "download_csv")
    page.reload()
    expect(history_cell(page, "=1+1").first).to_be_attached()
    sources.append(page.content())
    app.stop()

    secrets = [token, base64.b64encode(token.encode()).decode()]
    files = {file: file.read_bytes() for file in app.folder.rglob("*") if file.is_file()}
    for secret in secrets:
        assert not [str(file) for file, content in files.items() if secret.encode() in content]
        assert not [source for source in sources if secret in source]
        assert secret.encode() not in table
        assert not [address for address in requested if secret in address]
    assert not [address for address in requested if "tracker.test" in address]
    assert dialogs == []
    assert table.startswith(b"\xef\xbb\xbf")

    cells = pd.read_csv(io.BytesIO(table), dtype=str, keep_default_na=False)
    for column, texts in (("name", TEXTS[::2]), ("description", TEXTS[1::2])):
        assert not cells[column].str.startswith(("=", "+", "-", "@")).any()
        assert sorted(cells[column].str.removeprefix("'")) == sorted(texts)
    sent = [recorded.json for recorded in kie.sandbox.requests("/api/v1/generate/generate-persona", token)]
    assert [(body["name"], body["description"]) for body in sent] == list(WRITTEN.values())
