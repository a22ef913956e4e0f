"""The server: its start and end, its middleware and routes, and what a visitor sees when a page fails.

streamlit run app.py
"""

from __future__ import annotations

import asyncio
import gc
import logging
import secrets
import signal
import sys
import threading
import time
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio.to_thread
import streamlit as st
import websockets.http11
from starlette.middleware import Middleware
from starlette.routing import Route

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # so that the app also starts from another folder

from studio.facade import Studio, close_the_studio, the_studio  # noqa: E402
from views.middleware import log_masks  # noqa: E402
from views.middleware.allowed_hosts import AllowedHosts  # noqa: E402
from views.middleware.refusals import PlainPaths  # noqa: E402
from views.middleware.security_headers import SecurityHeaders  # noqa: E402
from views.middleware.sign_out import SignOut  # noqa: E402
from views.middleware.socket_guard import SocketGuard  # noqa: E402
from views.middleware.upload_guard import UploadGuard  # noqa: E402
from views.shared import attempt_table, event_stream  # noqa: E402
from views.shared.downloads import DownloadMiddleware  # noqa: E402

if TYPE_CHECKING:
    from types import FrameType

log = logging.getLogger("persona-studio")

WARM_UP_AFTER = 3.0
"""Seconds after the start, so that it does not slow down the first page. What needs the database earlier opens it."""
SAME_ERROR = 60.0
"""Seconds for which an error at the same place is not logged again."""
page_errors: dict[tuple[str, str, int | None], tuple[float, str]] = {}
"""When an error was logged last, and its ID, by its type and place."""


def warm_up(studio: Studio) -> None:
    """Open the database, start the engine, and load what the first table needs; then freeze it all.

    The garbage collector skips what is frozen. Otherwise each collection takes longer than a run of a page.
    """
    with suppress(Exception):  # the log says why, and whatever needs the database tries again
        studio.open().result()
    attempt_table.table([], ["name"])

    gc.collect()
    gc.freeze()


def end_streams_when_told_to_stop() -> None:
    """End the event streams as soon as the process is told to stop.

    The server lets open answers end before it ends the lifespan, and a stream would stay open for minutes.
    """
    loop, changes = asyncio.get_running_loop(), the_studio().changes
    for number in (signal.SIGINT, signal.SIGTERM):
        before = signal.getsignal(number)
        if threading.current_thread() is threading.main_thread() and callable(before):

            def end(number: int, frame: FrameType | None, before: Any = before) -> None:
                loop.call_soon_threadsafe(changes.close)  # not here: the thread that was interrupted may hold its lock
                before(number, frame)

            signal.signal(number, end)


def allow_large_and_many_sockets() -> None:
    """Let the process have as many open files as the system lets it: each socket and each upload is one.

    And let a socket take as long a line of cookies as a page does: all programs on one host name share their cookies,
    and a browser with more than 8 KB of them would get the page, and never its content. The environment variable for it
    is read before this file.
    """
    websockets.http11.MAX_LINE_LENGTH = 64 * 1024
    if sys.platform != "win32":
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    """Warm up after the first page; at the end, wait for requests that are on their way."""
    later = threading.Timer(WARM_UP_AFTER, warm_up, (the_studio(),))  # a bad setting ends the start here
    later.daemon = True
    later.start()
    allow_large_and_many_sockets()
    end_streams_when_told_to_stop()
    yield
    later.cancel()
    await anyio.to_thread.run_sync(later.join, 5.0)  # not longer for a database that does not open
    await anyio.to_thread.run_sync(close_the_studio)


def on_script_error(error: Exception) -> bool:
    """Log the error under a random ID, and show the ID to the visitor, without the error.

    For a minute, the same error at the same place has the same ID and is not logged again: whoever speaks Streamlit's
    protocol can make a page fail as often as they like.
    """
    frame, now = traceback.extract_tb(error.__traceback__)[-1], time.monotonic()
    kind = (type(error).__name__, frame.filename, frame.lineno)
    logged, reference = page_errors.get(kind, (float("-inf"), ""))
    if now - logged > SAME_ERROR:
        reference = secrets.token_hex(4)
        page_errors[kind] = now, reference
        log.error("Page error %s", reference, exc_info=error)
    st.error("Something went wrong on this page. Nothing that was sent is lost.", icon=":material/error:")
    st.text(f"Reload the page. If it stays, give the person who runs this installation the reference {reference}.")
    return True


log_masks.install()
app = st.App(
    HERE / "views" / "router.py",
    lifespan=lifespan,
    routes=[
        Route(path, event_stream.changes) for path in (f"/{event_stream.NAME}", f"/{{base:path}}/{event_stream.NAME}")
    ],
    middleware=[
        Middleware(each)
        for each in (SecurityHeaders, PlainPaths, AllowedHosts, SocketGuard, UploadGuard, SignOut, DownloadMiddleware)
    ],
    on_script_error=on_script_error,
)

if __name__ == "__main__":
    app.run()
