"""The tracks of a song, to look at, hear and choose from; while the song is being made, it keeps looking by itself."""

from __future__ import annotations

import time

import streamlit as st

from kie import KieError, MusicTask, TaskState, Track
from studio.facade import the_studio
from studio.people.token_store import Account
from studio.sending.attempts import Attempt
from studio.song import description_draft, track_verdict
from views.shared import error_boxes, field_values, persona_requests, times, track_card, visitor
from views.shared.elements import button, literal
from views.shared.screen_state import PastedText, SongLookup, Trouble, Window, state

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
    lookup = state(SongLookup, account)
    if account is not None and lookup.wanted:
        _look_up(account, lookup)
    error_boxes.show(lookup.trouble, ":material/search_off:")
    if account is not None and lookup.task is not None and lookup.trouble is None:
        _task(account, lookup, lookup.task)


def chosen(account: Account | None) -> Track | None:
    """Return the track that is chosen, if its song was looked up."""
    return state(SongLookup, account).track(field_values.text("audio_id"))


def look_up() -> None:
    """Have the typed task looked up. The page does it; if that run is interrupted, the next one does."""
    account = visitor.account()
    lookup, request = state(SongLookup, account), field_values.typed()
    lookup.clear()
    state(PastedText, account).task_ids = ()
    problems = [problem.sentence for problem in request.problems() if problem.field == "task_id"]
    if account is None:
        problems = [persona_requests.NO_TOKEN]
    if problems:
        lookup.trouble = Trouble(problems[0])
    else:
        state(Window, account, request.task_id, request.audio_id).trouble = None
        lookup.wanted = request.task_id


def use_track(track: Track) -> None:
    """Choose a track: its ID, a window of its own, and first words where nothing was typed."""
    field_values.fill({"audio_id": track.audio_id})
    field_values.suggest(description_draft.suggested_texts(track))
    field_values.set_window(None, None)  # the chooser fits it to the track


def use_sibling(attempt: Attempt) -> None:
    """Fill in the other track of the same song, with a window of its own; the text stays."""
    account = visitor.account()
    if account is None:
        return
    lookup, request = state(SongLookup, account), attempt.request
    try:
        task = the_studio().music_task(account, request.task_id)
    except KieError as error:
        lookup.trouble = Trouble.of(error)
        return
    other = next((track for track in task.tracks if track.audio_id != request.audio_id), None)
    if other is None:
        lookup.trouble = Trouble("KIE lists no other track for this song. Make a new song.")
        return
    field_values.suggest({key: getattr(request, key) or "" for key in field_values.TEXTS})
    field_values.fill({"task_id": task.task_id})
    use_track(other)
    persona_requests.close_outcome()
    lookup.task, lookup.trouble = task, None


def _look_up(account: Account, lookup: SongLookup) -> None:
    wanted, task, trouble = lookup.wanted, None, None
    try:
        with st.spinner("Asking KIE for the tracks …"):
            task = the_studio().music_task(account, wanted)
    except KieError as error:
        trouble = Trouble.of(error)
    if lookup.wanted == wanted:  # a newer run may have gone on to another song
        lookup.task, lookup.trouble, lookup.since, lookup.wanted = task, trouble, time.monotonic(), ""


def _task(account: Account, lookup: SongLookup, task: MusicTask) -> None:
    if task.state in LOOK_FOR:
        if time.monotonic() - lookup.since < LOOK_FOR[task.state]:
            _keep_looking(account, lookup, task)
        else:
            st.info(track_verdict.state_sentence(task, keeps_looking=False), icon=":material/hourglass_empty:")
    elif task.state in (TaskState.FAILED, TaskState.NO_SONG):
        st.info(track_verdict.state_sentence(task), icon=":material/info:")
        if task.error_message:
            literal(f"{task.error_code} {task.error_message}".strip())
    elif not task.tracks:
        st.info("KIE lists no track for this song.", icon=":material/info:")
    earlier = the_studio().library.of_tracks(account.id, [track.audio_id for track in task.tracks])
    for first in range(0, len(task.tracks), 2):
        for column, track in zip(st.columns(2), task.tracks[first : first + 2], strict=False):
            with column, st.container(border=True, key=f"track_{track.audio_id}"):
                _card(account, task, track, earlier.get(track.audio_id))


@st.fragment(run_every=LOOK_EVERY)
def _keep_looking(account: Account, lookup: SongLookup, task: MusicTask) -> None:
    visitor.draw_anew_if_left(account)
    elapsed = int(time.monotonic() - lookup.since)
    if elapsed > LOOK_FOR[task.state]:
        st.rerun()
    try:
        now = the_studio().music_task(account, task.task_id)
    except KieError as error:
        st.caption(f"{error.sentence} It keeps looking.")
    else:
        if now != task:
            if lookup.task is task:  # a newer run may show another song
                lookup.task = now
            st.rerun()
    st.info(f"{track_verdict.state_sentence(task)} Looking for {elapsed} s so far.", icon=":material/hourglass_top:")


def _card(account: Account, task: MusicTask, track: Track, earlier: Attempt | None) -> None:
    verdict = track_verdict.verdict(task, track, earlier)
    is_chosen = field_values.text("audio_id") == track.audio_id
    picture, words = st.columns([1, 2], vertical_alignment="center")
    with picture:
        track_card.cover(account, track)
    with words, st.container(gap="xxsmall"):
        track_card.facts(track)
        if track.tags:
            st.text(track.tags)
    track_card.sound(account, track, player=not is_chosen)  # the chosen one plays below, with its window
    icon, colour, word = VERDICTS[verdict.kind]
    st.badge(word, icon=icon, color=colour)  # type: ignore[arg-type]
    if verdict.kind != "can":
        st.text(verdict.sentence)
    clock = times.media_clock(track.created_at)
    if clock:
        st.caption(clock)
    usable = verdict.kind in ("can", "made")
    button(
        "Chosen" if is_chosen and usable else "Use this track",
        f"use_{track.audio_id}",
        "check_circle" if is_chosen and usable else "radio_button_unchecked",
        use_track,
        track,
        type="primary" if is_chosen and usable else "secondary",
        disabled=not usable,
        width="stretch",
    )
