"""The attempts on file: searched, edited, exported and imported."""
