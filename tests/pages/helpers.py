"""Words for what page tests look at."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button, Element, TextArea, TextInput

from studio.facade import Studio
from tests.polling import eventually
from views.shared.screen_state import KEY

S = TypeVar("S")

MAIN = Path(__file__).parents[2] / "views" / "router.py"
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
"""When the first of the attempts was asked for that `add_attempts` makes."""


def ended(page: AppTest, studio: Studio) -> AppTest:
    """Run the page until no attempt is on its way."""
    account = studio.token_store.account(page.session_state["account_id"])
    assert account is not None
    eventually(lambda: not any(attempt.in_flight for attempt in studio.history(account, 10)), 30)
    return page.run()


def screen_state(page: AppTest, kind: type[S], *more: str) -> S:
    """Return what the session of a page keeps of a feature, for its account."""
    scope = (page.session_state["account_id"], *more)
    found: S = page.session_state[KEY].setdefault((kind, scope), kind())
    return found


def button_of(page: AppTest, key: str) -> Button:
    """Return a button by its key, without the attempt that it is of."""
    [found] = buttons_of(page, key)
    return found


def buttons_of(page: AppTest, key: str) -> list[Button]:
    """Return all buttons of a key, without the attempts that they are of."""
    return [each for each in page.button if (each.key or "").partition("-")[0] == key]


def run_until(page: AppTest, text: str) -> AppTest:
    """Run the page until it says this."""
    eventually(lambda: text in said(page.run()), 30)
    return page


def field_of(page: AppTest, key: str) -> TextInput | TextArea:
    """Return a field by its key, with one line or several."""
    fields: list[TextInput | TextArea] = [*page.text_input, *page.text_area]
    return next(field for field in fields if field.key == key)


def said(page: AppTest) -> str:
    """Return all that the page says."""
    kinds = ("markdown", "subheader", "error", "warning", "info", "caption", "text", "code", "title", "metric")
    return "\n".join(str(element.value) for kind in kinds for element in elements(page, kind))


def elements(page: AppTest, kind: str) -> list[Element]:
    """Return the page's elements of a kind that holds no others."""
    return [element for element in page.get(kind) if isinstance(element, Element)]


def description(page: AppTest) -> str:
    """Return what stands in the field for the description."""
    return page.text_area(key="description").value or ""
