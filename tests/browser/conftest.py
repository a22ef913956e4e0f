"""A real Chromium against real servers: the app as `streamlit run` starts it, and the stand-in KIE in this process."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Generator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from sandbox import Server, serve
from studio.database.connection import Database
from studio.library import import_merge
from studio.library.edits import Library
from studio.library.import_reader import Record
from studio.people.token_store import account_of
from studio.sending.attempt_store import Store

ROOT = Path(__file__).parents[2]
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
BROWSER: dict[str, Any] = {"viewport": {"width": 1280, "height": 1000}, "reduced_motion": "reduce"}
SECONDS = 1000
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
"""When the first of the attempts was asked for that `add_attempts` makes."""
expect.set_options(timeout=15 * SECONDS)


class App:
    """One running server of the app."""

    def __init__(self, folder: Path, kie: str, database: str | None = None, **environment: str) -> None:
        self.folder = folder
        self.log = folder / "server.log"
        self.database = database or f"sqlite:///{folder}/studio.db"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = {**os.environ, "KIE_BASE_URL": kie, "DATABASE_URL": self.database, **environment}
        self.start()

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, f"--server.port={self.port}"],
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        health = f"{self.url}/_stcore/health"
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with (
                contextlib.suppress(OSError),
                urllib.request.urlopen(health, timeout=1) as answer,
            ):
                if answer.read() == b"ok":
                    return
            if self.process.poll() is not None:
                break
        raise AssertionError(f"The server did not start:\n{self.log.read_text()}")

    def kill(self) -> None:
        """End the server at once, as a crash would."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End the server as Ctrl-C does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(20)


def troubles(log: str) -> str:
    """Return a server's log without what Streamlit 1.67 says when a tab closes just while it is being written to."""
    parts = log.split("Exception in ASGI application")
    closed = "WebSocketDisconnected: WebSocket is not connected."
    return parts[0] + "".join(part for part in parts[1:] if closed not in part)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def kie() -> Iterator[Server]:
    with serve() as server:
        server.sandbox.looks_per_second = 1000
        yield server


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory, kie: Server) -> Iterator[App]:
    """One server for all tests that need none of their own; each test uses an account of its own."""
    app = App(tmp_path_factory.mktemp("app"), kie.base_url)
    yield app
    app.stop()
    log = troubles(app.log.read_text())
    assert "Traceback" not in log, log


@pytest.fixture(scope="module")
def warm(chromium: Browser) -> Iterator[BrowserContext]:
    """One browser for a file's tests, so that it fetches Streamlit's own files once."""
    context = chromium.new_context(**BROWSER)
    yield context
    context.close()


@pytest.fixture
def browser(warm: BrowserContext) -> Iterator[BrowserContext]:
    """A browser without pages, that no server knows."""
    warm.clear_cookies()
    yield warm
    for page in warm.pages:
        page.close()


@pytest.fixture
def page(browser: BrowserContext) -> Page:
    return browser.new_page()


@pytest.fixture
def token(kie: Server) -> str:
    return kie.sandbox.new_account()


@pytest.fixture
def start_app(tmp_path: Path, kie: Server) -> Iterator[Callable[..., App]]:
    """Start servers for one test."""
    started: list[App] = []

    def start(**options: str) -> App:
        folder = tmp_path / f"server{len(started)}"
        folder.mkdir()
        started.append(App(folder, options.pop("kie", kie.base_url), **options))
        return started[-1]

    yield start
    for app in started:
        app.stop()


@pytest.fixture
def add_attempts(app: App) -> Callable[..., list[str]]:
    """Put attempts into the library of a token's account, each younger than the one before; return their IDs."""

    def rows(token: str, *given: dict[str, Any]) -> list[str]:
        blank = {"status": "created", "persona_id": "0123abcd", "origin": ""}
        records = [
            Record("", blank | {"id": uuid.uuid4().hex, "created_at": START + timedelta(hours=number)} | values)
            for number, values in enumerate(given)
        ]
        store = Store(Database(app.database))
        import_merge.import_records(Library(store.database), account_of(token), records)
        store.database.close()
        return [record.values["id"] for record in records]

    return rows


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as needing a browser what is in this folder."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker("browser")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to the report of a failed test what its pages showed."""
    report = yield
    funcargs = getattr(item, "funcargs", {})
    if report.when == "call" and report.failed and "browser" in funcargs:
        for shown in funcargs["browser"].pages:
            with contextlib.suppress(PlaywrightError):  # a page may hang, or be gone
                report.sections.append((shown.url, shown.locator("body").aria_snapshot(timeout=5 * SECONDS)))
    return report
