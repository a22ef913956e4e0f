"""Tests of the stand-in KIE."""
