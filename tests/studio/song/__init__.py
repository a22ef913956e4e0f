"""Tests of pasted text, tracks and windows."""
