"""Runs the sandbox in a thread of this process."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from types import TracebackType
from typing import Any, cast

from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from .state import Sandbox
from .web import create_app

_quiet = logging.getLogger("sandbox.http")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False  # uvicorn logs a dropped connection as an error; here faults drop it on purpose


class _Connection(H11Protocol):
    """uvicorn's connection, with its transport in the request's state, to which faults write bytes themselves."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger, self.access_log = _quiet, False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class Server:
    """A running sandbox. Use it as a context manager, or call `stop`.

    uvicorn's connections on an event loop of its own, without `uvicorn.Server`: that one sets process-wide
    log levels and signal handlers, which belong to the application this runs in.
    """

    def __init__(self, sandbox: Sandbox, host: str, port: int, token: str | None) -> None:
        self.sandbox = sandbox
        """The state behind it."""
        self.token = sandbox.new_account(87.35, token=token)
        """One account, made at the start."""
        listener = socket.create_server((host, port))
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each answer on a kept one is 40 ms late
        self.base_url = f"http://{host}:{listener.getsockname()[1]}"
        """Where it answers, without a slash at the end."""
        self._state = ServerState()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sandbox", daemon=True)
        self._thread.start()
        self._acceptor = asyncio.run_coroutine_threadsafe(self._open(listener), self._loop).result()

    async def _open(self, listener: socket.socket) -> asyncio.Server:
        app = create_app(self.sandbox)
        config = Config(cast(Any, app), log_config=None, log_level=None, lifespan="off", ws="none")
        config.load()
        return await self._loop.create_server(lambda: _Connection(config, self._state, {}, self._loop), sock=listener)

    def stop(self) -> None:
        """Stop answering; open connections are cut. A second call does nothing."""
        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        self._acceptor.close()
        for connection in list(self._state.connections):
            cast(_Connection, connection).transport.abort()
        running = list(self._state.tasks)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def serve(
    port: int = 0, sandbox: Sandbox | None = None, *, host: str = "127.0.0.1", token: str | None = None
) -> Server:
    """Serve a sandbox in a daemon thread and return once it accepts connections.

    `port` 0 takes a free one. `token` fixes the token of the account made at the start. Raises OSError if the
    port is taken.
    """
    return Server(sandbox or Sandbox(), host, port, token)
