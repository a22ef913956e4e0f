"""What is kept: found, marked, settled, exported and imported."""
