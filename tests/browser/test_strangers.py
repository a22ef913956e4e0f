"""People who do not belong there: other names for the server, stolen sessions, raw messages, scripts, uploads.

Most speak Streamlit's protocol to a real server, because no browser would do what they do.
"""

from __future__ import annotations

import asyncio
import re
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit_client import Visitor
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from sandbox import Server
from tests import loops
from tests.browser.acts import button, choose_song, download, go_to_the_library, settled, start_demo
from tests.browser.conftest import App
from tests.scenarios import scenario

UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory, kie: Server) -> Iterator[App]:
    """A server whose log is read at the end."""
    app = App(tmp_path_factory.mktemp("front"), kie.base_url)
    yield app
    app.stop()
    log = app.log.read_text()
    assert "Traceback" not in log
    assert not UUID.search(log), log


async def signed_in(app: App, kie: Server) -> tuple[Visitor, str]:
    visitor, token = Visitor(app.url), kie.sandbox.new_account()
    await visitor.open()
    await visitor.enter(token=token)
    song = scenario("finished")
    await visitor.enter(task_id=song.task_id, audio_id=song.audio_id, name="Alto", description="Low and smoky")
    assert "Credits left" in visitor.text
    return visitor, token


@pytest.mark.parametrize("tab", ["open", "closed"])
def test_a_stolen_session_id_is_worth_nothing_without_the_browser_that_began_it(
    front: App, kie: Server, tab: str
) -> None:
    async def scene() -> None:
        visitor, token = await signed_in(front, kie)
        stolen, pressed = visitor.session_id, visitor.find("create").message.id
        if tab == "closed":
            await visitor.close()
        async with Visitor(front.url) as other:
            await other.open()
            cookies = other.cookies
        for known in ({}, cookies, {"persona_studio": "chosen"}):
            async with Visitor(front.url, dict(known)) as stranger:
                await stranger.connect(stolen)
                message = BackMsg()
                message.rerun_script.widget_states.widgets.add(id=pressed, trigger_value=True)
                await stranger.send(message.SerializeToString())
                await stranger.rerun()
                assert stranger.session_id != stolen
                assert "Credits left" not in stranger.text
        assert kie.sandbox.count(token=token) == 0
        async with Visitor(front.url, visitor.cookies) as again:
            await again.connect(stolen)
            await again.rerun()
            assert again.session_id == stolen
        await visitor.close()

    loops.run(scene())


def test_a_cookie_that_was_not_made_here_finds_no_account_again(front: App, kie: Server) -> None:
    async def scene() -> None:
        async with Visitor(front.url, {"persona_studio": "chosen"}) as visitor:
            await visitor.get("/_stcore/health")
            await visitor.connect()
            await visitor.rerun()
            await visitor.enter(token=kie.sandbox.new_account())
        async with Visitor(front.url, {"persona_studio": "chosen"}) as other:
            await other.connect()
            await other.rerun()
            assert "Credits left" not in other.text
            await other.get("/", accept="text/html")
            assert other.cookies["persona_studio"] != "chosen"

    loops.run(scene())


def test_raw_frames_close_their_socket_and_leave_no_traceback(front: App) -> None:
    async def closed_with(data: str | bytes) -> int:
        async with connect(front.url.replace("http", "ws") + "/_stcore/stream", max_size=None, proxy=None) as socket:
            try:
                await socket.send(data)
                while True:
                    await socket.recv()
            except ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else 0

    async def scene() -> None:
        assert await closed_with("a text") == 1003
        assert await closed_with(b"\xff garbage") == 1002
        assert await closed_with(bytes(9 * 10**6)) == 1009

    loops.run(scene())


def test_a_browser_with_many_cookies_of_other_programs_gets_its_page(front: App) -> None:
    async def scene() -> None:
        async with Visitor(front.url, {f"other{number}": "x" * 3_900 for number in range(5)}) as visitor:
            await visitor.open()
            assert "Your KIE token" in visitor.text

    loops.run(scene())


def test_streamlit_s_figures_about_the_server_are_for_nobody(front: App) -> None:
    for path in ("_stcore/metrics", "_stcore/metrics/"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{front.url}/{path}", timeout=10)
        assert refused.value.code == 404


def test_a_page_that_fails_again_and_again_is_logged_once(start_app: Callable[..., App]) -> None:
    broken = BackMsg()

    async def scene(app: App) -> None:
        async with Visitor(app.url) as visitor:
            await visitor.open()
            broken.rerun_script.widget_states.widgets.add(id=visitor.find("token").message.id, bool_value=True)
            for _ in range(5):
                before = visitor.runs
                await visitor.send(broken.SerializeToString())
                await visitor.until(lambda before=before: visitor.runs > before)  # type: ignore[misc]
            assert "Something went wrong on this page" in visitor.text

    app = start_app()
    loops.run(scene(app))
    assert app.log.read_text().count("Page error") == 1


def test_a_visitor_s_page_comes_before_a_flood_has_been_served(front: App) -> None:
    data = BackMsg(rerun_script={"query_string": "x=" + "x" * 50_000}).SerializeToString()  # type: ignore[arg-type]

    async def scene() -> None:
        floods = [Visitor(front.url) for _ in range(5)]
        for flood in floods:
            await flood.get("/", accept="text/html")
            await flood.connect()
        sending = [asyncio.create_task(flood.send(data)) for flood in floods for _ in range(60)]
        async with Visitor(front.url) as visitor:
            await visitor.open()
            assert sum(flood.runs for flood in floods) < len(sending) / 2
        for task in sending:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)
        for flood in floods:
            await flood.close()

    loops.run(scene())


def test_another_name_for_this_server_gets_nothing(front: App) -> None:
    evil = f"evil.example:{front.port}"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(front.url, headers={"Host": evil}), timeout=10)
    assert refused.value.code == 400
    told = refused.value.read().decode()
    assert "server.allowedHosts" in told
    assert "evil" not in told

    async def scene() -> None:
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"ws://{evil}/_stcore/stream", host="127.0.0.1", port=front.port, proxy=None)
        assert refused.value.response.status_code == 403

    loops.run(scene())


def test_a_stranger_uploads_nothing(front: App, kie: Server) -> None:
    async def scene() -> None:
        visitor, _ = await signed_in(front, kie)
        async with Visitor(front.url) as stranger:
            await stranger.open()
            for session_id, cookies in (
                (visitor.session_id, {}),
                (visitor.session_id, stranger.cookies),
                (stranger.session_id, stranger.cookies),
            ):
                address = f"{front.url}/_stcore/upload_file/{session_id}/{uuid.uuid4()}"
                cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
                headers = {"Cookie": cookie, "X-Xsrftoken": cookies.get("_streamlit_xsrf", "")}
                asked = urllib.request.Request(address, b"", headers, method="PUT")
                with pytest.raises(urllib.error.HTTPError) as refused:
                    await asyncio.to_thread(urllib.request.urlopen, asked, timeout=10)
                assert (refused.value.code, b"may use it" in refused.value.read()) == (403, True)
        await visitor.close()

    loops.run(scene())


def test_the_policy_lets_every_page_work_and_no_script_that_was_put_into_it(
    front: App, page: Page, tmp_path: Path
) -> None:
    complaints: list[str] = []
    page.add_init_script(
        "window.violations = [];"
        "document.addEventListener('securitypolicyviolation', event => violations.push("
        "[event.effectiveDirective, event.blockedURI, event.sourceFile]))"
    )
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(front.url)
    start_demo(page)
    choose_song(page, "finished")
    button(page, "find_tracks").click()
    page.locator("audio").first.wait_for(state="attached")
    page.wait_for_function("() => document.querySelector('audio').readyState >= 2")
    page.get_by_role("button", name="Use this track").first.click()
    page.locator(".chooser").wait_for()
    settled(page)
    button(page, "create").click()
    expect(page.get_by_text("Here is your persona")).to_be_visible()
    go_to_the_library(page)
    page.locator('[data-testid="stDataFrame"] canvas').first.wait_for()
    page.get_by_role("tab", name="Take out").click()
    _, table = download(page, "library_csv")
    file = tmp_path / "personas.csv"
    file.write_bytes(table)
    page.get_by_role("tab", name="Bring in").click()
    page.locator('.stFileUploader input[type="file"]').set_input_files(file)
    expect(page.get_by_text("Nothing to bring in")).to_be_visible()
    settled(page)
    violations = page.evaluate("() => window.violations")
    assert [each for each in violations if each[1] != "wasm-eval"] == []  # protobuf's script tries it, and goes on
    assert complaints == []
    ran = page.evaluate(
        """async () => {
            const script = document.createElement('script');
            script.textContent = 'window.injected = true';
            document.body.append(script);
            document.body.insertAdjacentHTML('beforeend', '<img src="x" onerror="window.injected = true">');
            const frame = document.createElement('iframe');
            frame.src = 'data:text/html,x';
            document.body.append(frame);
            await new Promise(seen => document.querySelector('img[src="x"]').addEventListener('error', seen));
            let socket = 'blocked';
            try { new WebSocket('ws://127.0.0.2:9/').onopen = () => { socket = 'open' } } catch { socket = 'blocked' }
            await new Promise(seen => setTimeout(seen));
            return [window.injected === true, socket];
        }"""
    )
    assert ran == [False, "blocked"]
    blocked = {directive for directive, _, _ in page.evaluate("() => window.violations")}
    assert {"script-src-elem", "script-src-attr", "frame-src", "connect-src"} <= blocked
