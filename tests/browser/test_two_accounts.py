"""Two accounts in two browsers with two tabs each, on every page: one signs out, one changes its token.

Nothing may come under another account, and the tokens may be nowhere. The tabs speak Streamlit's protocol.
"""

from __future__ import annotations

import asyncio
import sqlite3
import uuid
from collections.abc import Callable
from typing import Any

import requests
from streamlit.proto.Common_pb2 import FileUploaderState, UploadedFileInfo
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit_client import Visitor

from sandbox import Server
from studio.people.token_store import account_of
from tests import loops
from tests.browser.conftest import App
from tests.polling import eventually
from tests.scenarios import scenario

PERSONA = "/api/v1/generate/generate-persona"
NOBODY = "Paste your KIE token in the sidebar"


class Tab(Visitor):
    """A tab that remembers all that it was sent."""

    def __init__(self, app: App, cookies: dict[str, str]) -> None:
        super().__init__(app.url, cookies)
        self.received: list[bytes] = []

    def _take_in(self, message: Any) -> None:
        self.received.append(message.SerializeToString())
        super()._take_in(message)

    @property
    def account(self) -> str:
        """The account that it shows, or ""."""
        return next((text.split()[1] for text in self.texts("text") if text.startswith("Account ")), "")

    async def ask_for(self, key: str) -> None:
        """Fill in a song, and press Create."""
        song = scenario(key)
        await self.enter(task_id=song.task_id, audio_id=song.audio_id, name=f"Persona of {key}", description="Low")
        await self.click("create")

    async def upload(self, content: bytes) -> int:
        """Choose a file in the library; return the status of the upload."""
        file_id = str(uuid.uuid4())
        address = f"{self.url}/_stcore/upload_file/{self.session_id}/{file_id}"
        headers = {"X-Xsrftoken": self.cookies["_streamlit_xsrf"]}
        answer = await asyncio.to_thread(
            requests.put, address, files={"file": ("a.csv", content)}, cookies=self.cookies, headers=headers, timeout=10
        )
        if answer.ok:
            (node,) = [node for node in self.nodes.values() if node.kind == "file_uploader"]
            info = UploadedFileInfo(file_id=file_id, name="a.csv", size=len(content))
            files = FileUploaderState(uploaded_file_info=[info])
            self.values[node.message.id] = WidgetState(id=node.message.id, file_uploader_state_value=files)
            await self.rerun()
        return answer.status_code

    async def fetch(self, address: str) -> str:
        """Fetch an address as a browser does that saves it."""
        _, body = await self.get(address, accept="text/html")
        return body.decode(errors="replace")

    def streams(self) -> list[str]:
        """Return the addresses of the event streams that the page listens to."""
        return [str(address) for address in self._tasks if address.startswith("/changes")]

    def download(self) -> str:
        """Return the address of the file behind "Download CSV"."""
        (address,) = [node.message.url for node in self.nodes.values() if node.kind == "download_button"][:1]
        return str(address)


def test_nothing_comes_under_another_account_and_the_tokens_are_nowhere(
    start_app: Callable[..., App], kie: Server
) -> None:
    app = start_app()
    tokens = [kie.sandbox.new_account() for _ in range(3)]
    ada, bob, new = map(account_of, tokens)
    for token in tokens[:2]:
        kie.sandbox.fault("delay", path=PERSONA, seconds=4.0, token=token)
    tabs = loops.run(visit(app, tokens))
    eventually(lambda: not in_flight(app), 20)
    app.stop()

    rows = on_file(app, "SELECT account, name, origin FROM attempts ORDER BY name")
    made = [(ada, "Persona of finished", ""), (bob, "Persona of instrumental", "")]
    assert rows == [(ada, "From a file", "import"), *made]
    assert [len(kie.sandbox.requests(PERSONA, token)) for token in tokens] == [1, 1, 0]
    assert {row[0] for row in on_file(app, "SELECT account FROM departures")} <= {ada, bob}
    kept = {file.name: file.read_bytes() for file in app.folder.iterdir() if file.is_file()}
    places = kept | {f"frames of tab {number}": b"".join(tab.received) for number, tab in enumerate(tabs)}
    places |= {f"address of tab {number}": tab.query.encode() for number, tab in enumerate(tabs)}
    found = [(place, token) for place, content in places.items() for token in tokens if token.encode() in content]
    assert not found
    assert not [file for file, content in kept.items() if tabs[0].session_id.encode() in content]
    assert new not in [row[0] for row in rows]


async def visit(app: App, tokens: list[str]) -> list[Tab]:
    """Use every page, sign out in one browser, and change the token in the other."""
    ada, bob, new = map(account_of, tokens)
    one: dict[str, str] = {}
    two: dict[str, str] = {}
    first, second, third, fourth = tabs = [Tab(app, one), Tab(app, one), Tab(app, two), Tab(app, two)]
    for tab, path in zip(tabs, ("/", "/library", "/", "/"), strict=True):
        await tab.open(path)
    await first.enter(token=tokens[0])
    await third.enter(token=tokens[1])
    await second.until(lambda: second.account == ada)  # by itself
    await fourth.until(lambda: fourth.account == bob)
    assert await second.upload(b"persona_id,name,task_id,audio_id\np-1,From a file,t-1,a-1\n") == 204
    await second.click("library_import")
    assert "1 brought in" in second.text
    await first.ask_for("finished")
    (stream,) = first.streams()
    await third.ask_for("instrumental")
    await second.rerun()
    mine, theirs, stranger = first.download(), third.download(), Tab(app, {})
    assert "From a file" in await first.fetch(mine)
    for tab, address in ((first, theirs), (third, mine), (stranger, mine), (stranger, theirs)):
        assert "name,description" not in await tab.fetch(address)
    assert (await stranger.get(stream))[0] == (await third.get(stream))[0] == 404

    await first.click("leave")
    await third.click("leave")
    await third.enter(token=tokens[2])
    await second.until(lambda: NOBODY in second.text and not second.account)
    await fourth.until(lambda: fourth.account == new)
    assert "From a file" not in second.text
    assert "Persona of" not in fourth.text
    assert "name,description" not in await first.fetch(mine)
    assert (await first.get(stream))[0] == 404
    assert await second.upload(b"persona_id,name\np-2,After that\n") == 403
    for tab in tabs:
        await tab.close()
    return tabs


def on_file(app: App, query: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(f"file:{app.folder}/studio.db?mode=ro", uri=True) as database:
        return database.execute(query).fetchall()


def in_flight(app: App) -> list[tuple[Any, ...]]:
    return on_file(app, "SELECT id FROM attempts WHERE status IN ('queued', 'sending', 'working')")
