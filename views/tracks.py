"""The tracks of a task, to look at, hear and choose from."""

from __future__ import annotations

import streamlit as st

from kie import MusicTask, Track
from studio import choices, media
from studio.service import the_studio
from studio.tokens import Account


def show(account: Account, task: MusicTask) -> None:
    """Show where the task stands, and a card for each track."""
    if not task.tracks or task.state.value == "failed":
        st.info(choices.state_sentence(task), icon=":material/info:")
        if task.error_message:
            st.code(f"{task.error_code} {task.error_message}".strip(), language=None, wrap_lines=True)
        return
    if choices.obstacle(task, task.tracks[0]) and task.state.value != "ready":
        st.info(choices.state_sentence(task), icon=":material/hourglass_top:")
    for column, track in zip(st.columns(2) * len(task.tracks), task.tracks, strict=False):
        with column, st.container(border=True):
            _card(account, task, track)


def _card(account: Account, task: MusicTask, track: Track) -> None:
    base_url = the_studio().vault.base_url(account.id)
    picture, words = st.columns([1, 2], vertical_alignment="center")
    cover = _source(track.image_url, base_url)
    with picture:
        if cover:
            st.image(cover, width="stretch")
        else:
            st.markdown(":material/album:")
    with words:
        st.text(track.title or "Untitled")
        length = f"{int(track.duration // 60)}:{int(track.duration % 60):02d}" if track.duration else "length unknown"
        st.text(" · ".join(part for part in (length, track.model) if part))
    sound = _source(track.audio_url, base_url)
    if sound:
        st.audio(sound, format="audio/wav" if isinstance(sound, bytes) else "audio/mpeg")
    elif track.audio_url:
        st.caption("Its address is not one that this page may play.")
    obstacle = choices.obstacle(task, track)
    if obstacle:
        st.caption(
            f":material/block: {obstacle}" if "V3_5" not in obstacle else ":material/block: Made with an old model."
        )
    st.button(
        "Use this track",
        key=f"use_{track.audio_id}",
        icon=":material/check:",
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


def _source(address: str, base_url: str) -> str | bytes:
    """Return what a media element may be given: an https address, our own bytes, or nothing."""
    if media.is_public_https(address):
        return address
    return _fetched(address) if media.is_ours(address, base_url) else b""


@st.cache_data(max_entries=64, ttl=600, show_spinner=False)
def _fetched(address: str) -> bytes:
    return media.fetch(address)
