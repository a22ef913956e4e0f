"""The page on which people sign in by name, where [auth] asks for it, and the way out."""

from __future__ import annotations

import streamlit as st

from views.shared import identity_providers, visitor
from views.shared.elements import button


def page() -> None:
    """Show a way to sign in and nothing else, or what keeps everybody out."""
    st.set_page_config(page_title="Persona Studio")
    st.title("Persona Studio", anchor=False)
    try:
        providers = identity_providers.providers() or ()
    except identity_providers.Misconfigured as problem:
        st.error("Signing in is not set up correctly here, so nobody is let in.", icon=":material/lock:")
        st.text(str(problem))
        return
    if not visitor.session_key():
        st.warning("This page needs its cookie. Allow cookies for it, then reload.", icon=":material/cookie_off:")
    st.markdown("Sign in to make personas, and to find those that were made here.")
    for provider in providers:
        only = provider == identity_providers.DEFAULT or len(providers) == 1
        label = "Sign in" if only else f"Sign in with {provider.capitalize()}"
        button(label, f"sign_in_{provider}", "login", st.login, provider, type="primary")


def panel() -> None:
    """Show in the sidebar who has signed in, and the way out."""
    if identity_providers.people_sign_in():
        with st.sidebar.container(horizontal=True, vertical_alignment="center"):
            st.text(visitor.display_name(), width="stretch")
            # Whatever account the tab shows: nobody is kept from leaving.
            st.button("Sign out", key="sign_out", icon=":material/logout:", on_click=_sign_out, type="tertiary")


def _sign_out() -> None:
    visitor.sign_out()
    st.logout()
