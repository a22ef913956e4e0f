"""The users of this process: their tokens, their browsers, and what a browser may fetch."""
