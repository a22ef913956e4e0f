"""Create: turn one track of a finished song into a persona, and see what became of it.

The fields stay usable while a request is on its way, and nothing on this page sends: buttons hand the fields to the
studio, and the page shows what is on disk.
"""

import streamlit as st

from studio.service import NotSaved
from views import account as accounts
from views import actions, decision, demo_songs, errors, history, outcome, tracks

account = accounts.current()
try:
    attempt = actions.shown_attempt(account)
except NotSaved:
    attempt = None  # the history below says so
busy = attempt is not None and attempt.in_flight

st.title("Create a persona", anchor=False)
st.markdown("Turn a finished KIE song into a persona: an ID with which later songs keep the same voice and style.")
if account is None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown("Paste your KIE token in the sidebar, or look around first with an invented KIE.")
        st.button("Try the demo", key="try_demo_here", icon=":material/theater_comedy:", on_click=accounts.start_demo)

song, persona = st.columns(2, gap="large")

with song:
    st.subheader("1 · The song", anchor=False)
    if account is not None and account.demo:
        demo_songs.show(account)
    st.text_input(
        "Task ID",
        key="task_id",
        persist_state="session",
        placeholder="7f3c1e90a5b24d6c8e1f0a9b2c3d4e5f",
        help="KIE gave it when the song was started; kie.ai/logs lists it for two months.",
    )
    st.button("Find tracks", key="find_tracks", icon=":material/search:", on_click=actions.want_tracks)
    tracks.show(account)

    st.subheader("2 · The track", anchor=False)
    st.text_input(
        "Audio ID",
        key="audio_id",
        persist_state="session",
        placeholder="3b0f6c52-8d1e-4a77-9c24-5e6f7a8b9c0d",
        help="The ID of one track of that song. “Use this track” fills it in.",
    )

with persona:
    st.subheader("3 · The persona", anchor=False)
    st.text_input("Name", key="name", persist_state="session", placeholder="Harbour Alto")
    st.text_area(
        "Description",
        key="description",
        persist_state="session",
        placeholder="Low, slightly smoky female lead, close-miked, brushed drums and upright bass",
        help="Genre, mood, instruments, the voice. More detail gives a closer persona.",
    )
    with st.expander("Style and window (optional)", icon=":material/tune:"):
        st.text_input("Style", key="style", persist_state="session", placeholder="Chamber jazz")
        st.caption(
            "The window is the 10 to 30 seconds that KIE listens to. An empty start means 0 s, an empty end 30 s."
        )
        start, end = st.columns(2)
        start.number_input(
            "Window start (s)",
            key="vocal_start",
            persist_state="session",
            value=None,
            min_value=0.0,
            step=1.0,
            format="%.2f",
        )
        end.number_input(
            "Window end (s)",
            key="vocal_end",
            persist_state="session",
            value=None,
            min_value=0.0,
            step=1.0,
            format="%.2f",
        )
    st.button(
        "Creating …" if busy else "Create persona",
        key="create",
        type="primary",
        icon=":material/mic:",
        disabled=busy,
        on_click=actions.create,
        width="stretch",
    )
    for problem in actions.memo().get("problems", ()):
        st.error(problem.sentence, icon=":material/edit:")
    if account is not None and actions.memo().get("decision"):
        decision.show(account, actions.memo()["decision"])
    elif account is not None and attempt is not None:
        outcome.show(account, attempt)

if account is not None:
    try:
        history.show(account, attempt)
    except NotSaved as error:
        errors.database(error)
