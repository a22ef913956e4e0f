"""Library: every attempt of this account, to be found again, opened, settled, kept, and moved."""

import streamlit as st

from studio.facade import NotSaved
from views.library import import_export, search_list
from views.shared import error_boxes, token_panel, visitor

account = visitor.account()

st.title("Library", anchor=False)
st.markdown("Every persona you asked for, and what became of it. KIE keeps no such list.")
if account is None:
    token_panel.invite(" to see its library")
else:
    try:
        with st.container():  # what comes and goes in it leaves the tabs below as they are
            search_list.show(account)
        import_export.show(account)
    except NotSaved as error:
        error_boxes.database(error)
