"""Sending: from a click to an outcome on disk, once, for everything that costs or creates."""
