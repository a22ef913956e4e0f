"""What KIE answers, one file an answer in `tests/contract/answers/`: the client reads each as the file expects it.

A file is JSON: `source` and `sure` say where it is from and how well it is known, `about` what it is. `call` is a
method of the client; `ask` replaces its usual arguments. `answers` are what is served, by path; several of one path
follow each other, the last one again and again. A path that is not among them is answered as KIE's framework answers
it. `body` is JSON, or a text that is sent as it is; `framing` is a list of `FRAMINGS`. `expect` names what to compare:
the result's values, or `error`; `requests`, how many there were; `asked`, their paths. A further answer is a further
file.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from kie import KieClient, KieError
from tests.kie.servers import REQUEST, TOKEN, changed

FOLDER = Path(__file__).parents[1] / "contract" / "answers"
FILES = {str(file.relative_to(FOLDER).with_suffix("")): file for file in sorted(FOLDER.rglob("*.json"))}
TASK_ID, AUDIO_ID = "7f3c1e90a5b24d6c8e1f0a9b2c3d4e5f", "3b0f6c52-8d1e-4a77-9c24-5e6f7a8b9c0d"
ASKED = changed(REQUEST, task_id=TASK_ID, audio_id=AUDIO_ID)
SURE = {"observed", "documented", "seen in client code", "inferred"}
FRAMINGS = {"gzip", "chunked", "no last chunk", "length one too high"}

CALLS: dict[str, Callable[[KieClient, dict[str, str]], Any]] = {
    "music_task": lambda client, ask: client.music_task(ask.get("task_id", TASK_ID)),
    "create_persona": lambda client, ask: client.create_persona(ASKED),
    "start_persona_job": lambda client, ask: client.start_persona_job(ASKED),
    "job": lambda client, ask: client.job(ask["handle"]),
    "timed_words": lambda client, ask: client.timed_words(TASK_ID, AUDIO_ID),
    "boost_style": lambda client, ask: client.boost_style("chamber jazz, rainy"),
    "credits": lambda client, ask: client.credits(),
}
VALUES: dict[str, Callable[[Any], Any]] = {
    "handle": str,
    "words": lambda timed: [[word.text, word.start, word.end, word.section] for word in timed.words],
    "waveform": lambda timed: list(timed.waveform),
    "credits": float,
}
"""What is no attribute of the result."""
KEYS = {
    "music_task": {
        "state", "task_id", "tracks", "model", "operation", "error_code", "error_message", "interface",
    },
    "create_persona": {"persona_id"},
    "start_persona_job": {"handle", "persona_id"},
    "job": {"state", "name", "persona_id", "error_code", "error_message"},
    "timed_words": {"words", "waveform"},
    "boost_style": {"text", "credits_consumed", "credits_remaining"},
    "credits": {"credits"},
}  # fmt: skip
"""What a file may expect of a call's result."""
ERROR_KEYS = {"cause", "sent", "code", "message", "seen_id", "sentence_has", "sentence_lacks"}


class AnswersByPath(ThreadingHTTPServer):
    """Serves the answers of one file, and notes the paths that were asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.base_url = f"http://127.0.0.1:{self.server_port}"
        self.asked: list[str] = []
        self._answers: dict[str, list[dict[str, Any]]] = {}

    def serves(self, answers: list[dict[str, Any]]) -> None:
        self.asked, self._answers = [], {}
        for each in answers:
            self._answers.setdefault(each["path"], []).append(each)

    def answer_for(self, path: str) -> dict[str, Any]:
        self.asked.append(path)
        left = self._answers.get(path) or [{"status": 404, "body": _framework_404(path)}]
        return left.pop(0) if len(left) > 1 else left[0]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: AnswersByPath

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        served = self.server.answer_for(self.path.partition("?")[0])
        self.wfile.write(framed(served))
        self.close_connection = bool(served.get("framing"))

    do_POST = do_GET  # noqa: N815  # the name that the class above asks for

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def _framework_404(path: str) -> dict[str, Any]:
    return {"timestamp": "2026-10-01T09:30:00.000+00:00", "status": 404, "error": "Not Found", "path": path}


def framed(served: dict[str, Any]) -> bytes:
    """Return an answer as it goes out."""
    body, framing = served["body"], set(served.get("framing", []))
    content = (body if isinstance(body, str) else json.dumps(body)).encode()
    lines = [f"HTTP/1.1 {served['status']} Whatever", "Content-Type: application/json;charset=UTF-8"]
    if "gzip" in framing:
        content = gzip.compress(content)
        lines.append("Content-Encoding: gzip")
    if "chunked" in framing:
        lines.append("Transfer-Encoding: chunked")
        end = b"" if "no last chunk" in framing else b"0\r\n\r\n"
        content = b"%x\r\n%b\r\n%b" % (len(content), content, end)
    else:
        lines.append(f"Content-Length: {len(content) + ('length one too high' in framing)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


@pytest.fixture(scope="module")
def answers() -> Iterator[AnswersByPath]:
    with AnswersByPath() as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILES[name].read_text())
    return found


@pytest.mark.parametrize("name", FILES)
def test_an_answer_means_what_its_file_expects(name: str, answers: AnswersByPath) -> None:
    case = read(name)
    expected = case["expect"]
    answers.serves(case["answers"])
    with KieClient(TOKEN, answers.base_url, (2, 5), sleep=lambda seconds: None) as client:
        try:
            result = CALLS[case["call"]](client, case.get("ask", {}))
        except KieError as error:
            told: dict[str, Any] = {"error": told_by(error, expected.get("error", {}))}
        else:
            told = told_of(result, case["call"], expected)
    told |= {"requests": len(answers.asked), "asked": answers.asked}
    assert {key: told.get(key) for key in (*expected, "error") if key in expected or key in told} == expected


def told_by(error: KieError, expected: dict[str, Any]) -> dict[str, Any]:
    """Return what an error says, of what is expected of it; all of it where no error is expected."""
    words = f"{error.sentence} {error.next_step}"
    told: dict[str, Any] = {key: getattr(error, key) for key in ("cause", "sent", "code", "message", "seen_id")}
    told["sentence_has"] = [part for part in expected.get("sentence_has", []) if part in words]
    told["sentence_lacks"] = [part for part in expected.get("sentence_lacks", []) if part not in words]
    if isinstance(expected.get("cause"), list) and told["cause"] in expected["cause"]:
        told["cause"] = expected["cause"]
    return {key: value for key, value in told.items() if key in expected or not expected}


def told_of(result: Any, call: str, expected: dict[str, Any]) -> dict[str, Any]:
    """Return what a result says; of its tracks what is expected of them."""
    told = {key: VALUES[key](result) if key in VALUES else getattr(result, key, None) for key in KEYS[call]}
    if call == "start_persona_job":
        told["persona_id"] = result.persona.persona_id if result.persona else None
    if call == "music_task":
        wanted = expected.get("tracks", [])
        wanted = [*wanted, *[{}] * (len(result.tracks) - len(wanted))]
        told["tracks"] = [
            {key: getattr(track, key) for key in each} for track, each in zip(result.tracks, wanted, strict=False)
        ]
    return told


# The files


def test_there_are_answers_to_every_call() -> None:
    assert {read(name)["call"] for name in FILES} == set(CALLS)


@pytest.mark.parametrize("name", FILES)
def test_a_file_says_where_it_is_from_and_expects_something(name: str) -> None:
    case = read(name)
    assert case.keys() - {"ask"} == {"source", "sure", "about", "call", "answers", "expect"}
    assert name.startswith(case["call"] + "/")
    assert case["sure"] in SURE
    assert re.search(r"\b20\d\d\b", case["source"])
    assert case["about"].endswith(".")
    known = KEYS[case["call"]] | {"error", "requests", "asked"}
    assert case["expect"].keys() - {"requests", "asked"}
    assert case["expect"].keys() <= known
    assert case["expect"].get("error", {}).keys() <= ERROR_KEYS
    for each in case["answers"]:
        assert {"path", "status", "body"} <= each.keys() <= {"path", "status", "body", "framing"}
        assert set(each.get("framing", [])) <= FRAMINGS


@pytest.mark.parametrize("name", FILES)
def test_addresses_are_invented(name: str) -> None:
    hosts = re.findall(r"https?://([^/\"'\\\s]+)", FILES[name].read_text())
    assert [host for host in hosts if not host.endswith(".example.com")] == []


OTHER_CALLS = {
    "/api/v1/generate", "/api/v1/generate/extend", "/api/v1/generate/upload-cover", "/api/v1/generate/upload-extend",
}  # fmt: skip
"""Calls of the contract that the client does not make."""
NO_ANSWERS_TO_US = {"up_done", "queued", "callback_missing", "field_missing"}
"""Examples of answers to other calls."""


def test_every_example_of_both_contracts_is_among_them() -> None:
    bodies = [each["body"] for name in FILES for each in read(name)["answers"]]
    missing = [name for name, value in contracts_examples() if value not in bodies and name not in NO_ANSWERS_TO_US]
    assert missing == []


def contracts_examples() -> Iterator[tuple[str, Any]]:
    """Yield the name and value of each example of an answer."""
    old, new = (
        yaml.load((FOLDER.parent / f"{file}.yaml").read_text(), yaml.CSafeLoader)
        for file in ("kie-openapi", "kie-jobs-openapi")
    )
    for path, methods in old["paths"].items():
        for method in {} if path in OTHER_CALLS else methods.values():
            yield from examples_in(method["responses"])
    yield from examples_in(old["components"]["responses"])
    for name, example in new["components"]["examples"].items():
        if not name.startswith("req_"):
            yield name, example["value"]


def examples_in(responses: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for response in responses.values():
        for content in response.get("content", {}).values():
            for name, example in content.get("examples", {}).items():
                yield name, example["value"]
