"""Create: turn one track of a finished song into a persona, and see what became of it.

The fields stay usable while a request is on its way, and nothing on this page sends: buttons hand the fields to the
studio, and the page shows what is on disk.
"""

import streamlit as st

from studio import demo
from studio.service import NotSaved
from views import account as accounts
from views import actions, decision, history, outcome, tracks

account = accounts.current()

st.title("Create a persona", anchor=False)
st.markdown("Turn a finished KIE song into a persona: an ID with which later songs keep the same voice and style.")
if account is None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown("Paste your KIE token on the left, or look around first with an invented KIE.")
        st.button("Try the demo", key="try_demo_here", icon=":material/theater_comedy:", on_click=accounts.start_demo)

form, result = st.columns([3, 2], gap="large")

with form:
    st.subheader("1 · The song", anchor=False)
    if account is not None and account.demo:
        demo_scenes = demo.scenes()
        st.selectbox(
            "What would you like to see?",
            demo_scenes,
            key="demo_scene",
            format_func=lambda scene: scene.words,
            index=None,
            placeholder="Choose a song of the demo",
            on_change=actions.use_scene,
        )
        if st.session_state.get("demo_scene"):
            st.caption(st.session_state.demo_scene.shows)
    field, button = st.columns([3, 1], vertical_alignment="bottom")
    field.text_input(
        "Task ID",
        key="task_id",
        help="The ID that KIE gave when the song was started; kie.ai/logs lists it for two months.",
    )
    look = button.button("Find tracks", key="find_tracks", icon=":material/search:", width="stretch")
    if look:
        actions.look_up(account)
    if st.session_state.get("task_problem"):
        sentence, own_words = st.session_state.task_problem
        st.error(sentence, icon=":material/search_off:")
        if own_words:
            st.code(own_words, language=None, wrap_lines=True)
    if account is not None and st.session_state.get("task") is not None:
        tracks.show(account, st.session_state.task)

    st.subheader("2 · The track", anchor=False)
    st.text_input(
        "Audio ID",
        key="audio_id",
        help="The ID of one track of that song. “Find tracks” fills it in when you choose one.",
    )

    st.subheader("3 · Name and description", anchor=False)
    st.text_input("Name", key="name", placeholder="Harbour Alto")
    st.text_area(
        "Description",
        key="description",
        placeholder="Low, slightly smoky female lead, close-miked, brushed drums and upright bass",
        help="Genre, mood, instruments, the voice. More detail gives a closer persona.",
    )
    with st.expander("Style and window (optional)", icon=":material/tune:"):
        st.text_input("Style", key="style", placeholder="Chamber jazz")
        st.caption("The window is the 10 to 30 seconds that KIE listens to. Left empty, it is the first 30 seconds.")
        start, end = st.columns(2)
        for column, label, key in ((start, "Window start (s)", "vocal_start"), (end, "Window end (s)", "vocal_end")):
            column.number_input(label, key=key, value=None, min_value=0.0, step=1.0, format="%.2f")

with result:
    attempt = actions.shown_attempt(account)
    busy = attempt is not None and attempt.in_flight

with form:
    st.button(
        "Creating …" if busy else "Create persona",
        key="create",
        type="primary",
        icon=":material/mic:",
        disabled=busy,
        on_click=actions.create,
        width="stretch",
    )
    for problem in st.session_state.get("problems", ()):
        st.error(problem.sentence, icon=":material/edit:")

with result:
    if account is not None and st.session_state.get("decision"):
        decision.show(account, st.session_state.decision)
    elif account is not None and attempt is not None:
        outcome.show(account, attempt)

if account is not None:
    try:
        history.show(account)
    except NotSaved:
        st.error("The history cannot be read now, so nothing can be sent. The server's log says why.")
