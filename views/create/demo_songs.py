"""The demo's songs, in words, so that every outcome can be shown on stage."""

from __future__ import annotations

import streamlit as st

from studio import demo_server
from studio.facade import the_studio
from studio.people.token_store import Account
from views.create.actions import start_over

GROUPS = {"song": "Songs", "refusal": "KIE says no", "trouble": "Trouble on the line"}


def show(account: Account) -> None:
    """Offer the songs; choosing one fills the fields."""
    scenes = {scene.key: scene for scene in demo_server.songs()}
    st.selectbox(
        "What would you like to see?",
        list(scenes),
        key="demo_scene",
        format_func=lambda key: f"{GROUPS[scenes[key].group]}: {scenes[key].words}",
        index=None,
        placeholder="Choose a song of the demo",
        on_change=_use,
    )
    chosen = scenes.get(st.session_state.get("demo_scene") or "")
    if chosen is not None:
        st.caption(chosen.shows)
    st.session_state.demo_unplugged = not the_studio().is_demo_reachable(account)
    st.toggle(
        "Pull the plug: KIE cannot be reached",
        key="demo_unplugged",
        on_change=lambda: the_studio().set_demo_reachable(account, not st.session_state.demo_unplugged),
    )


def _use() -> None:
    scene = next((scene for scene in demo_server.songs() if scene.key == st.session_state.get("demo_scene")), None)
    start_over()
    if scene is not None:
        track = scene.task.tracks[0] if scene.task else None
        st.session_state.task_id = scene.task_id
        st.session_state.audio_id = scene.audio_id
        st.session_state.name = track.title if track else "Nobody yet"
        st.session_state.description = track.tags if track else "A song that KIE does not know"
