"""Words for what page tests look at."""

from __future__ import annotations

from pathlib import Path

from polling import eventually
from streamlit.testing.v1 import AppTest

from sandbox import SCENARIOS, Scenario
from studio.service import Studio

MAIN = Path(__file__).parents[2] / "views" / "main.py"


def ended(page: AppTest, studio: Studio) -> AppTest:
    """Run the page until no attempt is on its way."""
    account = studio.vault.account(page.session_state["account_id"])
    assert account is not None
    eventually(lambda: not any(attempt.in_flight for attempt in studio.history(account, 10)), 30)
    return page.run()


def run_until(page: AppTest, text: str) -> AppTest:
    """Run the page until it says this."""
    eventually(lambda: text in said(page.run()), 30)
    return page


def said(page: AppTest) -> str:
    """Return all that the page says."""
    kinds = ("markdown", "subheader", "error", "warning", "info", "caption", "text", "code", "title", "metric")
    return "\n".join(str(element.value) for kind in kinds for element in page.get(kind))


def scenario(key: str) -> Scenario:
    """Return a song of the stand-in KIE."""
    return next(song for song in SCENARIOS if song.key == key)
