"""Waiting for attempts: what a page shows meanwhile, and how it is told that there is something new to show.

The picture is `live_updates.html`, `.css` and `.js`. It ticks by itself and listens to the event stream.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from studio.facade import NotSaved, the_studio
from studio.people.browser_grants import Grant
from studio.people.token_store import Account
from studio.sending.attempts import Attempt
from studio.sending.change_notifier import MOST_ATTEMPTS
from views.shared import custom_components, error_boxes, visitor
from views.shared.event_stream import NAME
from views.shared.screen_state import RandomKeys, state

_waiting = custom_components.load("shared/live_updates")


def show(
    account: Account,
    attempts: Sequence[Attempt],
    *,
    key: str,
    headline: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> None:
    """Draw the page, or the fragment that this stands in, anew as soon as one of these attempts of the account changed.

    `headline` says without a full stop what is waited for; without one nothing is to be seen, and what is drawn anew is
    a list, which need not be so at once. `since` is when it began, `until` when it goes on by itself. The attempts are
    given as the page shows them, so a change between reading and drawing is told too; `MOST_ATTEMPTS` at the most.
    """
    seen = {attempt.id: attempt.state for attempt in attempts[:MOST_ATTEMPTS]}
    streams = state(RandomKeys, account).streams
    stream_key, drawn, before = streams.get(key) or (secrets.token_urlsafe(32), 0, {})
    drawn += seen != before
    streams[key] = (stream_key, drawn, seen)
    the_studio().waits.grant(stream_key, Grant(account, visitor.session_key(), lambda: seen))
    trouble = not the_studio().answers
    if headline and trouble:
        st.warning(
            "The database does not answer now. What KIE answers is shown here all the same, and is written down as "
            "soon as it can be.",
            icon=":material/cloud_off:",
        )
    base = "/".join(("", *filter(None, st.get_option("server.baseUrlPath").strip("/").split("/"))))
    _draw(
        key,
        stream=f"{base}/{NAME}?key={stream_key}&drawn={drawn}" + "&list" * (not headline) + "&trouble" * trouble,
        headline=headline,
        started=_milliseconds(since),
        until=_milliseconds(until),
        usual="It usually takes some seconds.",
    )


def database_down(key: str, error: NotSaved) -> None:
    """Say that the database does not answer, and draw the page, or the fragment that this stands in, anew soon."""
    error_boxes.database(error)
    again(key, first=1.0)


def again(key: str, first: float, said: str = "") -> None:
    """Draw the page, or the fragment that this stands in, anew in `first` seconds, and then now and then.

    `said` is told once to who listens to the page instead of looking at it.
    """
    _draw(key, said=said, again=first * 1000)


def say(key: str, said: str) -> None:
    """Tell it once to who listens to the page instead of looking at it."""
    _draw(key, said=said)


def _draw(key: str, **data: object) -> None:
    _waiting(key=key, data={"key": key, "now": time.time() * 1000, **data}, on_told_change=lambda: None)


def _milliseconds(moment: datetime | None) -> float | None:
    return moment.timestamp() * 1000 if moment else None
