"""An attempt on its way: what it waits for, and the ways out."""

from __future__ import annotations

import streamlit as st

from kie import Cause
from studio.people.token_store import Account
from studio.sending.attempts import Attempt, Status
from studio.sending.kinds import kind_named
from views.shared import live_updates
from views.shared.elements import button
from views.shared.persona_requests import send_held, stop_waiting


def show(account: Account, attempt: Attempt, key: str) -> None:
    """Say what an attempt waits for, with the ways out, and draw it anew when it changes.

    Drawn anew is the page, or the fragment that this stands in.
    """
    if attempt.held:
        _held(account, attempt, key)
        return
    if attempt.wait_until and attempt.cause == Cause.RATE:
        headline = "KIE asked to wait. Sending again by itself"
    elif attempt.wait_until and attempt.cause != Cause.NOT_CONNECTED and kind_named(attempt.kind).operation.is_job:
        headline = "KIE did not take the direct call. Asking by a job instead"
    elif attempt.wait_until and attempt.cause == Cause.NOT_READY:
        headline = "KIE does not see the finished song yet. Trying again by itself"
    elif attempt.wait_until:
        headline = "No connection yet. Trying again by itself"
    elif attempt.status is Status.SENDING:
        headline = "Sent. Waiting for KIE’s answer"
    elif attempt.status is Status.WORKING:
        headline = "KIE has accepted it and works on it"
    else:
        headline = "Waiting for its turn"
    live_updates.show(
        account, [attempt], key=key, headline=headline, since=attempt.created_at, until=attempt.wait_until
    )
    _cancel(attempt)


def _held(account: Account, attempt: Attempt, key: str) -> None:
    """Ask about an attempt that is on file, unsent, and waits for a person."""
    st.subheader("It waits for you", anchor=False)
    st.markdown(
        "Its batch is paused. What was not sent waits until the batch goes on."
        if attempt.batch
        else "This request was on file and not sent when the library was brought back from a backup, or after a long "
        "stop. It may have been sent since that backup was made, so nothing is sent by itself."
    )
    live_updates.show(account, [attempt], key=key)
    button("Send it now", "let_go", "send", send_held, attempt.id, of=attempt.id, type="primary")
    _cancel(attempt)


def _cancel(attempt: Attempt) -> None:
    button(
        "Stop waiting" if attempt.wait_until else "Cancel",
        "stop_waiting",
        "stop_circle",
        stop_waiting,
        attempt.id,
        of=attempt.id,
        disabled=attempt.status is not Status.QUEUED,
        help="What has left cannot be called back." if attempt.status is not Status.QUEUED else None,
    )
