"""The tracks of a task, to look at, hear and choose from."""

from __future__ import annotations

import streamlit as st

from kie import KieError, MusicTask, TaskState, Track
from studio import choices, media
from studio.service import the_studio
from studio.tokens import Account
from views import errors


def show(account: Account | None) -> None:
    """Show the tracks of the task that was looked up, or what keeps them from being shown."""
    state = st.session_state
    if account is not None and state.get("task_wanted"):
        _look_up(account, state.task_wanted)
        del state["task_wanted"]
    if state.get("task_problem"):
        sentence, code, message = state.task_problem
        st.error(sentence, icon=":material/search_off:")
        errors.own_words(code, message)
    elif account is not None and state.get("task") is not None:
        _task(account, state.task)


def _look_up(account: Account, task_id: str) -> None:
    try:
        with st.spinner("Asking KIE for the tracks …"):
            st.session_state.task = the_studio().music_task(account, task_id)
    except KieError as error:
        st.session_state.task_problem = (f"{error.sentence} {error.next_step}", error.code, error.message)


def _task(account: Account, task: MusicTask) -> None:
    if task.state is not TaskState.READY:
        st.info(choices.state_sentence(task), icon=":material/info:")
        if task.error_message:
            st.code(f"{task.error_code} {task.error_message}".strip(), language=None, wrap_lines=True)
    elif not task.tracks:
        st.info("KIE lists no track for this song.", icon=":material/info:")
    for first in range(0, len(task.tracks), 2):
        for column, track in zip(st.columns(2), task.tracks[first : first + 2], strict=False):
            with column, st.container(border=True):
                _card(account, task, track)


def _card(account: Account, task: MusicTask, track: Track) -> None:
    base_url = the_studio().vault.base_url(account.id)
    picture, words = st.columns([1, 2], vertical_alignment="center")
    cover = source(track.image_url, base_url)
    with picture:
        if cover:
            st.image(cover, width="stretch")
        else:
            st.markdown(":material/album:")
    with words:
        st.text(track.title or "Untitled")
        length = f"{int(track.duration // 60)}:{int(track.duration % 60):02d}" if track.duration else "length unknown"
        st.text(" · ".join(part for part in (length, track.model) if part))
    sound = source(track.audio_url, base_url)
    if sound:
        st.audio(sound, format="audio/wav" if isinstance(sound, bytes) else "audio/mpeg")
    elif track.audio_url:
        st.caption("Its address is not one that this page may play.")
    obstacle = choices.obstacle(task, track)
    if obstacle:
        st.text(obstacle)
    chosen = st.session_state.get("audio_id") == track.audio_id
    st.button(
        "Chosen" if chosen and not obstacle else "Use this track",
        key=f"use_{track.audio_id}",
        icon=":material/check_circle:" if chosen else ":material/radio_button_unchecked:",
        type="primary" if chosen and not obstacle else "secondary",
        disabled=bool(obstacle),
        on_click=_use,
        args=(track,),
        width="stretch",
    )


def _use(track: Track) -> None:
    name, description = choices.first_words(track)
    state = st.session_state
    state.audio_id = track.audio_id
    state.name = state.get("name") or name
    state.description = state.get("description") or description


def source(address: str, base_url: str) -> str | bytes:
    """Return what a media element may be given: an https address, our own bytes, or nothing."""
    if media.is_public_https(address):
        return address
    return _fetched(address) if media.is_ours(address, base_url) else b""


@st.cache_data(max_entries=64, ttl=600, show_spinner=False)
def _fetched(address: str) -> bytes:
    return media.fetch(address)
