"""Whatever is pasted into Task ID: the IDs are read out of it, and a token is taken out of it at once."""

from __future__ import annotations

import streamlit as st

from studio.facade import the_studio
from studio.people.token_store import Account, account_of
from views.create import track_list
from views.shared import error_boxes, field_values, token_panel, visitor
from views.shared.elements import button
from views.shared.screen_state import PastedText, SongLookup, Trouble, state


def is_token(text: str) -> bool:
    """Whether this is the token of somebody who uses this installation now."""
    return the_studio().token_store.account(account_of(text)) is not None


def read() -> None:
    """Read the IDs out of what was pasted, and look the song up if there is just one."""
    from studio.song import pasted_text

    account = visitor.account()
    pasted, lookup = state(PastedText, account), state(SongLookup, account)
    pasted.clear()
    lookup.clear()
    text = field_values.text("task_id")
    if not text:
        return
    found = pasted_text.find_ids(text, is_token)
    if len(text) > field_values.LONGEST_KEPT:
        field_values.fill({"task_id": text[: field_values.LONGEST_KEPT]})
    if found.token:
        field_values.fill({"task_id": ""})
        if account is None or not (account.shared or is_token(found.token)):
            pasted.token = found.token
        else:
            whose, more = ("a", " This installation uses one of its own.") if account.shared else ("your", "")
            lookup.trouble = Trouble(f"Task ID: this was {whose} token, so it was taken out of the field again.{more}")
    if len(found.task_ids) == 1:
        _take(found.task_ids[0], found.audio_ids)
        if not found.plain:
            track_list.look_up()
    elif found.task_ids:
        pasted.task_ids = found.task_ids
        field_values.fill({"task_id": ""})
    elif found.problem:
        lookup.trouble = Trouble(found.problem)


def show(account: Account | None) -> None:
    """Ask what only a person can say: which song of several, and what to do with a token."""
    pasted = state(PastedText, account)
    if pasted.task_ids:
        with st.container(border=True, key="task_choice"):
            st.selectbox(
                f"There are {len(pasted.task_ids)} songs in what you pasted. Which one?",
                pasted.task_ids,
                key="task_chosen",
                index=None,
                placeholder="Choose a task ID",
                on_change=visitor.for_this_account(_choose),
            )
    error_boxes.show(pasted.trouble, ":material/key_off:")
    if pasted.token:
        with st.container(border=True, key="token_found"):
            st.markdown(
                ":material/key: **That has a KIE token in it.** It was taken out of the field and is not stored."
            )
            with st.container(horizontal=True):
                button("Use it as my token", "use_pasted_token", "", _use_token, type="primary")
                button("Forget it", "forget_pasted_token", "", _forget_token)


def _take(task_id: str, audio_ids: tuple[str, ...]) -> None:
    field_values.fill({"task_id": task_id} | ({"audio_id": audio_ids[0]} if len(audio_ids) == 1 else {}))


def _choose() -> None:
    chosen = st.session_state.get("task_chosen")
    if chosen:
        state(PastedText, visitor.account()).clear()
        _take(chosen, ())
        track_list.look_up()


def _use_token() -> None:
    pasted = state(PastedText, visitor.account())
    token, pasted.token = pasted.token, ""
    trouble = token_panel.use_token(token) if token else None
    here = state(PastedText, visitor.account())
    here.trouble, here.task_ids = trouble, pasted.task_ids


def _forget_token() -> None:
    state(PastedText, visitor.account()).token = ""
