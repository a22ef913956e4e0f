"""What became of an attempt: on its way, created, refused or unknown, each with the next step."""

from __future__ import annotations

import streamlit as st

from kie import Cause, meaning_for
from studio.facade import NotSaved, the_studio
from studio.people.token_store import Account
from studio.sending.attempts import Attempt, Status
from views.create.actions import ask_again, memo, send_held, start_over, stop_waiting, use_sibling
from views.shared import error_messages, live_updates

LAST_WORD = {
    Cause.NOT_CONNECTED.value: "No persona was made. Your text is still in the fields.",
    Cause.EXISTS.value: "No new persona was made. Your text is still in the fields.",
}
WAITING = "outcome_waiting"
DRAWN_IN = 0.3
"""Seconds in which a browser draws an outcome, before the whole page is drawn anew."""


def show(account: Account, attempt: Attempt) -> None:
    """Show one attempt as it stands."""
    with st.container(border=True, key="outcome"):
        if attempt.in_flight:
            memo()["unsaid"] = attempt.id
            _on_its_way(account, attempt.id)
            return
        _ended(attempt)
        if memo().pop("unsaid", "") == attempt.id:  # it ended before the page could wait for it
            live_updates.say(WAITING, _in_words(attempt))


@st.fragment
def _on_its_way(account: Account, attempt_id: str) -> None:
    try:
        attempt = the_studio().attempt(account, attempt_id)
    except NotSaved as error:
        error_messages.database(error)
        live_updates.again(WAITING, first=1.0)
        return
    if attempt is None or not attempt.in_flight:
        if attempt is None or st.session_state.get("end_shown") == attempt_id:
            st.rerun()  # the whole page: its button and its history change too
        st.session_state.end_shown = attempt_id
        memo().pop("unsaid", "")
        # At once, and alone: the browser draws it before it draws the whole page anew. Its buttons wait for that,
        # because what they do to fields outside a fragment, the browser would undo.
        live_updates.again(WAITING, first=DRAWN_IN, said=_in_words(attempt))
        _ended(attempt, alone=True)
        return
    on_its_way(account, attempt, WAITING)
    st.caption("You can go on working here, reload, or close the tab: the answer is written down as soon as it comes.")


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
    st.button(
        "Send it now", key="let_go", type="primary", icon=":material/send:", on_click=send_held, args=(attempt.id,)
    )
    _cancel(attempt)


def _cancel(attempt: Attempt) -> None:
    st.button(
        "Stop waiting" if attempt.wait_until else "Cancel",
        key="stop_waiting",
        icon=":material/stop_circle:",
        disabled=attempt.status is not Status.QUEUED,
        help="What has left cannot be called back." if attempt.status is not Status.QUEUED else None,
        on_click=stop_waiting,
        args=(attempt.id,),
    )


def on_its_way(account: Account, attempt: Attempt, key: str) -> None:
    """Say what an attempt waits for, with the ways out, and draw it anew when it changes.

    Drawn anew is the page, or the fragment that this stands in.
    """
    if attempt.held:
        _held(account, attempt, key)
        return
    if attempt.wait_until and attempt.cause == Cause.RATE:
        headline = "KIE asked to wait. Sending again by itself"
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


def _in_words(attempt: Attempt) -> str:
    """Return what has become of an attempt, for who listens to the page instead of looking at it."""
    if attempt.status is Status.CREATED:
        return "Your persona is ready."
    if attempt.status is Status.REFUSED:
        return "No persona was made. The page says why."
    return "No readable answer came. The page says what you can do."


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
    error_messages.seen_id(attempt)
    _own_words(attempt)
    if attempt.raw:
        with st.expander("The answer as it came"):
            st.code(attempt.raw, language=None, wrap_lines=True, height=240)


def _own_words(attempt: Attempt) -> None:
    error_messages.show_kie_message(attempt.code, attempt.message)
