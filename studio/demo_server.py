"""The demo: a stand-in KIE in this process, on a loopback address of its own, started when somebody asks for it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox import Scenario, Server

NOBODY = "http://127.0.0.1:9"
"""The discard port, where nothing listens: what a KIE looks like that cannot be reached."""

_lock = threading.Lock()
_server: Server | None = None


def new_visitor() -> tuple[str, str]:
    """Return a token of its own for one visitor, and the address of the stand-in."""
    global _server
    from sandbox import serve

    with _lock:
        if _server is None:
            _server = serve()
        return _server.sandbox.new_account(), _server.base_url


def address() -> str:
    """Return where the stand-in answers."""
    with _lock:
        return _server.base_url if _server is not None else NOBODY


def stop() -> None:
    """Stop the stand-in, if it runs."""
    global _server
    with _lock:
        if _server is not None:
            _server.stop()
        _server = None


def songs() -> tuple[Scenario, ...]:
    """Return the songs of the demo: what each is in words, its IDs, and what it shows."""
    from sandbox import SCENARIOS

    return SCENARIOS
