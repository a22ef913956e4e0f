"""Words for the description: a first draft from the song, and KIE's own richer version for who wants to pay for it."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from kie.models_and_prices import price_of
from studio.facade import NotSaved, the_studio
from studio.people.token_store import Account
from studio.sending.attempts import Attempt, NotAllowed, Status
from studio.song import description_draft
from views.create import track_list
from views.shared import error_boxes, field_values, live_updates, visitor
from views.shared.elements import button
from views.shared.screen_state import Boost, state


def show(account: Account | None) -> None:
    """Offer the helpers under the description; neither does anything by itself."""
    shown = state(Boost, account)
    boost = None
    with suppress(NotSaved):  # the history below says so
        boost_id = shown.attempt_id
        boost = the_studio().attempt(account, boost_id) if account is not None and boost_id else None
    with st.container(horizontal=True):
        button(
            "Draft from the song",
            "draft",
            "edit_note",
            _draft,
            type="tertiary",
            disabled=track_list.chosen(account) is None,
            help="Adds the song’s tags, and how its lyrics say it is sung. Choose a track first.",
        )
        button(
            "Boost with KIE",
            "boost",
            "bolt",
            _boost,
            type="tertiary",
            disabled=account is None or (boost is not None and boost.in_flight),
            help=f"KIE writes a richer version of your description. {price_of('boost')} Its answer says what it cost.",
        )
    if shown.problem:
        st.error(shown.problem, icon=":material/edit:")
    if account is not None and boost is not None:
        _show_boost(account, boost, shown)


def _show_boost(account: Account, boost: Attempt, shown: Boost) -> None:
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
                button("Use it as the description", "boost_use", "", _use, text, shown, of=boost.id, type="primary")
                button("Leave it", "boost_leave", "", _close, shown, of=boost.id)
        else:
            error_boxes.show_refusal(boost)
            button("Close", "boost_leave", "", _close, shown, of=boost.id)


def _draft() -> None:
    track = track_list.chosen(visitor.account())
    draft = description_draft.draft(track) if track is not None else ""
    typed = field_values.text("description")
    if draft and draft.lower() not in typed.lower():
        field_values.fill({"description": f"{typed}\n{draft}" if typed else draft})


def _boost() -> None:
    account, content, author = visitor.account(), field_values.text("description"), visitor.author()
    if account is None:
        return
    boost = state(Boost, account)
    boost.problem = ""
    if not content:
        boost.problem = "Description: write a few words first, for KIE to work with. Nothing was sent."
        return
    try:
        boost.attempt_id = the_studio().start_boost(account, content, author=author).id
    except NotSaved as error:
        boost.problem = error.sentence()
    except NotAllowed as error:
        boost.problem = str(error)


def _use(text: str, shown: Boost) -> None:
    field_values.fill({"description": text})
    _close(shown)


def _close(shown: Boost) -> None:
    shown.attempt_id, shown.problem = "", ""
