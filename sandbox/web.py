"""The sandbox over HTTP: the API itself, the media of its tracks, and controls for other processes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, get_args

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from .endpoints import answer
from .faults import plain
from .scenarios import TRACKS, PersonaShape, Track
from .state import Recorded, Sandbox


def _one_of(*choices: Any) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if value not in choices:
            raise ValueError(f"{value!r} is none of {', '.join(map(repr, choices))}")
        return value

    return read


SETTINGS: dict[str, Callable[[Any], Any]] = {
    "once": _one_of("overwrite", "conflict"),
    "delay": float,
    "generation_seconds": float,
    "rate_limit": int,
    "rate_period": float,
    "retry_after": lambda value: None if value is None else float(value),
    "looks_per_second": int,
    "direct": _one_of(True, False),
    "job_seconds": float,
    "persona_shape": _one_of(*get_args(PersonaShape)),
    "job_lyrics": _one_of("camel", "snake_nested"),
    "unknown_job": _one_of("422", "404", "null"),
}
"""What POST /sandbox/settings can set, and how each value is read."""


def create_app(sandbox: Sandbox) -> Starlette:
    """The sandbox as an ASGI app. Faults that cut a connection need the connections of `serve`."""

    async def api(request: Request) -> Response:
        try:
            call = await _arrived(request, sandbox)
        except ClientDisconnect:  # the caller went away before its body was whole: no request
            return Response(status_code=400)
        sandbox.record(call)
        limited = sandbox.limited(call)
        if limited:
            return plain(limited)
        fault = sandbox.next_fault(call)
        pause = (fault.wait if fault else 0.0) + (sandbox.delay if sandbox.wants_persona(call) else 0.0)
        await asyncio.sleep(pause / 2)
        reply = answer(sandbox, call, fault)
        await asyncio.sleep(pause / 2)
        return fault.response(reply) if fault else plain(reply)

    async def media(request: Request) -> Response:
        sandbox.record(await _arrived(request, sandbox))
        return await run_in_threadpool(_media, request)

    return Starlette(
        routes=[
            Mount("/sandbox", _controls(sandbox)),
            Route("/media/{audio_id}.{kind}", media),
            Route("/{path:path}", api, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ]
    )


def _controls(sandbox: Sandbox) -> Starlette:
    async def set_fault(request: Request) -> Response:
        sandbox.fault(**await request.json())
        return JSONResponse({"ok": True})

    async def clear_faults(request: Request) -> Response:
        sandbox.clear_faults()
        return JSONResponse({"ok": True})

    async def requests(request: Request) -> Response:
        calls = sandbox.requests(request.query_params.get("path"), request.query_params.get("token"))
        return JSONResponse([call.public() for call in calls])

    async def settings(request: Request) -> Response:
        given = {name: SETTINGS[name](value) for name, value in (await request.json()).items()}
        for name, value in given.items():
            setattr(sandbox, name, value)
        return JSONResponse({name: getattr(sandbox, name) for name in SETTINGS})

    async def accounts(request: Request) -> Response:
        return JSONResponse({"token": sandbox.new_account()})

    mistakes = (KeyError, TypeError, ValueError)
    return Starlette(
        routes=[
            Route("/faults", set_fault, methods=["POST"]),
            Route("/faults", clear_faults, methods=["DELETE"]),
            Route("/requests", requests),
            Route("/settings", settings, methods=["POST"]),
            Route("/accounts", accounts, methods=["POST"]),
        ],
        exception_handlers=dict.fromkeys(mistakes, _bad_control),
    )


async def _bad_control(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400)


async def _arrived(request: Request, sandbox: Sandbox) -> Recorded:
    try:
        body = json.loads(await request.body())
    except ValueError:
        body = None
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return Recorded(
        at=datetime.fromtimestamp(sandbox.clock(), UTC),
        method=request.method,
        path=request.url.path,
        query=dict(request.query_params),
        json=body,
        headers={name: value for name, value in request.headers.items() if name != "authorization"},
        base_url=str(request.base_url).rstrip("/"),
        token=token.strip() if scheme.lower() == "bearer" else "",
    )


def _tune(track: Track) -> tuple[bytes, str]:
    from .media import tune

    return tune(track), "audio/wav"


def _cover(track: Track) -> tuple[bytes, str]:
    from .media import cover

    return cover(track), "image/png"


MEDIA: dict[str, Callable[[Track], tuple[bytes, str]]] = {
    "wav": _tune,
    "png": _cover,
    "stream": lambda track: (b"", "audio/mpeg"),  # live streams deliver nothing once a task is finished
}
"""What there is of a track, by file extension. Made when first asked for: numpy and Pillow load only then."""


def _media(request: Request) -> Response:
    track = TRACKS.get(request.path_params["audio_id"])
    make = MEDIA.get(request.path_params["kind"])
    if track is None or make is None:
        return Response(status_code=404)
    content, kind = make(track)
    return _ranged(content, kind, request.headers.get("range"))


def _ranged(content: bytes, kind: str, wanted: str | None) -> Response:
    """The content, or the one range of it that a media player asks for when somebody seeks."""
    headers = {"Accept-Ranges": "bytes", "Cache-Control": "max-age=86400"}
    unit, _, ends = (wanted or "").partition("=")
    first, _, last = ends.partition("-")
    if unit != "bytes" or not (first + last).isdecimal() or not content:
        return Response(content, media_type=kind, headers=headers)
    start = int(first) if first else max(len(content) - int(last), 0)
    stop = min(int(last) + 1, len(content)) if first and last else len(content)
    if start >= stop:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{len(content)}"})
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(content)}"
    return Response(content[start:stop], 206, headers, kind)
