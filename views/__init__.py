"""Streamlit pieces that pages share: the router, the account, the track list, outcomes, the history."""
