"""Tests of the schema and the search words."""
