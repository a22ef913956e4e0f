"""Whatever is pasted into Task ID: the IDs are read out of it, and a token is taken out of it at once.

The field has several lines, so that those of a paste stay apart. With `enter_key.js` and `.css`, Enter finds all the
same.
"""

from __future__ import annotations

import re

import streamlit as st

from studio.facade import the_studio
from studio.people.token_store import Account, account_of
from views.create import track_list
from views.shared import custom_components, error_boxes, field_values, token_panel, visitor
from views.shared.elements import button, literal
from views.shared.screen_state import PastedText, SongLookup, Trouble, state

MOST_AUDIO_IDS = 10
"""That are shown of those in one text."""

# Its styles are for the field, which is not inside it.
_enter_key = st.components.v2.component(
    "enter_key",
    css=custom_components.read("create/enter_key", "css"),
    js=custom_components.read("create/enter_key", "js"),
    isolate_styles=False,
)


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
    pasted.note = found.note
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
        track_list.look_up()
        if len(found.audio_ids) > 1:
            pasted.audio_ids = found.audio_ids
    elif found.task_ids:
        pasted.task_ids = found.task_ids
        field_values.fill({"task_id": ""})
    elif found.problem:
        lookup.trouble = Trouble(found.problem)


def find_tracks() -> None:
    """Look up whatever stands in the field, and keep saying why it does not look like a task ID."""
    from studio.song import pasted_text

    track_list.look_up()
    text = field_values.text("task_id")
    problem = pasted_text.find_ids(text, is_token).problem if text else ""
    if problem:
        state(PastedText, visitor.account()).note = problem


def clean_audio_id() -> None:
    """Take off what was copied around the audio ID: quotes, blanks, a comma."""
    from studio.song import pasted_text

    typed = st.session_state.get("audio_id") or ""
    cleaned = pasted_text.clean_id(typed)
    if cleaned != typed:
        field_values.fill({"audio_id": cleaned})


def show(account: Account | None) -> None:
    """Ask what only a person can say: which song of several, and what to do with a token."""
    _enter_key(key="enter_key", data={"field": "task_id", "longest": field_values.LONGEST_PASTE})
    pasted = state(PastedText, account)
    if pasted.note:
        st.info(_letter_for_letter(pasted.note), icon=":material/info:")
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


def show_audio_ids(account: Account | None) -> None:
    """Show the tracks that were pasted with their song, unless the cards of that song show them."""
    audio_ids, lookup = state(PastedText, account).audio_ids, state(SongLookup, account)
    if any(lookup.track(audio_id) for audio_id in audio_ids):
        return
    for number, audio_id in enumerate(audio_ids[:MOST_AUDIO_IDS]):
        literal(audio_id, "" if number else f"There are {len(audio_ids)} audio IDs in what you pasted. Copy one:")


def _take(task_id: str, audio_ids: tuple[str, ...]) -> None:
    from studio.song import pasted_text

    values = {"task_id": pasted_text.clean_id(task_id)}
    if len(audio_ids) == 1:
        values["audio_id"] = pasted_text.clean_id(audio_ids[0])
    elif audio_ids and field_values.text("audio_id") not in audio_ids:
        values["audio_id"] = ""  # it was of another song
    field_values.fill(values)


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
    here.audio_ids, here.note = pasted.audio_ids, pasted.note


def _forget_token() -> None:
    state(PastedText, visitor.account()).token = ""


def _letter_for_letter(text: str) -> str:
    """Return Markdown that shows a text as it is."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)
