"""The tracks of a song, to look at, hear and choose from; while the song is being made, it keeps looking by itself."""

from __future__ import annotations

import time

import streamlit as st

from kie import KieError, MusicTask, TaskState, Track
from studio.facade import the_studio
from studio.people.token_store import Account
from studio.sending.attempts import Attempt
from studio.song import media_files, track_verdict
from views.create import actions
from views.shared import error_messages, times

LOOK_EVERY = 4.0
"""Seconds between looks at a song that is being made; KIE allows three a second."""
LOOK_FOR = {TaskState.WORKING: 1200.0, TaskState.ABSENT: 120.0}
"""Seconds for which it keeps looking: a song takes minutes, and a record that is late some seconds."""
VERDICTS = {
    "can": (":material/check_circle:", "green", "Can become a persona"),
    "not_yet": (":material/hourglass_top:", "blue", "Not yet"),
    "cannot": (":material/block:", "red", "Cannot"),
    "made": (":material/library_music:", "violet", "Made already"),
}


def show(account: Account | None) -> None:
    """Show the tracks of the task that was looked up, or what keeps them from being shown."""
    state = st.session_state
    if account is not None and state.get("task_wanted"):
        _look_up(account, state.task_wanted)
        del state["task_wanted"]
    if state.get("task_problem"):
        sentence, code, message = state.task_problem
        st.error(sentence, icon=":material/search_off:")
        error_messages.show_kie_message(code, message)
    elif account is not None and state.get("task") is not None:
        _task(account, state.task)


def chosen() -> Track | None:
    """Return the track that is chosen, if its song was looked up."""
    task = st.session_state.get("task")
    audio_id = st.session_state.get("audio_id")
    return next((track for track in task.tracks if track.audio_id == audio_id), None) if task is not None else None


def source(address: str, base_url: str) -> str | bytes:
    """Return what a media element may be given: an https address, our own bytes, or nothing."""
    if media_files.is_public_https(address):
        return address
    return _fetched(address) if media_files.is_stand_in(address, base_url) else b""


def _look_up(account: Account, task_id: str) -> None:
    try:
        with st.spinner("Asking KIE for the tracks …"):
            st.session_state.task = the_studio().music_task(account, task_id)
            st.session_state.task_since = time.monotonic()
    except KieError as error:
        st.session_state.task_problem = (f"{error.sentence} {error.next_step}", error.code, error.message)


def _task(account: Account, task: MusicTask) -> None:
    if task.state in LOOK_FOR:
        since = time.monotonic() - st.session_state.get("task_since", 0.0)
        if since < LOOK_FOR[task.state]:
            _keep_looking(account, task)
        else:
            st.info("This song is not there yet. Press “Find tracks” to look again.", icon=":material/hourglass_empty:")
    elif task.state is TaskState.FAILED:
        st.info(track_verdict.state_sentence(task), icon=":material/info:")
        if task.error_message:
            st.code(f"{task.error_code} {task.error_message}".strip(), language=None, wrap_lines=True)
    elif not task.tracks:
        st.info("KIE lists no track for this song.", icon=":material/info:")
    earlier = the_studio().library.of_tracks(account.id, [track.audio_id for track in task.tracks])
    for first in range(0, len(task.tracks), 2):
        for column, track in zip(st.columns(2), task.tracks[first : first + 2], strict=False):
            with column, st.container(border=True, key=f"track_{track.audio_id}"):
                _card(account, task, track, earlier.get(track.audio_id))


@st.fragment(run_every=LOOK_EVERY)
def _keep_looking(account: Account, task: MusicTask) -> None:
    elapsed = int(time.monotonic() - st.session_state.get("task_since", 0.0))
    if elapsed > LOOK_FOR[task.state]:
        st.rerun()
    try:
        now = the_studio().music_task(account, task.task_id)
    except KieError as error:
        st.caption(f"{error.sentence} It keeps looking.")
    else:
        if now != task:
            st.session_state.task = now
            st.rerun()
    st.info(f"{track_verdict.state_sentence(task)} Looking for {elapsed} s so far.", icon=":material/hourglass_top:")


def _card(account: Account, task: MusicTask, track: Track, earlier: Attempt | None) -> None:
    base_url = the_studio().token_store.base_url(account.id)
    verdict = track_verdict.verdict(task, track, earlier)
    is_chosen = st.session_state.get("audio_id") == track.audio_id
    picture, words = st.columns([1, 2], vertical_alignment="center")
    cover = source(track.image_url, base_url)
    with picture:
        if cover:
            st.image(cover, width="stretch")
        else:
            st.markdown(":material/album:")
    with words, st.container(gap="xxsmall"):
        st.text(track.title or "Untitled")
        st.text(" · ".join(part for part in (times.length(track.duration), track_verdict.model(track)) if part))
        if track.tags:
            st.text(track.tags)
    sound = source(track.audio_url, base_url)
    if sound and not is_chosen:  # the chosen one plays below, with its window
        st.audio(sound, format="audio/wav" if isinstance(sound, bytes) else "audio/mpeg")
    elif track.audio_url and not sound:
        st.caption("Its address is not one that this page may play.")
    icon, colour, word = VERDICTS[verdict.kind]
    st.badge(word, icon=icon, color=colour)  # type: ignore[arg-type]
    if verdict.kind != "can":
        st.text(verdict.sentence)
    clock = times.media_clock(track.created_at)
    if clock:
        st.caption(clock)
    usable = verdict.kind in ("can", "made")
    st.button(
        "Chosen" if is_chosen and usable else "Use this track",
        key=f"use_{track.audio_id}",
        icon=":material/check_circle:" if is_chosen and usable else ":material/radio_button_unchecked:",
        type="primary" if is_chosen and usable else "secondary",
        disabled=not usable,
        on_click=actions.use_track,
        args=(track,),
        width="stretch",
    )


@st.cache_data(max_entries=64, ttl=600, show_spinner=False)
def _fetched(address: str) -> bytes:
    return media_files.fetch(address)
