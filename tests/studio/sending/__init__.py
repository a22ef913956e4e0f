"""Tests of the way from a filed attempt to its outcome."""
