"""Library: every attempt of this account, to be found again, opened, settled, kept, and moved."""

import streamlit as st

from studio.service import NotSaved
from views import account as accounts
from views import errors, moving, shelf

account = accounts.current()

st.title("Library", anchor=False)
st.markdown("Every persona you asked for, and what became of it. KIE keeps no such list.")
if account is None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            "Paste your KIE token in the sidebar to see its library, or look around first with an invented KIE."
        )
        st.button("Try the demo", key="try_demo_here", icon=":material/theater_comedy:", on_click=accounts.start_demo)
else:
    try:
        with st.container():  # what comes and goes in it leaves the tabs below as they are
            shelf.show(account)
        moving.show(account)
    except NotSaved as error:
        errors.database(error)
