"""Library: every attempt of this account, to be found again, opened, settled, kept, and moved."""

import streamlit as st

from studio.facade import NotSaved
from views.library import import_export, search_list
from views.shared import error_boxes, token_panel
from views.shared.elements import button

account = token_panel.current()

st.title("Library", anchor=False)
st.markdown("Every persona you asked for, and what became of it. KIE keeps no such list.")
if account is None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            "Paste your KIE token in the sidebar to see its library, or look around first with an invented KIE."
        )
        button("Try the demo", "try_demo_here", "theater_comedy", token_panel.start_demo)
else:
    try:
        with st.container():  # what comes and goes in it leaves the tabs below as they are
            search_list.show(account)
        import_export.show(account)
    except NotSaved as error:
        error_boxes.database(error)
