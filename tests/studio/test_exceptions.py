"""The sentences that errors have for a person."""

from __future__ import annotations

from studio.exceptions import MaybeSaved, NotSaved


def test_what_was_not_saved_says_why_or_what_was_not_done() -> None:
    assert NotSaved().sentence() == "The disk could not be written, so nothing was sent. The log says why."
    assert (
        NotSaved().sentence("brought in")
        == "The disk could not be written, so nothing was brought in. The log says why."
    )
    assert NotSaved("The database is still being opened.").sentence() == "The database is still being opened."
    assert MaybeSaved().sentence("sent") == str(MaybeSaved())
