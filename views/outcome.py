"""What became of an attempt: on its way, created, refused or unknown, each with the next step."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from kie import Cause, meaning_for
from studio.sending.attempts import Attempt, Status
from studio.service import the_studio
from studio.tokens import Account
from views import errors
from views.actions import ask_again, start_over, stop_waiting, use_sibling

LAST_WORD = {
    Cause.NOT_CONNECTED.value: "No persona was made. Your text is still in the fields.",
    Cause.EXISTS.value: "No new persona was made. Your text is still in the fields.",
}
POLL = 0.2
"""Seconds between looks at an attempt that is on its way."""


def show(account: Account, attempt: Attempt) -> None:
    """Show one attempt as it stands."""
    with st.container(border=True, key="outcome"):
        if attempt.in_flight:
            _on_its_way(account, attempt.id)
        else:
            _ended(attempt)


@st.fragment(run_every=POLL)
def _on_its_way(account: Account, attempt_id: str) -> None:
    attempt = the_studio().attempt(account, attempt_id)
    if attempt is None or not attempt.in_flight:
        if attempt is None or st.session_state.get("end_shown") == attempt_id:
            st.rerun()  # the whole page: its button and its history change too
        st.session_state.end_shown = attempt_id
        # At once, and alone: the browser draws it before it draws the whole page anew. Its buttons wait for that,
        # because what they do to fields outside a fragment, the browser would undo.
        _ended(attempt, alone=True)
        return
    now = datetime.now(UTC)
    elapsed = int((now - attempt.created_at).total_seconds())
    if attempt.wait_until and attempt.cause == Cause.RATE:
        wait = max(0, round((attempt.wait_until - now).total_seconds()))
        headline = f"KIE asked to wait. Sending again by itself in {wait} s."
    elif attempt.wait_until and attempt.cause == Cause.NOT_READY:
        wait = max(0, round((attempt.wait_until - now).total_seconds()))
        headline = f"KIE does not see the finished song yet. Trying again by itself in {wait} s."
    elif attempt.wait_until:
        headline = "No connection yet. Trying again by itself."
    elif attempt.status is Status.SENDING:
        headline = "Sent. Waiting for KIE’s answer."
    else:
        headline = "Waiting for its turn."
    st.markdown(f":material/hourglass_top: **{headline}**")
    st.progress(min(0.95, elapsed / (elapsed + 12)), text=f"{elapsed} s so far. It usually takes some seconds.")
    if attempt.wait_until:
        st.button(
            "Stop waiting",
            key="stop_waiting",
            icon=":material/stop_circle:",
            on_click=stop_waiting,
            args=(attempt_id,),
        )
    st.caption("You can go on working here, reload, or close the tab: the answer is written down as soon as it comes.")


def _ended(attempt: Attempt, alone: bool = False) -> None:
    if attempt.status is Status.CREATED:
        _created(attempt, alone)
    elif attempt.status is Status.REFUSED:
        _refused(attempt, alone)
    else:
        _unknown(attempt, alone)


def _created(attempt: Attempt, alone: bool) -> None:
    st.badge("Created", icon=":material/check_circle:", color="green")
    st.subheader("Here is your persona", anchor=False)
    if not attempt.saved:
        st.error(
            "This ID could not be written to disk. Copy it now; the program keeps trying.", icon=":material/warning:"
        )
    st.caption("Persona ID")
    st.code(attempt.persona_id, language=None, wrap_lines=True)
    st.caption("Name")
    st.text(attempt.request.name)
    st.caption("Description")
    st.text(attempt.request.description)
    st.caption(
        "KIE does not list personas, so this ID is kept in the history below. To use it, give it as `personaId` "
        "with `personaModel` set to `style_persona` when you make a song at KIE."
    )
    st.button("Make another", key="start_over", icon=":material/add:", disabled=alone, on_click=start_over)


def _refused(attempt: Attempt, alone: bool) -> None:
    meaning = meaning_for(attempt.cause)
    st.badge(
        "Not sent" if attempt.cause == Cause.NOT_CONNECTED.value else "Refused", icon=":material/block:", color="red"
    )
    st.subheader(meaning.sentence, anchor=False)
    st.markdown(meaning.next_step)
    _own_words(attempt)
    if attempt.cause == Cause.UNSUITABLE.value:
        st.button(
            "Use the other track of this song",
            key="use_sibling",
            type="primary",
            icon=":material/swap_horiz:",
            disabled=alone,
            on_click=use_sibling,
            args=(attempt,),
        )
    st.caption(LAST_WORD.get(attempt.cause, "KIE reported no persona. Your text is still in the fields."))


def _unknown(attempt: Attempt, alone: bool) -> None:
    meaning = meaning_for(attempt.cause)
    st.badge("Unknown", icon=":material/help:", color="orange")
    st.subheader("Sent, no answer", anchor=False)
    st.markdown(meaning.sentence)
    st.markdown(meaning.next_step)
    st.button(
        "Ask KIE again with exactly the same text",
        key="ask_again",
        icon=":material/refresh:",
        disabled=alone,
        on_click=ask_again,
        args=(attempt.seen,),
    )
    _own_words(attempt)
    if attempt.raw:
        with st.expander("The answer as it came"):
            st.code(attempt.raw, language=None, wrap_lines=True, height=240)


def _own_words(attempt: Attempt) -> None:
    errors.own_words(attempt.code, attempt.message)
