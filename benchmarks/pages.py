"""The app in a real Chromium: server start to first page, click to persona, memory a session.

    python benchmarks/pages.py [--repeat 7]

The first page's yardstick is a Streamlit page with one pandas grid and a form, started in turn with the app.
"""

from __future__ import annotations

import argparse
import contextlib
import json
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
from common import at_most, options_of, ratio, tell
from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))
from sandbox import SCENARIOS

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
STOPWATCH = """name => {
    window.shown = window.clicked = 0;
    addEventListener('click', () => { window.clicked ||= performance.now() }, {capture: true, once: true});
    const look = () => {
        const card = [...document.querySelectorAll('.st-key-outcome [data-testid="stText"]')];
        if (card.some(text => text.textContent === name && text.checkVisibility())) window.shown = performance.now();
        else requestAnimationFrame(look);
    };
    look();
}"""
"""Runs in the page, because a driver outside it polls at intervals."""
API_SECONDS = 1.0
MAKEABLE = ("finished", "instrumental", "callback", "documented")
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


@contextlib.contextmanager
def stand_in() -> Iterator[str]:
    """Run the stand-in KIE in a process of its own, with an answer that takes `API_SECONDS`; yield its address."""
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--delay", str(API_SECONDS)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            while "http://" not in (line := process.stdout.readline() if process.stdout else "http://"):
                pass
            yield next(word for word in line.split() if word.startswith("http://"))
        finally:
            process.terminate()


def new_account(base_url: str) -> str:
    """Return a token of its own."""
    request = urllib.request.Request(f"{base_url}/sandbox/accounts", data=b"{}", method="POST")
    with urllib.request.urlopen(request, timeout=5) as answer:
        return str(json.load(answer)["token"])


def click_to_persona(browser: Browser, repeat: int) -> list[float]:
    """Return the seconds from a click on Create to the persona on the screen, less the API's own time.

    The page has shown a persona and its history before, as after the first of several; the very first one also loads
    the browser's part of the table, beside the seconds that KIE takes.
    """
    with (
        stand_in() as base_url,
        tempfile.TemporaryDirectory() as folder,
        server(ROOT / "app.py", Path(folder), base_url) as (url, _, _),
    ):
        seconds = []
        page = open_page(browser, url)
        for number in range(repeat + 1):
            if number % len(MAKEABLE) == 0:
                page.context.close()
                page = open_page(browser, url)
                page.locator(".st-key-token input").fill(new_account(base_url))
                page.locator(".st-key-token input").press("Enter")
                page.get_by_text("Credits left").wait_for()
            song = next(song for song in SCENARIOS if song.key == MAKEABLE[number % len(MAKEABLE)])
            texts = {"task_id": song.task_id, "audio_id": song.audio_id, "name": song.key, "description": "Low"}
            for widget, text in texts.items():
                page.locator(f".st-key-{widget} input, .st-key-{widget} textarea").fill(text)
                page.keyboard.press("Tab")
            page.wait_for_timeout(500)
            page.evaluate(STOPWATCH, song.key)
            page.locator(".st-key-create button").click()
            page.wait_for_function("() => window.shown")
            seconds.append(page.evaluate("window.shown - window.clicked") / 1000 - API_SECONDS)
        return seconds[1:]


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
    options = options_of(parser)
    repeat = options.repeat
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
        memory = memory_per_session(browser, 20)
        print(f"memory a further session: {memory:.2f} MiB (n=20)")
        browser.close()
    if options.json:
        beyond = "click to persona on screen, beyond KIE’s own time"
        rows = [
            ratio("server start to first page in Chromium", "a page with one pandas grid and a form", ratios, 1.0),
            at_most(beyond, statistics.median(clicks), 0.25, "s", f"n={repeat}, {clicks[0]:.2f} to {clicks[-1]:.2f}"),
            at_most("memory for each further browser session", memory, 0.2, "MiB", "n=20"),
        ]
        tell(rows, options)


if __name__ == "__main__":
    main()
