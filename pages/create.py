"""Create: find the track, choose its thirty seconds, and turn it into a persona; see what became of it.

The fields stay usable while a request is on its way, and nothing on this page sends: buttons hand the fields to the
studio, and the page shows what is on disk.
"""

from contextlib import suppress

import streamlit as st

from kie.persona import MAX_TEXT, WINDOW_MIN
from studio.facade import NotSaved
from views.create import (
    demo_songs,
    description_help,
    history_table,
    paste_field,
    resend_decision,
    result_card,
    track_list,
    window_chooser,
)
from views.shared import error_boxes, field_values, persona_requests, token_panel, visitor
from views.shared.elements import button
from views.shared.screen_state import PersonaRequests, state

account = visitor.account()
try:
    attempt = persona_requests.shown_attempt(account)
except NotSaved:
    attempt = None  # the history below says so
busy = attempt is not None and attempt.in_flight

st.title("Create a persona", anchor=False)
st.markdown("Turn a finished KIE song into a persona: an ID with which later songs keep the same voice and style.")
if account is None:
    token_panel.invite("")

song, choice = st.columns([2, 3], gap="large")

with song:
    st.subheader("1 · The song", anchor=False)
    if account is not None and account.demo:
        demo_songs.show(account)
    st.text_area(
        "Task ID",
        key="task_id",
        height=104,
        max_chars=field_values.LONGEST_PASTE,
        persist_state="session",
        placeholder="7f3c1e90a5b24d6c8e1f0a9b2c3d4e5f",
        on_change=visitor.for_this_account(paste_field.read),
        help="Or paste what you have: KIE’s answer, a callback, a log row, a curl line. The IDs are read out of it "
        "when you press Enter. kie.ai/logs lists your tasks for two months.",
    )
    button("Find tracks", "find_tracks", "search", paste_field.find_tracks)
    paste_field.show(account)

with choice:
    st.subheader("2 · The track", anchor=False)
    with suppress(NotSaved):  # the history below says so
        track_list.show(account)
    paste_field.show_audio_ids(account)
    st.text_input(
        "Audio ID",
        key="audio_id",
        max_chars=field_values.LONGEST_ID,
        persist_state="session",
        placeholder="3b0f6c52-8d1e-4a77-9c24-5e6f7a8b9c0d",
        on_change=visitor.for_this_account(paste_field.clean_audio_id),
        help="The ID of one track of that song. “Use this track” fills it in.",
    )

track = track_list.chosen(account)
with st.container():  # one element, whatever is in it: else the browser makes the fields below anew as one types
    if account is not None and track is not None and track.duration and track.duration >= WINDOW_MIN:
        st.subheader("3 · The seconds that KIE listens to", anchor=False)
        window_chooser.show(account, track, track.duration)
    else:
        with st.expander("3 · The window (optional)", icon=":material/tune:"):
            st.caption(
                "The window is the 10 to 30 seconds that KIE listens to. An empty start means 0 s, an empty end 30 s. "
                "With “Find tracks” you can choose it by ear."
            )
            with st.container(horizontal=True):
                window_chooser.numbers()

persona, result = st.columns(2, gap="large")

with persona:
    st.subheader("4 · The persona", anchor=False)
    st.text_input("Name", key="name", max_chars=MAX_TEXT, persist_state="session", placeholder="Harbour Alto")
    st.text_area(
        "Description",
        key="description",
        max_chars=MAX_TEXT,
        persist_state="session",
        placeholder="Low, slightly smoky female lead, close-miked, brushed drums and upright bass",
        help="Genre, mood, instruments, the voice. More detail gives a closer persona.",
    )
    description_help.show(account)
    st.text_input(
        "Style (optional)", key="style", max_chars=MAX_TEXT, persist_state="session", placeholder="Chamber jazz"
    )
    button(
        "Creating …" if busy else "Create persona",
        "create",
        "mic",
        persona_requests.create,
        type="primary",
        disabled=busy,
        width="stretch",
    )
    for problem in state(PersonaRequests, account).problems:
        st.error(problem.sentence, icon=":material/edit:")


def show_result() -> None:
    with result:
        decision_id = state(PersonaRequests, account).decision_id
        if account is not None and decision_id:
            resend_decision.show(account, decision_id)
        elif account is not None and attempt is not None:
            result_card.show(account, attempt)


if not busy:
    show_result()
try:
    if account is not None:
        history_table.show(account, attempt)
except NotSaved as error:
    error_boxes.database(error)
finally:
    if busy:  # the answer may come while the rest is drawn
        show_result()
