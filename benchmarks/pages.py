"""The app in a real Chromium: server start to first page, click to persona, memory a session.

    python -m benchmarks.pages [--repeat 7]

The first page's yardstick is a Streamlit page with one pandas grid and a form, started in turn with the app.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from sandbox import SCENARIOS, serve

ROOT = Path(__file__).parents[1]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
YARDSTICK = """
import pandas as pd
import streamlit as st

st.title("Yardstick")
with st.form("form"):
    for label in ("Task ID", "Audio ID", "Name"):
        st.text_input(label)
    st.text_area("Description")
    st.form_submit_button("Create")
st.dataframe(pd.DataFrame({"when": pd.date_range("2026-01-01", periods=20), "name": ["x"] * 20}))
"""
SETTLED = """() => {
    const app = document.querySelector('[data-testid="stApp"]');
    return app && app.getAttribute('data-test-script-state') === 'notRunning'
        && document.querySelector('[data-testid="stMain"] [data-testid="stElementContainer"]');
}"""
API_SECONDS = 0.5
MIB = 1024 * 1024


@contextlib.contextmanager
def server(script: Path, folder: Path, kie: str = "http://127.0.0.1:9") -> Iterator[tuple[str, float, int]]:
    """Run a Streamlit server; yield its address, when it was started, and its process ID."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{folder}/studio.db", "KIE_BASE_URL": kie}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    options = ["--server.headless=true", f"--server.port={port}", "--server.address=127.0.0.1"]
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(script), *options, "--browser.gatherUsageStats=false"],
        cwd=script.parent,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        while True:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):
                break
            time.sleep(0.005)
        yield url, started, process.pid
    finally:
        process.terminate()
        process.wait()


def open_page(browser: Browser, url: str) -> Page:
    """Open a page in a browser without a cache, and wait until it is whole."""
    page = browser.new_context().new_page()
    page.goto(url, wait_until="commit")
    page.wait_for_function(SETTLED, polling=10)
    return page


def first_page(browser: Browser, script: Path) -> float:
    """Return the seconds from the server's start to its first page."""
    with tempfile.TemporaryDirectory() as folder, server(script, Path(folder)) as (url, started, _):
        page = open_page(browser, url)
        seconds = time.perf_counter() - started
        page.context.close()
        return seconds


def click_to_persona(browser: Browser, repeat: int) -> list[float]:
    """Return the seconds from a click on Create to the persona on the screen, less the API's own time."""
    with serve() as kie, tempfile.TemporaryDirectory() as folder:
        kie.sandbox.delay = API_SECONDS
        with server(ROOT / "app.py", Path(folder), kie.base_url) as (url, _, _):
            seconds = []
            for _ in range(repeat):
                page = open_page(browser, url)
                page.locator(".st-key-token input").fill(kie.sandbox.new_account())
                page.locator(".st-key-token input").press("Enter")
                page.get_by_text("Credits left").wait_for()
                song = SCENARIOS[0]
                texts = {"task_id": song.task_id, "audio_id": song.audio_id, "name": "Alto", "description": "Low"}
                for widget, text in texts.items():
                    page.locator(f".st-key-{widget} input, .st-key-{widget} textarea").fill(text)
                    page.keyboard.press("Tab")
                page.wait_for_timeout(500)
                begun = time.perf_counter()
                page.locator(".st-key-create button").click()
                page.get_by_text("Here is your persona").wait_for()
                seconds.append(time.perf_counter() - begun - API_SECONDS)
                page.context.close()
            return seconds


def memory_per_session(browser: Browser, sessions: int) -> float:
    """Return the MiB that each further browser session adds to the server."""
    with tempfile.TemporaryDirectory() as folder, server(ROOT / "app.py", Path(folder)) as (url, _, pid):
        process = psutil.Process(pid)
        pages = [open_page(browser, url)]
        pages[0].wait_for_timeout(3000)
        before = process.memory_info().rss
        pages += [open_page(browser, url) for _ in range(sessions)]
        pages[0].wait_for_timeout(1000)
        return (process.memory_info().rss - before) / MIB / sessions


def main() -> None:
    """Measure and print one line a figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=7)
    repeat = parser.parse_args().repeat
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yardstick = Path(folder, "yardstick.py")
        yardstick.write_text(YARDSTICK)
        first_page(browser, ROOT / "app.py")  # writes the bytecode of both
        first_page(browser, yardstick)
        pairs = [(first_page(browser, ROOT / "app.py"), first_page(browser, yardstick)) for _ in range(repeat)]
        ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratios = sorted(ours / theirs for ours, theirs in pairs)
        print(
            f"server start to first page: {statistics.median(ratios):.2f}x of a page with a grid and a form "
            f"({ours:.2f} s against {theirs:.2f} s, n={repeat}, {ratios[0]:.2f}-{ratios[-1]:.2f})"
        )
        clicks = sorted(click_to_persona(browser, repeat))
        print(
            f"click to persona, beyond the API's time: {statistics.median(clicks):.2f} s "
            f"(n={repeat}, {clicks[0]:.2f}-{clicks[-1]:.2f})"
        )
        print(f"memory a further session: {memory_per_session(browser, 20):.2f} MiB (n=20)")
        browser.close()


if __name__ == "__main__":
    main()
