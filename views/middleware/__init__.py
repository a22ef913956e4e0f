"""What stands in front of Streamlit: ASGI middleware that refuses, bounds and marks requests before they reach it."""
