"""The stop before a second request for the same track: a person sees both texts, and decides."""

from __future__ import annotations

import streamlit as st

from kie import PersonaRequest
from studio.facade import the_studio
from studio.people.token_store import Account
from studio.sending.attempts import Status
from views.shared import error_boxes, field_values, persona_requests
from views.shared.elements import button, literal


def show(account: Account, earlier_id: str) -> None:
    """Show what is on file for the track beside what was typed, with one plainly worded button for each way on."""
    earlier = the_studio().attempt(account, earlier_id)
    if earlier is None:
        return
    with st.container(border=True, key="decision_card"):
        st.badge("Nothing was sent", icon=":material/front_hand:", color="orange")
        if earlier.status is Status.UNKNOWN:
            st.subheader("KIE may already have made this persona", anchor=False)
            st.markdown("An earlier request for this track was sent, and no readable answer came back.")
            st.markdown(error_boxes.meaning_of(earlier).next_step)
            st.markdown("A changed text could replace what KIE has.")
            _texts("Sent then", earlier.request)
            button(
                persona_requests.ASK_AGAIN,
                "ask_again",
                "refresh",
                persona_requests.ask_again,
                earlier.seen,
                of=earlier.id,
                type="primary",
            )
        else:
            st.subheader("This track already has a persona", anchor=False)
            st.markdown("A second request may silently replace its name and description at KIE. The ID stays the same.")
            literal(earlier.persona_id)
            before, after = st.columns(2)
            with before:
                _texts("At KIE now", earlier.request)
            with after:
                _texts("Typed now", field_values.typed())
            send_over = persona_requests.send_over
            button("Send, and replace the old text", "send_over", "warning", send_over, earlier.seen, of=earlier.id)
        button("Leave it as it is", "leave_it", "", persona_requests.close_outcome)


def _texts(title: str, request: PersonaRequest) -> None:
    st.caption(title)
    st.text(request.name)
    st.text(request.description)
