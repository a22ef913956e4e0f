"""The demo: a stand-in KIE in this process, on a loopback address of its own, started when it is first used."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox import Scenario, Server

UNREACHABLE = "http://127.0.0.1:9"
"""An address where nothing listens (the discard port), to show a KIE that cannot be reached."""

_lock = threading.Lock()
_server: Server | None = None


def new_account() -> tuple[str, str]:
    """Return the token of a new account, and the address of the stand-in."""
    global _server
    from sandbox import serve

    with _lock:
        if _server is None:
            _server = serve()
        return _server.sandbox.new_account(), _server.base_url


def address() -> str:
    """Return the address of the stand-in."""
    with _lock:
        return _server.base_url if _server is not None else UNREACHABLE


def stop() -> None:
    """Stop the stand-in, if it runs."""
    global _server
    with _lock:
        if _server is not None:
            _server.stop()
        _server = None


def songs() -> tuple[Scenario, ...]:
    """Return the songs of the demo: their descriptions and IDs, and what each shows."""
    from sandbox import SCENARIOS

    return SCENARIOS
