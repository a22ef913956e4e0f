"""What tests in other processes can do over HTTP, and how the sandbox is started."""

from __future__ import annotations

import ast
import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

import sandbox
from sandbox import serve
from sandbox.replies import PERSONA_PATH
from sandbox.server import Server
from tests.polling import eventually
from tests.sandbox.sandbox_caller import Caller

Code = Callable[[requests.Response], tuple[int, int]]
PACKAGE = Path(sandbox.__file__).parent


def test_a_fault_can_be_set_over_http(own: Caller, code_of: Code) -> None:
    own.send("POST", "/sandbox/faults", json={"kind": "code", "code": 451, "token": own.token})
    assert [code_of(own.persona()) for _ in range(2)] == [(200, 451), (200, 200)]


def test_faults_can_be_cleared_over_http(own: Caller, code_of: Code) -> None:
    own.send("POST", "/sandbox/faults", json={"kind": "html", "times": None})
    own.send("DELETE", "/sandbox/faults")
    assert code_of(own.persona()) == (200, 200)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"kind": "earthquake"}),
        ("faults", {"sort": "html"}),
        ("faults", []),
        ("settings", {"once": "twice"}),
        ("settings", {"speed": 1}),
        ("settings", {"delay": "long"}),
        ("settings", {"persona_shape": "round"}),
        ("settings", {"direct": "no"}),
    ],
)
def test_a_mistaken_control_is_refused(path: str, body: object, caller: Caller) -> None:
    assert caller.send("POST", f"/sandbox/{path}", json=body).status_code == 400


def test_settings_can_be_changed_over_http(own: Caller) -> None:
    wanted = {"once": "conflict", "delay": 0.5, "generation_seconds": 1.0, "rate_limit": 3}
    wanted |= {"direct": False, "job_seconds": 2.0, "persona_shape": "deep", "job_lyrics": "snake_nested"}
    wanted |= {"unknown_job": "null"}
    assert wanted.items() <= own.send("POST", "/sandbox/settings", json=wanted).json().items()
    assert own.server.sandbox.once == "conflict"


def test_an_account_can_be_opened_over_http(caller: Caller, code_of: Code) -> None:
    caller.token = caller.send("POST", "/sandbox/accounts").json()["token"]
    assert code_of(caller.persona()) == (200, 200)


def test_the_log_over_http_never_shows_a_token(caller: Caller) -> None:
    caller.persona()
    shown = caller.send("GET", "/sandbox/requests", params={"token": caller.token})
    (call,) = shown.json()
    assert call["token_last4"] == caller.token[-4:]
    assert call["json"]["name"] == "Harbour alto"
    assert (call["method"], call["path"]) == ("POST", PERSONA_PATH)
    assert caller.token not in shown.text


def test_a_recorded_request_does_not_print_its_token(caller: Caller) -> None:
    caller.persona()
    assert caller.token not in repr(caller.server.sandbox.requests(token=caller.token))


def test_a_body_that_is_no_json_is_recorded_and_refused(caller: Caller) -> None:
    assert caller.send("POST", PERSONA_PATH, data=b"\xff{").json()["code"] == 422
    assert caller.server.sandbox.requests(token=caller.token)[0].json is None


def test_stopping_twice_is_fine_and_frees_the_port() -> None:
    first = serve()
    first.stop()
    first.stop()
    with serve(int(first.base_url.rpartition(":")[2])) as second:
        assert requests.get(f"{second.base_url}/nowhere", timeout=5).status_code == 404


def test_stopping_does_not_wait_for_a_slow_answer() -> None:
    server = serve()
    caller = Caller(server, server.token)
    server.sandbox.delay = 60
    failed: list[Exception] = []

    def ask() -> None:
        try:
            caller.persona()
        except requests.RequestException as error:
            failed.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    eventually(server.sandbox.count)
    server.stop()
    asking.join(5)
    assert isinstance(failed[0], requests.ConnectionError)


def test_it_serves_from_a_thread_beside_a_running_loop() -> None:
    def use() -> int:
        with serve() as server:
            return Caller(server, server.token).persona().status_code

    async def busy() -> int:
        return await asyncio.to_thread(use)

    with ThreadPoolExecutor(1) as beside:  # this thread may have a loop of another test's
        assert beside.submit(lambda: asyncio.run(busy())).result() == 200


def test_a_taken_port_is_an_error(shared_server: Server) -> None:
    with pytest.raises(OSError, match="in use"):
        serve(int(shared_server.base_url.rpartition(":")[2]))


def test_the_command_prints_what_one_needs() -> None:
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--token", "fixed-token", "--once", "conflict"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=PACKAGE.parent, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not (lines and sandbox.SCENARIOS[-1].audio_id in lines[-1]):
            lines.append(process.stdout.readline())
            assert lines[-1], "the command ended"
        base_url = next(line.split()[2] for line in lines if line.startswith("base URL"))
        answer = requests.get(
            f"{base_url}/api/v1/chat/credit", headers={"Authorization": "Bearer fixed-token"}, timeout=5
        )
        process.terminate()
    assert answer.json()["code"] == 200


def test_it_imports_nothing_else_of_the_project() -> None:
    allowed = set(sys.stdlib_module_names) | {"starlette", "uvicorn", "numpy", "PIL"}
    for file in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            assert {name.partition(".")[0] for name in names} <= allowed, file.name


def test_starting_loads_neither_numpy_nor_pillow() -> None:
    script = "import sys, sandbox; assert not {'numpy', 'PIL', 'streamlit'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], cwd=PACKAGE.parent, check=True)
