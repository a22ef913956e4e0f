"""Tests, in folders as the code is."""
