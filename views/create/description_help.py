"""Words for the description: a first draft from the song, and KIE's own richer version for who wants to pay for it."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from kie import meaning_for
from studio.facade import NotSaved, the_studio
from studio.people.token_store import Account
from studio.sending.attempts import Attempt, Status
from studio.sending.kinds import kind_named
from studio.song import text_draft
from views.create import track_list
from views.shared import error_messages, live_updates, sign_in, token_panel


def show(account: Account | None) -> None:
    """Offer the helpers under the description; neither does anything by itself."""
    boost_id = st.session_state.get("boost_id")
    boost = None
    with suppress(NotSaved):  # the history below says so
        boost = the_studio().attempt(account, boost_id) if account is not None and boost_id else None
    with st.container(horizontal=True):
        st.button(
            "Draft from the song",
            key="draft",
            icon=":material/edit_note:",
            type="tertiary",
            disabled=track_list.chosen() is None,
            on_click=_draft,
            help="Adds the song’s tags, and how its lyrics say it is sung. Choose a track first.",
        )
        st.button(
            "Boost with KIE",
            key="boost",
            icon=":material/bolt:",
            type="tertiary",
            disabled=account is None or (boost is not None and boost.in_flight),
            on_click=_boost,
            help="KIE writes a richer version of your description, for credits; its answer says how many.",
        )
    if st.session_state.get("boost_problem"):
        st.error(st.session_state.boost_problem, icon=":material/edit:")
    if account is not None and boost is not None:
        _boosted(account, boost)


def _boosted(account: Account, boost: Attempt) -> None:
    if boost.in_flight:
        headline = "KIE asked to wait. Asking again by itself" if boost.wait_until else "A richer text is on its way"
        live_updates.show(account, [boost], key="boost_waiting", headline=headline, until=boost.wait_until)
        return
    with st.container(border=True, key="boost_card"):
        if boost.status is Status.CREATED:
            text, cost = boost.outcome.result.get("text", ""), boost.outcome.result.get("price")
            price = "KIE did not say what it cost." if cost is None else f"It cost {cost:g} credits."
            st.caption(f":material/bolt: KIE’s version. {price}")
            st.text(text)
            with st.container(horizontal=True):
                st.button("Use it as the description", key="boost_use", type="primary", on_click=_use, args=(text,))
                st.button("Leave it", key="boost_leave", on_click=_leave)
        else:
            meaning = meaning_for(boost.cause, kind_named(boost.kind).troubles)
            st.markdown(f"**{meaning.sentence}** {meaning.next_step}")
            error_messages.show_kie_message(boost.code, boost.message)
            st.button("Close", key="boost_leave", on_click=_leave)


def _draft() -> None:
    track, state = track_list.chosen(), st.session_state
    draft = text_draft.draft(track) if track is not None else ""
    typed = str(state.get("description") or "").strip()
    if draft and draft.lower() not in typed.lower():
        state.description = f"{typed}\n{draft}" if typed else draft


def _boost() -> None:
    account, state = token_panel.current(), st.session_state
    content = str(state.get("description") or "").strip()
    state.pop("boost_problem", None)
    if account is None:
        return
    if not content:
        state.boost_problem = "Description: write a few words first, for KIE to work with. Nothing was sent."
        return
    try:
        boost = the_studio().start_boost(account, content, author=sign_in.author())
    except NotSaved as error:
        state.boost_problem = str(error) or "The disk could not be written, so nothing was sent. The log says why."
    else:
        state.boost_id = boost.id


def _use(text: str) -> None:
    st.session_state.description = text
    _leave()


def _leave() -> None:
    for key in ("boost_id", "boost_problem"):
        st.session_state.pop(key, None)
