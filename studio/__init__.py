"""What happens between a page and the line: attempts on disk, durable runs, tokens in memory. No Streamlit."""
