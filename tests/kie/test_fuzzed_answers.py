"""Answers that follow the schemas of both contracts and were then spoilt: whatever comes, a call ends in a value of its
type or in a `KieError`, in bounded time and memory, and the token does not come back with it."""

from __future__ import annotations

import copy
import dataclasses
import gzip
import json
import math
import sys
import time
import tracemalloc
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kie import KieClient, KieError
from tests.kie.servers import REQUEST, TOKEN, ScriptedServer, answer, steady

CONTRACTS: list[dict[str, Any]] = [
    yaml.load((Path(__file__).parents[1] / "contract" / f"{name}.yaml").read_text(), yaml.CSafeLoader)
    for name in ("kie-openapi", "kie-jobs-openapi")
]
CALLS: dict[str, Callable[[KieClient], Any]] = {
    "create_persona": lambda client: client.create_persona(REQUEST),
    "start_persona_job": lambda client: client.start_persona_job(REQUEST),
    "job": lambda client: client.job("5e1d0c9b"),
    "music_task": lambda client: client.music_task("7f3c1e90"),
    "music_task of jobs": lambda client: client.music_task("task_ai-music_1790000000000"),
    "timed_words": lambda client: client.timed_words("7f3c1e90", "3b0f6c52"),
    "timed_words by a job": lambda client: client.timed_words("7f3c1e90", "3b0f6c52", by_job=True),
    "boost_style": lambda client: client.boost_style("chamber jazz, rainy"),
    "credits": lambda client: client.credits(),
}
SECONDS = 3.0
"""CPU time that a call may take on a busy machine; a usual one takes some milliseconds."""
PEAK = 64 * 1024 * 1024
"""Bytes that a call may need for the largest answer."""
MOST = 2 * 1024 * 1024
"""Bytes of an answer that are read."""
FIRST = 100
"""Of a list's entries so many are looked at."""
each_call = pytest.mark.parametrize("call", CALLS)


@pytest.fixture(scope="module")
def closing_server() -> Iterator[ScriptedServer]:
    """Closes the connection after each answer, so that no client waits for more of a broken one."""
    with ScriptedServer() as server:
        server.hang_up = True
        yield server


# From a schema


class AsItIs(str):
    """JSON that is sent as it is."""


@dataclasses.dataclass(frozen=True)
class Twice:
    """Two values of the same name."""

    first: Any
    second: Any


WORDS = [
    "", "success", "SUCCESS", "FIRST_SUCCESS", "fail", "FAILED", "CALLBACK_EXCEPTION", "waiting", "complete", "成功",
    "ai-music-api/generate", "ai-music-api/generate-persona", "chirp-crow", "3b0f6c52", "0", "1", "2", "200", "Salt",
    "[Verse]\nSalt", "https://media.example.com/a.mp3", "recordInfo is null", "Record does not exist", "Not found",
    "The current credits are insufficient. Please top up.", "Music does not exist", "2026-02-03 10:11:12", "🎵", "{",
    "Rate limit exceeded", '"', "1790000000000", "9" * 400, "a\0b", "\ud800", "b\udc00", "NaN", "1e999", "0.4", "²",
]  # fmt: skip
NUMBERS = st.sampled_from([10**30, -(10**30), 10**400, 1_790_000_000_000, 0.4, 1e300, float("nan"), float("inf")])
DEEP = "[" * 5000 + "]" * 5000
NAMES = {
    "state": st.sampled_from(["waiting", "queuing", "generating", "success", "fail", "aborted"]),
    "code": st.sampled_from(
        [200, 200, 401, 402, 404, 409, 410, 422, 429, 433, 451, 455, 500, 501, 598, "200", "9" * 5000]
    ),
    "param": st.sampled_from(['{"model":"V5"}', '{"input":"{\\"model\\":\\"V6\\"}"}', "{", DEEP, json.dumps(DEEP)]),
}
"""Values that make much of a difference, by name."""


def from_schema(schema: Mapping[str, Any], contract: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return values that keep to a schema, with odd but possible texts and numbers among them."""
    if "$ref" in schema:
        at: Any = contract
        for name in schema["$ref"].removeprefix("#/").split("/"):
            at = at[name]
        return from_schema(at, contract)
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    properties, either = schema.get("properties", {}), schema.get("anyOf", schema.get("oneOf", []))
    if either and not properties:
        return st.one_of([from_schema(each, contract) for each in either])
    if "object" in schema.get("type", []) or properties:
        fields = {name: from_schema(each, contract) for name, each in properties.items()}
        fields |= {name: NAMES[name] for name in NAMES if "const" not in properties.get(name, {"const": 0})}
        if "resultJson" in fields:
            fields["resultJson"] = results | fields["resultJson"]
        required = {*schema.get("required", []), *(name for each in either[:1] for name in each.get("required", []))}
        whole = st.fixed_dictionaries(
            {name: field for name, field in fields.items() if name in required},
            optional={name: field for name, field in fields.items() if name not in required},
        )
        return whole | st.none() if "null" in schema["type"] else whole
    kinds = schema.get("type", "string")
    return st.one_of([_simple(kind, schema, contract) for kind in ([kinds] if isinstance(kinds, str) else kinds)])


def _simple(kind: str, schema: Mapping[str, Any], contract: dict[str, Any]) -> st.SearchStrategy[Any]:
    if kind == "array":
        return st.lists(from_schema(schema.get("items", {}), contract), min_size=schema.get("minItems", 0), max_size=3)
    simple: dict[str, st.SearchStrategy[Any]] = {
        "string": st.sampled_from(WORDS) | st.text(max_size=8),
        "integer": st.integers() | NUMBERS,
        "number": st.floats() | st.integers(-1, 2000) | NUMBERS,
        "boolean": st.booleans(),
        "null": st.none(),
        "object": st.dictionaries(st.text(max_size=4), st.integers(), max_size=2),
    }
    return simple[kind]


def answers_of(contract: dict[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the schema of each answer of each call."""
    responses = [
        response
        for methods in contract["paths"].values()
        for method in methods.values()
        for response in method["responses"].values()
    ]
    for response in (*responses, *contract["components"].get("responses", {}).values()):
        for content in response.get("content", {}).values():
            yield content["schema"]


results: st.SearchStrategy[Any] = st.deferred(
    lambda: (
        st.one_of(
            [
                from_schema({"$ref": f"#/components/schemas/{name}"}, CONTRACTS[1]).map(json.dumps)
                for name in ("MusicResult", "PersonaResult", "TimedLyricsResult", "BoostResult")
            ]
        )
        | st.sampled_from(["", "{", DEEP, json.dumps(DEEP)])
    )
)
"""What a job made: JSON in a text."""
callback = from_schema({"$ref": "#/components/schemas/MusicCallback"}, CONTRACTS[1])
every = st.one_of(callback, *(from_schema(each, contract) for contract in CONTRACTS for each in answers_of(contract)))
OWN = {
    "create_persona": (0, "PersonaSuccess"),
    "start_persona_job": (1, "CreateTaskAnswer"),
    "job": (1, "RecordInfoSuccess"),
    "music_task": (0, "MusicTaskSuccess"),
    "music_task of jobs": (1, "RecordInfoSuccess"),
    "timed_words": (0, "TimestampedLyricsSuccess"),
    "timed_words by a job": (1, "InlineTimedLyrics"),
    "boost_style": (0, "BoostStyleSuccess"),
    "credits": (0, "CreditSuccess"),
}
"""The contract and the schema of an answer that is a call's own."""


def kept_for(number: int, name: str) -> st.SearchStrategy[Any]:
    own = from_schema({"$ref": f"#/components/schemas/{name}"}, CONTRACTS[number])
    return st.booleans().flatmap(
        lambda is_own: own if is_own else every
    )  # with "|", each of `every` would count as much


kept = {call: kept_for(*schema) for call, schema in OWN.items()}
"""Answers that a contract describes, half of them the call's own, half of any call."""


# Spoilt

DEPTHS = (20, 900, 5000)
junk: st.SearchStrategy[Any] = st.sampled_from(
    [
        None, True, False, 0, -1, 0.5, 10**30, float("nan"), float("inf"), -float("inf"), "", " ", "null", "NaN", [],
        {}, [[]], [None], [{}], {"": None}, {"data": None}, AsItIs("1e999"), AsItIs("-0"), AsItIs("9" * 5000),
        AsItIs('"\\ud800"'), AsItIs('"\\udc00\\ud800\\u0000"'), AsItIs('{"\\ud800":"\\ud800"}'), AsItIs("undefined"),
        *(AsItIs("[" * depth + "]" * depth) for depth in DEPTHS),
        *(AsItIs('{"data":' * depth + "1" + "}" * depth) for depth in DEPTHS),
        *(json.dumps({"data": "[" * depth + "]" * depth}) for depth in DEPTHS),
        *(AsItIs('"' + "ab[" * count + '"') for count in (1000, 30_000)),
    ]
).map(copy.deepcopy)  # fmt: skip


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every place in a value, as a container and the key or index in it."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        inner = waiting.pop()
        keys = list(inner) if isinstance(inner, dict) else range(len(inner)) if isinstance(inner, list) else ()
        found += [(inner, key) for key in keys]
        waiting += [inner[key] for key in keys]
    return found


def turned(name: str) -> str:
    """Return a name in the other spelling."""
    if "_" in name:
        first, *others = name.split("_")
        return first + "".join(other.title() for other in others)
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


@st.composite
def spoilt(draw: st.DrawFn, call: str) -> str:
    """Return an answer as JSON after up to three changes, which may be none."""
    whole = {"": draw(kept[call])}
    for _ in range(draw(st.integers(0, 3))):
        container, key = draw(st.sampled_from(places(whole)))
        value = container[key]
        match draw(st.integers(0, 7)):
            case 0 if isinstance(container, dict) and container is not whole:
                del container[key]
            case 1:
                container[key] = {draw(st.sampled_from(["data", "resultObject", "response", "x"])): value}
            case 2:
                container[key] = [value]
            case 3:
                container[key] = json.dumps(written(value))
            case 4 if isinstance(container, dict) and container is not whole:
                container[key] = Twice(value, draw(junk))
            case 5 if isinstance(container, dict) and container is not whole:
                container[turned(key)] = container.pop(key)
            case _:
                container[key] = draw(junk)
    return written(whole[""])


def written(value: Any) -> str:
    """Return a value as JSON."""
    if isinstance(value, AsItIs):
        return value
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    if not isinstance(value, dict):
        return written(value.first) if isinstance(value, Twice) else json.dumps(value)
    pairs = [
        (key, each)
        for key, inner in value.items()
        for each in ((inner.first, inner.second) if isinstance(inner, Twice) else (inner,))
    ]
    return "{" + ",".join(f"{json.dumps(key)}:{written(each)}" for key, each in pairs) + "}"


@st.composite
def sent(draw: st.DrawFn, call: str) -> bytes:
    """Return a spoilt answer as it goes out, often with further damage to its bytes."""
    text = draw(spoilt(call))
    body = text.encode("utf-8", "surrogatepass")
    headers: dict[str, str] = {}
    match draw(st.integers(0, 12)):
        case 0:
            body = body[: draw(st.integers(0, len(body)))]
        case 1:
            body = text.encode("utf-16", "surrogatepass")
        case 2:
            body = draw(st.sampled_from([b"\xef\xbb\xbf", b"\xff\xfe", b"\0", b"for(;;);", b"{}", b"<p>"])) + body
        case 3:
            body += draw(st.sampled_from([b"\xff", b"\0", b"}", b"{}", b"</p>"]))
        case 4:
            body, headers = gzip.compress(body, 1), {"Content_Encoding": "gzip"}
        case 5:
            body, headers = gzip.compress(body, 1), {"Content_Encoding": "gzip"}
            body = body[: draw(st.integers(0, len(body)))]
        case 6:
            headers = {"Retry_After": draw(st.sampled_from(["7", "-1", "soon", "9" * 400, "nan", "1e999"]))}
        case _:
            pass
    status = draw(st.just(200) | st.just(200) | st.integers(101, 999))
    return answer(body, status, **headers)


# What may come of it


def outcome(call: str, server: ScriptedServer, *answers: bytes) -> Any:
    """Return the result or the error of a call that is answered like this, and see to it that it is not slow."""
    server.sends(*answers)
    with KieClient(TOKEN, server.base_url, (2, 5), repeat=False, sleep=lambda seconds: None) as client:
        began = time.thread_time()
        try:
            found = CALLS[call](client)
        except KieError as error:
            found = error
        assert time.thread_time() - began < SECONDS
    return found


def parts(found: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield what somebody reads of a result or an error: name, value and type."""
    if isinstance(found, KieError):
        for name, kind in ERROR.items():
            yield name, getattr(found, name), kind
        yield "text", f"{found} {found!r}", str
    elif dataclasses.is_dataclass(found):
        hints = typing.get_type_hints(type(found), vars(sys.modules[type(found).__module__]))
        for name in (each.name for each in dataclasses.fields(found)):
            value = getattr(found, name)
            yield name, value, hints[name]
            for each in value[:FIRST] if isinstance(value, tuple) else ():
                yield from parts(each)
        for name in ("state", "persona_id"):
            if isinstance(getattr(type(found), name, None), property):
                yield name, getattr(found, name), str
    elif isinstance(found, str):
        yield "handle", str(found), str
        yield from parts(getattr(found, "persona", None))
    elif found is not None:
        yield "number", found, float


ERROR = {
    "cause": str, "sent": str, "sentence": str, "next_step": str, "message": str, "raw": str, "seen_id": str,
    "seen_handle": str, "code": int | None, "http_status": int | None, "retry_after": float | None,
}  # fmt: skip


def fits(value: Any, kind: Any) -> bool:
    """Whether a value is of a type, and can be written into a file, a database and JSON."""
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, each) for each in typing.get_args(kind))
    if origin is Literal:
        return value in typing.get_args(kind)
    if origin is tuple:
        return isinstance(value, tuple) and all(fits(each, typing.get_args(kind)[0]) for each in value[:FIRST])
    if origin is not None:
        return isinstance(value, origin)
    if not isinstance(value, int | float if kind is float else kind) or (isinstance(value, bool) and kind is not bool):
        return False
    if isinstance(value, str):
        return "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)
    return not isinstance(value, float) or math.isfinite(value)


def unfit(found: Any) -> list[str]:
    return [f"{name}: {value!r:.200}" for name, value, kind in parts(found) if not fits(value, kind)]


@each_call
@settings(steady, max_examples=40)
@given(data=st.data())
def test_any_answer_ends_in_a_value_of_its_type_or_an_error_of_ours(
    call: str, data: st.DataObject, closing_server: ScriptedServer
) -> None:
    answers = data.draw(st.lists(sent(call), min_size=1, max_size=2))
    assert unfit(outcome(call, closing_server, *answers)) == []


@each_call
@settings(steady, max_examples=40)
@given(data=st.data())
def test_an_answer_that_a_contract_describes_is_read(
    call: str, data: st.DataObject, closing_server: ScriptedServer
) -> None:
    body = written(data.draw(kept[call])).encode()
    assert unfit(outcome(call, closing_server, answer(body))) == []


# The token


def with_token(value: Any) -> Any:
    """Return a value whose texts, also those inside JSON in texts, have the token in them."""
    if isinstance(value, dict):
        return {key: with_token(each) for key, each in value.items()}
    if isinstance(value, list):
        return list(map(with_token, value))
    if not isinstance(value, str):
        return value
    if value[:1] in ("{", "["):
        try:
            return json.dumps(with_token(json.loads(value)))
        except (ValueError, RecursionError):
            pass
    return f"{value}{TOKEN}" if value in KEPT_WORDS else f"{value} {TOKEN} ."


KEPT_WORDS = {"", "0", "1", "2"}
"""Behind these the token stands at once."""


@each_call
@settings(steady, max_examples=15)
@given(data=st.data(), status=st.sampled_from([200, 200, 200, 401, 500]))
def test_a_token_in_an_answer_does_not_come_back(
    call: str, data: st.DataObject, status: int, closing_server: ScriptedServer
) -> None:
    body = written(with_token(data.draw(kept[call]))).encode()
    found = outcome(call, closing_server, answer(body, status))
    assert [name for name, value, _ in parts(found) if TOKEN in str(value)] == []


# Large ones

DATA, TRACKS = '{"code":200,"msg":"success","data":', '{"code":200,"data":{"status":"SUCCESS","response":{"sunoData":['
WORDS_IN = DATA + '{"alignedWords":['
LARGE: dict[str, tuple[str, str, str, str]] = {
    "nothing but brackets": ("job", "", "[", ""),
    "nested lists": ("create_persona", DATA, "[", ""),
    "nested objects": ("timed_words", "", '{"data":', ""),
    "empty lists": ("start_persona_job", TRACKS, "[],", "[]]}}}"),
    "one track again and again": ("music_task", TRACKS, '{"id":"a","audioUrl":"b"},', "{}]}}}"),
    "many tracks": ("music_task", TRACKS, '{"id":"%"},', "{}]}}}"),
    "many words": ("timed_words", WORDS_IN, '{"word":"[a]b","startS":1,"endS":2},', "{}]}}"),
    "one long word": ("timed_words", WORDS_IN + '{"startS":1,"endS":2,"word":"', "[a", '"}]}}'),
    "a long waveform": ("timed_words", WORDS_IN + '],"waveformData":[', "0,", "0]}}"),
    "many names": ("job", DATA + "{", '"n%":1,', '"n":1}}'),
    "one long ID": ("create_persona", DATA + '{"personaId":"', "c1", '"}}'),
    "one long handle": ("start_persona_job", DATA + '{"taskId":"', "c1", '"}}'),
    "one long text": ("boost_style", DATA + '{"result":"', "ab ", '"}}'),
    "one long message": ("create_persona", '{"code":500,"msg":"', "credit ", '"}'),
    "the long message of a failure": ("job", DATA + '{"state":"fail","failMsg":"', "not enough ", '"}}'),
    "one long number": ("credits", DATA, "9", "}"),
    "one long fraction": ("credits", DATA + "0.", "9", "}"),
    "JSON in a text": ("job", DATA + '{"state":"success","resultJson":"[', "{},", '{}]"}}'),
    "many texts of JSON": ("music_task", DATA + "[", '"[[]]",', '""]}'),
    "blanks": ("create_persona", DATA + '{"personaId"', " ", '"a"}}'),
    "a broken answer": ("create_persona", '{"data":{"personaId" ', '"personaId": ', ""),
    "much, packed": ("credits", "", "\0" * 64, ""),
}
"""Each with a call that could have trouble with it, and its start, what is repeated ("%" is its number) and its end."""
IN_MEMORY = ("many tracks", "many words", "many names", "JSON in a text", "one long text", "much, packed")


def large(kind: str, size: int) -> bytes:
    _, start, piece, end = LARGE[kind]
    count = (size - len(start) - len(end)) // (len(piece) + 5 * ("%" in piece))
    pieces = (piece.replace("%", str(number)) for number in range(count)) if "%" in piece else [piece * count]
    body = (start + "".join(pieces) + end).encode()
    return answer(gzip.compress(body * 16, 1), Content_Encoding="gzip") if "packed" in kind else answer(body)


@pytest.mark.parametrize("kind", LARGE)
def test_the_largest_answer_is_read_in_time(kind: str, closing_server: ScriptedServer) -> None:
    assert unfit(outcome(LARGE[kind][0], closing_server, large(kind, MOST))) == []


@pytest.mark.parametrize("kind", IN_MEMORY)
def test_a_quarter_of_the_largest_answer_needs_a_quarter_of_the_memory(
    kind: str, closing_server: ScriptedServer
) -> None:
    closing_server.sends(large(kind, MOST // 4))
    with KieClient(TOKEN, closing_server.base_url, (2, 30), repeat=False) as client:
        tracemalloc.start()
        try:
            with suppress(KieError):
                CALLS[LARGE[kind][0]](client)
            needed = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert needed < PEAK / 4, f"{needed / 2**20:.0f} MiB"
