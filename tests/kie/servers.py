"""What the client talks to in tests: a server that sends exactly the bytes of a test, and an account of the sandbox."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from hypothesis import HealthCheck, settings

from kie import KieClient, PersonaRequest
from sandbox import SCENARIOS, Server
from sandbox.replies import PERSONA_PATH

TOKEN = "0123456789abcdef-secret"
REQUEST = PersonaRequest("7f3c1e90a5b24d6c", "3b0f6c52-8d1e-4a77", "Harbour alto", "Low and smoky")
MADE = {"personaId": "c1d2e3f4", "name": "Harbour alto", "description": "Low and smoky"}

steady = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""Properties that mean the same on a busy machine."""

Said = bytes | Iterable[bytes]
Validate = Callable[[str, Any], None]
"""Raises if a value does not keep to a schema of the contract."""


def answer(body: Any, status: int = 200, **headers: str) -> bytes:
    """An HTTP answer: bytes and text as they are, anything else as JSON."""
    content = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + content


def examples_of(contract: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    """The contract's examples of answers with status 200, by name."""
    content: dict[str, Any] = contract["paths"][path][method]["responses"]["200"]["content"]
    examples: dict[str, Any] = content["application/json"]["examples"]
    return examples


def changed(request: PersonaRequest, **changes: Any) -> PersonaRequest:
    """The same request but for some fields."""
    fields = {name: getattr(request, name) for name in PersonaRequest.__annotations__}
    return PersonaRequest(**fields | changes)


def envelope(data: Any, code: Any = 200, msg: Any = "success") -> dict[str, Any]:
    return {"code": code, "msg": msg, "data": data}


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class ScriptedServer:
    """Sends `answers` in their order, the last one again and again. Keeps connections open after whole answers."""

    def __init__(self, listening: bool = True) -> None:
        self.answers: list[Said] = []
        self.requests: list[Seen] = []
        self.connections = 0
        self.connected = threading.Semaphore(0)
        """Released for each connection."""
        self.hang_up = False
        """Close each connection after one answer, without having said so in it."""
        self.hung_up = threading.Event()
        self.reset = False
        """End each connection with a reset."""
        self.released = threading.Event()
        """Set at the end of the test, for answers that have no end."""
        self._open: list[socket.socket] = []
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self.base_url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        if listening:
            self.listen()

    def listen(self) -> None:
        """Accept connections from now on; until then they are refused."""
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def silent(self, *pieces: bytes) -> Iterator[bytes]:
        """Yield the pieces, and then nothing until the test is over."""
        yield from pieces
        self.released.wait(20)

    def sends(self, *answers: Said) -> ScriptedServer:
        self.answers = list(answers)
        return self

    def __enter__(self) -> ScriptedServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.released.set()
        for each in (self._listener, *self._open):
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self.connected.release()
            self._open.append(connection)
            if self.reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as stream:
                while seen := _read(stream):
                    self.requests.append(seen)
                    said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                    for piece in [said] if isinstance(said, bytes) else said:
                        connection.sendall(piece)
                    if self.hang_up or not (isinstance(said, bytes) and b"Content-Length" in said):
                        break
        except (OSError, ValueError):
            pass
        finally:
            self.hung_up.set()


def _read(stream: Any) -> Seen | None:
    first = stream.readline()
    if not first:
        return None
    headers = {}
    while line := stream.readline().strip():
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    method, path, _ = first.decode().split(" ")
    return Seen(method, path, headers, stream.read(int(headers.get("content-length", 0))))


class Account:
    """One account of the sandbox: its faults, its client, and what arrived from it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.token = server.sandbox.new_account()
        scenario = next(each for each in SCENARIOS if each.key == "finished")
        self.request = PersonaRequest(scenario.task_id, scenario.audio_id, "Harbour alto", "Low and smoky")

    def client(self, **options: Any) -> KieClient:
        return KieClient(self.token, self._server.base_url, **options)

    def fault(self, kind: str, **fields: Any) -> None:
        self._server.sandbox.fault(kind, token=self.token, **fields)

    @property
    def made(self) -> list[dict[str, str]]:
        return self._server.sandbox.personas(self.token)

    @property
    def posts(self) -> int:
        return self._server.sandbox.count(PERSONA_PATH, self.token)

    @property
    def requests(self) -> int:
        return self._server.sandbox.count(None, self.token)
