"""Whatever is pasted into Task ID: the IDs are read out of it, and a token is taken out of it at once."""

from __future__ import annotations

import streamlit as st

from studio.facade import the_studio
from studio.people.token_store import account_of
from views.create import actions
from views.shared import token_panel


def is_token(text: str) -> bool:
    """Whether this is the token of somebody who uses this installation now."""
    return the_studio().token_store.account(account_of(text)) is not None


def read() -> None:
    """Read the IDs out of what was pasted, and look the song up if there is just one."""
    from studio.song import pasted_text

    state = st.session_state
    text = str(state.get("task_id") or "")
    forget_choice()
    if not text.strip():
        return
    found = pasted_text.find_ids(text, is_token)
    if found.token:
        state.task_id = ""
        if not is_token(found.token) or token_panel.current() is None:
            state.pasted_token = found.token
        else:
            state.task_problem = ("Task ID: this was your token, so it was taken out of the field again.", None, "")
    if len(found.task_ids) == 1:
        _take(found.task_ids[0], found.audio_ids)
        if not found.plain:
            actions.want_tracks()
    elif found.task_ids:
        state.task_choices = (found.task_ids, found.audio_ids)
        state.task_id = ""
    elif found.problem:
        state.task_problem = (found.problem, None, "")


def show() -> None:
    """Ask what only a person can say: which song of several, and what to do with a token."""
    state = st.session_state
    if state.get("task_choices"):
        with st.container(border=True, key="task_choice"):
            ids, _ = state.task_choices
            st.selectbox(
                f"There are {len(ids)} songs in what you pasted. Which one?",
                ids,
                key="task_chosen",
                index=None,
                placeholder="Choose a task ID",
                on_change=_choose,
            )
    if state.get("pasted_token"):
        with st.container(border=True, key="token_found"):
            st.markdown(
                ":material/key: **That has a KIE token in it.** It was taken out of the field and is not stored."
            )
            with st.container(horizontal=True):
                st.button("Use it as my token", key="use_pasted_token", type="primary", on_click=_use_token)
                st.button("Forget it", key="forget_pasted_token", on_click=_forget_token)


def forget_choice() -> None:
    """Forget what earlier pastes left open."""
    for key in ("task_choices", "task_chosen", "pasted_token", "task_problem", "task"):
        st.session_state.pop(key, None)


def _take(task_id: str, audio_ids: tuple[str, ...]) -> None:
    st.session_state.task_id = task_id
    if len(audio_ids) == 1:
        st.session_state.audio_id = audio_ids[0]


def _choose() -> None:
    chosen = st.session_state.get("task_chosen")
    if chosen:
        forget_choice()
        _take(chosen, ())
        actions.want_tracks()


def _use_token() -> None:
    token = st.session_state.pop("pasted_token", "")
    if token:
        token_panel.use_token(token)


def _forget_token() -> None:
    st.session_state.pop("pasted_token", None)
