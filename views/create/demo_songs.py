"""The demo's songs, in words, so that every outcome can be shown on stage."""

from __future__ import annotations

import streamlit as st

from studio import demo_server
from studio.facade import the_studio
from studio.people.token_store import Account
from views.shared import field_values, persona_requests, visitor

GROUPS = {"song": "Songs", "refusal": "KIE says no", "trouble": "Trouble on the line"}


def show(account: Account) -> None:
    """Offer the songs; choosing one fills the fields."""
    songs = {song.key: song for song in demo_server.songs()}
    st.selectbox(
        "What would you like to see?",
        list(songs),
        key="demo_scene",
        format_func=lambda key: f"{GROUPS[songs[key].group]}: {songs[key].words}",
        index=None,
        placeholder="Choose a song of the demo",
        on_change=visitor.for_this_account(_use),
    )
    chosen = songs.get(st.session_state.get("demo_scene") or "")
    if chosen is not None:
        st.caption(chosen.shows)
    st.session_state.demo_unplugged = not the_studio().is_demo_reachable(account)
    st.toggle(
        "Pull the plug: KIE cannot be reached",
        key="demo_unplugged",
        on_change=visitor.for_this_account(_plug),
        args=(account,),
    )


def _plug(account: Account) -> None:
    the_studio().set_demo_reachable(account, not st.session_state.demo_unplugged)


def _use() -> None:
    song = next((song for song in demo_server.songs() if song.key == st.session_state.get("demo_scene")), None)
    persona_requests.start_over()
    if song is not None:
        track = song.task.tracks[0] if song.task else None
        field_values.fill(
            {
                "task_id": song.task_id,
                "audio_id": song.audio_id,
                "name": track.title if track else "Nobody yet",
                "description": track.tags if track else "A song that KIE does not know",
            }
        )
