"""Everything between the pages and the KIE client: attempts, sending, tokens, the library. No Streamlit."""
