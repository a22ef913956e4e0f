"""The window chooser: hear and see the 10 to 30 seconds of a track that KIE will listen to, and move them.

The picture and its handles are `window_chooser.html`, `.css` and `.js`; what is chosen lives in the two number fields.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import streamlit as st

from kie import KieError, Track
from kie.models import DEFAULT_END
from studio.facade import the_studio
from studio.people.token_store import Account
from views.create.actions import WINDOW
from views.create.track_list import source
from views.shared import components, error_messages

if TYPE_CHECKING:
    from kie import TimedWords

KEY, PLAYER = "window", "window_player"
BARS = 1200
"""Samples of the waveform that travel to the browser."""
MOST_WORDS = 3000

_chooser = components.load("create/window_chooser")


def show(account: Account, task_id: str, track: Track, duration: float) -> None:
    """Show the chooser for a track whose length is known, with its player and the suggestion."""
    from studio.song import best_window

    _ask(account, task_id, track)
    state = st.session_state
    if state.get("vocal_start") is None and state.get("vocal_end") is None:
        reset(duration)  # a short track gets what fits, also if its ID was typed
    timed = the_studio().cached_timed_words(account, track.audio_id)
    start, end = current(duration)
    sound = source(track.audio_url, the_studio().token_store.base_url(account.id))
    with st.container(key=KEY + "_box"):
        _chooser(
            key=KEY,
            data={
                "duration": duration,
                "start": start,
                "end": end,
                "wave": _bars(timed.waveform if timed else ()),
                "words": [[word.start, word.end, word.text, word.section] for word in timed.words[:MOST_WORDS]]
                if timed
                else [],
                "quiet": "KIE has no timed words for this track."
                if timed
                else "The sung words appear here once you let the window be suggested.",
                "player": PLAYER,
                "playable": bool(sound),
            },
            on_window_change=_moved,
        )
        if sound:
            with st.container(key=PLAYER):
                st.audio(sound, format="audio/wav" if isinstance(sound, bytes) else "audio/mpeg", alt="The whole track")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        numbers(duration)
        st.button(
            "Suggest the best window",
            key="suggest",
            icon=":material/auto_awesome:",
            on_click=_want_suggestion,
            help="Asks KIE for the timed words of this track. KIE does not say what this call costs.",
        )
        st.button(
            "Beginning",
            key="window_default",
            icon=":material/first_page:",
            type="tertiary",
            on_click=_begin,
            args=(duration,),
        )
    if state.get("suggested") and state.suggested[0] == track.audio_id:
        st.caption(f":material/auto_awesome: {state.suggested[1]}")
    if state.get("words_problem"):
        error: KieError = state.words_problem
        st.warning(f"{error.sentence} {error.next_step}", icon=":material/search_off:")
        error_messages.show_kie_message(error.code, error.message)
    if best_window.is_default(start, end, duration) and state.get("vocal_start") is None:
        st.caption("This is what KIE takes when it is told nothing: the first 30 seconds.")


def numbers(duration: float | None = None) -> None:
    """Show the two number fields; with a length, they keep the rules as they are typed."""
    st.session_state.window_drawn = [st.session_state.get(key) for key in WINDOW]
    for key, label in zip(WINDOW, ("Window start (s)", "Window end (s)"), strict=True):
        st.number_input(
            label,
            key=key,
            value=None,
            min_value=0.0,
            step=0.1 if duration else 1.0,
            format="%.2f",
            persist_state="session",
            on_change=_typed if duration else "rerun",
            args=(key.removeprefix("vocal_"), duration) if duration else None,
            width=170,
        )


def current(duration: float) -> tuple[float, float]:
    """Return the window as it stands, in seconds; what was not given is KIE's default, as far as it fits."""
    from studio.song import best_window

    state = st.session_state
    start, end = state.get("vocal_start"), state.get("vocal_end")
    return best_window.clamp(0.0 if start is None else start, DEFAULT_END if end is None else end, duration, "start")


def reset(duration: float | None) -> None:
    """Go back to the beginning: nothing is sent where KIE's own 0 to 30 s fits, and what fits otherwise."""
    from studio.song import best_window

    state = st.session_state
    state.vocal_start, state.vocal_end = best_window.default(duration) or (None, None)


def _begin(duration: float) -> None:
    st.session_state.pop("suggested", None)
    reset(duration)


def _moved() -> None:
    """Take over what was dragged or nudged."""
    from studio.song import best_window

    given: Any = st.session_state[KEY].get("window")
    track = st.session_state.get("window_track")
    if track is None or not isinstance(given, list | tuple) or len(given) != 2:
        return
    if not all(isinstance(value, int | float) and math.isfinite(value) for value in given):
        return
    start, end = best_window.clamp(float(given[0]), float(given[1]), track.duration, "both")
    st.session_state.vocal_start, st.session_state.vocal_end = start, end
    st.session_state.pop("suggested", None)


def _typed(moved: str, duration: float) -> None:
    from studio.song import best_window

    state = st.session_state
    if all(state.get(key) != drawn for key, drawn in zip(WINDOW, state.window_drawn, strict=True)):
        moved = "end"  # both came at once, and the end is typed last
    start = 0.0 if state.get("vocal_start") is None else state.vocal_start
    end = min(DEFAULT_END, duration) if state.get("vocal_end") is None else state.vocal_end
    kept = best_window.clamp(start, end, duration, moved)
    for key, was, now in zip(WINDOW, (start, end), kept, strict=True):
        if now != was:  # a field that may stay is left alone: somebody may be typing in it
            state[key] = now
    state.pop("suggested", None)


def _want_suggestion() -> None:
    st.session_state.words_wanted = True
    st.session_state.pop("words_problem", None)


def _ask(account: Account, task_id: str, track: Track) -> None:
    """Look the words up if that was asked for, and choose the window by them. Runs before the fields are drawn."""
    from studio.song import best_window

    state = st.session_state
    state.window_track = track
    if not state.get("words_wanted"):
        return
    timed: TimedWords | None = None
    try:
        with st.spinner("Asking KIE for the timed words …"):
            timed = the_studio().timed_words(account, task_id, track.audio_id)
    except KieError as error:
        state.words_problem = error
    state.words_wanted = False
    found = best_window.suggest(timed, track.duration)
    if found is not None:
        state.vocal_start, state.vocal_end = found.start, found.end
        state.suggested = (track.audio_id, found.why)


def _bars(wave: tuple[float, ...]) -> list[float]:
    """Return the waveform as few loudest values, in their order."""
    width = max(1, math.ceil(len(wave) / BARS))
    return [round(max(wave[first : first + width]), 3) for first in range(0, len(wave), width)]
