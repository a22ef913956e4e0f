"""The router: which pages there are, and what is on every page around them. `app.py` starts it."""

from pathlib import Path

import streamlit as st

from views.shared import screen_state, sign_in, token_panel, visitor

HERE = Path(__file__).parent

# The icon is a local file, because with a Material one the browser fetches it from an outside host.
st.set_page_config(page_icon=str(HERE / "shared" / "icon.png"), layout="wide")
PAGES = [
    st.Page(HERE.parent / "pages" / "create.py", title="Create a persona", icon=":material/mic:", default=True),
    st.Page(HERE.parent / "pages" / "library.py", title="Library", icon=":material/library_music:"),
]
if visitor.arrive().is_admitted:
    page = st.navigation(PAGES)
    sign_in.panel()
    screen_state.enter_page(page.url_path)
    token_panel.banner()
    slot = st.sidebar.container()
    page.run()
    with slot:
        token_panel.panel()
    visitor.mark_shown()
else:
    if screen_state.has_entered_a_page():
        st.navigation(PAGES, position="hidden")  # somebody signed out, and this tab still lists the pages
    sign_in.page()
