"""What became of an attempt: on its way, created, refused or unknown, each with the next step."""

from __future__ import annotations

import streamlit as st

from kie import Cause
from studio.facade import NotSaved, the_studio
from studio.people.token_store import Account
from studio.sending.attempts import Attempt, Status
from views.create.track_list import use_sibling
from views.shared import attempt_progress, error_boxes, live_updates, persona_requests, status, visitor
from views.shared.elements import button, fact, literal
from views.shared.screen_state import PersonaRequests, state

LAST_WORD = {
    Cause.NOT_CONNECTED.value: "No persona was made. Your text is still in the fields.",
    Cause.EXISTS.value: "No new persona was made. Your text is still in the fields.",
}
CHANGED = (
    "KIE does not offer its direct call for personas any more, so this one was made by a job. The next ones are too; "
    "you need not do anything."
)
WAITING = "outcome_waiting"
DRAWN_IN = 0.3
"""Seconds in which a browser draws an outcome, before the whole page is drawn anew."""


def show(account: Account, attempt: Attempt) -> None:
    """Show one attempt as it stands."""
    requests = state(PersonaRequests, account)
    with st.container(border=True, key="outcome"):
        if attempt.in_flight:
            requests.announce_id = attempt.id
            _on_its_way(account, attempt.id)
            return
        _ended(attempt)
        if requests.announce_id == attempt.id:  # it ended before the page could wait for it
            requests.announce_id = ""
            live_updates.say(WAITING, _in_words(attempt))


@st.fragment
def _on_its_way(account: Account, attempt_id: str) -> None:
    visitor.draw_anew_if_left(account)
    requests = state(PersonaRequests, account)
    try:
        attempt = the_studio().attempt(account, attempt_id)
    except NotSaved as error:
        live_updates.database_down(WAITING, error)
        return
    if attempt is None or not attempt.in_flight:
        if attempt is None or requests.ended_id == attempt_id:
            st.rerun()  # the whole page: its button and its history change too
        requests.ended_id, requests.announce_id = attempt_id, ""
        # At once, and alone: the browser draws it before it draws the whole page anew. Its buttons wait for that,
        # because what they do to fields outside a fragment, the browser would undo.
        live_updates.again(WAITING, first=DRAWN_IN, said=_in_words(attempt))
        _ended(attempt, alone=True)
        return
    attempt_progress.show(account, attempt, WAITING)
    st.caption("You can go on working here, reload, or close the tab: the answer is written down as soon as it comes.")


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
    status.badge(attempt.status)
    st.subheader("Here is your persona", anchor=False)
    error_boxes.unsaved(attempt)
    literal(attempt.persona_id, "Persona ID")
    if the_studio().says_change_of_interface(attempt):
        st.info(CHANGED, icon=":material/swap_horiz:")
    fact("Name", attempt.request.name)
    fact("Description", attempt.request.description)
    st.caption(
        "KIE does not list personas, so this ID is kept in the history below. To use it, give it as `personaId` "
        "with `personaModel` set to `style_persona` when you make a song at KIE."
    )
    button("Make another", "start_over", "add", persona_requests.start_over, disabled=alone)


def _refused(attempt: Attempt, alone: bool) -> None:
    meaning = error_boxes.meaning_of(attempt)
    status.badge(attempt.status, "Not sent" if attempt.cause == Cause.NOT_CONNECTED.value else "")
    st.subheader(meaning.sentence, anchor=False)
    st.markdown(meaning.next_step)
    error_boxes.failed_later(attempt)
    error_boxes.show_kie_message(attempt.code, attempt.message)
    if attempt.cause == Cause.UNSUITABLE.value:
        button(
            "Use the other track of this song",
            "use_sibling",
            "swap_horiz",
            use_sibling,
            attempt,
            of=attempt.id,
            type="primary",
            disabled=alone,
        )
    st.caption(LAST_WORD.get(attempt.cause, "KIE reported no persona. Your text is still in the fields."))


def _unknown(attempt: Attempt, alone: bool) -> None:
    meaning = error_boxes.meaning_of(attempt)
    status.badge(attempt.status)
    unreadable = attempt.cause == Cause.UNREADABLE.value
    st.subheader("Sent, no readable answer" if unreadable else "Sent, no answer", anchor=False)
    st.markdown(meaning.sentence)
    st.markdown(meaning.next_step)
    ask_again = persona_requests.ask_again
    button(persona_requests.ASK_AGAIN, "ask_again", "refresh", ask_again, attempt.seen, of=attempt.id, disabled=alone)
    error_boxes.job(attempt, "look_again", disabled=alone)
    error_boxes.seen_id(attempt)
    error_boxes.show_kie_message(attempt.code, attempt.message)
    if attempt.raw:
        with st.expander("The answer as it came"):
            literal(attempt.raw, height=240)
