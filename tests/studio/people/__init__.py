"""Tests of tokens, browsers and grants."""
