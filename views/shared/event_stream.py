"""The event stream that tells a waiting page that what it waits for has changed, and nothing else."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from studio.facade import the_studio
from studio.sending.change_notifier import Subscription, TooMany
from views.shared import browser_cookie

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

NAME = "changes"
"""The last part of its path; the key stands in the query as `key`.

`list` stands there if what is drawn is a list, and `trouble` if the page says that the database does not answer.
"""
HEARTBEAT = 15.0
"""Seconds between two comments that keep the stream open through proxies."""
LONGEST = 300.0
"""Seconds after which a stream ends; the page opens another."""
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


async def changes(request: Request) -> Response:
    """Answer the browser that a key was given to with a stream: `ready`, and `changed` once there is something new.

    A list is told of what changes in a stretch of time together, because many pages may show the same one.
    404 if the key is not this browser's, or it has left the account; 503 if too many wait.
    """
    studio, key, browser = the_studio(), request.query_params.get("key", ""), browser_cookie.browser_of(request.scope)
    grant = studio.waits.redeem(key, browser)
    if grant is None:
        return Response(status_code=404)
    try:
        asked = request.query_params
        subscription = studio.changes.subscribe(
            key, grant.make(), gathers="list" in asked, sees_trouble="trouble" in asked
        )
    except TooMany:
        return Response(status_code=503)
    return EventStream(subscription, lambda: studio.waits.redeem(key, browser) is not None)


class EventStream(StreamingResponse):
    """An answer that lasts as long as somebody waits. `allowed` says whether the browser may still be told."""

    def __init__(self, subscription: Subscription, allowed: Callable[[], bool]) -> None:
        self._subscription = subscription
        self._allowed = allowed
        super().__init__(self._events(), headers=HEADERS, media_type="text/event-stream")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with closing(self._subscription):
            await super().__call__(scope, receive, send)

    async def _events(self) -> AsyncIterator[str]:
        end = time.monotonic() + LONGEST
        yield "event: ready\ndata: ready\n\n"
        while not await self._subscription.wait(HEARTBEAT):
            if time.monotonic() > end or not self._allowed():
                return
            yield ":\n\n"
        if self._subscription.changed and self._allowed():
            yield "data: changed\n\n"
