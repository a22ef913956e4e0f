"""The window chooser: hear and see the 10 to 30 seconds of a track that KIE will listen to, and move them.

The picture and its handles are `window_chooser.html`, `.css` and `.js`; what is chosen stands in the two number fields.
"""

from __future__ import annotations

import math
from functools import partial

import streamlit as st

from kie import KieError, Track
from kie.models_and_prices import price_of
from kie.persona import DEFAULT_END
from studio.facade import the_studio
from studio.people.token_store import Account
from views.shared import custom_components, error_boxes, field_values, track_card, visitor
from views.shared.elements import button
from views.shared.screen_state import SongLookup, Trouble, Window, state

KEY, PLAYER = "window", "window_player"
BARS = 1200
"""Samples of the waveform that travel to the browser."""
MOST_WORDS = 3000

_chooser = custom_components.load("create/window_chooser")


def show(account: Account, track: Track, duration: float) -> None:
    """Show the chooser for a track of the song that was looked up, with its player and the suggestion."""
    from studio.song import best_window

    task = state(SongLookup, account).task
    task_id = task.task_id if task is not None else ""
    choice = state(Window, account, task_id, track.audio_id)
    if choice.words_wanted:
        _suggest(account, task_id, track, choice)
    if field_values.window() == (None, None):
        _reset(duration)  # a short track gets what fits, also if its ID was typed
    timed = the_studio().cached_timed_words(account, track.audio_id)
    typed = field_values.window()  # what was not given is KIE's default, as far as it fits
    start = 0.0 if typed[0] is None else typed[0]
    start, end = best_window.clamp(start, DEFAULT_END if typed[1] is None else typed[1], duration, "start")
    sound = track_card.source(account, track.audio_url)
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
            on_window_change=visitor.for_this_account(partial(_moved, duration)),
        )
        if sound:
            with st.container(key=PLAYER):
                st.audio(sound, format="audio/wav" if isinstance(sound, bytes) else "audio/mpeg", alt="The whole track")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        numbers(duration, choice)
        button(
            "Suggest the best window",
            "suggest",
            "auto_awesome",
            _want_suggestion,
            choice,
            help=f"Asks KIE for the timed words of this track. {price_of('timed words')}",
        )
        button("Beginning", "window_default", "first_page", _reset, duration, type="tertiary")
    if choice.suggested == typed:
        st.caption(f":material/auto_awesome: {choice.why}")
    error_boxes.show(choice.trouble, ":material/search_off:", warning=True)
    if best_window.is_default(start, end, duration) and typed[0] is None:
        st.caption("This is what KIE takes when it is told nothing: the first 30 seconds.")


def numbers(duration: float | None = None, choice: Window | None = None) -> None:
    """Show the two number fields; with a length, they keep the rules as they are typed."""
    if choice is not None:
        choice.drawn = field_values.window()
    for key, label in zip(field_values.WINDOW, ("Window start (s)", "Window end (s)"), strict=True):
        st.number_input(
            label,
            key=key,
            value=None,
            min_value=0.0,
            step=0.1 if duration else 1.0,
            format="%.2f",
            persist_state="session",
            on_change=visitor.for_this_account(_typed) if duration else "rerun",
            args=(key.removeprefix("vocal_"), duration, choice) if duration else None,
            width=170,
        )


def _reset(duration: float | None) -> None:
    """Go back to the beginning: nothing is sent where KIE's own 0 to 30 s fits, and what fits otherwise."""
    from studio.song import best_window

    field_values.set_window(*(best_window.default(duration) or (None, None)))


def _moved(duration: float) -> None:
    """Take over what was dragged or nudged."""
    from studio.song import best_window

    given = st.session_state[KEY].get("window")
    if not isinstance(given, list | tuple) or len(given) != 2:
        return
    if not all(isinstance(value, int | float) and math.isfinite(value) for value in given):
        return
    field_values.set_window(*best_window.clamp(float(given[0]), float(given[1]), duration, "both"))


def _typed(moved: str, duration: float, choice: Window) -> None:
    from studio.song import best_window

    now = field_values.window()
    if all(typed != drawn for typed, drawn in zip(now, choice.drawn, strict=True)):
        moved = "end"  # both came at once, and the end is typed last
    start = 0.0 if now[0] is None else now[0]
    end = min(DEFAULT_END, duration) if now[1] is None else now[1]
    kept = best_window.clamp(start, end, duration, moved)
    for key, was, is_now in zip(field_values.WINDOW, (start, end), kept, strict=True):
        if is_now != was:  # a field that may stay is left alone: somebody may be typing in it
            st.session_state[key] = is_now


def _want_suggestion(choice: Window) -> None:
    choice.words_wanted, choice.trouble = True, None


def _suggest(account: Account, task_id: str, track: Track, choice: Window) -> None:
    """Look the words up, and choose the window by them. Runs before the fields are drawn."""
    from studio.song import best_window

    timed = None
    try:
        with st.spinner("Asking KIE for the timed words …"):
            timed = the_studio().timed_words(account, task_id, track.audio_id)
    except KieError as error:
        choice.trouble = Trouble.of(error)
    found = best_window.suggest(timed, track.duration)
    if found is not None:
        field_values.set_window(found.start, found.end)
        choice.suggested, choice.why = field_values.window(), found.why
    choice.words_wanted = False  # not before: Streamlit may have ended this run at the fields


def _bars(wave: tuple[float, ...]) -> list[float]:
    """Return the waveform as few loudest values, in their order."""
    width = max(1, math.ceil(len(wave) / BARS))
    return [round(max(wave[first : first + width]), 3) for first in range(0, len(wave), width)]
