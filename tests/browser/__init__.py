"""Tests of what only a browser shows."""
