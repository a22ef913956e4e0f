"""A hundred visitors who wait for a slow answer: what they cost the server, and what another visitor feels of it.

    python benchmarks/waiting.py [--waiting 100]

They are connections without a browser that do what the page does in one: they open it, and listen to the event stream
whose address it gives them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import statistics
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import websockets
from playwright.sync_api import sync_playwright
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

import pages

SECONDS = 60.0
"""How long KIE takes."""
VISITS = 20


@asynccontextmanager
async def opened(url: str, query: str = "") -> AsyncIterator[tuple[str, list[str]]]:
    """Open the page; yield the browser's cookie, and the addresses of the event streams that the page gave it."""
    request = urllib.request.Request(url, headers={"Accept": "text/html"})
    answer = await asyncio.to_thread(urllib.request.urlopen, request)
    cookie = answer.headers["Set-Cookie"].partition(";")[0]
    headers = {"Cookie": cookie, "Origin": url}
    address = url.replace("http", "ws") + "/_stcore/stream"
    async with websockets.connect(
        address, additional_headers=headers, subprotocols=["streamlit"], max_size=None
    ) as page:
        start, streams = BackMsg(), []
        start.rerun_script.query_string = query
        await page.send(start.SerializeToString())
        while (message := ForwardMsg.FromString(await page.recv())).WhichOneof("type") != "script_finished":
            component = message.delta.new_element.bidi_component
            streams += filter(None, [json.loads(component.json).get("stream")] if component.json else [])
        yield cookie, streams


async def wait(url: str, attempt: str, ready: asyncio.Semaphore, told: list[float]) -> None:
    """Open the page of an attempt, listen to its stream, and note when it told of a change."""
    async with opened(url, attempt) as (cookie, [stream]):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(f"GET {stream} HTTP/1.1\r\nHost: {url[7:]}\r\nCookie: {cookie}\r\n\r\n".encode())
        await reader.readuntil(b"event: ready")
        ready.release()
        await reader.readuntil(b"data: changed")
        told.append(time.perf_counter())
        writer.close()


async def visits(url: str) -> list[float]:
    """Return the seconds that each of several visitors waited for their page, one after the other."""
    seconds = []
    for _ in range(VISITS):
        started = time.perf_counter()
        async with opened(url):
            seconds.append(time.perf_counter() - started)
        await asyncio.sleep(0.2)
    return seconds


async def measure(url: str, pid: int, attempt: str, pressed: float, waiting: int) -> None:
    """Let them wait, and print one line a figure."""
    ready, told, process = asyncio.Semaphore(0), [], psutil.Process(pid)
    alone = await visits(url)
    waiters = [asyncio.create_task(wait(url, attempt, ready, told)) for _ in range(waiting)]
    for _ in waiters:
        await ready.acquire()
    await asyncio.sleep(3)
    process.cpu_percent()
    await asyncio.sleep(10)
    print(f"{waiting} waiting pages: {process.cpu_percent():.1f} % of a core, {process.num_threads()} threads")
    for words, seconds in (("nobody waits", alone), (f"{waiting} wait", await visits(url))):
        p95 = statistics.quantiles(seconds, n=20)[-1]
        print(f"a visitor's page while {words}: {statistics.median(seconds):.3f} s, p95 {p95:.3f} s (n={VISITS})")
    await asyncio.gather(*waiters)
    late = [moment - pressed - SECONDS for moment in told]
    print(f"all {waiting} are told of the end {min(late):.2f} to {max(late):.2f} s after it")


def press_create(url: str) -> tuple[str, float]:
    """Ask for a persona in a browser; return the attempt as it stands in the address, and when it was asked for."""
    song = next(song for song in pages.SCENARIOS if song.key == "finished")
    texts = {"task_id": song.task_id, "audio_id": song.audio_id, "name": "Alto", "description": "Low"}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=pages.FLAGS)
        page = pages.open_page(browser, url)
        for widget, text in texts.items():
            page.locator(f".st-key-{widget} input, .st-key-{widget} textarea").fill(text)
            page.keyboard.press("Tab")
        pressed = time.perf_counter()
        page.locator(".st-key-create button").click()
        page.wait_for_url(re.compile("attempt="))
        attempt = page.url.partition("?")[2]
        browser.close()
    return attempt, pressed


def main() -> None:
    """Measure and print one line a figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--waiting", type=int, default=100)
    waiting = parser.parse_args().waiting
    pages.API_SECONDS = SECONDS
    with pages.stand_in() as kie, tempfile.TemporaryDirectory() as folder:
        os.environ["KIE_API_KEY"] = pages.new_account(kie)
        with pages.server(pages.ROOT / "app.py", Path(folder), kie) as (url, _, pid):
            asyncio.run(measure(url, pid, *press_create(url), waiting))


if __name__ == "__main__":
    main()
